-- The sources' statements about recordings: what is due, what was stated, which source is believed, and what an operator
-- requests again or undoes.

-- name: recordings_to_enrich
-- Joins of few rows, one after the other. Right after a sweep has filled the tables, the planner has no statistics of them,
-- and a subquery for each recording may read a whole table each time.
WITH placed AS MATERIALIZED (
    SELECT DISTINCT t.recording_id FROM artist_releases ar
    JOIN releases r ON r.release_id = ar.release_id AND r.inactive_at IS NULL
    JOIN active_tracks t ON t.release_id = r.release_id
    WHERE ar.artist_id = :artist_id AND ar.inactive_at IS NULL
), places AS MATERIALIZED (
    SELECT t.recording_id, t.track_id, t.release_id FROM active_tracks t JOIN placed USING (recording_id)
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
-- Whether MusicBrainz and Discogs were asked about all of an artist's releases. If so, a missing value means absent.
SELECT provider, outcome FROM provider_answers WHERE artist_id = :artist_id AND question = 'releases'

-- name: write_recording_sources
-- A row that an operator requested or undid since it was read stays as it is: this answer is older than that act.
INSERT INTO recording_sources (recording_id, source, provider, status, fields, confidence, fetched_at, expires_at, attempts,
                               next_attempt_at, error, is_retriable, requested_at, undone_at, run_id)
SELECT recording_id, source, provider, status, fields, confidence, fetched_at, expires_at, attempts, next_attempt_at, error,
       is_retriable, requested_at, undone_at, :run_id
FROM jsonb_populate_recordset(CAST(NULL AS recording_sources), CAST(:rows AS jsonb)) AS r
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
-- A hash of the found values only, so that a failure does not change it.
SELECT s.source, count(*) AS rows,
       md5(string_agg(s.fields::text || coalesce(s.confidence::text, ''), ',' ORDER BY rec.content_hash, s.fields::text)) AS version
FROM recording_sources s JOIN recordings rec ON rec.recording_id = s.recording_id
WHERE s.source = ANY (CAST(:sources AS text[])) AND s.status = 'found' AND s.recording_id IN (
    SELECT t.recording_id FROM artist_releases ar JOIN active_tracks t ON t.release_id = ar.release_id
    WHERE ar.artist_id = :artist_id AND ar.inactive_at IS NULL)
GROUP BY s.source

-- name: artists_due_for_enrichment
-- Artists without open work of enrichment, with at least one recording for which a source
--   is due again,
--   was skipped and may be asked now,
--   was never asked although discovery is done (the source is new, or work was lost), or
--   was never asked although the operator has given the address that it needs.
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
JOIN active_tracks t ON t.recording_id = due.recording_id
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
-- Artists without open work, of the oldest expired answers up to the limit. An answer that could not be renewed waits for
-- an operator's request. An answer that was skipped when it expired waits for credentials.
WITH old AS (
    SELECT ar.artist_id
    FROM recording_sources s
    JOIN recordings rec ON rec.recording_id = s.recording_id AND rec.inactive_at IS NULL
    JOIN active_tracks t ON t.recording_id = s.recording_id
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

-- name: enrichment_is_due
-- Begins with the due rows, and finds each kind by its own index. So it costs nothing while no row is due.
WITH due AS MATERIALIZED (
    SELECT recording_id FROM recording_sources
    WHERE next_attempt_at <= now() AND source = ANY (CAST(:sources AS text[]))
    UNION ALL
    SELECT recording_id FROM recording_sources WHERE status = 'skipped' AND source = ANY (CAST(:askable AS text[]))
    UNION ALL
    SELECT recording_id FROM recording_sources
    WHERE status = 'found' AND next_attempt_at IS NULL AND expires_at <= now()
      AND source = ANY (CAST(:sources AS text[]))
      AND (error IS NULL OR (attempts = 0 AND source = ANY (CAST(:askable AS text[]))))
    UNION ALL
    SELECT o.entity_id FROM operator_values o CROSS JOIN unnest(CAST(:on_demand AS text[])) AS asked (source)
    WHERE o.entity = 'recording' AND o.field = 'audio_url' AND NOT EXISTS (
        SELECT FROM recording_sources s WHERE s.recording_id = o.entity_id AND s.source = asked.source)
)
SELECT EXISTS (
    SELECT FROM due
    JOIN recordings rec ON rec.recording_id = due.recording_id AND rec.inactive_at IS NULL
    JOIN active_tracks t ON t.recording_id = due.recording_id
    JOIN releases r ON r.release_id = t.release_id AND r.inactive_at IS NULL
    JOIN artist_releases ar ON ar.release_id = t.release_id AND ar.inactive_at IS NULL
    JOIN artists a ON a.artist_id = ar.artist_id AND a.inactive_at IS NULL AND a.redirects_to IS NULL
    WHERE NOT EXISTS (SELECT FROM work w WHERE w.stage = 'enrichment' AND w.subject = ar.artist_id::text)
) AS is_due

-- name: providers_that_are_back
-- Providers with a closed breaker for which rows still wait, because the provider was away.
SELECT b.provider, b.changed_at, (SELECT count(*) FROM recording_sources s WHERE s.provider = b.provider AND s.is_retriable)
           AS waiting
FROM provider_breakers b
WHERE b.state = 'closed'
  AND EXISTS (SELECT FROM recording_sources s WHERE s.provider = b.provider AND s.is_retriable)
ORDER BY b.provider

-- name: take_up_waiting_rows
-- Make all rows that wait for these providers due now, whatever time they were given before.
UPDATE recording_sources SET next_attempt_at = now(), updated_at = now()
WHERE provider = ANY (CAST(:providers AS text[])) AND is_retriable AND next_attempt_at > now()

-- name: enriched_versions
-- For each artist, the number of recordings with a chosen value, and a hash of all chosen values.
SELECT a.artist_key, count(DISTINCT v.recording_id) AS rows,
       coalesce(md5(string_agg(concat_ws(chr(31), rec.content_hash, v.field, v.value::text), chr(30)
                               ORDER BY rec.content_hash, v.field, v.value::text)
                    FILTER (WHERE v.field IS NOT NULL)), 'empty') AS version
FROM artists a
LEFT JOIN LATERAL (
    SELECT DISTINCT t.recording_id FROM artist_releases ar
    JOIN active_tracks t ON t.release_id = ar.release_id
    WHERE ar.artist_id = a.artist_id AND ar.inactive_at IS NULL
) placed ON true
LEFT JOIN recordings rec ON rec.recording_id = placed.recording_id AND rec.inactive_at IS NULL
LEFT JOIN LATERAL (
    -- OFFSET 0 makes Postgres look up each recording. Without it, the planner assumes a hundred fields in each row of a
    -- source, and derives the values of the whole catalogue for one artist.
    SELECT e.recording_id, e.field, e.value FROM enriched_values e WHERE e.recording_id = rec.recording_id OFFSET 0
) v ON true
WHERE a.artist_key = ANY (CAST(:artist_keys AS text[]))
GROUP BY a.artist_key

-- name: analyze_new_tables
-- While sweeps fill the tables, the planner knows nothing of them, and reads whole indexes for each artist; the server's
-- own ANALYZE may come minutes later. Analysed is what never was, and what has more than doubled since. In the order of
-- oids, so that two sweeps do not wait for each other.
DO $$
DECLARE
    filled regclass;
BEGIN
    FOR filled IN
        SELECT c.oid FROM pg_class c LEFT JOIN pg_stat_user_tables s ON s.relid = c.oid
        WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND pg_relation_size(c.oid) > 0
          AND (c.reltuples < 0 OR s.n_mod_since_analyze > greatest(c.reltuples, 500))
          AND c.relname IN ('artists', 'artist_releases', 'releases', 'release_tracks', 'recordings', 'recording_isrcs',
                            'external_ids', 'producers', 'credits', 'credit_sources', 'recording_sources')
        ORDER BY c.oid
    LOOP
        EXECUTE format('ANALYZE %s', filled);
    END LOOP;
END $$

-- name: tracks_of_enriched_recordings
SELECT t.track_id, t.recording_id, e.status, e.sources_enriched
FROM active_tracks t JOIN recording_enrichment e ON e.recording_id = t.recording_id
WHERE t.recording_id = ANY (CAST(:recording_ids AS uuid[]))

-- name: shown_values
SELECT field, value FROM enriched_values WHERE recording_id = :recording_id AND field = ANY (CAST(:fields AS text[]))

-- name: held_audio_addresses
-- The addresses are locked until the transaction ends.
SELECT entity_id, value #>> '{}' AS address FROM operator_values
WHERE entity = 'recording' AND field = 'audio_url' AND entity_id = ANY (CAST(:recording_ids AS uuid[]))
ORDER BY entity_id FOR NO KEY UPDATE

-- name: forget_what_was_heard
DELETE FROM recording_sources WHERE recording_id = :recording_id AND source = ANY (CAST(:sources AS text[]))

-- name: field_precedence
SELECT field, source, place, minimum_confidence FROM field_precedence
WHERE CAST(:field AS text) IS NULL OR field = :field ORDER BY field, place

-- name: lock_field_precedence
LOCK TABLE field_precedence IN SHARE ROW EXCLUSIVE MODE

-- name: write_field_precedence
INSERT INTO field_precedence (field, source, place, minimum_confidence)
SELECT field, source, place, minimum_confidence
FROM jsonb_populate_recordset(CAST(NULL AS field_precedence), CAST(:rows AS jsonb)) AS r
ON CONFLICT (field, source) DO UPDATE
SET place = excluded.place, minimum_confidence = excluded.minimum_confidence
WHERE (field_precedence.place, field_precedence.minimum_confidence)
      IS DISTINCT FROM (excluded.place, excluded.minimum_confidence)

-- name: coverage_by_source
SELECT s.source, count(*) FILTER (WHERE s.status IN ('found', 'absent', 'failed')) AS attempted,
       count(*) FILTER (WHERE s.status = 'found') AS found, count(*) FILTER (WHERE s.status = 'absent') AS absent,
       count(*) FILTER (WHERE s.status = 'failed') AS failed, count(*) FILTER (WHERE s.status = 'waiting') AS waiting,
       count(*) FILTER (WHERE s.status = 'unneeded') AS unneeded, count(*) FILTER (WHERE s.status = 'skipped') AS skipped,
       count(*) FILTER (WHERE s.status = 'pending') AS pending, count(*) FILTER (WHERE s.undone_at IS NOT NULL) AS undone
FROM recording_sources s JOIN recordings r ON r.recording_id = s.recording_id AND r.inactive_at IS NULL
GROUP BY s.source

-- name: rows_to_reprocess
-- Rows that the operator's flags select: without values, or with values that could not be renewed. A row with an open
-- request is left out, unless that request has failed.
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
-- Found values stay until the source answers again.
UPDATE recording_sources s
SET status = CASE WHEN s.status = 'found' THEN 'found' ELSE 'pending' END, attempts = 0, next_attempt_at = now(),
    error = NULL, is_retriable = false, requested_at = now(), undone_at = NULL, updated_at = now()
FROM jsonb_populate_recordset(CAST(NULL AS recording_sources), CAST(:rows AS jsonb)) AS r
WHERE s.recording_id = r.recording_id AND s.source = r.source

-- name: artists_of_recordings
-- One artist for each recording. An artist with open work comes first.
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
-- The recordings behind ids of tracks or recordings, ours or Spotify's.
SELECT asked.id AS asked_id, found.recording_id
FROM unnest(CAST(:ids AS text[])) AS asked (id)
CROSS JOIN LATERAL (
    SELECT t.recording_id FROM release_tracks t WHERE t.track_id::text = lower(asked.id)
    UNION SELECT rec.recording_id FROM recordings rec WHERE rec.recording_id::text = lower(asked.id)
    UNION SELECT t.recording_id FROM external_ids x JOIN release_tracks t ON t.track_id = x.entity_id
          WHERE x.entity = 'track' AND x.id = asked.id
    UNION SELECT x.entity_id FROM external_ids x WHERE x.entity = 'recording' AND x.id = asked.id
) AS found

-- name: undo_source
UPDATE recording_sources
SET status = 'pending', fields = '{}', confidence = NULL, fetched_at = NULL, expires_at = NULL, attempts = 0,
    next_attempt_at = NULL, error = NULL, is_retriable = false, requested_at = NULL, undone_at = now(), updated_at = now()
WHERE source = :source AND status IN ('found', 'absent')
  AND (CAST(:since AS timestamptz) IS NULL OR fetched_at >= :since)

-- name: failures_by_cause
-- Times are cut from the text of an error, so that equal causes group together.
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
