-- Enrichment: what each source says about a recording, and which of it the catalogue shows.
--
-- A row per recording and source is at once its status, its provenance and its retry state. The values that are shown are
-- not stored: they are chosen from the rows whenever they are read, so that a changed precedence, an operator's word or a
-- source that is taken back has its effect at once.

CREATE TABLE recording_sources (
    recording_id    uuid NOT NULL REFERENCES recordings,
    source          text NOT NULL,
    provider        text NOT NULL,
    status          text NOT NULL CHECK (status IN
        ('pending', 'found', 'absent', 'failed', 'waiting', 'unneeded', 'skipped')),
    fields          jsonb NOT NULL DEFAULT '{}',
    confidence      real CHECK (confidence > 0 AND confidence <= 1),
    fetched_at      timestamptz,
    expires_at      timestamptz,
    attempts        integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    next_attempt_at timestamptz,
    error           text,
    is_retriable    boolean NOT NULL DEFAULT false,
    run_id          text,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (recording_id, source),
    CHECK (status = 'found' OR fields = '{}')
);
COMMENT ON TABLE recording_sources IS 'What one source said about one recording, when, how surely, and when it is asked again.';
COMMENT ON COLUMN recording_sources.provider IS 'Whose word it is: look-ups of one provider by id, by ISRC and by text are one voice.';
COMMENT ON COLUMN recording_sources.status IS
    'found; absent: the source knows no such recording; failed: it was asked and did not answer, or could not be asked (is_retriable); waiting: it needs an id that another source may find; unneeded: what it gives is known well enough; skipped: it has no credentials.';
COMMENT ON COLUMN recording_sources.is_retriable IS 'Not asked because its breaker was open or its quota used up: that costs no attempt.';
COMMENT ON COLUMN recording_sources.next_attempt_at IS 'When it is asked again by itself; NULL: never, unless somebody asks for it.';
CREATE INDEX recording_sources_due ON recording_sources (next_attempt_at) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX ON recording_sources (source, status);
CREATE INDEX recording_sources_retriable ON recording_sources (provider) WHERE is_retriable;

CREATE TABLE field_precedence (
    field              text NOT NULL,
    source             text NOT NULL,
    place              integer NOT NULL CHECK (place > 0),
    minimum_confidence real NOT NULL DEFAULT 0 CHECK (minimum_confidence >= 0 AND minimum_confidence <= 1),
    PRIMARY KEY (field, source),
    UNIQUE (field, place) DEFERRABLE INITIALLY DEFERRED
);
COMMENT ON TABLE field_precedence IS 'Which source is believed first for a field, and how sure it has to be. Change it freely: it counts from the next read on.';
COMMENT ON COLUMN field_precedence.place IS '1 is believed first. A source that is not listed for a field is believed after all that are.';

CREATE TABLE operator_values (
    entity     text NOT NULL CHECK (entity IN ('artist', 'release', 'recording', 'producer')),
    entity_id  uuid NOT NULL,
    field      text NOT NULL,
    value      jsonb NOT NULL,
    why        text NOT NULL CHECK (why <> ''),
    set_by     text NOT NULL,
    set_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (entity, entity_id, field)
);
COMMENT ON TABLE operator_values IS 'An operator''s own value wins over every source and survives every refresh, until it is unset.';

INSERT INTO field_precedence (field, source, place, minimum_confidence)
SELECT field, source, place, minimum_confidence FROM (VALUES
    ('tempo', 'spotify_audio_features', 1, 0.5), ('tempo', 'reccobeats', 2, 0.5), ('tempo', 'acousticbrainz', 3, 0.5),
    ('tempo', 'deezer', 4, 0.5), ('tempo', 'getsongbpm', 5, 0.5),
    ('key', 'spotify_audio_features', 1, 0.5), ('key', 'reccobeats', 2, 0.5), ('key', 'acousticbrainz', 3, 0.5),
    ('key', 'getsongbpm', 4, 0.5),
    ('mode', 'spotify_audio_features', 1, 0.5), ('mode', 'reccobeats', 2, 0.5), ('mode', 'acousticbrainz', 3, 0.5),
    ('mode', 'getsongbpm', 4, 0.5),
    ('danceability', 'spotify_audio_features', 1, 0.5), ('danceability', 'reccobeats', 2, 0.5),
    ('danceability', 'getsongbpm', 3, 0.5),
    ('acousticness', 'spotify_audio_features', 1, 0.5), ('acousticness', 'reccobeats', 2, 0.5),
    ('acousticness', 'getsongbpm', 3, 0.5),
    ('loudness', 'spotify_audio_features', 1, 0.5), ('loudness', 'reccobeats', 2, 0.5),
    ('time_signature', 'spotify_audio_features', 1, 0.5), ('time_signature', 'getsongbpm', 2, 0.5),
    ('isrc', 'spotify', 1, 0.5), ('isrc', 'musicbrainz', 2, 0.5), ('isrc', 'deezer', 3, 0.5),
    ('duration_ms', 'spotify', 1, 0.5), ('duration_ms', 'musicbrainz', 2, 0.5), ('duration_ms', 'deezer', 3, 0.5)
) AS known (field, source, place, minimum_confidence);

DO $$
DECLARE
    audited record;
BEGIN
    FOR audited IN SELECT * FROM (VALUES
        ('recording_sources', '''recording_id'', ''source'''), ('field_precedence', '''field'', ''source'''),
        ('operator_values', '''entity'', ''entity_id'', ''field''')
    ) AS t (name, key_columns) LOOP
        EXECUTE format('CREATE TRIGGER audit_insert AFTER INSERT ON %I REFERENCING NEW TABLE AS new_rows
                        FOR EACH STATEMENT EXECUTE FUNCTION record_change(%s)', audited.name, audited.key_columns);
        EXECUTE format('CREATE TRIGGER audit_update AFTER UPDATE ON %I REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
                        FOR EACH STATEMENT EXECUTE FUNCTION record_change(%s)', audited.name, audited.key_columns);
        EXECUTE format('CREATE TRIGGER audit_delete AFTER DELETE ON %I REFERENCING OLD TABLE AS old_rows
                        FOR EACH STATEMENT EXECUTE FUNCTION record_change(%s)', audited.name, audited.key_columns);
    END LOOP;
END $$;

CREATE VIEW source_values AS
SELECT s.recording_id, f.key AS field, f.value, s.source, s.provider, s.confidence, s.fetched_at
FROM recording_sources s CROSS JOIN LATERAL jsonb_each(s.fields) AS f
WHERE s.status = 'found' AND f.value <> 'null'::jsonb
UNION ALL
SELECT o.entity_id, o.field, o.value, 'operator', 'operator', 1.0, o.set_at
FROM operator_values o WHERE o.entity = 'recording';
COMMENT ON VIEW source_values IS 'Every value that anyone gives for a field of a recording.';

CREATE VIEW enriched_values AS
SELECT DISTINCT ON (v.recording_id, v.field)
       v.recording_id, v.field, v.value, v.source, v.provider, v.confidence, v.fetched_at
FROM source_values v LEFT JOIN field_precedence p ON p.field = v.field AND p.source = v.source
WHERE v.source = 'operator' OR v.confidence >= coalesce(p.minimum_confidence, 0)
ORDER BY v.recording_id, v.field, v.source <> 'operator', p.place NULLS LAST, v.confidence DESC, v.source;
COMMENT ON VIEW enriched_values IS 'The value that is shown for each field of a recording, and whose it is.';

CREATE VIEW recording_enrichment AS
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
COMMENT ON VIEW recording_enrichment IS 'How far each recording is enriched: completed with values of two providers or more, partial with one''s, failed with none.';

CREATE VIEW enrichment_status AS
SELECT t.track_id,
       CASE WHEN e.status <> 'completed' AND EXISTS (
                SELECT FROM artist_releases ar JOIN work w ON w.stage = 'enrichment' AND w.subject = ar.artist_id::text
                WHERE ar.release_id = t.release_id AND w.lease_until > now())
            THEN 'in_progress' ELSE e.status END AS status,
       e.sources_enriched, e.last_attempt, e.retry_count, e.error_message, e.is_retriable, e.created_at, e.updated_at
FROM tracks t JOIN recording_enrichment e ON e.recording_id = t.recording_id
WHERE t.inactive_at IS NULL;
COMMENT ON VIEW enrichment_status IS 'The enrichment of each track: its recording''s, and whether a run is at it now.';

CREATE FUNCTION enriched_metadata(recording uuid) RETURNS jsonb LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    SELECT jsonb_strip_nulls(jsonb_build_object(
        'enrichment_sources', (SELECT jsonb_agg(DISTINCT provider ORDER BY provider) FROM recording_sources
                               WHERE recording_id = recording AND status = 'found' AND fields <> '{}'),
        'enriched_at', (SELECT max(fetched_at) FROM recording_sources WHERE recording_id = recording AND status = 'found'),
        'musicbrainz_id', (SELECT value FROM enriched_values WHERE recording_id = recording AND field = 'musicbrainz_id'),
        'camelot_key', (SELECT value FROM enriched_values WHERE recording_id = recording AND field = 'camelot_key'),
        'lastfm_tags', (SELECT value FROM enriched_values WHERE recording_id = recording AND field = 'tags')))
$$;

CREATE FUNCTION enriched_audio_features(recording uuid) RETURNS jsonb LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    SELECT jsonb_object_agg(named.field, v.value)
    FROM unnest(ARRAY['danceability', 'energy', 'key', 'loudness', 'mode', 'speechiness', 'acousticness',
                      'instrumentalness', 'liveness', 'valence', 'tempo', 'time_signature']) AS named (field)
    LEFT JOIN enriched_values v ON v.recording_id = recording AND v.field = named.field
$$;
COMMENT ON FUNCTION enriched_audio_features(uuid) IS 'All twelve features; those that nobody knows are null.';

ALTER TABLE tracks RENAME TO release_tracks;
CREATE VIEW tracks AS
SELECT t.*, enriched_metadata(t.recording_id) AS metadata, enriched_audio_features(t.recording_id) AS audio_features
FROM release_tracks t;
COMMENT ON VIEW tracks IS 'The place of a recording on a release, with what enrichment knows of the recording.';
