-- The checks of the assets. Each returns one row: the number of rows checked (total), the number of wrong ones (bad), and
-- the names of up to twenty wrong ones (sample).

-- name: check_artists_coverage
-- Requested artists that could not be identified. Cancelled requests do not count.
WITH unresolved AS (
    SELECT question AS name FROM reviews WHERE kind = 'artist' AND status = 'open'
    UNION ALL
    SELECT subject FROM dead_work WHERE stage = :stage AND stop_reason <> 'cancelled'
)
SELECT (SELECT count(*) FROM artists WHERE inactive_at IS NULL) + count(*) AS total, count(*) AS bad,
       to_jsonb((array_agg(name ORDER BY name))[1:20]) AS sample
FROM unresolved

-- name: check_artists_uniqueness
-- Two ids of one provider at one artist may be two artists merged by mistake. Two artists with one name, one of them
-- without any id, may be one artist stored twice. (The key of external_ids gives an id to one artist only.)
WITH looked_at AS (
    SELECT artist_id, artist_key, name_normalised FROM artists WHERE inactive_at IS NULL AND redirects_to IS NULL
), suspects AS (
    SELECT a.artist_key FROM looked_at a JOIN external_ids x ON x.entity = 'artist' AND x.entity_id = a.artist_id
    GROUP BY a.artist_key, x.provider HAVING count(*) > 1
    UNION
    SELECT a.artist_key FROM looked_at a
    WHERE NOT EXISTS (SELECT FROM external_ids x WHERE x.entity = 'artist' AND x.entity_id = a.artist_id)
      AND EXISTS (SELECT FROM looked_at o WHERE o.name_normalised = a.name_normalised AND o.artist_id <> a.artist_id)
)
SELECT (SELECT count(*) FROM looked_at) AS total, count(*) AS bad,
       to_jsonb((array_agg(artist_key ORDER BY artist_key))[1:20]) AS sample
FROM suspects

-- name: check_artists_orphans
-- Ids of artists that do not exist, and redirects to inactive artists.
WITH dangling AS (
    SELECT x.provider || ' ' || x.id AS name FROM external_ids x
    WHERE x.entity = 'artist' AND NOT EXISTS (SELECT FROM artists a WHERE a.artist_id = x.entity_id)
    UNION ALL
    SELECT a.artist_key FROM artists a JOIN artists t ON t.artist_id = a.redirects_to WHERE t.inactive_at IS NOT NULL
)
SELECT (SELECT count(*) FROM external_ids WHERE entity = 'artist') AS total, count(*) AS bad,
       to_jsonb((array_agg(name ORDER BY name))[1:20]) AS sample
FROM dangling

-- name: check_releases_coverage
-- Artists without a release, although no provider said that they have none.
WITH looked_at AS (
    SELECT a.artist_key,
           EXISTS (SELECT FROM artist_releases ar WHERE ar.artist_id = a.artist_id AND ar.inactive_at IS NULL)
           OR EXISTS (SELECT FROM provider_answers p WHERE p.artist_id = a.artist_id AND p.provider = 'spotify'
                      AND p.outcome IN ('empty', 'absent')) AS covered
    FROM artists a WHERE a.inactive_at IS NULL AND a.redirects_to IS NULL
)
SELECT count(*) AS total, count(*) FILTER (WHERE NOT covered) AS bad,
       to_jsonb((array_agg(artist_key ORDER BY artist_key) FILTER (WHERE NOT covered))[1:20]) AS sample
FROM looked_at

-- name: check_releases_uniqueness
-- Releases of one artist with the same title, day, type and number of tracks. They are probably one release.
WITH alike AS (
    SELECT a.artist_key || ': ' || min(r.title) AS name, count(*) - 1 AS surplus
    FROM artist_releases ar
    JOIN artists a ON a.artist_id = ar.artist_id
    JOIN releases r ON r.release_id = ar.release_id AND r.inactive_at IS NULL
    WHERE ar.inactive_at IS NULL AND length(r.release_date) = 10
    GROUP BY a.artist_key, r.title_normalised, r.release_date, r.release_type, r.total_tracks HAVING count(*) > 1
)
SELECT (SELECT count(*) FROM releases WHERE inactive_at IS NULL) AS total, coalesce(sum(surplus), 0) AS bad,
       to_jsonb((array_agg(name ORDER BY name))[1:20]) AS sample
FROM alike

-- name: check_releases_orphans
-- Releases without an active artist.
WITH looked_at AS (
    SELECT r.title, EXISTS (SELECT FROM artist_releases ar JOIN artists a ON a.artist_id = ar.artist_id
                            WHERE ar.release_id = r.release_id AND ar.inactive_at IS NULL AND a.inactive_at IS NULL) AS owned
    FROM releases r WHERE r.inactive_at IS NULL
)
SELECT count(*) AS total, count(*) FILTER (WHERE NOT owned) AS bad,
       to_jsonb((array_agg(title ORDER BY title) FILTER (WHERE NOT owned))[1:20]) AS sample
FROM looked_at

-- name: check_releases_incomplete_answers
-- Lists of releases that lost too many rows. They wait for a person.
SELECT (SELECT count(*) FROM artists WHERE inactive_at IS NULL AND redirects_to IS NULL) AS total, count(*) AS bad,
       to_jsonb((array_agg(a.artist_key || ': ' || h.answered || ' of ' || h.known ORDER BY a.artist_key))[1:20]) AS sample
FROM held_changes h JOIN artists a ON a.artist_id = h.artist_id
WHERE h.status = 'held' AND h.entity = 'artist_releases'

-- name: check_tracks_coverage
-- Tracks that the provider counts but that we do not hold.
SELECT coalesce(sum(greatest(total_tracks, tracks_held)), 0) AS total, coalesce(sum(greatest(tracks_missing, 0)), 0) AS bad,
       to_jsonb((array_agg(title || ': ' || tracks_held || ' of ' || total_tracks ORDER BY tracks_missing DESC, title)
                 FILTER (WHERE tracks_missing > 0))[1:20]) AS sample
FROM release_coverage

-- name: check_tracks_uniqueness
-- Recordings with the same ISRC, title, version and duration. They should be one recording.
WITH numbered AS (
    SELECT r.recording_id, r.title, i.isrc, r.title_normalised, r.versions, r.duration_ms
    FROM recordings r JOIN recording_isrcs i ON i.recording_id = r.recording_id WHERE r.inactive_at IS NULL
), twice AS (
    SELECT DISTINCT a.recording_id, a.title || ' (' || a.isrc || ')' AS name
    FROM numbered a JOIN numbered b ON b.isrc = a.isrc AND b.recording_id > a.recording_id
     AND b.title_normalised = a.title_normalised AND b.versions = a.versions
     AND abs(b.duration_ms - a.duration_ms) <= 2000
)
SELECT (SELECT count(*) FROM recordings WHERE inactive_at IS NULL) AS total, count(*) AS bad,
       to_jsonb((array_agg(name ORDER BY name))[1:20]) AS sample
FROM twice

-- name: check_tracks_orphans
-- Recordings without a track, and tracks of an inactive release or recording.
WITH looked_at AS (
    SELECT r.title, EXISTS (SELECT FROM active_tracks t WHERE t.recording_id = r.recording_id) AS placed
    FROM recordings r WHERE r.inactive_at IS NULL
    UNION ALL
    SELECT t.title, l.inactive_at IS NULL AND r.inactive_at IS NULL
    FROM active_tracks t JOIN releases l ON l.release_id = t.release_id JOIN recordings r ON r.recording_id = t.recording_id
)
SELECT count(*) AS total, count(*) FILTER (WHERE NOT placed) AS bad,
       to_jsonb((array_agg(title ORDER BY title) FILTER (WHERE NOT placed))[1:20]) AS sample
FROM looked_at

-- name: check_tracks_releases_without_tracks
-- Releases without a single track, although the provider counts some.
SELECT count(*) AS total, count(*) FILTER (WHERE tracks_held = 0 AND total_tracks IS DISTINCT FROM 0) AS bad,
       to_jsonb((array_agg(title ORDER BY title) FILTER (WHERE tracks_held = 0 AND total_tracks IS DISTINCT FROM 0))[1:20])
           AS sample
FROM release_coverage

-- name: check_tracks_incomplete_answers
-- Track lists that lost too many rows, and partial answers of the provider.
WITH incomplete AS (
    SELECT a.artist_key || ': ' || h.answered || ' of ' || h.known AS name
    FROM held_changes h JOIN artists a ON a.artist_id = h.artist_id WHERE h.status = 'held' AND h.entity = 'tracks'
    UNION ALL
    SELECT a.artist_key || ': ' || p.question || coalesce(', ' || p.items || ' of ' || p.expected, '')
    FROM provider_answers p JOIN artists a ON a.artist_id = p.artist_id
    WHERE p.outcome = 'partial' AND p.provider = 'spotify'
)
SELECT (SELECT count(*) FROM artists WHERE inactive_at IS NULL AND redirects_to IS NULL) AS total, count(*) AS bad,
       to_jsonb((array_agg(name ORDER BY name))[1:20]) AS sample
FROM incomplete

-- name: check_producers_coverage
-- Artists with tracks for whom no source of credits has answered yet, or all last answers failed.
WITH looked_at AS (
    SELECT a.artist_key,
           EXISTS (SELECT FROM provider_answers p WHERE p.artist_id = a.artist_id AND p.provider <> 'spotify'
                   AND p.outcome NOT IN ('failed', 'skipped')) AS covered
    FROM artists a
    WHERE a.inactive_at IS NULL AND a.redirects_to IS NULL
      AND EXISTS (SELECT FROM artist_releases ar JOIN active_tracks t ON t.release_id = ar.release_id
                  WHERE ar.artist_id = a.artist_id AND ar.inactive_at IS NULL)
)
SELECT count(*) AS total, count(*) FILTER (WHERE NOT covered) AS bad,
       to_jsonb((array_agg(artist_key ORDER BY artist_key) FILTER (WHERE NOT covered))[1:20]) AS sample
FROM looked_at

-- name: check_producers_uniqueness
-- Producers with the same name and class of role on one recording. They are probably one person that no provider links.
WITH alike AS (
    SELECT r.title || ': ' || min(p.name) AS name, count(DISTINCT p.producer_id) - 1 AS surplus
    FROM credits c
    JOIN producers p ON p.producer_id = c.producer_id
    JOIN recordings r ON r.recording_id = c.recording_id
    WHERE c.inactive_at IS NULL
    GROUP BY r.recording_id, r.title, c.role_class, p.name_normalised HAVING count(DISTINCT p.producer_id) > 1
)
SELECT (SELECT count(*) FROM credits WHERE inactive_at IS NULL) AS total, coalesce(sum(surplus), 0) AS bad,
       to_jsonb((array_agg(name ORDER BY name))[1:20]) AS sample
FROM alike

-- name: check_producers_orphans
-- Credits without a source, credits of an inactive recording or release, and producers without a credit.
WITH looked_at AS (
    SELECT p.name || ' on ' || r.title AS name,
           r.inactive_at IS NULL AND p.inactive_at IS NULL AND p.redirects_to IS NULL
           AND (c.release_id IS NULL OR l.inactive_at IS NULL)
           AND EXISTS (SELECT FROM credit_sources s WHERE s.credit_id = c.credit_id AND s.inactive_at IS NULL) AS held
    FROM credits c
    JOIN producers p ON p.producer_id = c.producer_id
    JOIN recordings r ON r.recording_id = c.recording_id
    LEFT JOIN releases l ON l.release_id = c.release_id
    WHERE c.inactive_at IS NULL
    UNION ALL
    SELECT p.name, EXISTS (SELECT FROM credits c WHERE c.producer_id = p.producer_id)
    FROM producers p WHERE p.inactive_at IS NULL AND p.redirects_to IS NULL
)
SELECT count(*) AS total, count(*) FILTER (WHERE NOT held) AS bad,
       to_jsonb((array_agg(name ORDER BY name) FILTER (WHERE NOT held))[1:20]) AS sample
FROM looked_at

-- name: check_producers_recordings_with_a_producer
-- Recordings without a producer from any source.
WITH looked_at AS (
    SELECT r.title, EXISTS (SELECT FROM credits c WHERE c.recording_id = r.recording_id AND c.inactive_at IS NULL) AS credited
    FROM recordings r WHERE r.inactive_at IS NULL
)
SELECT count(*) AS total, count(*) FILTER (WHERE NOT credited) AS bad,
       to_jsonb((array_agg(title ORDER BY title) FILTER (WHERE NOT credited))[1:20]) AS sample
FROM looked_at

-- name: check_producers_incomplete_answers
-- Credits that vanished in too large a number, and partial answers of their sources.
WITH incomplete AS (
    SELECT a.artist_key || ': ' || h.answered || ' of ' || h.known AS name
    FROM held_changes h JOIN artists a ON a.artist_id = h.artist_id WHERE h.status = 'held' AND h.entity = 'credits'
    UNION ALL
    SELECT a.artist_key || ': ' || p.provider || ' ' || p.question || coalesce(', ' || p.items || ' of ' || p.expected, '')
    FROM provider_answers p JOIN artists a ON a.artist_id = p.artist_id
    WHERE p.outcome = 'partial' AND p.provider <> 'spotify'
)
SELECT (SELECT count(*) FROM artists WHERE inactive_at IS NULL AND redirects_to IS NULL) AS total, count(*) AS bad,
       to_jsonb((array_agg(name ORDER BY name))[1:20]) AS sample
FROM incomplete

-- name: check_dead_work
-- The dead work of one stage.
SELECT (SELECT count(*) FROM work WHERE stage = :stage) + count(*) AS total, count(*) AS bad,
       to_jsonb((array_agg(subject || ': ' || left(error, 200) ORDER BY buried_at DESC))[1:20]) AS sample
FROM dead_work WHERE stage = :stage AND stop_reason <> 'cancelled'

-- name: catalog_row_counts
SELECT (SELECT count(*) FROM artists WHERE inactive_at IS NULL AND redirects_to IS NULL) AS artists,
       (SELECT count(*) FROM releases WHERE inactive_at IS NULL) AS releases,
       (SELECT count(*) FROM active_tracks) AS tracks,
       (SELECT count(*) FROM recordings WHERE inactive_at IS NULL) AS recordings,
       (SELECT count(*) FROM producers WHERE inactive_at IS NULL AND redirects_to IS NULL) AS producers,
       (SELECT count(*) FROM credits WHERE inactive_at IS NULL) AS credits

-- name: kept_count
SELECT counted, counted_at FROM kept_counts
WHERE name = :name AND (SELECT count(*) FROM (SELECT FROM release_tracks LIMIT :small + 1) AS held) > :small

-- name: keep_count
-- The counts of a small catalogue are not kept. They are counted at every request.
WITH kept AS (
    INSERT INTO kept_counts (name, counted)
    SELECT :name, CAST(:counted AS jsonb)
    WHERE (SELECT count(*) FROM (SELECT FROM release_tracks LIMIT :small + 1) AS held) > :small
    ON CONFLICT (name) DO UPDATE SET counted = excluded.counted, counted_at = excluded.counted_at
)
SELECT now()

-- name: kept_counts_are_behind
-- Whether work was finished after the oldest kept count. Only a large catalogue keeps counts.
SELECT EXISTS (SELECT FROM kept_counts WHERE counted_at < (SELECT max(finished_at) FROM work_archive))
   AND (SELECT count(*) FROM (SELECT FROM release_tracks LIMIT :small + 1) AS held) > :small
