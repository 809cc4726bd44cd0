-- Ids for new rows, and the audit of every change. The migrations use these functions, so this file is applied first, and
-- none of them may need a table in order to be created.

CREATE OR REPLACE FUNCTION ordered_id() RETURNS uuid LANGUAGE sql VOLATILE AS $$
    SELECT encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
        PLACING substring(int8send(floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6),
        52, 1), 53, 1), 'hex')::uuid
$$;
COMMENT ON FUNCTION ordered_id IS 'A UUID of version 7 (RFC 9562), like Python''s new_id(). Rows made together lie together in every index. So a write touches no more pages in a large table than in a small one.';

CREATE OR REPLACE FUNCTION row_key_of(contents jsonb, key_columns text[]) RETURNS text LANGUAGE sql STABLE AS $$
-- At most six columns. A trigger's arguments count from 0. Stable, not immutable, so that Postgres inlines it.
    SELECT concat_ws(':', contents ->> key_columns[0], contents ->> key_columns[1], contents ->> key_columns[2],
                     contents ->> key_columns[3], contents ->> key_columns[4], contents ->> key_columns[5])
$$;
COMMENT ON FUNCTION row_key_of IS 'The key of an audited row: its key columns, joined by colons.';

CREATE OR REPLACE FUNCTION record_change() RETURNS trigger LANGUAGE plpgsql AS $$
-- A change of last_seen_at alone is not recorded. A table may have its own column `why`.
#variable_conflict use_variable
DECLARE
    why text := nullif(current_setting('music.why', true), '');
    run text := nullif(current_setting('music.run_id', true), '');
    correlation text := nullif(current_setting('music.correlation_id', true), '');
    -- The table release_tracks is audited under the name of its public view, tracks.
    named text := CASE TG_TABLE_NAME WHEN 'release_tracks' THEN 'tracks' ELSE TG_TABLE_NAME END;
BEGIN
    -- OFFSET 0: without it, Postgres would convert the row to JSON again at every use.
    IF TG_OP = 'INSERT' THEN
        INSERT INTO audit (entity, row_key, after, why, run_id, correlation_id)
        SELECT named, row_key_of(n.row, TG_ARGV), n.row, why, run, correlation
        FROM (SELECT to_jsonb(r) AS row FROM new_rows r OFFSET 0) n;
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO audit (entity, row_key, before, after, why, run_id, correlation_id)
        SELECT named, n.key, o.row, n.row, why, run, correlation
        FROM (SELECT row_key_of(c.row, TG_ARGV) AS key, c.row FROM (SELECT to_jsonb(r) AS row FROM new_rows r OFFSET 0) c) n
        JOIN (SELECT row_key_of(c.row, TG_ARGV) AS key, c.row FROM (SELECT to_jsonb(r) AS row FROM old_rows r OFFSET 0) c) o
          USING (key)
        WHERE o.row - 'last_seen_at' IS DISTINCT FROM n.row - 'last_seen_at';
    ELSE
        INSERT INTO audit (entity, row_key, before, why, run_id, correlation_id)
        SELECT named, row_key_of(o.row, TG_ARGV), o.row, why, run, correlation
        FROM (SELECT to_jsonb(r) AS row FROM old_rows r OFFSET 0) o;
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION record_change IS 'The trigger of audited tables. Its arguments are the key columns.';

CREATE OR REPLACE FUNCTION audit_table(audited text, VARIADIC key_columns text[]) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    keys constant text := (SELECT string_agg(quote_literal(k), ', ' ORDER BY place)
                           FROM unnest(key_columns) WITH ORDINALITY AS named (k, place));
BEGIN
    EXECUTE format('CREATE TRIGGER audit_insert AFTER INSERT ON %I REFERENCING NEW TABLE AS new_rows
                    FOR EACH STATEMENT EXECUTE FUNCTION record_change(%s)', audited, keys);
    EXECUTE format('CREATE TRIGGER audit_update AFTER UPDATE ON %I REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
                    FOR EACH STATEMENT EXECUTE FUNCTION record_change(%s)', audited, keys);
    EXECUTE format('CREATE TRIGGER audit_delete AFTER DELETE ON %I REFERENCING OLD TABLE AS old_rows
                    FOR EACH STATEMENT EXECUTE FUNCTION record_change(%s)', audited, keys);
END $$;
COMMENT ON FUNCTION audit_table IS 'Record every change of a table in audit, row by row under these key columns (at most six). A migration calls it once for each table.';
