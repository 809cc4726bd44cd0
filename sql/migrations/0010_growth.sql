-- What a row costs to write, in a small catalogue and in a large one: ids in the order of their making, the audit of many
-- rows at once, and the whole catalogue counted by the checks as rarely as that takes long.

CREATE FUNCTION ordered_id() RETURNS uuid LANGUAGE sql VOLATILE AS $$
-- A UUID of version 7 (RFC 9562): rows that are made together lie together in every index, so that a large table takes no
-- more pages to write than a small one. As music_pipeline/catalog/ids.py makes them.
    SELECT encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
        PLACING substring(int8send(floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6),
        52, 1), 53, 1), 'hex')::uuid
$$;

ALTER TABLE artists ALTER artist_id SET DEFAULT ordered_id();
ALTER TABLE releases ALTER release_id SET DEFAULT ordered_id();
ALTER TABLE recordings ALTER recording_id SET DEFAULT ordered_id();
ALTER TABLE release_tracks ALTER track_id SET DEFAULT ordered_id();
ALTER TABLE producers ALTER producer_id SET DEFAULT ordered_id();
ALTER TABLE credits ALTER credit_id SET DEFAULT ordered_id();
ALTER TABLE reviews ALTER review_id SET DEFAULT ordered_id();
ALTER TABLE held_changes ALTER held_id SET DEFAULT ordered_id();
ALTER TABLE work ALTER work_id SET DEFAULT ordered_id();

CREATE OR REPLACE FUNCTION enqueue_one(request work_request, OUT enqueued_id uuid, OUT answer text)
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    new_id constant uuid := ordered_id();
BEGIN
    LOOP
        enqueued_id := open_work_of(request);
        answer := 'already_enqueued';
        EXIT WHEN enqueued_id IS NOT NULL;

        enqueued_id := done_work_of(request);
        answer := 'already_done';
        EXIT WHEN enqueued_id IS NOT NULL;

        -- A forced repeat gets a key of its own, so that keys stay unique over open and archived rows.
        INSERT INTO work (work_id, stage, subject, partition_key, payload, origin, priority, force, correlation_id,
                          idempotency_key, cutoff)
        SELECT new_id, request.stage, request.subject, request.partition_key, request.payload, request.origin,
               request.priority, request.force, request.correlation_id,
               request.idempotency_key || CASE WHEN EXISTS (
                   SELECT FROM work_archive
                   WHERE stage = request.stage AND idempotency_key = request.idempotency_key
               ) THEN ':' || new_id ELSE '' END,
               request.cutoff
        ON CONFLICT DO NOTHING
        RETURNING work_id INTO enqueued_id;
        answer := 'created';
        -- Else somebody inserted the same in between, and the next round finds it.
        EXIT WHEN enqueued_id IS NOT NULL;
    END LOOP;
END $$;

-- A title that artists everywhere use is found among the recordings of the artist, not the artist among those of the title.
-- Without fastupdate, whose list of new rows every look-up would have to read through.
CREATE INDEX ON recordings USING gin (artist_names) WITH (fastupdate = off);

-- A key is hardly ever that of rows of two tables: it finds the lines of a row without the name of the table before it.
DROP INDEX audit_entity_row_key_idx;
CREATE INDEX ON audit (row_key);

CREATE OR REPLACE FUNCTION row_key_of(contents jsonb, key_columns text[]) RETURNS text LANGUAGE sql STABLE AS $$
-- Of at most six columns. The arguments of a trigger are counted from 0. Stable, not immutable, so that it is inlined.
    SELECT concat_ws(':', contents ->> key_columns[0], contents ->> key_columns[1], contents ->> key_columns[2],
                     contents ->> key_columns[3], contents ->> key_columns[4], contents ->> key_columns[5])
$$;

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
    -- OFFSET 0: without it the row would be turned into JSON anew wherever it is used.
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

CREATE TABLE kept_counts (
    name       text PRIMARY KEY,
    counted    jsonb NOT NULL,
    counted_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE kept_counts IS 'What was last counted over the whole of a large catalogue, which sweeps report instead of counting again.';
COMMENT ON COLUMN kept_counts.counted IS 'The rows that the counting statement answered.';
