-- The work ledger: open work, finished work, dead letters, errors and sweeps.
--
-- An item of work is in exactly one of work, work_archive and dead_work, under the same work_id.

CREATE TABLE work (
    work_id          uuid PRIMARY KEY DEFAULT ordered_id(),
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
    asked_again      boolean NOT NULL DEFAULT false,
    CHECK ((lease_token IS NULL) = (lease_until IS NULL) AND (lease_token IS NULL) = (lease_run_id IS NULL)),
    CHECK ((waiting_provider IS NULL) = (waiting_since IS NULL))
-- Each page keeps room for a second, longer version of its rows, because rows that lie together are leased together.
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02, fillfactor = 40);
CREATE UNIQUE INDEX work_subject ON work (stage, subject);
CREATE UNIQUE INDEX work_idempotency ON work (stage, idempotency_key);
-- No index holds a column of the lease, so claiming, renewing and releasing touch one page.
CREATE INDEX work_claimable ON work (stage, priority, available_at);
CREATE INDEX work_partition ON work (partition_key) WHERE partition_key IS NOT NULL;
CREATE INDEX work_waiting ON work (stage, waiting_provider, available_at) WHERE waiting_provider IS NOT NULL;
COMMENT ON TABLE work IS 'The queue: one row for each open item of work.';
COMMENT ON COLUMN work.stage IS 'The step of the pipeline: artist_discovery, album_discovery, track_discovery, producer_identification, enrichment, social_enrichment.';
COMMENT ON COLUMN work.subject IS 'What the item is about: a requested name, a Spotify id, or our uuid of an artist or a producer. A stage has at most one open item for each subject.';
COMMENT ON COLUMN work.partition_key IS 'The artist''s key, as soon as the artist is identified.';
COMMENT ON COLUMN work.payload IS 'The input of the stage as JSON, in the form of its payload model.';
COMMENT ON COLUMN work.origin IS 'Who asked: a person (manual), the watchlist, or a batch.';
COMMENT ON COLUMN work.priority IS 'From 0, which runs first, to 9.';
COMMENT ON COLUMN work.force IS 'Fetch everything again, however fresh our data is.';
COMMENT ON COLUMN work.correlation_id IS 'The request that led to this item. Items that follow from it inherit the id.';
COMMENT ON COLUMN work.idempotency_key IS 'Two requests with the same key count as one, even after the first is done.';
COMMENT ON COLUMN work.cutoff IS 'When the whole chain was requested. Lists fetched later count as fresh. Items that follow inherit the time.';
COMMENT ON COLUMN work.attempts IS 'How many attempts have failed.';
COMMENT ON COLUMN work.max_attempts IS 'The stage''s limit of attempts at the last claim. NULL before the first claim.';
COMMENT ON COLUMN work.available_at IS 'No run claims the item earlier. When a lease expires, this becomes the end of the lease, so that other work goes first.';
COMMENT ON COLUMN work.lease_token IS 'The proof of holding the item: only the run with this token may finish it.';
COMMENT ON COLUMN work.lease_until IS 'When the lease ends. The run lease_run_id renews it while it works. No index may hold this column.';
COMMENT ON COLUMN work.lease_run_id IS 'The run that holds the item.';
COMMENT ON COLUMN work.last_error IS 'The error of the last attempt.';
COMMENT ON COLUMN work.waiting_provider IS 'The provider whose quota, block or breaker the item waits for.';
COMMENT ON COLUMN work.waiting_since IS 'When the item began to wait for providers without progress. A call that goes out ends the wait.';
COMMENT ON COLUMN work.asked_again IS 'A newer request arrived while a run held the item. The item is enqueued again when that run ends.';
COMMENT ON INDEX work_claimable IS 'The order of claims. Leased rows, one batch for each run, lie at its front and are skipped.';

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
CREATE UNIQUE INDEX work_archive_idempotency ON work_archive (stage, idempotency_key);
CREATE INDEX work_archive_subject ON work_archive (stage, subject, finished_at);
CREATE INDEX work_archive_finished ON work_archive (finished_at);
COMMENT ON TABLE work_archive IS 'Finished work, kept for ARCHIVE_RETENTION_DAYS. It answers a repeated request with already_done. The columns it shares with work mean the same.';
COMMENT ON COLUMN work_archive.attempts IS 'The attempts that failed before the one that succeeded.';
COMMENT ON COLUMN work_archive.result IS 'The report of the stage as JSON: rows, changes, sources.';
COMMENT ON COLUMN work_archive.run_id IS 'The run that finished the item.';

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
CREATE INDEX ON dead_work (stage, subject);
CREATE INDEX ON dead_work (buried_at);
COMMENT ON TABLE dead_work IS 'The dead letters: work that was given up, with the reason. The catalogue keeps its last good state of the subject. A person may requeue or purge the item. The columns it shares with work mean the same.';
COMMENT ON COLUMN dead_work.stop_reason IS 'Why the item was given up.';
COMMENT ON COLUMN dead_work.error IS 'The last error, or the reason given for cancelling the item.';
COMMENT ON COLUMN dead_work.provider IS 'The provider that the error came from.';
COMMENT ON COLUMN dead_work.run_id IS 'The run that gave the item up.';

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
CREATE INDEX ON worker_issues (at);
CREATE INDEX ON worker_issues (work_id);
COMMENT ON TABLE worker_issues IS 'Every error that an item of work met, including those that a later attempt overcame.';
COMMENT ON COLUMN worker_issues.provider IS 'The provider that the error came from.';
COMMENT ON COLUMN worker_issues.attempt IS 'The number of the attempt, from 1.';

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
CREATE INDEX ON queue_metrics (at);
COMMENT ON TABLE queue_metrics IS 'One row for each batch of work that a run finished.';
COMMENT ON COLUMN queue_metrics.claimed IS 'How many items the run took.';
COMMENT ON COLUMN queue_metrics.retried IS 'How many of the failed items will be tried again.';
COMMENT ON COLUMN queue_metrics.buried IS 'How many of the failed items went to dead_work.';
COMMENT ON COLUMN queue_metrics.seconds IS 'How long the batch took.';

CREATE TABLE sweeps (
    kind         text PRIMARY KEY,
    run_id       text NOT NULL,
    started_at   timestamptz NOT NULL DEFAULT now(),
    heartbeat_at timestamptz NOT NULL DEFAULT now(),
    ended_at     timestamptz
);
COMMENT ON TABLE sweeps IS 'The last sweep of each kind. A sweep is in progress while it has not ended and its heartbeat is recent.';
COMMENT ON COLUMN sweeps.kind IS 'What the sweep works on: a stage, or a task of its own.';
COMMENT ON COLUMN sweeps.heartbeat_at IS 'The last sign of life. When it is too old, the sweep is abandoned and another may begin.';

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
COMMENT ON TYPE work_request IS 'One request, as enqueue_work takes it. fresh_for: a success within this time makes the request needless.';
