-- name: work_by_stage
SELECT stage, count(*) AS open, count(*) FILTER (WHERE claimable_at <= now()) AS due,
       count(*) FILTER (WHERE lease_until > now()) AS leased,
       min(claimable_at) FILTER (WHERE claimable_at <= now()) AS oldest_due
FROM (SELECT stage, lease_until, greatest(available_at, lease_until) AS claimable_at FROM work) AS open_work
GROUP BY stage

-- name: dead_by_stage
SELECT stage, count(*) AS dead FROM dead_work GROUP BY stage

-- name: waiting_work
SELECT stage, waiting_provider AS provider, count(*) AS items, min(available_at) AS until, min(waiting_since) AS since
FROM work WHERE waiting_provider IS NOT NULL AND (available_at > now() OR lease_until > now())
GROUP BY stage, waiting_provider ORDER BY stage, waiting_provider

-- name: open_work
SELECT work_id, stage, subject, partition_key, payload, origin, priority, force, attempts, available_at, lease_until,
       lease_run_id, last_error, waiting_provider, waiting_since, enqueued_at, greatest(available_at, lease_until) AS claimable_at
FROM work
WHERE (CAST(:work_ids AS uuid[]) IS NULL OR work_id = ANY(CAST(:work_ids AS uuid[])))
  AND (CAST(:stage AS text) IS NULL OR stage = :stage)
  AND (CAST(:artist AS text) IS NULL OR partition_key = :artist OR subject = :artist)
ORDER BY stage, priority, available_at LIMIT :limit

-- name: cancel_work
WITH cancelled AS (
    DELETE FROM work
    WHERE (CAST(:work_ids AS uuid[]) IS NULL OR work_id = ANY(CAST(:work_ids AS uuid[])))
      AND (CAST(:stage AS text) IS NULL OR stage = :stage)
      AND (CAST(:artist AS text) IS NULL OR partition_key = :artist OR subject = :artist)
    RETURNING *
)
INSERT INTO dead_work (work_id, stage, subject, partition_key, payload, origin, priority, force, correlation_id,
                       idempotency_key, cutoff, attempts, enqueued_at, stop_reason, error, run_id)
SELECT work_id, stage, subject, partition_key, payload, origin, priority, force, correlation_id,
       idempotency_key, cutoff, attempts, enqueued_at, 'cancelled', :why, lease_run_id
FROM cancelled
RETURNING work_id, stage, subject, partition_key, attempts, stop_reason, error, provider, run_id, buried_at, enqueued_at,
          correlation_id

-- name: list_dead_work
SELECT work_id, stage, subject, partition_key, attempts, stop_reason, error, provider, run_id, buried_at, enqueued_at,
       correlation_id
FROM dead_work
WHERE (CAST(:work_ids AS uuid[]) IS NULL OR work_id = ANY(CAST(:work_ids AS uuid[])))
  AND (CAST(:stage AS text) IS NULL OR stage = :stage)
  AND (CAST(:artist AS text) IS NULL OR partition_key = :artist OR subject = :artist)
  AND (CAST(:stop_reason AS text) IS NULL OR stop_reason = :stop_reason)
ORDER BY buried_at DESC, work_id LIMIT :limit

-- name: take_dead_work
DELETE FROM dead_work
WHERE (CAST(:work_ids AS uuid[]) IS NULL OR work_id = ANY(CAST(:work_ids AS uuid[])))
  AND (CAST(:stage AS text) IS NULL OR stage = :stage)
  AND (CAST(:artist AS text) IS NULL OR partition_key = :artist OR subject = :artist)
  AND (CAST(:stop_reason AS text) IS NULL OR stop_reason = :stop_reason)
RETURNING *

-- name: reopen_work
-- Under its old id, with its attempts forgotten. An open row for the same subject takes its place.
INSERT INTO work (work_id, stage, subject, partition_key, payload, origin, priority, force, correlation_id,
                  idempotency_key, cutoff)
SELECT :work_id, :stage, :subject, :partition_key, CAST(:payload AS jsonb), :origin, 2, :force, :correlation_id,
       CASE WHEN EXISTS (SELECT FROM work_archive WHERE stage = :stage AND idempotency_key = :idempotency_key)
            THEN CAST(:idempotency_key AS text) || ':' || CAST(:work_id AS text) ELSE :idempotency_key END,
       :cutoff
ON CONFLICT DO NOTHING
RETURNING work_id
