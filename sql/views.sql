-- The views, applied again whenever this file changes. Columns are listed, so that a table may grow without its views.
--
-- CREATE OR REPLACE keeps grants and views of the operator's own, and can add columns at the end only. To rename, retype or
-- remove a column, drop the view in a migration: migrations run first.

CREATE OR REPLACE VIEW active_tracks AS
SELECT track_id, release_id, recording_id, disc_number, position, title, content_hash, first_seen_at, last_seen_at
FROM release_tracks WHERE inactive_at IS NULL;
COMMENT ON VIEW active_tracks IS 'The positions of recordings on releases that the provider still lists. The pipeline''s own statements read it. People read the view tracks.';

CREATE OR REPLACE VIEW release_coverage AS
SELECT r.release_id, r.title, r.total_tracks, count(t.track_id) AS tracks_held,
       r.total_tracks - count(t.track_id) AS tracks_missing
FROM releases r
LEFT JOIN active_tracks t ON t.release_id = r.release_id
WHERE r.inactive_at IS NULL
GROUP BY r.release_id;
COMMENT ON VIEW release_coverage IS 'How much of each release''s track list we hold.';
COMMENT ON COLUMN release_coverage.total_tracks IS 'The number of tracks that the provider states.';
COMMENT ON COLUMN release_coverage.tracks_held IS 'The number of active tracks that we hold.';

CREATE OR REPLACE VIEW provider_latency AS
SELECT provider, endpoint, account, outcome, day,
       (ARRAY[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 'Infinity'::float8])[place] AS up_to_seconds,
       calls_in_bucket AS calls
FROM provider_calls, unnest(latency_buckets) WITH ORDINALITY AS bucket (calls_in_bucket, place);
COMMENT ON VIEW provider_latency IS 'The histogram of latencies, one row for each bucket, not cumulative.';
COMMENT ON COLUMN provider_latency.up_to_seconds IS 'The upper bound of the bucket.';

CREATE OR REPLACE VIEW operator_words AS
SELECT entity, entity_id, jsonb_object_agg(field, value) AS said, array_agg(field ORDER BY field) AS fields
FROM operator_values GROUP BY entity, entity_id;
COMMENT ON VIEW operator_words IS 'All overrides of one artist, release, recording or producer.';
COMMENT ON COLUMN operator_words.said IS 'The values by field, as JSON.';
COMMENT ON COLUMN operator_words.fields IS 'The names of the overridden fields.';

CREATE OR REPLACE VIEW artist_view AS
SELECT a.artist_id, a.artist_key, coalesce(o.said ->> 'name', a.name) AS name,
       coalesce(o.fields, '{}') AS operator_fields, a.first_seen_at, a.last_seen_at
FROM artists a LEFT JOIN operator_words o ON o.entity = 'artist' AND o.entity_id = a.artist_id
WHERE a.inactive_at IS NULL AND a.redirects_to IS NULL;
COMMENT ON VIEW artist_view IS 'The artists as they are shown: an operator''s value wins over the provider''s.';
COMMENT ON COLUMN artist_view.operator_fields IS 'The fields that an operator overrode.';

CREATE OR REPLACE VIEW release_view AS
SELECT r.release_id, coalesce(o.said ->> 'title', r.title) AS title,
       coalesce(o.said ->> 'release_type', r.release_type) AS release_type,
       coalesce(o.said ->> 'release_date', r.release_date) AS release_date,
       coalesce((o.said ->> 'total_tracks')::integer, r.total_tracks) AS total_tracks,
       coalesce(o.said ->> 'barcode', r.barcode) AS barcode,
       coalesce(o.fields, '{}') AS operator_fields, r.tracks_read_at, r.first_seen_at, r.last_seen_at
FROM releases r LEFT JOIN operator_words o ON o.entity = 'release' AND o.entity_id = r.release_id
WHERE r.inactive_at IS NULL;
COMMENT ON VIEW release_view IS 'The releases as they are shown: an operator''s value wins over the provider''s.';
COMMENT ON COLUMN release_view.operator_fields IS 'The fields that an operator overrode.';

CREATE OR REPLACE VIEW producer_view AS
SELECT p.producer_id, coalesce(o.said ->> 'name', p.name) AS name, coalesce(o.said ->> 'kind', p.kind) AS kind,
       coalesce(o.fields, '{}') AS operator_fields, p.first_seen_at, p.last_seen_at
FROM producers p LEFT JOIN operator_words o ON o.entity = 'producer' AND o.entity_id = p.producer_id
WHERE p.inactive_at IS NULL AND p.redirects_to IS NULL;
COMMENT ON VIEW producer_view IS 'The producers as they are shown: an operator''s value wins over the providers''.';
COMMENT ON COLUMN producer_view.operator_fields IS 'The fields that an operator overrode.';

CREATE OR REPLACE VIEW credit_view AS
SELECT a.name AS artist, r.title AS release, t.title AS track, p.name AS producer, c.credited_as, c.role, c.role_class,
       s.sources, c.confidence, s.levels, a.artist_key, t.disc_number, t.position, t.track_id, c.credit_id
FROM credits c
JOIN (SELECT pr.producer_id, coalesce(o.said ->> 'name', pr.name) AS name
      FROM producers pr LEFT JOIN operator_words o ON o.entity = 'producer' AND o.entity_id = pr.producer_id) p
    ON p.producer_id = c.producer_id
JOIN active_tracks t ON t.recording_id = c.recording_id AND (c.release_id IS NULL OR c.release_id = t.release_id)
JOIN release_view r ON r.release_id = t.release_id
JOIN artist_releases ar ON ar.release_id = r.release_id AND ar.inactive_at IS NULL
JOIN (SELECT ar2.artist_id, ar2.artist_key, coalesce(o.said ->> 'name', ar2.name) AS name
      FROM artists ar2 LEFT JOIN operator_words o ON o.entity = 'artist' AND o.entity_id = ar2.artist_id
      WHERE ar2.inactive_at IS NULL) a ON a.artist_id = ar.artist_id
CROSS JOIN LATERAL (
    SELECT array_agg(DISTINCT provider ORDER BY provider) AS sources, array_agg(DISTINCT level ORDER BY level) AS levels
    FROM credit_sources WHERE credit_id = c.credit_id AND inactive_at IS NULL
) s
WHERE c.inactive_at IS NULL;
COMMENT ON VIEW credit_view IS 'Every production credit, one row for each artist, release, track, producer and class of role, with the providers that state it.';
COMMENT ON COLUMN credit_view.sources IS 'The providers that state the credit.';
COMMENT ON COLUMN credit_view.levels IS 'Whether they state it for the release, the track or both.';

CREATE OR REPLACE VIEW profile_view AS
SELECT p.producer_id, p.name AS producer, f.service, f.handle, f.url,
       array_agg(f.source ORDER BY f.source) AS sources, array_agg(f.evidence ORDER BY f.source) AS evidence,
       max(f.confidence) AS confidence, n.followers, n.fetched_at, n.outcome AS followers_outcome,
       min(f.first_seen_at) AS first_seen_at, max(f.last_seen_at) AS last_seen_at
FROM producer_profiles f
JOIN producer_view p ON p.producer_id = f.producer_id
LEFT JOIN profile_followers n ON n.producer_id = f.producer_id AND n.service = f.service AND n.handle = f.handle
WHERE f.inactive_at IS NULL
GROUP BY p.producer_id, p.name, f.service, f.handle, f.url, n.followers, n.fetched_at, n.outcome;
COMMENT ON VIEW profile_view IS 'The profiles of producers. Each profile is one row, with its followers and every source that states it.';
COMMENT ON COLUMN profile_view.sources IS 'The providers that state the address.';
COMMENT ON COLUMN profile_view.evidence IS 'The pages of these providers, in the same order.';
COMMENT ON COLUMN profile_view.followers_outcome IS 'How the last request for the followers ended.';

CREATE OR REPLACE VIEW source_values AS
SELECT s.recording_id, f.key AS field, f.value, s.source, s.provider, s.confidence, s.fetched_at
FROM recording_sources s CROSS JOIN LATERAL jsonb_each(s.fields) AS f
WHERE s.status = 'found' AND f.value <> 'null'::jsonb
UNION ALL
SELECT o.entity_id, o.field, o.value, 'operator', 'operator', 1.0, o.set_at
FROM operator_values o WHERE o.entity = 'recording';
COMMENT ON VIEW source_values IS 'Every value that a source or an operator gives for a field of a recording.';

-- enriched_recordings repeats the order of enriched_values, to be one pass. Change both.
CREATE OR REPLACE VIEW enriched_values AS
SELECT DISTINCT ON (v.recording_id, v.field)
       v.recording_id, v.field, v.value, v.source, v.provider, v.confidence, v.fetched_at
FROM source_values v LEFT JOIN field_precedence p ON p.field = v.field AND p.source = v.source
WHERE v.source = 'operator' OR v.confidence >= coalesce(p.minimum_confidence, 0)
ORDER BY v.recording_id, v.field, v.source <> 'operator', p.place NULLS LAST, v.confidence DESC, v.source;
COMMENT ON VIEW enriched_values IS 'The chosen value of each field of a recording, with its source. The operator''s value comes first, then the best placed source that is sure enough.';

CREATE OR REPLACE VIEW recording_enrichment AS
SELECT r.recording_id,
       CASE WHEN counted.providers >= 2 THEN 'completed'
            WHEN counted.providers = 1 THEN 'partial'
            WHEN counted.attempted = 0 THEN 'pending'
            ELSE 'failed' END AS status,
       counted.providers AS sources_enriched,
       counted.last_attempt,
       counted.retry_count,
       CASE WHEN counted.attempted > 0 AND counted.providers = 0
            THEN concat_ws('; ', counted.errors, 'No metadata sources returned data')
            ELSE counted.errors END AS error_message,
       counted.is_retriable,
       counted.created_at,
       counted.updated_at
FROM recordings r
CROSS JOIN LATERAL (
    SELECT count(DISTINCT s.provider) FILTER (WHERE s.status = 'found' AND s.fields <> '{}') AS providers,
           count(*) FILTER (WHERE s.status IN ('found', 'absent', 'failed')) AS attempted,
           max(coalesce(s.fetched_at, s.updated_at)) FILTER (WHERE s.status IN ('found', 'absent', 'failed')) AS last_attempt,
           coalesce(max(s.attempts), 0) AS retry_count,
           string_agg(s.error, '; ' ORDER BY s.source) AS errors,
           coalesce(bool_or(s.is_retriable), false) AS is_retriable,
           min(s.created_at) AS created_at, max(s.updated_at) AS updated_at
    FROM recording_sources s WHERE s.recording_id = r.recording_id
) counted
WHERE r.inactive_at IS NULL;
COMMENT ON VIEW recording_enrichment IS 'How far each recording is enriched. completed: two providers or more gave values; partial: one did; failed: none did; pending: none was asked yet.';
COMMENT ON COLUMN recording_enrichment.sources_enriched IS 'How many providers gave values.';
COMMENT ON COLUMN recording_enrichment.retry_count IS 'The most failed attempts of any one source.';
COMMENT ON COLUMN recording_enrichment.is_retriable IS 'A source was not asked because its breaker was open or its quota spent.';

CREATE OR REPLACE VIEW enrichment_status AS
SELECT t.track_id,
       CASE WHEN e.status <> 'completed' AND EXISTS (
                SELECT FROM artist_releases ar JOIN work w ON w.stage = 'enrichment' AND w.subject = ar.artist_id::text
                WHERE ar.release_id = t.release_id AND w.lease_until > now())
            THEN 'in_progress' ELSE e.status END AS status,
       e.sources_enriched, e.last_attempt, e.retry_count, e.error_message, e.is_retriable, e.created_at, e.updated_at
FROM active_tracks t JOIN recording_enrichment e ON e.recording_id = t.recording_id;
COMMENT ON VIEW enrichment_status IS 'The enrichment of each track''s recording. in_progress: a run is working on it.';
COMMENT ON COLUMN enrichment_status.sources_enriched IS 'How many providers gave values.';
COMMENT ON COLUMN enrichment_status.retry_count IS 'The most failed attempts of any one source.';
COMMENT ON COLUMN enrichment_status.is_retriable IS 'A source was not asked because its breaker was open or its quota spent.';

CREATE OR REPLACE VIEW enriched_recordings AS
SELECT r.recording_id,
       jsonb_strip_nulls(jsonb_build_object(
           'enrichment_sources', told.providers, 'enriched_at', told.enriched_at,
           'musicbrainz_id', v.shown -> 'musicbrainz_id', 'camelot_key', v.shown -> 'camelot_key',
           'lastfm_tags', v.shown -> 'tags')) AS metadata,
       (jsonb '{"danceability": null, "energy": null, "key": null, "loudness": null, "mode": null, "speechiness": null,
                "acousticness": null, "instrumentalness": null, "liveness": null, "valence": null, "tempo": null,
                "time_signature": null}' || v.shown) - ARRAY['musicbrainz_id', 'camelot_key', 'tags'] AS audio_features
FROM recordings r
LEFT JOIN (
    SELECT recording_id, max(fetched_at) AS enriched_at,
           jsonb_agg(DISTINCT provider ORDER BY provider) FILTER (WHERE fields <> '{}') AS providers
    FROM recording_sources WHERE status = 'found' GROUP BY recording_id
) told ON told.recording_id = r.recording_id
LEFT JOIN (
    -- The last value of a key stays, so the order of enriched_values is reversed here.
    SELECT s.recording_id,
           jsonb_object_agg(f.key, f.value ORDER BY p.place DESC NULLS FIRST, s.confidence, s.source DESC) AS chosen
    FROM recording_sources s
    CROSS JOIN LATERAL jsonb_each(s.fields) AS f
    LEFT JOIN field_precedence p ON p.field = f.key AND p.source = s.source
    WHERE s.status = 'found' AND f.value <> 'null'::jsonb AND s.confidence >= coalesce(p.minimum_confidence, 0)
      AND f.key IN ('danceability', 'energy', 'key', 'loudness', 'mode', 'speechiness', 'acousticness', 'instrumentalness',
                    'liveness', 'valence', 'tempo', 'time_signature', 'musicbrainz_id', 'camelot_key', 'tags')
    GROUP BY s.recording_id
) sourced ON sourced.recording_id = r.recording_id
LEFT JOIN (
    SELECT entity_id, jsonb_object_agg(field, value) AS said FROM operator_values
    WHERE entity = 'recording'
      AND field IN ('danceability', 'energy', 'key', 'loudness', 'mode', 'speechiness', 'acousticness', 'instrumentalness',
                    'liveness', 'valence', 'tempo', 'time_signature', 'musicbrainz_id', 'camelot_key', 'tags')
    GROUP BY entity_id
) o ON o.entity_id = r.recording_id
CROSS JOIN LATERAL (SELECT coalesce(sourced.chosen, '{}') || coalesce(o.said, '{}') AS shown) v;
COMMENT ON VIEW enriched_recordings IS 'What the view tracks shows of each recording: the values that enriched_values chooses, as two JSON objects. A query for all recordings is one pass; a query for one is an index look-up.';
COMMENT ON COLUMN enriched_recordings.metadata IS 'enrichment_sources, enriched_at, musicbrainz_id, camelot_key and lastfm_tags, as far as they are known.';
COMMENT ON COLUMN enriched_recordings.audio_features IS 'All twelve audio features. An unknown one is null.';

-- OFFSET 0: each track looks its recording up, so that a filter on tracks reads these recordings only.
CREATE OR REPLACE VIEW tracks AS
SELECT t.track_id, t.release_id, t.recording_id, t.disc_number, t.position, t.title, t.content_hash, t.first_seen_at,
       t.last_seen_at, t.inactive_at, t.inactive_reason, e.metadata, e.audio_features
FROM release_tracks t
CROSS JOIN LATERAL (
    SELECT metadata, audio_features FROM enriched_recordings WHERE recording_id = t.recording_id OFFSET 0
) e;
COMMENT ON VIEW tracks IS 'The positions of recordings on releases, with what enrichment found about the recording.';
COMMENT ON COLUMN tracks.position IS 'The number of the track on its disc, from 1.';
COMMENT ON COLUMN tracks.title IS 'The title as printed on this release.';
COMMENT ON COLUMN tracks.metadata IS 'enrichment_sources, enriched_at, musicbrainz_id, camelot_key and lastfm_tags, as far as they are known.';
COMMENT ON COLUMN tracks.audio_features IS 'All twelve audio features. An unknown one is null.';
