-- The work ledger: enqueue, claim and finish work; sweeps; and an operator's acts on open and dead work.

-- name: enqueue_work
SELECT place, enqueued_id, answer FROM enqueue_work(CAST(:requests AS jsonb)) ORDER BY place

-- name: request_artist_discovery
SELECT enqueued_id, answer, subject
FROM request_artist_discovery(:requested, :origin, :force, :correlation_id, make_interval(secs => :fresh_seconds))

-- name: claim_work
SELECT * FROM claim_work(:stage, :run_id, :limit, :lease_seconds, :max_attempts, CAST(:work_ids AS uuid[]))

-- name: renew_leases
-- Rows that a transaction of this process is finishing are locked. They are skipped and still count as held.
WITH ours AS (
    SELECT work.work_id, lease_token FROM work
    JOIN unnest(CAST(:work_ids AS uuid[]), CAST(:lease_tokens AS uuid[])) AS held (work_id, token)
      ON work.work_id = held.work_id AND work.lease_token = held.token
), renewable AS (
    SELECT work_id FROM work WHERE (work_id, lease_token) IN (SELECT work_id, lease_token FROM ours)
    FOR UPDATE SKIP LOCKED
), renewed AS (
    UPDATE work SET lease_until = now() + make_interval(secs => :lease_seconds)
    WHERE work_id IN (SELECT work_id FROM renewable)
)
SELECT work_id FROM ours

-- name: give_back_work
UPDATE work SET lease_token = NULL, lease_until = NULL, lease_run_id = NULL
FROM unnest(CAST(:work_ids AS uuid[]), CAST(:lease_tokens AS uuid[])) AS held (work_id, token)
WHERE work.work_id = held.work_id AND work.lease_token = held.token

-- name: leased_work
SELECT force, payload, max_attempts, waiting_since, clock_timestamp() AS looked_at
FROM work WHERE work_id = :work_id AND lease_token = :lease_token
FOR UPDATE

-- name: finish_work
WITH finished AS (
    DELETE FROM work WHERE work_id = :work_id AND lease_token = :lease_token RETURNING *
), archived AS (
    INSERT INTO work_archive (work_id, stage, subject, partition_key, payload, origin, priority, force, correlation_id,
                              idempotency_key, cutoff, attempts, enqueued_at, outcome, result, run_id)
    SELECT work_id, stage, subject, partition_key, payload, origin, priority, force, correlation_id,
           idempotency_key, cutoff, attempts, enqueued_at, 'succeeded', CAST(:result AS jsonb), :run_id
    FROM finished
)
SELECT * FROM finished

-- name: reschedule_work
UPDATE work SET lease_token = NULL, lease_until = NULL, lease_run_id = NULL, attempts = :attempts,
                available_at = :available_at, payload = CAST(:payload AS jsonb), last_error = :error,
                waiting_provider = :waiting_provider, waiting_since = :waiting_since
WHERE work_id = :work_id

-- name: bury_leased_work
WITH buried AS (
    DELETE FROM work WHERE work_id = :work_id AND lease_token = :lease_token RETURNING *
)
INSERT INTO dead_work (work_id, stage, subject, partition_key, payload, origin, priority, force, correlation_id,
                       idempotency_key, cutoff, attempts, enqueued_at, stop_reason, error, provider, run_id)
SELECT work_id, stage, subject, partition_key, payload, origin, priority, force, correlation_id,
       idempotency_key, cutoff, :attempts, enqueued_at, :stop_reason, :error, :provider, :run_id
FROM buried
RETURNING work_id

-- name: record_issue
INSERT INTO worker_issues (work_id, stage, subject, provider, error, attempt, run_id, correlation_id)
VALUES (:work_id, :stage, :subject, :provider, :error, :attempt, :run_id, :correlation_id)

-- name: record_batch
INSERT INTO queue_metrics (stage, run_id, claimed, succeeded, failed, retried, buried, seconds)
VALUES (:stage, :run_id, :claimed, :succeeded, :failed, :retried, :buried, :seconds)

-- name: due_work
-- Counts up to :at_most rows of a stage, because every tick counts and a million rows may be due.
-- The order makes Postgres use the index. Without it, Postgres may scan the table.
SELECT stages.stage, (
    SELECT count(*) FROM (
        SELECT FROM generate_series(0, 9) AS urgency (priority)
        CROSS JOIN LATERAL (
            SELECT FROM work
            WHERE work.stage = stages.stage AND work.priority = urgency.priority AND available_at <= now()
              AND (lease_until IS NULL OR lease_until <= now())
            ORDER BY available_at
            LIMIT :at_most
        ) AS due
        LIMIT :at_most
    ) AS counted
) AS due
FROM unnest(CAST(:stages AS text[])) AS stages (stage)

-- name: oldest_due_work
-- Work with an expired lease has been due since the lease ended. Such rows are read one by one up to the first free row.
-- Later rows cannot be older than that one.
SELECT now() - min(least(free.available_at, lapsed.due_since)) AS overdue
FROM generate_series(0, 9) AS urgency (priority)
LEFT JOIN LATERAL (
    SELECT available_at FROM work
    WHERE stage = :stage AND work.priority = urgency.priority AND available_at <= now() AND lease_until IS NULL
    ORDER BY available_at LIMIT 1
) AS free ON true
CROSS JOIN LATERAL (
    SELECT min(greatest(available_at, lease_until)) AS due_since
    FROM (
        SELECT available_at, lease_until FROM work
        WHERE stage = :stage AND work.priority = urgency.priority AND available_at < least(free.available_at, now())
        ORDER BY available_at LIMIT 10000
    ) AS front
    WHERE lease_until <= now()
) AS lapsed

-- name: begin_sweep
INSERT INTO sweeps (kind, run_id) VALUES (:kind, :run_id)
ON CONFLICT (kind) DO UPDATE SET run_id = :run_id, started_at = now(), heartbeat_at = now(), ended_at = NULL
WHERE sweeps.ended_at IS NOT NULL OR sweeps.run_id = :run_id
   OR sweeps.heartbeat_at < now() - make_interval(secs => :young_seconds)
RETURNING kind

-- name: sweep_heartbeat
UPDATE sweeps SET heartbeat_at = now() WHERE kind = :kind AND run_id = :run_id AND ended_at IS NULL RETURNING kind

-- name: end_sweep
UPDATE sweeps SET ended_at = now() WHERE kind = :kind AND run_id = :run_id AND ended_at IS NULL

-- name: abandoned_sweep
SELECT kind, run_id, started_at, heartbeat_at FROM sweeps
WHERE kind = :kind AND ended_at IS NULL AND heartbeat_at < now() - make_interval(secs => :young_seconds)

-- name: results_of_run
SELECT result FROM work_archive
WHERE finished_at >= :since AND stage = :stage AND run_id = :run_id
ORDER BY finished_at, work_id

-- name: sweeps_in_progress
SELECT kind, run_id, started_at, heartbeat_at FROM sweeps
WHERE ended_at IS NULL AND heartbeat_at >= now() - make_interval(secs => :young_seconds) ORDER BY kind

-- name: prune_work_archive
DELETE FROM work_archive WHERE work_id IN (
    SELECT work_id FROM work_archive WHERE finished_at < now() - make_interval(days => :days)
    ORDER BY finished_at LIMIT 10000
)

-- name: prune_worker_issues
DELETE FROM worker_issues WHERE issue_id IN (
    SELECT issue_id FROM worker_issues WHERE at < now() - make_interval(days => :days) ORDER BY at LIMIT 10000
)

-- name: prune_queue_metrics
DELETE FROM queue_metrics WHERE metric_id IN (
    SELECT metric_id FROM queue_metrics WHERE at < now() - make_interval(days => :days) ORDER BY at LIMIT 10000
)

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
-- The item keeps its id and starts again without attempts. If the subject has an open row, that row serves instead.
INSERT INTO work (work_id, stage, subject, partition_key, payload, origin, priority, force, correlation_id,
                  idempotency_key, cutoff)
SELECT :work_id, :stage, :subject, :partition_key, CAST(:payload AS jsonb), :origin, 2, :force, :correlation_id,
       CASE WHEN EXISTS (SELECT FROM work_archive WHERE stage = :stage AND idempotency_key = :idempotency_key)
            THEN CAST(:idempotency_key AS text) || ':' || CAST(:work_id AS text) ELSE :idempotency_key END,
       :cutoff
ON CONFLICT DO NOTHING
RETURNING work_id
