-- What the gateway knows about the providers: quotas, blocks, breakers, cached answers, capabilities, call counts,
-- credentials. Quotas store times as seconds since 1970 in double precision, to add them up and to compare them to a
-- microsecond.

CREATE UNLOGGED TABLE quota_buckets (
    bucket      text PRIMARY KEY,
    next_slot   double precision NOT NULL,
    sequence    bigint NOT NULL DEFAULT 0,
    free_at     double precision[] NOT NULL DEFAULT '{}',
    class_slots double precision[] NOT NULL DEFAULT '{}'
);
COMMENT ON TABLE quota_buckets IS 'The rate limits: when the next call of each bucket may be sent. A crash empties the table. A lost bucket counts as a window that was just spent; see quota_bucket_names.';
COMMENT ON COLUMN quota_buckets.bucket IS 'The provider, and the account or address that the limit belongs to.';
COMMENT ON COLUMN quota_buckets.next_slot IS 'The earliest time of the next permit (GCRA with a burst of one).';
COMMENT ON COLUMN quota_buckets.sequence IS 'How many permits were given. Modulo the length of free_at, it is the place of the next permit.';
COMMENT ON COLUMN quota_buckets.free_at IS 'One entry for each request that a window allows: when its place is free again. Empty where the pace alone keeps the limit; short windows need it.';
COMMENT ON COLUMN quota_buckets.class_slots IS 'When the last permit of each class of calls is due. The index is the class plus one.';

CREATE TABLE quota_bucket_names (
    bucket        text PRIMARY KEY,
    first_used_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE quota_bucket_names IS 'Every bucket ever used. A bucket that is here but not in quota_buckets was lost in a crash.';

CREATE TABLE quota_day_slices (
    bucket   text NOT NULL,
    began_at double precision NOT NULL,
    calls    integer NOT NULL,
    PRIMARY KEY (bucket, began_at)
);
COMMENT ON TABLE quota_day_slices IS 'The permits of buckets with a limit over a rolling day, counted in slices of a 288th of the day (five minutes).';
COMMENT ON COLUMN quota_day_slices.began_at IS 'When the slice began, in seconds since 1970. Its permits count until a day and a slice after its end.';
COMMENT ON COLUMN quota_day_slices.calls IS 'How many permits fell due in the slice.';

CREATE UNLOGGED TABLE quota_lines (
    bucket    text NOT NULL,
    holder    text NOT NULL,
    class     smallint NOT NULL,
    asked_at  double precision NOT NULL,
    last_slot double precision NOT NULL,
    waits     boolean NOT NULL,
    PRIMARY KEY (bucket, holder, class)
);
COMMENT ON TABLE quota_lines IS 'The processes that ask for permits. Of those that wait in a class, the one served longest ago is first.';
COMMENT ON COLUMN quota_lines.holder IS 'The process that asks.';
COMMENT ON COLUMN quota_lines.class IS 'The class of its calls, from 0, the most urgent.';
COMMENT ON COLUMN quota_lines.asked_at IS 'When it last asked, in seconds since 1970.';
COMMENT ON COLUMN quota_lines.last_slot IS 'When its last permit is due, in seconds since 1970.';
COMMENT ON COLUMN quota_lines.waits IS 'Whether it got fewer permits than it wanted.';

CREATE TABLE provider_blocks (
    scope      text NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('retry_after', 'quota_exceeded', 'credentials_refused')),
    provider   text NOT NULL,
    until      timestamptz NOT NULL,
    reason     text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (scope, kind)
);
COMMENT ON TABLE provider_blocks IS 'Times during which no process calls a provider. It asked for a pause, or it refused the credentials.';
COMMENT ON COLUMN provider_blocks.scope IS 'Who may not call: one account at the provider, or everyone.';

CREATE TABLE provider_breakers (
    provider         text PRIMARY KEY,
    state            text NOT NULL CHECK (state IN ('closed', 'open', 'half_open')),
    failures         integer NOT NULL DEFAULT 0,
    failing_requests text[] NOT NULL DEFAULT '{}',
    successes        integer NOT NULL DEFAULT 0,
    open_until       timestamptz,
    probe            uuid,
    probe_until      timestamptz,
    changed_at       timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE provider_breakers IS 'One circuit breaker for each provider, shared by all processes.';
COMMENT ON COLUMN provider_breakers.state IS 'closed: calls go out; open: none do; half_open: probes test whether the provider is back.';
COMMENT ON COLUMN provider_breakers.failures IS 'Failures in a row.';
COMMENT ON COLUMN provider_breakers.failing_requests IS 'Digests of up to two different requests among these failures: one bad request is not an outage.';
COMMENT ON COLUMN provider_breakers.successes IS 'Successful probes since the breaker opened.';
COMMENT ON COLUMN provider_breakers.probe IS 'The one call that tests whether the provider is back. It expires at probe_until, because its process may die.';
COMMENT ON COLUMN provider_breakers.changed_at IS 'When the state last changed.';

CREATE TABLE cached_answers (
    provider      text NOT NULL,
    account       text NOT NULL,
    digest        bytea NOT NULL,
    endpoint      text NOT NULL,
    request       text NOT NULL,
    body          text,
    etag          text,
    last_modified text,
    fetched_at    timestamptz NOT NULL,
    PRIMARY KEY (provider, account, digest)
);
CREATE INDEX ON cached_answers (fetched_at);
COMMENT ON TABLE cached_answers IS 'The cache of the providers'' answers. It holds no request headers and no credentials.';
COMMENT ON COLUMN cached_answers.account IS 'The account that asked, where the answer depends on it.';
COMMENT ON COLUMN cached_answers.digest IS 'The SHA-256 of request. A request may be too long for an index.';
COMMENT ON COLUMN cached_answers.request IS 'The request''s path and parameters.';
COMMENT ON COLUMN cached_answers.body IS 'The JSON as it arrived. NULL: the provider said that there is no such thing.';
COMMENT ON COLUMN cached_answers.etag IS 'The answer''s ETag. It is sent back to ask whether the answer has changed.';
COMMENT ON COLUMN cached_answers.last_modified IS 'The answer''s Last-Modified. It is sent back for the same purpose.';
COMMENT ON COLUMN cached_answers.fetched_at IS 'When the request was sent, by this database''s clock.';

CREATE TABLE provider_capabilities (
    provider   text NOT NULL,
    account    text NOT NULL,
    capability text NOT NULL,
    value      text NOT NULL,
    reason     text NOT NULL,
    learnt_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (provider, account, capability)
);
COMMENT ON TABLE provider_capabilities IS 'What an account may do at a provider, as the provider''s answers showed.';
COMMENT ON COLUMN provider_capabilities.capability IS '"endpoint:<name>" or "page_size".';
COMMENT ON COLUMN provider_capabilities.value IS '"gone" for an endpoint that the account may not use, a number for a page size.';
COMMENT ON COLUMN provider_capabilities.reason IS 'The provider''s answer that showed it.';

CREATE TABLE provider_calls (
    provider        text NOT NULL,
    endpoint        text NOT NULL,
    account         text NOT NULL,
    outcome         text NOT NULL,
    day             date NOT NULL,
    calls           bigint NOT NULL,
    seconds         double precision NOT NULL,
    latency_buckets bigint[] NOT NULL,
    PRIMARY KEY (provider, endpoint, account, outcome, day)
);
COMMENT ON TABLE provider_calls IS 'How many calls were made each day, how they ended and how long they took.';
COMMENT ON COLUMN provider_calls.outcome IS 'How the calls ended. cache_hit and cache_miss count look-ups in the cache. They have no latency.';
COMMENT ON COLUMN provider_calls.day IS 'The day in UTC.';
COMMENT ON COLUMN provider_calls.seconds IS 'The total time of these calls.';
COMMENT ON COLUMN provider_calls.latency_buckets IS 'How many calls took up to 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10 s, and longer; see provider_latency.';

CREATE TABLE credentials (
    name      text PRIMARY KEY,
    secret    bytea NOT NULL,
    stored_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE credentials IS 'Stored API keys, encrypted with a key that is not in this database.';
COMMENT ON COLUMN credentials.name IS 'The environment variable that the secret stands for.';
COMMENT ON COLUMN credentials.secret IS 'The encrypted key.';
