-- What an operator asks for again, takes back, and sees of failures.

-- name: rows_to_reprocess
-- Rows of sources that gave nothing, as the operator means them; one that is asked for already is not asked for twice.
WITH chosen AS (
    SELECT s.*, rec.title, rec.artist_names, e.status AS enrichment
    FROM recording_sources s
    JOIN recordings rec ON rec.recording_id = s.recording_id AND rec.inactive_at IS NULL
    JOIN recording_enrichment e ON e.recording_id = s.recording_id
    WHERE (s.status = ANY (CAST(:statuses AS text[])) OR (s.status = 'found' AND s.error IS NOT NULL)
           OR (s.undone_at IS NOT NULL AND :with_undone))
      AND (s.requested_at IS NULL OR s.error IS NOT NULL)
      AND (CAST(:recording_ids AS uuid[]) IS NULL OR s.recording_id = ANY (CAST(:recording_ids AS uuid[])))
      AND (CAST(:sources AS text[]) IS NULL OR s.source = ANY (CAST(:sources AS text[])))
      AND (CAST(:enrichment AS text[]) IS NULL OR e.status = ANY (CAST(:enrichment AS text[])))
      AND (CAST(:retriable AS boolean) IS NULL OR (s.is_retriable = :retriable AND s.error IS NOT NULL))
      AND (CAST(:since AS timestamptz) IS NULL OR s.updated_at >= :since)
      AND (CAST(:until AS timestamptz) IS NULL OR s.updated_at < :until)
), limited AS (
    SELECT recording_id FROM chosen GROUP BY recording_id ORDER BY max(updated_at) DESC, recording_id LIMIT :limit
)
SELECT recording_id, title, artist_names, enrichment, source, status, error, attempts, is_retriable, updated_at
FROM chosen JOIN limited USING (recording_id)
ORDER BY artist_names, title, recording_id, source

-- name: request_recording_sources
-- What was found stays until the source says something else.
UPDATE recording_sources s
SET status = CASE WHEN s.status = 'found' THEN 'found' ELSE 'pending' END, attempts = 0, next_attempt_at = now(),
    error = NULL, is_retriable = false, requested_at = now(), undone_at = NULL, updated_at = now()
FROM jsonb_populate_recordset(CAST(NULL AS recording_sources), CAST(:rows AS jsonb)) AS r
WHERE s.recording_id = r.recording_id AND s.source = r.source

-- name: artists_of_recordings
-- One artist for each recording, who has open work if one of them has.
SELECT DISTINCT a.artist_id, a.artist_key, a.name
FROM (
    SELECT DISTINCT ON (t.recording_id) ar.artist_id
    FROM active_tracks t
    JOIN releases r ON r.release_id = t.release_id AND r.inactive_at IS NULL
    JOIN artist_releases ar ON ar.release_id = t.release_id AND ar.inactive_at IS NULL
    JOIN artists owner ON owner.artist_id = ar.artist_id AND owner.inactive_at IS NULL AND owner.redirects_to IS NULL
    WHERE t.recording_id = ANY (CAST(:recording_ids AS uuid[]))
    ORDER BY t.recording_id, EXISTS (
        SELECT FROM work w WHERE w.stage = 'enrichment' AND w.subject = ar.artist_id::text) DESC, owner.artist_key
) AS chosen JOIN artists a ON a.artist_id = chosen.artist_id
ORDER BY a.artist_key

-- name: recordings_of_track_ids
-- The recordings that are meant by ids of tracks or recordings, ours or Spotify's.
SELECT asked.id AS asked_id, found.recording_id
FROM unnest(CAST(:ids AS text[])) AS asked (id)
CROSS JOIN LATERAL (
    SELECT t.recording_id FROM release_tracks t WHERE t.track_id::text = lower(asked.id)
    UNION SELECT rec.recording_id FROM recordings rec WHERE rec.recording_id::text = lower(asked.id)
    UNION SELECT t.recording_id FROM external_ids x JOIN release_tracks t ON t.track_id = x.entity_id
          WHERE x.entity = 'track' AND x.id = asked.id
    UNION SELECT x.entity_id FROM external_ids x WHERE x.entity = 'recording' AND x.id = asked.id
) AS found

-- name: record_operator_act
INSERT INTO audit (entity, row_key, after, why, run_id, correlation_id)
VALUES (:act, :correlation_id, CAST(:facts AS jsonb), :why, :run_id, :correlation_id)

-- name: undo_source
UPDATE recording_sources
SET status = 'pending', fields = '{}', confidence = NULL, fetched_at = NULL, expires_at = NULL, attempts = 0,
    next_attempt_at = NULL, error = NULL, is_retriable = false, requested_at = NULL, undone_at = now(), updated_at = now()
WHERE source = :source AND status IN ('found', 'absent')
  AND (CAST(:since AS timestamptz) IS NULL OR fetched_at >= :since)

-- name: failures_by_cause
-- A time in an error's text is no part of its cause.
SELECT s.source, s.provider, cause.text AS cause, count(*) AS recordings,
       count(*) FILTER (WHERE s.is_retriable) AS retriable,
       count(*) FILTER (WHERE s.next_attempt_at IS NULL) AS given_up,
       max(s.attempts) AS attempts, min(s.next_attempt_at) AS next_attempt_at, max(s.updated_at) AS last_at,
       (array_agg(rec.title ORDER BY s.updated_at DESC, rec.title))[1] AS example
FROM recording_sources s
JOIN recordings rec ON rec.recording_id = s.recording_id AND rec.inactive_at IS NULL
CROSS JOIN LATERAL (
    SELECT regexp_replace(s.error, '\d{4}-\d{2}-\d{2}[T ]\d{2}\:\d{2}[0-9.\:+Z]*', '…', 'g') AS text
) AS cause
WHERE s.error IS NOT NULL AND s.status IN ('failed', 'found')
  AND (CAST(:source AS text) IS NULL OR s.source = :source)
GROUP BY s.source, s.provider, cause.text
ORDER BY count(*) DESC, s.source, cause.text

-- name: skipped_sources
SELECT source, provider, error, count(*) AS recordings FROM recording_sources
WHERE status = 'skipped' GROUP BY source, provider, error ORDER BY source, error
