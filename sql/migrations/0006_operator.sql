-- The operator's hand in enrichment: what is to be asked again, what is taken back, and where an own value is shown.

ALTER TABLE recording_sources ADD COLUMN requested_at timestamptz, ADD COLUMN undone_at timestamptz;
COMMENT ON COLUMN recording_sources.requested_at IS
    'Somebody asked then for a fresh answer: an older one, of any cache, does not count. NULL once there is one.';
COMMENT ON COLUMN recording_sources.undone_at IS
    'An operator took back then what the source had said: it is not asked by itself again, only if somebody asks for it.';

CREATE VIEW operator_words AS
SELECT entity, entity_id, jsonb_object_agg(field, value) AS said, array_agg(field ORDER BY field) AS fields
FROM operator_values GROUP BY entity, entity_id;
COMMENT ON VIEW operator_words IS 'All that the operator says of one artist, release, recording or producer.';

CREATE VIEW artist_view AS
SELECT a.artist_id, a.artist_key, coalesce(o.said ->> 'name', a.name) AS name,
       coalesce(o.fields, '{}') AS operator_fields, a.first_seen_at, a.last_seen_at
FROM artists a LEFT JOIN operator_words o ON o.entity = 'artist' AND o.entity_id = a.artist_id
WHERE a.inactive_at IS NULL AND a.redirects_to IS NULL;
COMMENT ON VIEW artist_view IS 'The artists as they are shown: the operator''s own value before the provider''s.';
COMMENT ON COLUMN artist_view.operator_fields IS 'The fields that are the operator''s own.';

CREATE VIEW release_view AS
SELECT r.release_id, coalesce(o.said ->> 'title', r.title) AS title,
       coalesce(o.said ->> 'release_type', r.release_type) AS release_type,
       coalesce(o.said ->> 'release_date', r.release_date) AS release_date,
       coalesce((o.said ->> 'total_tracks')::integer, r.total_tracks) AS total_tracks,
       coalesce(o.said ->> 'barcode', r.barcode) AS barcode,
       coalesce(o.fields, '{}') AS operator_fields, r.tracks_read_at, r.first_seen_at, r.last_seen_at
FROM releases r LEFT JOIN operator_words o ON o.entity = 'release' AND o.entity_id = r.release_id
WHERE r.inactive_at IS NULL;
COMMENT ON VIEW release_view IS 'The releases as they are shown: the operator''s own value before the provider''s.';
COMMENT ON COLUMN release_view.operator_fields IS 'The fields that are the operator''s own.';

CREATE VIEW producer_view AS
SELECT p.producer_id, coalesce(o.said ->> 'name', p.name) AS name, coalesce(o.said ->> 'kind', p.kind) AS kind,
       coalesce(o.fields, '{}') AS operator_fields, p.first_seen_at, p.last_seen_at
FROM producers p LEFT JOIN operator_words o ON o.entity = 'producer' AND o.entity_id = p.producer_id
WHERE p.inactive_at IS NULL AND p.redirects_to IS NULL;
COMMENT ON VIEW producer_view IS 'The producers as they are shown: the operator''s own value before the providers''.';
COMMENT ON COLUMN producer_view.operator_fields IS 'The fields that are the operator''s own.';

CREATE OR REPLACE VIEW credit_view AS
SELECT a.name AS artist, r.title AS release, t.title AS track, p.name AS producer, c.credited_as, c.role, c.role_class,
       s.sources, c.confidence, s.levels, a.artist_key, t.disc_number, t.position, t.track_id, c.credit_id
FROM credits c
JOIN (SELECT pr.producer_id, coalesce(o.said ->> 'name', pr.name) AS name
      FROM producers pr LEFT JOIN operator_words o ON o.entity = 'producer' AND o.entity_id = pr.producer_id) p
    ON p.producer_id = c.producer_id
JOIN release_tracks t ON t.recording_id = c.recording_id AND t.inactive_at IS NULL
                     AND (c.release_id IS NULL OR c.release_id = t.release_id)
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

CREATE OR REPLACE FUNCTION record_change() RETURNS trigger LANGUAGE plpgsql AS $$
-- Arguments: the key columns. last_seen_at alone is no change. A table may have a column `why` of its own.
#variable_conflict use_variable
DECLARE
    why text := nullif(current_setting('music.why', true), '');
    run text := nullif(current_setting('music.run_id', true), '');
    correlation text := nullif(current_setting('music.correlation_id', true), '');
    -- The tracks' table stands behind the view of that name, by which everybody knows them.
    named text := CASE TG_TABLE_NAME WHEN 'release_tracks' THEN 'tracks' ELSE TG_TABLE_NAME END;
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO audit (entity, row_key, after, why, run_id, correlation_id)
        SELECT named, row_key_of(to_jsonb(n), TG_ARGV), to_jsonb(n), why, run, correlation FROM new_rows n;
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO audit (entity, row_key, before, after, why, run_id, correlation_id)
        SELECT named, n.key, o.row, n.row, why, run, correlation
        FROM (SELECT row_key_of(to_jsonb(r), TG_ARGV) AS key, to_jsonb(r) AS row FROM new_rows r) n
        JOIN (SELECT row_key_of(to_jsonb(r), TG_ARGV) AS key, to_jsonb(r) AS row FROM old_rows r) o USING (key)
        WHERE o.row - 'last_seen_at' IS DISTINCT FROM n.row - 'last_seen_at';
    ELSE
        INSERT INTO audit (entity, row_key, before, why, run_id, correlation_id)
        SELECT named, row_key_of(to_jsonb(o), TG_ARGV), to_jsonb(o), why, run, correlation FROM old_rows o;
    END IF;
    RETURN NULL;
END $$;
