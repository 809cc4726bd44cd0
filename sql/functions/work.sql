-- Enqueuing work: what a request becomes, and which open or finished item answers it instead.

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
-- In the order of their subjects, so that two such calls cannot deadlock.
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
COMMENT ON FUNCTION enqueue_work IS 'Enqueue a JSON array of work_request objects. Answers created, already_enqueued or already_done for each, with the id of the item.';
