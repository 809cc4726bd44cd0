-- name: catalogue_counts
SELECT
    (SELECT count(*) FROM artists WHERE inactive_at IS NULL AND redirects_to IS NULL) AS artists,
    (SELECT count(*) FROM releases WHERE inactive_at IS NULL) AS releases,
    (SELECT count(*) FROM active_tracks) AS tracks,
    (SELECT count(*) FROM recordings WHERE inactive_at IS NULL) AS recordings,
    (SELECT count(*) FROM producers WHERE inactive_at IS NULL AND redirects_to IS NULL) AS producers,
    (SELECT count(*) FROM credits WHERE inactive_at IS NULL) AS credits,
    (SELECT count(*) FROM reviews WHERE status = 'open') AS open_reviews,
    (SELECT count(*) FROM held_changes WHERE status = 'held') AS held_changes

-- name: catalogue_ages
-- When the sources last said what is shown, by asset and source. A row that is confirmed is written once a day at most, so
-- that last_seen_at may be a day older than the last confirmation.
SELECT asset, source, count(*) AS rows, max(seen_at) AS newest, min(seen_at) AS oldest
FROM (
    SELECT 'artists' AS asset, 'spotify' AS source, last_seen_at AS seen_at
    FROM artists WHERE inactive_at IS NULL AND redirects_to IS NULL
    UNION ALL
    SELECT 'releases', 'spotify', last_seen_at FROM artist_releases WHERE inactive_at IS NULL
    UNION ALL
    SELECT 'tracks', 'spotify', last_seen_at FROM active_tracks
    UNION ALL
    SELECT 'producers', provider, last_seen_at FROM credit_sources WHERE inactive_at IS NULL
    UNION ALL
    SELECT 'enriched_tracks', source, fetched_at FROM recording_sources WHERE status = 'found'
    UNION ALL
    SELECT 'producer_profiles', source, last_seen_at FROM producer_profiles WHERE inactive_at IS NULL
    UNION ALL
    SELECT 'producer_profiles', service, fetched_at FROM profile_followers WHERE followers IS NOT NULL
) AS shown
WHERE asset = ANY (CAST(:assets AS text[]))
GROUP BY asset, source ORDER BY array_position(CAST(:assets AS text[]), asset), source

-- name: provider_obstacles
SELECT provider, kind, until, reason FROM provider_blocks WHERE until > now()
UNION ALL
SELECT provider, 'breaker ' || replace(state, '_', ' '), open_until, failures || ' failures in a row'
FROM provider_breakers WHERE state <> 'closed'
ORDER BY provider, until

-- name: catalogue_relations
SELECT table_name FROM information_schema.tables
WHERE table_schema = current_schema() AND table_name <> ALL (CAST(:hidden AS text[])) ORDER BY table_name

-- name: mean_artist
SELECT count(*) AS artists, avg(releases) AS releases, avg(tracks) AS tracks
FROM (
    SELECT count(DISTINCT ar.release_id) AS releases, count(t.track_id) AS tracks
    FROM artist_releases ar
    JOIN active_tracks t ON t.release_id = ar.release_id
    WHERE ar.inactive_at IS NULL GROUP BY ar.artist_id
) AS artist

-- name: learnt_capabilities
SELECT provider, account, capability, value FROM provider_capabilities ORDER BY provider, capability
