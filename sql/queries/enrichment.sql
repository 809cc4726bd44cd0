-- Enrichment: what is known of an artist's recordings, what sources said, what is due.

-- name: recordings_to_enrich
-- Joins of few rows, one after the other: right after a sweep has filled the tables the planner knows nothing of them, and
-- a subquery for each recording may then read a whole table each time.
WITH placed AS MATERIALIZED (
    SELECT DISTINCT t.recording_id FROM artist_releases ar
    JOIN releases r ON r.release_id = ar.release_id AND r.inactive_at IS NULL
    JOIN release_tracks t ON t.release_id = r.release_id AND t.inactive_at IS NULL
    WHERE ar.artist_id = :artist_id AND ar.inactive_at IS NULL
), places AS MATERIALIZED (
    SELECT t.recording_id, t.track_id, t.release_id FROM release_tracks t JOIN placed USING (recording_id)
    WHERE t.inactive_at IS NULL
), known AS MATERIALIZED (
    SELECT p.recording_id, 'spotify' AS kind, x.id FROM external_ids x
    JOIN places p ON p.track_id = x.entity_id WHERE x.entity = 'track' AND x.provider = 'spotify'
    UNION
    SELECT p.recording_id, 'discogs', x.id FROM external_ids x
    JOIN places p ON p.release_id = x.entity_id WHERE x.entity = 'release' AND x.provider = 'discogs'
    UNION
    SELECT p.recording_id, 'musicbrainz', x.id FROM external_ids x
    JOIN placed p ON p.recording_id = x.entity_id WHERE x.entity = 'recording' AND x.provider = 'musicbrainz'
    UNION
    SELECT i.recording_id, 'isrc', i.isrc FROM recording_isrcs i JOIN placed p ON p.recording_id = i.recording_id
), ids AS MATERIALIZED (
    SELECT recording_id, array_agg(id ORDER BY id) FILTER (WHERE kind = 'isrc') AS isrcs,
           array_agg(id ORDER BY id) FILTER (WHERE kind = 'spotify') AS spotify_ids,
           array_agg(id ORDER BY id) FILTER (WHERE kind = 'musicbrainz') AS mbids,
           array_agg(id ORDER BY id) FILTER (WHERE kind = 'discogs') AS discogs_release_ids
    FROM known GROUP BY recording_id
)
SELECT rec.recording_id, rec.title, rec.artist_names, rec.duration_ms, rec.explicit, coalesce(ids.isrcs, '{}') AS isrcs,
       ids.spotify_ids, ids.mbids, ids.discogs_release_ids,
       CASE WHEN own.value IS NULL THEN '{}' ELSE ARRAY[own.value #>> '{}'] END AS audio_urls
FROM recordings rec JOIN placed USING (recording_id) LEFT JOIN ids USING (recording_id)
LEFT JOIN operator_values own ON own.entity = 'recording' AND own.field = 'audio_url' AND own.entity_id = rec.recording_id
WHERE rec.inactive_at IS NULL
ORDER BY rec.recording_id

-- name: sources_of_recordings
SELECT recording_id, source, status, fields, confidence, fetched_at, expires_at, attempts, next_attempt_at, requested_at,
       undone_at, updated_at
FROM recording_sources WHERE recording_id = ANY (CAST(:recording_ids AS uuid[]))

-- name: answers_about_recordings
-- Whether MusicBrainz and Discogs were asked about all of an artist's releases, so that silence is an answer.
SELECT provider, outcome FROM provider_answers WHERE artist_id = :artist_id AND question = 'releases'

-- name: write_recording_sources
-- A row that somebody asked for, or took back, since it was read stays: this is the answer to an older question.
INSERT INTO recording_sources (recording_id, source, provider, status, fields, confidence, fetched_at, expires_at, attempts,
                               next_attempt_at, error, is_retriable, requested_at, undone_at, run_id)
SELECT recording_id, source, provider, status, fields, confidence, fetched_at, expires_at, attempts, next_attempt_at, error,
       is_retriable, requested_at, undone_at, :run_id
FROM jsonb_to_recordset(CAST(:rows AS jsonb))
    AS r (recording_id uuid, source text, provider text, status text, fields jsonb, confidence real,
          fetched_at timestamptz, expires_at timestamptz, attempts integer, next_attempt_at timestamptz, error text,
          is_retriable boolean, requested_at timestamptz, undone_at timestamptz)
ON CONFLICT (recording_id, source) DO UPDATE
SET provider = excluded.provider, status = excluded.status, fields = excluded.fields, confidence = excluded.confidence,
    fetched_at = excluded.fetched_at, expires_at = excluded.expires_at, attempts = excluded.attempts,
    next_attempt_at = excluded.next_attempt_at, error = excluded.error, is_retriable = excluded.is_retriable,
    run_id = excluded.run_id, updated_at = now(), undone_at = NULL,
    requested_at = CASE WHEN excluded.fetched_at >= recording_sources.requested_at THEN NULL
                        ELSE recording_sources.requested_at END
WHERE (recording_sources.requested_at, recording_sources.undone_at)
      IS NOT DISTINCT FROM (excluded.requested_at, excluded.undone_at)
  AND (recording_sources.status, recording_sources.fields, recording_sources.confidence, recording_sources.fetched_at,
       recording_sources.expires_at, recording_sources.attempts, recording_sources.next_attempt_at, recording_sources.error, recording_sources.is_retriable)
      IS DISTINCT FROM
      (excluded.status, excluded.fields, excluded.confidence, excluded.fetched_at, excluded.expires_at,
       excluded.attempts, excluded.next_attempt_at, excluded.error, excluded.is_retriable)

-- name: source_versions
-- Of what the sources said, and only that: a failure changes nothing of it.
SELECT s.source, count(*) AS rows,
       md5(string_agg(s.fields::text || coalesce(s.confidence::text, ''), ',' ORDER BY rec.content_hash, s.fields::text)) AS version
FROM recording_sources s JOIN recordings rec ON rec.recording_id = s.recording_id
WHERE s.source = ANY (CAST(:sources AS text[])) AND s.status = 'found' AND s.recording_id IN (
    SELECT t.recording_id FROM artist_releases ar JOIN release_tracks t ON t.release_id = ar.release_id AND t.inactive_at IS NULL
    WHERE ar.artist_id = :artist_id AND ar.inactive_at IS NULL)
GROUP BY s.source

-- name: artists_due_for_enrichment
-- Artists without open work with a recording about which a source is to be asked again; was skipped, and may be asked by
-- now; or was never asked, although discovery is done with them (a source that is new, work that was lost), or although
-- the operator gave what it needs.
WITH unasked AS (
    SELECT rec.recording_id FROM recordings rec
    LEFT JOIN recording_sources s ON s.recording_id = rec.recording_id AND s.source = ANY (CAST(:about_all AS text[]))
    WHERE rec.inactive_at IS NULL
    GROUP BY rec.recording_id HAVING count(s.source) < cardinality(CAST(:about_all AS text[]))
), due AS (
    SELECT recording_id, false AS is_unasked FROM recording_sources
    WHERE next_attempt_at <= now() AND source = ANY (CAST(:sources AS text[]))
    UNION ALL
    SELECT recording_id, false FROM recording_sources
    WHERE status = 'skipped' AND source = ANY (CAST(:askable AS text[]))
    UNION ALL
    SELECT recording_id, true FROM unasked
    UNION ALL
    SELECT o.entity_id, true FROM operator_values o CROSS JOIN unnest(CAST(:on_demand AS text[])) AS asked (source)
    WHERE o.entity = 'recording' AND o.field = 'audio_url' AND NOT EXISTS (
        SELECT FROM recording_sources s WHERE s.recording_id = o.entity_id AND s.source = asked.source)
)
SELECT DISTINCT a.artist_id, a.artist_key, a.name
FROM due
JOIN recordings rec ON rec.recording_id = due.recording_id AND rec.inactive_at IS NULL
JOIN release_tracks t ON t.recording_id = due.recording_id AND t.inactive_at IS NULL
JOIN releases r ON r.release_id = t.release_id AND r.inactive_at IS NULL
JOIN artist_releases ar ON ar.release_id = t.release_id AND ar.inactive_at IS NULL
JOIN artists a ON a.artist_id = ar.artist_id AND a.inactive_at IS NULL AND a.redirects_to IS NULL
WHERE NOT EXISTS (SELECT FROM work w WHERE w.stage = 'enrichment' AND w.subject = a.artist_id::text)
  AND NOT (due.is_unasked AND EXISTS (
      SELECT FROM work w WHERE w.partition_key = a.artist_key
        AND w.stage = ANY (CAST(:catalog_stages AS text[]))))
ORDER BY a.artist_key
LIMIT :limit

-- name: artists_with_old_answers
-- Artists without open work, of so many answers past their time, the oldest first. An answer beside which a failure
-- stands waits for somebody to ask; one that was skipped when its time was over, for its credentials.
WITH old AS (
    SELECT ar.artist_id
    FROM recording_sources s
    JOIN recordings rec ON rec.recording_id = s.recording_id AND rec.inactive_at IS NULL
    JOIN release_tracks t ON t.recording_id = s.recording_id AND t.inactive_at IS NULL
    JOIN releases r ON r.release_id = t.release_id AND r.inactive_at IS NULL
    JOIN artist_releases ar ON ar.release_id = t.release_id AND ar.inactive_at IS NULL
    JOIN artists owner ON owner.artist_id = ar.artist_id AND owner.inactive_at IS NULL AND owner.redirects_to IS NULL
    WHERE s.status = 'found' AND s.next_attempt_at IS NULL AND s.expires_at <= now()
      AND s.source = ANY (CAST(:sources AS text[]))
      AND (s.error IS NULL OR (s.attempts = 0 AND s.source = ANY (CAST(:askable AS text[]))))
      AND NOT EXISTS (SELECT FROM work w WHERE w.stage = 'enrichment' AND w.subject = ar.artist_id::text)
    ORDER BY s.expires_at
    LIMIT :limit
)
SELECT a.artist_id, a.artist_key, a.name FROM artists a
WHERE a.artist_id IN (SELECT artist_id FROM old) ORDER BY a.artist_key

-- name: coverage_of_source
SELECT count(*) FILTER (WHERE s.status IN ('found', 'absent', 'failed')) AS attempted,
       count(*) FILTER (WHERE s.status = 'found') AS succeeded,
       count(*) FILTER (WHERE s.status = 'absent') AS absent,
       count(*) FILTER (WHERE s.status = 'failed') AS failed,
       count(*) FILTER (WHERE s.is_retriable) AS retriable,
       count(*) FILTER (WHERE s.status = 'waiting') AS waiting,
       count(*) FILTER (WHERE s.status = 'skipped') AS skipped,
       count(*) FILTER (WHERE s.status = 'unneeded') AS unneeded
FROM recording_sources s JOIN recordings r ON r.recording_id = s.recording_id AND r.inactive_at IS NULL
WHERE s.source = :source

-- name: failures_of_source
SELECT r.title, r.artist_names, s.error, s.attempts, s.is_retriable, s.next_attempt_at
FROM recording_sources s JOIN recordings r ON r.recording_id = s.recording_id
WHERE s.source = :source AND s.status = 'failed' ORDER BY s.updated_at DESC, r.title LIMIT :limit

-- name: enrichment_counts
SELECT count(*) FILTER (WHERE status = 'completed') AS completed, count(*) FILTER (WHERE status = 'partial') AS partial,
       count(*) FILTER (WHERE status = 'failed') AS failed, count(*) FILTER (WHERE status = 'pending') AS pending
FROM recording_enrichment

-- name: recordings_without_isrc
SELECT count(*) AS total, count(*) FILTER (WHERE NOT numbered) AS without_isrc
FROM (SELECT EXISTS (SELECT FROM recording_isrcs i WHERE i.recording_id = r.recording_id) AS numbered
      FROM recordings r WHERE r.inactive_at IS NULL) AS looked_at
