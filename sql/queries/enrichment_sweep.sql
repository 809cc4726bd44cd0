-- What the sweeps of enrichment ask: whether something is due, who is back, what is shown of an artist by now.

-- name: enrichment_is_due
-- Driven by the rows whose time has come, each kind by an index of its own, so that it costs nothing while there are none.
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
    JOIN release_tracks t ON t.recording_id = due.recording_id AND t.inactive_at IS NULL
    JOIN releases r ON r.release_id = t.release_id AND r.inactive_at IS NULL
    JOIN artist_releases ar ON ar.release_id = t.release_id AND ar.inactive_at IS NULL
    JOIN artists a ON a.artist_id = ar.artist_id AND a.inactive_at IS NULL AND a.redirects_to IS NULL
    WHERE NOT EXISTS (SELECT FROM work w WHERE w.stage = 'enrichment' AND w.subject = ar.artist_id::text)
) AS is_due

-- name: providers_that_are_back
-- Providers whose breaker is closed while rows wait that were not asked because the provider was away.
SELECT b.provider, b.changed_at, (SELECT count(*) FROM recording_sources s WHERE s.provider = b.provider AND s.is_retriable)
           AS waiting
FROM provider_breakers b
WHERE b.state = 'closed'
  AND EXISTS (SELECT FROM recording_sources s WHERE s.provider = b.provider AND s.is_retriable)
ORDER BY b.provider

-- name: take_up_waiting_rows
-- What waits for these providers is due now, whatever time was given when they were away.
UPDATE recording_sources SET next_attempt_at = now(), updated_at = now()
WHERE provider = ANY (CAST(:providers AS text[])) AND is_retriable AND next_attempt_at > now()

-- name: enriched_versions
-- Of each artist, how many recordings have a chosen value, and a hash of all chosen values.
SELECT a.artist_key, count(DISTINCT v.recording_id) AS rows,
       coalesce(md5(string_agg(concat_ws(chr(31), rec.content_hash, v.field, v.value::text), chr(30)
                               ORDER BY rec.content_hash, v.field, v.value::text)
                    FILTER (WHERE v.field IS NOT NULL)), 'empty') AS version
FROM artists a
LEFT JOIN LATERAL (
    SELECT DISTINCT t.recording_id FROM artist_releases ar
    JOIN release_tracks t ON t.release_id = ar.release_id AND t.inactive_at IS NULL
    WHERE ar.artist_id = a.artist_id AND ar.inactive_at IS NULL
) placed ON true
LEFT JOIN recordings rec ON rec.recording_id = placed.recording_id AND rec.inactive_at IS NULL
LEFT JOIN LATERAL (
    -- OFFSET 0: asked for each recording; else the planner, which takes a row of a source to have a hundred fields,
    -- derives the values of the whole catalogue for one artist.
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
FROM release_tracks t JOIN recording_enrichment e ON e.recording_id = t.recording_id
WHERE t.recording_id = ANY (CAST(:recording_ids AS uuid[])) AND t.inactive_at IS NULL
