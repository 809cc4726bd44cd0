-- Keep the pipeline running: migrations, Dagster's schema, the state of the catalogue, and the calls that open work needs.

-- name: create_schema_migrations
CREATE TABLE IF NOT EXISTS schema_migrations (
    name       text PRIMARY KEY,
    digest     text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)

-- name: applied_migrations
SELECT name, digest FROM schema_migrations ORDER BY name

-- name: record_migration
INSERT INTO schema_migrations (name, digest) VALUES (:name, :digest)
ON CONFLICT (name) DO UPDATE SET digest = excluded.digest, applied_at = now()

-- name: lock_dagster_schema
-- IF NOT EXISTS alone fails when two processes run at once. The lock belongs to the session and ends with it.
SELECT pg_advisory_lock(hashtext('dagster schema'))

-- name: create_dagster_schema
CREATE SCHEMA IF NOT EXISTS dagster

-- name: run_shows_life
SELECT EXISTS (SELECT FROM sweeps WHERE run_id = :run_id AND ended_at IS NULL
                 AND heartbeat_at >= now() - make_interval(secs => :young_seconds))
    OR EXISTS (SELECT FROM work WHERE lease_run_id = :run_id AND lease_until > now())

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
-- When the sources last confirmed the shown rows, by asset and source. A confirmed row is written once a day at most, so
-- last_seen_at may be a day older than the last confirmation.
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

-- name: relation_columns
SELECT a.attname AS name, t.typname AS type, t.typcategory = 'A' AS is_list
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
WHERE a.attrelid = to_regclass(quote_ident(:name)) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum

-- name: sort_in_memory
-- Holds for the rest of the transaction, which sorts the whole catalogue once.
SET LOCAL work_mem = '128MB'

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

-- name: open_artists
-- The earliest open stage of each artist, with the known number of releases and tracks. Unknown sizes are 0 and NULL.
-- Leased work counts as open.
WITH open AS (
    SELECT DISTINCT ON (coalesce(w.partition_key, w.stage || ':' || w.subject))
           w.stage, w.force, a.artist_id
    FROM work w LEFT JOIN artists a ON a.artist_key = w.partition_key
    WHERE w.stage = ANY (CAST(:stages AS text[]))
    ORDER BY coalesce(w.partition_key, w.stage || ':' || w.subject), array_position(CAST(:stages AS text[]), w.stage)
)
SELECT open.stage, count(r.release_id) AS releases, sum(r.total_tracks) AS tracks,
       coalesce(sum(greatest(1, ceil(coalesce(r.total_tracks, 0) / 10.0))) FILTER (
           WHERE open.force OR r.tracks_read_at IS NULL OR r.tracks_read_at < now() - make_interval(days => :track_list_days)
       ), 0) AS unread_pages
FROM open
LEFT JOIN artist_releases ar ON ar.artist_id = open.artist_id AND ar.inactive_at IS NULL
LEFT JOIN releases r ON r.release_id = ar.release_id AND r.inactive_at IS NULL
GROUP BY open.artist_id, open.stage, CASE WHEN open.artist_id IS NULL THEN gen_random_uuid() END

-- name: recordings_to_ask_about
-- For each source, how many recordings of artists with open work it will still be asked about, how many of these have an
-- ISRC, and how many an MBID.
WITH placed AS (
    SELECT DISTINCT t.recording_id FROM work w
    JOIN artists a ON a.artist_key = w.partition_key
    JOIN artist_releases ar ON ar.artist_id = a.artist_id AND ar.inactive_at IS NULL
    JOIN active_tracks t ON t.release_id = ar.release_id
    WHERE w.stage = ANY (CAST(:stages AS text[]))
)
SELECT asked.source, count(*) AS recordings,
       count(*) FILTER (WHERE EXISTS (SELECT FROM recording_isrcs i WHERE i.recording_id = placed.recording_id)) AS with_isrc,
       count(*) FILTER (WHERE EXISTS (SELECT FROM external_ids x WHERE x.entity = 'recording' AND x.provider = 'musicbrainz'
                                      AND x.entity_id = placed.recording_id)) AS with_mbid
FROM placed CROSS JOIN unnest(CAST(:sources AS text[])) AS asked (source)
LEFT JOIN recording_sources s ON s.recording_id = placed.recording_id AND s.source = asked.source
WHERE s.source IS NULL OR s.status IN ('pending', 'waiting') OR s.requested_at IS NOT NULL OR s.next_attempt_at <= now()
   OR (s.is_retriable AND s.next_attempt_at IS NOT NULL)
GROUP BY asked.source

-- name: audio_to_ask_about
-- How many recordings with an audio address from the operator a source will still be asked about.
SELECT count(*) FROM operator_values o
LEFT JOIN recording_sources s ON s.recording_id = o.entity_id AND s.source = :source
WHERE o.entity = 'recording' AND o.field = 'audio_url'
  AND (s.source IS NULL OR s.status = 'pending' OR s.requested_at IS NOT NULL OR s.next_attempt_at <= now()
       OR (s.is_retriable AND s.next_attempt_at IS NOT NULL))

-- name: profiles_to_look_up
-- How many pages each provider will be asked for, for the producers with open work.
SELECT x.provider, count(*) AS pages FROM work w
JOIN external_ids x ON x.entity = 'producer' AND x.entity_id::text = w.subject
WHERE w.stage = :stage AND x.provider = ANY (CAST(:providers AS text[]))
GROUP BY x.provider

-- name: learnt_shares
-- Past figures for the forecast: recordings, tracks, recordings that Genius and GetSongBPM were asked about, the calls of
-- these two, and the calls for track lists. Both are asked only about what other sources did not know.
SELECT (SELECT count(*) FROM recordings WHERE inactive_at IS NULL) AS recordings,
       (SELECT count(*) FROM active_tracks) AS tracks,
       (SELECT count(DISTINCT t.recording_id) FROM active_tracks t
        JOIN artist_releases ar ON ar.release_id = t.release_id AND ar.inactive_at IS NULL
        WHERE EXISTS (
            SELECT FROM provider_answers p
            WHERE p.artist_id = ar.artist_id AND p.provider = 'genius' AND p.outcome NOT IN ('failed', 'skipped'))) AS asked_genius,
       (SELECT count(*) FROM recording_sources
        WHERE source = 'getsongbpm' AND status IN ('found', 'absent', 'unneeded')) AS asked_getsongbpm,
       (SELECT coalesce(sum(ceil(read.tracks / 10.0)), 0) FROM (
            SELECT count(*) AS tracks FROM artist_releases ar
            JOIN active_tracks t ON t.release_id = ar.release_id
            WHERE ar.inactive_at IS NULL GROUP BY ar.artist_id
        ) AS read) AS track_pages,
       (SELECT coalesce(sum(calls), 0) FROM provider_calls
        WHERE provider = 'spotify' AND endpoint IN ('search', 'album_tracks', 'track') AND outcome NOT LIKE 'cache%')
           AS track_calls,
       (SELECT coalesce(sum(calls), 0) FROM provider_calls
        WHERE provider = 'genius' AND endpoint <> 'artist' AND outcome NOT LIKE 'cache%') AS genius_calls,
       (SELECT coalesce(sum(calls), 0) FROM provider_calls
        WHERE provider = 'getsongbpm' AND outcome NOT LIKE 'cache%') AS getsongbpm_calls

-- name: next_permits
-- Seconds until each provider's next permit is due. 0: at once.
SELECT split_part(bucket, ':', 1) AS provider,
       max(greatest(0, next_slot - extract(epoch FROM clock_timestamp())))::double precision AS seconds
FROM quota_buckets GROUP BY 1
