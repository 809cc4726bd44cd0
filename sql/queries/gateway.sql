-- The statements of the gateway: permits, blocks, breakers, the cache, capabilities, call counts, credentials.

-- name: reserve_permits
-- The places of answered requests are freed first: the permits depend on what that answers.
SELECT permits.*, state.*
FROM (
    SELECT CASE WHEN cardinality(CAST(:released AS bigint[])) = 0 THEN 0
                ELSE coalesce(length(CAST(free_places(:bucket, :released, :answered) AS text)), 0) * 0 END AS freed
    OFFSET 0
) AS places
CROSS JOIN LATERAL reserve_permits(
         :buckets, :intervals, :windows, :scopes, :ring, :hold, :horizon, :widest, places.freed + CAST(:wanted AS integer),
         :asker, :class, :day_bucket, :day, :day_allowed, :day_step
     ) AS permits
CROSS JOIN LATERAL provider_state(:provider, :scopes) AS state

-- name: free_places
SELECT free_places(:bucket, :released, :answered)

-- name: return_permit
SELECT return_permit(:buckets, :intervals, :slot)

-- name: return_day_call
SELECT spend_day(:bucket, :day, :slot, -1)

-- name: leave_line
-- Killed processes leave their rows behind. Such rows stop counting after some seconds.
DELETE FROM quota_lines
WHERE bucket = :bucket AND (holder = :asker OR asked_at < extract(epoch FROM clock_timestamp()) - 3600)

-- name: day_use
SELECT day_calls(:bucket, :day, now.seconds) AS calls,
       to_timestamp(day_free_at(:bucket, :day, now.seconds, CAST(:needed AS bigint))) AS free_at
FROM (SELECT CAST(extract(epoch FROM clock_timestamp()) AS float8) AS seconds) AS now

-- name: provider_state
SELECT CAST(extract(epoch FROM clock_timestamp()) AS float8) AS database_now, state.*
FROM provider_state(:provider, :scopes) AS state

-- name: breaker_admit
SELECT admitted, probe, until FROM breaker_admit(:provider, :lease)

-- name: breaker_record
-- Every process hears of it: what it knows of the provider is out of date.
SELECT recorded.state, pg_notify('provider_changed', :provider)
FROM (SELECT breaker_record(
    :provider, :verdict, :request_digest, CAST(:probe AS uuid), :failures_to_open, :open_seconds, :successes_to_close
) AS state) AS recorded

-- name: record_block
-- Every process hears of it.
WITH recorded AS (
    INSERT INTO provider_blocks (scope, kind, provider, until, reason)
    VALUES (:scope, :kind, :provider, :until, :reason)
    ON CONFLICT (scope, kind) DO UPDATE
        SET until = excluded.until, reason = excluded.reason, created_at = now()
        WHERE provider_blocks.until < excluded.until
)
SELECT pg_notify('provider_changed', :provider)

-- name: cached_answers
SELECT provider, account, digest, endpoint, request, body, etag, last_modified, fetched_at
FROM cached_answers
JOIN unnest(
    CAST(:providers AS text[]), CAST(:accounts AS text[]), CAST(:digests AS bytea[])
) AS asked (provider, account, digest) USING (provider, account, digest)

-- name: store_answers
INSERT INTO cached_answers (provider, account, digest, endpoint, request, body, etag, last_modified, fetched_at)
SELECT provider, account, decode(digest, 'hex'), endpoint, request, body, etag, last_modified, fetched_at
FROM json_to_recordset(CAST(:answers AS json)) AS fresh (
    provider text, account text, digest text, endpoint text, request text, body text, etag text, last_modified text,
    fetched_at timestamptz
)
ORDER BY provider, account, digest
ON CONFLICT (provider, account, digest) DO UPDATE
    SET body = excluded.body, etag = excluded.etag, last_modified = excluded.last_modified, fetched_at = excluded.fetched_at
    WHERE cached_answers.fetched_at < excluded.fetched_at

-- name: purge_answers
DELETE FROM cached_answers WHERE fetched_at < :before

-- name: capabilities
SELECT provider, account, capability, value, reason
FROM provider_capabilities
WHERE learnt_at > now() - make_interval(secs => :lifetime)

-- name: learn_capability
INSERT INTO provider_capabilities (provider, account, capability, value, reason)
VALUES (:provider, :account, :capability, :value, :reason)
ON CONFLICT (provider, account, capability) DO UPDATE
    SET value = excluded.value, reason = excluded.reason, learnt_at = now()

-- name: forget_capabilities
DELETE FROM provider_capabilities WHERE provider = :provider

-- name: count_calls
INSERT INTO provider_calls AS total (provider, endpoint, account, outcome, day, calls, seconds, latency_buckets)
SELECT provider, endpoint, account, outcome, CAST(now() AT TIME ZONE 'UTC' AS date), calls, seconds, latency_buckets
FROM json_to_recordset(CAST(:counted AS json)) AS counted (
    provider text, endpoint text, account text, outcome text, calls bigint, seconds float8, latency_buckets bigint[]
)
ORDER BY provider, endpoint, account, outcome  -- in one order for all processes, which therefore do not block each other
ON CONFLICT (provider, endpoint, account, outcome, day) DO UPDATE
    SET calls = total.calls + excluded.calls,
        seconds = total.seconds + excluded.seconds,
        latency_buckets = ARRAY(
            SELECT before + more
            FROM unnest(total.latency_buckets, excluded.latency_buckets) WITH ORDINALITY AS both_counts (before, more, place)
            ORDER BY place
        )

-- name: credential
SELECT secret FROM credentials WHERE name = :name

-- name: credentials
SELECT name, secret, stored_at FROM credentials ORDER BY name FOR UPDATE

-- name: credential_names
SELECT name, stored_at FROM credentials ORDER BY name

-- name: store_credential
INSERT INTO credentials (name, secret) VALUES (:name, :secret)
ON CONFLICT (name) DO UPDATE SET secret = excluded.secret, stored_at = now()

-- name: remove_credential
DELETE FROM credentials WHERE name = :name

-- name: replace_credential
UPDATE credentials SET secret = :secret WHERE name = :name
