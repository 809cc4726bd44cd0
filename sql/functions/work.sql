-- Enqueue work, or join it to the open or finished item that makes it needless; claim due work.

CREATE OR REPLACE FUNCTION open_work_of(request work_request) RETURNS uuid LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
-- Waits for a row that another transaction is finishing: that transaction does not know of this request.
DECLARE
    joined work;
    newer  boolean;
BEGIN
    SELECT * INTO joined FROM work WHERE stage = request.stage AND subject = request.subject FOR UPDATE;
    IF joined.work_id IS NULL THEN
        SELECT * INTO joined FROM work WHERE stage = request.stage AND idempotency_key = request.idempotency_key;
        RETURN joined.work_id;
    END IF;
    newer := joined.lease_token IS NOT NULL AND (
        (request.force AND (NOT joined.force OR request.cutoff > joined.cutoff))
        OR (request.fresh_for IS NULL AND request.idempotency_key <> joined.idempotency_key));
    IF request.force THEN
        UPDATE work SET force = true, payload = request.payload, priority = least(priority, request.priority),
                        cutoff = greatest(cutoff, request.cutoff), available_at = least(available_at, now()),
                        asked_again = asked_again OR newer
        WHERE work_id = joined.work_id;
    ELSIF newer OR joined.priority > request.priority THEN
        UPDATE work SET priority = least(priority, request.priority), asked_again = asked_again OR newer,
                        payload = CASE WHEN newer THEN request.payload ELSE payload END,
                        cutoff = CASE WHEN newer THEN greatest(cutoff, request.cutoff) ELSE cutoff END
        WHERE work_id = joined.work_id;
    END IF;
    RETURN joined.work_id;
END $$;
COMMENT ON FUNCTION open_work_of IS 'The open item that a request joins, made more urgent or forced if the request is. NULL: no such item is open.';

CREATE OR REPLACE FUNCTION done_work_of(request work_request) RETURNS uuid LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
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
COMMENT ON FUNCTION done_work_of IS 'The finished item that makes a request needless. NULL: there is none, or the request is forced.';

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
        -- Otherwise another transaction inserted the same item, and the next round finds it.
        EXIT WHEN enqueued_id IS NOT NULL;
    END LOOP;
END $$;
COMMENT ON FUNCTION enqueue_one IS 'Enqueue one request. The answer is created, already_enqueued or already_done, with the id of the item.';

CREATE OR REPLACE FUNCTION enqueue_work(requests jsonb) RETURNS TABLE (place bigint, enqueued_id uuid, answer text)
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
-- Requests are enqueued in the order of their subjects, so that two such calls cannot deadlock.
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
COMMENT ON FUNCTION enqueue_work IS 'Enqueue a JSON array of work_request objects. Returns created, already_enqueued or already_done for each, with the id of the item.';

CREATE OR REPLACE FUNCTION claim_work(
    of_stage text, run text, most integer, lease_seconds double precision, attempts_allowed integer, ids uuid[]
) RETURNS SETOF work LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
-- Rows are locked, then leased by ctid. By id, the index would have to find each of them again.
DECLARE
    places  tid[];
    lost_by text[];
    lapsed  tid[];
BEGIN
    IF ids IS NOT NULL THEN
        SELECT array_agg(named.ctid), array_agg(named.lease_run_id) INTO places, lost_by
        FROM (
            SELECT w.ctid, w.lease_run_id FROM work w
            WHERE w.stage = of_stage AND w.work_id = ANY (ids) AND (w.lease_until IS NULL OR w.lease_until <= now())
            ORDER BY w.work_id
            LIMIT most
            FOR UPDATE SKIP LOCKED
        ) AS named;
    ELSE
        LOOP
            -- The index is probed once for each priority, so that no probe reads past rows that are due later.
            SELECT array_agg(due.ctid), array_agg(due.lease_run_id), array_agg(due.ctid) FILTER (WHERE due.is_lapsed)
                INTO places, lost_by, lapsed
            FROM (
                SELECT first.ctid, first.lease_run_id, first.is_lapsed
                FROM generate_series(0, 9) AS urgency (priority)
                CROSS JOIN LATERAL (
                    SELECT w.ctid, w.lease_run_id, coalesce(w.available_at < w.lease_until, false) AS is_lapsed
                    FROM work w
                    WHERE w.stage = of_stage AND w.priority = urgency.priority AND w.available_at <= now()
                      AND (w.lease_until IS NULL OR w.lease_until <= now())
                    ORDER BY w.available_at
                    LIMIT most
                    FOR UPDATE SKIP LOCKED
                ) AS first
                LIMIT most
            ) AS due;
            EXIT WHEN lapsed IS NULL;
            -- A lost item goes behind the work that fell due during its lease. Otherwise an item that kills its run
            -- would always be first.
            UPDATE work w SET available_at = w.lease_until WHERE w.ctid = ANY (lapsed);
        END LOOP;
    END IF;
    RETURN QUERY
    WITH claimed AS (
        UPDATE work w SET lease_token = gen_random_uuid(), lease_until = now() + make_interval(secs => lease_seconds),
                          lease_run_id = run, max_attempts = attempts_allowed, asked_again = false
        FROM unnest(places, lost_by) AS picked (place, lost_by)
        WHERE w.ctid = picked.place
        RETURNING w AS item, picked.lost_by
    ), lost AS (
        INSERT INTO worker_issues (work_id, stage, subject, error, attempt, run_id, correlation_id)
        SELECT (c.item).work_id, (c.item).stage, (c.item).subject,
               'The lease ran out: run ' || c.lost_by || ' ended without a word, or was too slow.',
               (c.item).attempts + 1, c.lost_by, (c.item).correlation_id
        FROM claimed c WHERE c.lost_by IS NOT NULL
    )
    SELECT (c.item).* FROM claimed c
    ORDER BY (c.item).priority, (c.item).available_at, (c.item).enqueued_at, (c.item).work_id;
END $$;
COMMENT ON FUNCTION claim_work IS 'Lease up to most items to a run: the most urgent due items, or the items of ids, due or not. Items that another run holds are left out. A lost lease uses no attempt and is recorded in worker_issues.';
