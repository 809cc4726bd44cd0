-- Statements of the demo on its own database. None of them runs on an operator's database.

-- name: end_other_sessions
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'

-- name: drop_catalogue_schema
DROP SCHEMA IF EXISTS music CASCADE

-- name: drop_dagster_schema
DROP SCHEMA IF EXISTS dagster CASCADE

-- name: stage_progress
SELECT stage, count(*) FILTER (WHERE ended) AS ended, count(*) AS known
FROM (SELECT stage, false AS ended FROM work
      UNION ALL SELECT stage, true FROM work_archive
      UNION ALL SELECT stage, true FROM dead_work) AS pieces
GROUP BY stage

-- name: other_sessions
-- The sessions of Dagster's storage, found by their application name, write in their own schema only.
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
  AND application_name <> 'dagster'

-- name: rows_written
-- Writes to all tables of the schema since their creation. A session's writes are visible once it has ended.
SELECT coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0) FROM pg_stat_user_tables WHERE schemaname = 'music'

-- name: demo_counts
SELECT (SELECT count(*) FROM dead_work) AS dead,
       (SELECT count(*) FROM reviews) AS ambiguous,
       (SELECT count(*) FROM work WHERE stage = ANY (CAST(:stages AS text[]))) AS open,
       (SELECT count(*) FROM active_tracks t WHERE NOT EXISTS (
            SELECT FROM credits c JOIN credit_sources s ON s.credit_id = c.credit_id
            WHERE c.recording_id = t.recording_id AND c.inactive_at IS NULL AND s.inactive_at IS NULL
              AND s.provider <> 'genius')) AS tracks_without_producer

-- name: dagster_runs
SELECT count(*) FROM dagster.runs

-- name: open_artist_reviews
SELECT review_id, question, candidates FROM reviews WHERE kind = 'artist' AND status = 'open' ORDER BY subject

-- name: credits_by_place
-- Every credit of the catalogue by Spotify's place of the track, with all ids of the producer at the providers.
SELECT DISTINCT x.id AS release_id, v.disc_number, v.position, v.role_class, v.levels, v.sources, v.producer,
       ARRAY(SELECT p.provider || ':' || p.id FROM external_ids p
             WHERE p.entity = 'producer' AND p.entity_id = c.producer_id ORDER BY 1) AS producer_ids
FROM credit_view v
JOIN credits c ON c.credit_id = v.credit_id
JOIN release_tracks t ON t.track_id = v.track_id
JOIN external_ids x ON x.entity = 'release' AND x.provider = 'spotify' AND x.entity_id = t.release_id

-- name: some_credits
-- One credit for each of the producers with the most sources.
SELECT DISTINCT ON (cardinality(sources), producer) artist, track, producer, credited_as, role, role_class, sources,
       round(confidence::numeric, 2) AS confidence
FROM credit_view
ORDER BY cardinality(sources) DESC, producer, artist, track
LIMIT :limit

-- name: next_enrichment
-- Seconds until the first row that waits for a quota or a breaker is due. NULL: no row waits.
SELECT extract(epoch FROM min(next_attempt_at) - clock_timestamp()) AS seconds FROM recording_sources WHERE is_retriable
