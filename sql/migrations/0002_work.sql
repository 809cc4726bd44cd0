-- The work ledger: what is to be done, what was done, what died, what went wrong, which sweep is in progress.
--
-- A piece of work is in exactly one of work, work_archive and dead_work, under the same work_id.

CREATE TABLE work (
    work_id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    stage            text NOT NULL,
    subject          text NOT NULL CHECK (subject <> ''),
    partition_key    text,
    payload          jsonb NOT NULL,
    origin           text NOT NULL CHECK (origin IN ('manual', 'watchlist', 'batch')),
    priority         smallint NOT NULL CHECK (priority BETWEEN 0 AND 9),
    force            boolean NOT NULL DEFAULT false,
    correlation_id   text NOT NULL,
    idempotency_key  text NOT NULL,
    cutoff           timestamptz NOT NULL,
    attempts         integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    max_attempts     integer CHECK (max_attempts > 0),
    available_at     timestamptz NOT NULL DEFAULT now(),
    lease_token      uuid,
    lease_until      timestamptz,
    lease_run_id     text,
    last_error       text,
    waiting_provider text,
    waiting_since    timestamptz,
    enqueued_at      timestamptz NOT NULL DEFAULT now(),
    claimable_at     timestamptz NOT NULL GENERATED ALWAYS AS (greatest(available_at, lease_until)) STORED,
    CHECK ((lease_token IS NULL) = (lease_until IS NULL) AND (lease_token IS NULL) = (lease_run_id IS NULL)),
    CHECK ((waiting_provider IS NULL) = (waiting_since IS NULL))
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
COMMENT ON TABLE work IS 'The queue: one row for each open piece of work.';
COMMENT ON COLUMN work.subject IS 'What one open row of a stage exists for: a requested name, a Spotify id, or an artist''s uuid.';
COMMENT ON COLUMN work.partition_key IS 'The artist''s key, once identity gave one.';
COMMENT ON COLUMN work.priority IS '0 is taken first, 9 last.';
COMMENT ON COLUMN work.cutoff IS 'When the whole chain was asked for: lists fetched after it count as fresh. Inherited down the chain.';
COMMENT ON COLUMN work.max_attempts IS 'The stage''s setting when the row was last claimed; NULL before that.';
COMMENT ON COLUMN work.waiting_since IS 'Since when it waits for providers without progress; a call that was made, or progress, ends the wait.';
COMMENT ON COLUMN work.claimable_at IS 'From when a run may take it: available, and under no running lease.';
CREATE UNIQUE INDEX work_subject ON work (stage, subject);
CREATE UNIQUE INDEX work_idempotency ON work (stage, idempotency_key);
CREATE INDEX work_claimable ON work (stage, priority, claimable_at);
CREATE INDEX work_partition ON work (partition_key) WHERE partition_key IS NOT NULL;
CREATE INDEX work_waiting ON work (stage, waiting_provider, claimable_at) WHERE waiting_provider IS NOT NULL;

CREATE TABLE work_archive (
    work_id         uuid PRIMARY KEY,
    stage           text NOT NULL,
    subject         text NOT NULL,
    partition_key   text,
    payload         jsonb NOT NULL,
    origin          text NOT NULL,
    priority        smallint NOT NULL,
    force           boolean NOT NULL,
    correlation_id  text NOT NULL,
    idempotency_key text NOT NULL,
    cutoff          timestamptz NOT NULL,
    attempts        integer NOT NULL,
    enqueued_at     timestamptz NOT NULL,
    outcome         text NOT NULL CHECK (outcome IN ('succeeded')),
    result          jsonb NOT NULL,
    run_id          text NOT NULL,
    finished_at     timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE work_archive IS 'Finished work, kept for ARCHIVE_RETENTION_DAYS; tells a repeated request that it is done already.';
COMMENT ON COLUMN work_archive.attempts IS 'Attempts that had failed before the one that succeeded.';
CREATE UNIQUE INDEX work_archive_idempotency ON work_archive (stage, idempotency_key);
CREATE INDEX work_archive_subject ON work_archive (stage, subject, finished_at);
CREATE INDEX work_archive_finished ON work_archive (finished_at);

CREATE TABLE dead_work (
    work_id         uuid PRIMARY KEY,
    stage           text NOT NULL,
    subject         text NOT NULL,
    partition_key   text,
    payload         jsonb NOT NULL,
    origin          text NOT NULL,
    priority        smallint NOT NULL,
    force           boolean NOT NULL,
    correlation_id  text NOT NULL,
    idempotency_key text NOT NULL,
    cutoff          timestamptz NOT NULL,
    attempts        integer NOT NULL,
    enqueued_at     timestamptz NOT NULL,
    stop_reason     text NOT NULL CHECK (stop_reason IN
        ('max_retries_exhausted', 'non_retryable', 'invalid_payload', 'provider_unavailable', 'cancelled')),
    error           text NOT NULL,
    provider        text,
    run_id          text,
    buried_at       timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE dead_work IS 'Work that was given up, with the reason. Its subject keeps its previous state; a person may requeue or purge it.';
CREATE INDEX ON dead_work (stage, subject);
CREATE INDEX ON dead_work (buried_at);

CREATE TABLE worker_issues (
    issue_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at             timestamptz NOT NULL DEFAULT now(),
    work_id        uuid NOT NULL,
    stage          text NOT NULL,
    subject        text NOT NULL,
    provider       text,
    error          text NOT NULL,
    attempt        integer NOT NULL,
    run_id         text,
    correlation_id text NOT NULL
);
COMMENT ON TABLE worker_issues IS 'Every error that a piece of work met, also those that a later attempt overcame.';
COMMENT ON COLUMN worker_issues.attempt IS 'Which attempt it was, from 1.';
CREATE INDEX ON worker_issues (at);
CREATE INDEX ON worker_issues (work_id);

CREATE TABLE queue_metrics (
    metric_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at        timestamptz NOT NULL DEFAULT now(),
    stage     text NOT NULL,
    run_id    text NOT NULL,
    claimed   integer NOT NULL,
    succeeded integer NOT NULL,
    failed    integer NOT NULL,
    retried   integer NOT NULL,
    buried    integer NOT NULL,
    seconds   real NOT NULL
);
COMMENT ON TABLE queue_metrics IS 'A row for each batch that a run worked off.';
CREATE INDEX ON queue_metrics (at);

CREATE TABLE sweeps (
    kind         text PRIMARY KEY,
    run_id       text NOT NULL,
    started_at   timestamptz NOT NULL DEFAULT now(),
    heartbeat_at timestamptz NOT NULL DEFAULT now(),
    ended_at     timestamptz
);
COMMENT ON TABLE sweeps IS 'The last sweep of each kind; in progress while it has not ended and its heartbeat is young.';

CREATE TYPE work_request AS (
    stage           text,
    subject         text,
    partition_key   text,
    payload         jsonb,
    origin          text,
    priority        smallint,
    force           boolean,
    correlation_id  text,
    idempotency_key text,
    cutoff          timestamptz,
    fresh_for       interval
);

CREATE FUNCTION open_work_of(request work_request) RETURNS uuid LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
-- The open row that a request joins, made more urgent, and forced, if the request is; NULL where there is none.
DECLARE
    joined uuid;
BEGIN
    IF request.force THEN
        UPDATE work SET force = true, payload = request.payload, priority = least(priority, request.priority),
                        cutoff = greatest(cutoff, request.cutoff), available_at = least(available_at, now())
        WHERE stage = request.stage AND subject = request.subject RETURNING work_id INTO joined;
    ELSE
        SELECT work_id INTO joined FROM work WHERE stage = request.stage AND subject = request.subject;
        UPDATE work SET priority = request.priority WHERE work_id = joined AND priority > request.priority;
    END IF;
    IF joined IS NULL THEN
        SELECT work_id INTO joined FROM work
        WHERE stage = request.stage AND idempotency_key = request.idempotency_key;
    END IF;
    RETURN joined;
END $$;

CREATE FUNCTION done_work_of(request work_request) RETURNS uuid LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
-- The archived row that makes a request needless; NULL where there is none, and always for a forced one.
    SELECT work_id FROM (
        SELECT work_id, finished_at FROM work_archive
        WHERE stage = request.stage AND idempotency_key = request.idempotency_key
        UNION ALL
        (SELECT work_id, finished_at FROM work_archive
         WHERE stage = request.stage AND subject = request.subject AND outcome = 'succeeded'
           AND finished_at > now() - request.fresh_for
         ORDER BY finished_at DESC LIMIT 1)
    ) AS done
    WHERE NOT request.force
    ORDER BY finished_at DESC LIMIT 1
$$;

CREATE FUNCTION enqueue_one(request work_request, OUT enqueued_id uuid, OUT answer text)
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    new_id constant uuid := gen_random_uuid();
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

CREATE FUNCTION enqueue_work(requests jsonb) RETURNS TABLE (place bigint, enqueued_id uuid, answer text)
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
-- Enqueues an array of work_request objects. In the order of their subjects, so that two such calls cannot deadlock.
DECLARE
    asked record;
BEGIN
    FOR asked IN
        SELECT request, ordinality
        FROM ROWS FROM (jsonb_array_elements(requests)) WITH ORDINALITY AS r (element, ordinality)
        CROSS JOIN LATERAL jsonb_populate_record(NULL::work_request, element) AS request
        ORDER BY request.stage, request.subject, ordinality
    LOOP
        place := asked.ordinality;
        SELECT one.enqueued_id, one.answer INTO enqueued_id, answer FROM enqueue_one(asked.request) AS one;
        RETURN NEXT;
    END LOOP;
END $$;
COMMENT ON FUNCTION enqueue_work IS 'Answers created, already_enqueued or already_done for each request, with the id of the work.';

DO $$
-- lower() under the C locale knows ASCII only; one of these collations exists on every usual build.
DECLARE
    folding text := (
        SELECT format(' COLLATE %I.%I', n.nspname, c.collname)
        FROM pg_collation c JOIN pg_namespace n ON n.oid = c.collnamespace
        WHERE c.collname IN ('und-x-icu', 'pg_unicode_fast', 'pg_c_utf8')
        ORDER BY array_position(ARRAY['und-x-icu', 'pg_unicode_fast', 'pg_c_utf8'], c.collname::text) LIMIT 1
    );
BEGIN
    EXECUTE format($body$
        CREATE FUNCTION subject_of_name(name text) RETURNS text LANGUAGE sql STABLE AS $function$
            SELECT lower(btrim(regexp_replace(normalize(name, NFKC), '\s+', ' ', 'g'))%s)
        $function$
    $body$, coalesce(folding, ''));
END $$;
COMMENT ON FUNCTION subject_of_name IS 'The subject of a requested name: trimmed, one space between words, lower case.';

CREATE FUNCTION spotify_id_of(requested text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
-- From a Spotify id, a spotify:artist: URI or a link to an artist's page; NULL for anything else.
    SELECT coalesce(
        substring(btrim(requested) FROM '^spotify:artist:([0-9A-Za-z]{22})$'),
        substring(btrim(requested) FROM '^https?://(?:open|play)\.spotify\.com/(?:intl-[a-z-]+/)?artist/([0-9A-Za-z]{22})/?(?:[?#].*)?$'),
        substring(btrim(requested) FROM '^[0-9A-Za-z]{22}$')
    )
$$;

CREATE FUNCTION request_artist_discovery(
    requested text, origin text, forced boolean, correlation text, fresh_for interval,
    OUT enqueued_id uuid, OUT answer text, OUT subject text
) LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    spotify_id constant text := spotify_id_of(requested);
    window_start constant timestamptz := to_timestamp(
        floor(extract(epoch FROM now()) / greatest(extract(epoch FROM fresh_for), 1))
        * greatest(extract(epoch FROM fresh_for), 1));
    request work_request;
BEGIN
    subject := coalesce(spotify_id, subject_of_name(requested));
    IF coalesce(subject, '') = '' THEN
        RAISE EXCEPTION 'An artist''s name is needed; it is empty.' USING ERRCODE = 'invalid_parameter_value';
    ELSIF length(requested) > 500 OR length(subject) > 200 THEN
        RAISE EXCEPTION 'An artist''s name has at most 200 characters; this one has %.', length(requested)
            USING ERRCODE = 'invalid_parameter_value';
    ELSIF requested ~ '[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]' THEN
        RAISE EXCEPTION 'An artist''s name holds no control characters.' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    request.stage := 'artist_discovery';
    request.subject := subject;
    request.payload := CASE WHEN spotify_id IS NULL THEN jsonb_build_object('artistName', btrim(requested))
                            ELSE jsonb_build_object('artistId', spotify_id) END;
    request.origin := origin;
    request.priority := CASE origin WHEN 'manual' THEN 2 WHEN 'watchlist' THEN 5 ELSE 7 END;
    request.force := forced;
    request.correlation_id := correlation;
    request.idempotency_key := 'artist_discovery:' || subject || ':'
        || to_char(window_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS');
    request.cutoff := now();
    request.fresh_for := fresh_for;
    SELECT one.enqueued_id, one.answer INTO enqueued_id, answer FROM enqueue_one(request) AS one;
END $$;
COMMENT ON FUNCTION request_artist_discovery IS 'Asks for an artist by name, Spotify id, URI or link; not again what succeeded within fresh_for, unless forced.';

CREATE FUNCTION start_artist_discovery(artist text) RETURNS TABLE (work_id uuid, already_enqueued boolean)
LANGUAGE sql SET search_path FROM CURRENT AS $$
    SELECT enqueued_id, answer <> 'created'
    FROM request_artist_discovery(artist, 'manual', false, gen_random_uuid()::text, interval '24 hours')
$$;
COMMENT ON FUNCTION start_artist_discovery IS 'SELECT * FROM start_artist_discovery(''Artist Name''): the work''s id, and whether it was there already.';
