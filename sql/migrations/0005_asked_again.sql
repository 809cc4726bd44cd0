-- A request may join work that a run is just doing, and that has read its facts before: it is then done once more.

ALTER TABLE work ADD COLUMN asked_again boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN work.asked_again IS 'A request for something newer came while a run was at it; to be enqueued again when that ends.';

CREATE OR REPLACE FUNCTION open_work_of(request work_request) RETURNS uuid LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
-- The open row that a request joins, made more urgent, and forced, if the request is; NULL where there is none.
-- A row that another transaction is just finishing is waited for: it does not know what this request is about.
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
