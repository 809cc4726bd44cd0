-- The outside: quotas, blocks, breakers, cached answers, what an app may do, an account of the calls, credentials.
-- Times of quotas are seconds since 1970 as double precision: they are added up, and compared to a microsecond.

CREATE UNLOGGED TABLE quota_buckets (
    bucket    text PRIMARY KEY,
    next_slot double precision NOT NULL,
    sequence  bigint NOT NULL DEFAULT 0,
    free_at   double precision[] NOT NULL DEFAULT '{}'
);
COMMENT ON TABLE quota_buckets IS 'What may be sent when. Lost in a crash, which then counts as a window just spent; see quota_bucket_names.';
COMMENT ON COLUMN quota_buckets.next_slot IS 'The earliest time of the next permit (GCRA with a burst of one).';
COMMENT ON COLUMN quota_buckets.sequence IS 'How many permits were given; modulo the length of free_at, the place of the next.';
COMMENT ON COLUMN quota_buckets.free_at IS
    'Where a window is so short that the pace alone would not keep to it: for each request that a window allows, when its place is free again.';

CREATE TABLE quota_bucket_names (
    bucket        text PRIMARY KEY,
    first_used_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE quota_bucket_names IS 'Buckets that were used before: one that is here, and not in quota_buckets, was lost in a crash.';

CREATE TABLE quota_daily_use (
    bucket text NOT NULL,
    hour   timestamptz NOT NULL,
    calls  integer NOT NULL CHECK (calls > 0),
    PRIMARY KEY (bucket, hour)
);
COMMENT ON TABLE quota_daily_use IS 'Permits by the hour, of buckets with a limit over a rolling day.';

CREATE TABLE provider_blocks (
    scope      text NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('retry_after', 'quota_exceeded', 'credentials_refused')),
    provider   text NOT NULL,
    until      timestamptz NOT NULL,
    reason     text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (scope, kind)
);
COMMENT ON TABLE provider_blocks IS 'Times during which nobody calls: what the provider asked for, or credentials that it refused.';
COMMENT ON COLUMN provider_blocks.scope IS 'Whom it concerns: an account at the provider, or everyone who calls it.';

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
COMMENT ON TABLE provider_breakers IS 'One circuit breaker for each provider, for all processes.';
COMMENT ON COLUMN provider_breakers.failing_requests IS 'Digests of up to two different requests among the failures in a row: one bad request is no outage.';
COMMENT ON COLUMN provider_breakers.probe IS 'The one call that may find out whether the provider is back; its process may die, so it has an end.';

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
COMMENT ON TABLE cached_answers IS 'The cache. No headers of a request and no credentials are kept.';
COMMENT ON COLUMN cached_answers.digest IS 'SHA-256 of request, which may be longer than an index takes.';
COMMENT ON COLUMN cached_answers.body IS 'The JSON as it came; NULL: the provider said that there is no such thing.';
COMMENT ON COLUMN cached_answers.fetched_at IS 'When it was asked for, by this database''s clock.';
CREATE INDEX ON cached_answers (fetched_at);

CREATE TABLE provider_capabilities (
    provider   text NOT NULL,
    account    text NOT NULL,
    capability text NOT NULL,
    value      text NOT NULL,
    reason     text NOT NULL,
    learnt_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (provider, account, capability)
);
COMMENT ON TABLE provider_capabilities IS 'What an account turned out to be able to do: "endpoint:<name>" is "gone", "page_size" a number.';

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
COMMENT ON TABLE provider_calls IS 'Account of the calls; outcomes cache_hit and cache_miss count answers from and past the cache, without latency.';
COMMENT ON COLUMN provider_calls.latency_buckets IS 'Calls of up to 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10 s, and above; see provider_latency.';

CREATE VIEW provider_latency AS
SELECT provider, endpoint, account, outcome, day,
       (ARRAY[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 'Infinity'::float8])[place] AS up_to_seconds,
       calls_in_bucket AS calls
FROM provider_calls, unnest(latency_buckets) WITH ORDINALITY AS bucket (calls_in_bucket, place);
COMMENT ON VIEW provider_latency IS 'Histogram of latencies, one row for each bucket; not cumulative.';

CREATE TABLE credentials (
    name      text PRIMARY KEY,
    secret    bytea NOT NULL,
    stored_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE credentials IS 'Secrets, encrypted with a key that is not in this database.';

-- How long, how often: see music_pipeline/providers/quotas.py, which alone calls this.
-- buckets[1] is the provider's own, and the one whose places are counted where ring > 0.
CREATE FUNCTION reserve_permits(
    buckets text[], intervals double precision[], windows double precision[], scopes text[],
    ring integer, hold double precision, horizon double precision, wanted integer,
    OUT database_now double precision, OUT slots double precision[], OUT first_sequence bigint, OUT wait double precision
) LANGUAGE plpgsql AS $$
DECLARE
    earliest  double precision;
    candidate double precision;
    nexts     double precision[];
    own       quota_buckets;
    last_slot double precision;
BEGIN
    PERFORM begin_buckets(buckets, windows);
    PERFORM 1 FROM quota_buckets b WHERE b.bucket = ANY (buckets) ORDER BY b.bucket FOR UPDATE;
    database_now := extract(epoch FROM clock_timestamp());
    SELECT array_agg(b.next_slot ORDER BY asked.place) INTO nexts
        FROM unnest(buckets) WITH ORDINALITY AS asked (bucket, place) JOIN quota_buckets b USING (bucket);
    SELECT * INTO own FROM quota_buckets b WHERE b.bucket = buckets[1];
    IF cardinality(own.free_at) <> ring THEN  -- another quota, another speed: the old places say nothing about it
        own.free_at := CASE WHEN ring = 0 THEN '{}' ELSE array_fill(database_now, ARRAY[ring]) END;
    END IF;
    SELECT greatest(database_now, max(extract(epoch FROM until))) INTO earliest
        FROM provider_blocks WHERE scope = ANY (scopes);
    slots := '{}';
    first_sequence := own.sequence;
    wait := 0;
    FOR permit IN 1..wanted LOOP
        SELECT greatest(earliest, max(next_slot)) INTO candidate FROM unnest(nexts) AS next_slot;
        IF ring > 0 THEN
            candidate := greatest(candidate, own.free_at[(own.sequence % ring) + 1]);
        END IF;
        IF candidate > database_now + horizon THEN
            wait := candidate - horizon - database_now;
            EXIT;
        END IF;
        SELECT array_agg(candidate + gap ORDER BY place) INTO nexts
            FROM unnest(intervals) WITH ORDINALITY AS asked (gap, place);
        IF ring > 0 THEN
            own.free_at[(own.sequence % ring) + 1] := candidate + hold;
        END IF;
        own.sequence := own.sequence + 1;
        slots := slots || candidate;
        last_slot := candidate;
    END LOOP;
    IF last_slot IS NOT NULL THEN
        UPDATE quota_buckets b SET next_slot = asked.next_slot
            FROM unnest(buckets, nexts) AS asked (bucket, next_slot) WHERE b.bucket = asked.bucket;
        UPDATE quota_buckets b SET sequence = own.sequence, free_at = own.free_at WHERE b.bucket = buckets[1];
    END IF;
END $$;
COMMENT ON FUNCTION reserve_permits IS
    'Up to wanted permits, not further ahead than horizon seconds, in all buckets at once; where there is none, how long to wait before asking again.';

CREATE FUNCTION begin_buckets(buckets text[], windows double precision[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT count(*) FROM quota_buckets b WHERE b.bucket = ANY (buckets)) < cardinality(buckets) THEN
        INSERT INTO quota_buckets (bucket, next_slot)
        SELECT asked.bucket,
               extract(epoch FROM clock_timestamp())
                   + CASE WHEN EXISTS (SELECT 1 FROM quota_bucket_names n WHERE n.bucket = asked.bucket) THEN asked.seconds ELSE 0 END
        FROM unnest(buckets, windows) AS asked (bucket, seconds) ORDER BY asked.bucket
        ON CONFLICT DO NOTHING;
        INSERT INTO quota_bucket_names (bucket) SELECT b FROM unnest(buckets) AS b ORDER BY b ON CONFLICT DO NOTHING;
    END IF;
END $$;

-- A request that got its answer at answered[i] leaves its place a window later. released[i] is its number in the bucket.
CREATE FUNCTION free_places(of_bucket text, released bigint[], answered double precision[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    places double precision[];
    ring   integer;
BEGIN
    SELECT free_at INTO places FROM quota_buckets WHERE bucket = of_bucket FOR UPDATE;
    ring := cardinality(places);
    IF coalesce(ring, 0) = 0 THEN
        RETURN;
    END IF;
    FOR i IN 1..cardinality(released) LOOP
        places[(released[i] % ring) + 1] := answered[i];
    END LOOP;
    UPDATE quota_buckets SET free_at = places WHERE bucket = of_bucket;
END $$;

-- Permits that were not used: the last one given can be taken back, an earlier one only expires.
CREATE FUNCTION return_permit(buckets text[], intervals double precision[], slot double precision) RETURNS void LANGUAGE sql AS $$
    UPDATE quota_buckets b SET next_slot = slot
    FROM unnest(buckets, intervals) AS asked (bucket, gap)
    WHERE b.bucket = asked.bucket AND abs(b.next_slot - (slot + asked.gap)) < 1e-5
$$;

CREATE FUNCTION spend_daily(of_bucket text, daily_limit integer, day double precision, OUT allowed boolean, OUT until timestamptz)
LANGUAGE plpgsql AS $$
DECLARE
    spent bigint;
    first_hour timestamptz;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('quota_daily_use'), hashtext(of_bucket));
    DELETE FROM quota_daily_use WHERE bucket = of_bucket AND hour < clock_timestamp() - make_interval(secs => day * 25 / 24);
    SELECT coalesce(sum(calls), 0), min(hour) INTO spent, first_hour FROM quota_daily_use WHERE bucket = of_bucket;
    allowed := spent < daily_limit;
    IF allowed THEN
        INSERT INTO quota_daily_use VALUES
            (of_bucket, to_timestamp(floor(extract(epoch FROM clock_timestamp()) / (day / 24)) * (day / 24)), 1)
        ON CONFLICT (bucket, hour) DO UPDATE SET calls = quota_daily_use.calls + 1;
    ELSE
        until := first_hour + make_interval(secs => day * 25 / 24);
    END IF;
END $$;
COMMENT ON FUNCTION spend_daily IS 'Spend one call of a rolling day (its length in seconds, counted in 24ths); until: when one comes free.';

CREATE FUNCTION provider_state(
    of_provider text, scopes text[],
    OUT blocked_until timestamptz, OUT blocked_kind text, OUT blocked_reason text,
    OUT breaker text, OUT breaker_failures integer, OUT breaker_until timestamptz
) LANGUAGE sql AS $$
    SELECT block.until, block.kind, block.reason, coalesce(b.state, 'closed'), coalesce(b.failures, 0), b.open_until
    FROM (SELECT 1) AS always
    LEFT JOIN provider_breakers b ON b.provider = of_provider
    LEFT JOIN LATERAL (
        SELECT until, kind, reason FROM provider_blocks
        WHERE scope = ANY (scopes) AND until > clock_timestamp() ORDER BY until DESC LIMIT 1
    ) AS block ON true
$$;
COMMENT ON FUNCTION provider_state IS 'Whether the provider may be called now: the block that lasts longest, and the breaker.';

CREATE FUNCTION breaker_admit(of_provider text, lease double precision, OUT admitted boolean, OUT probe uuid, OUT until timestamptz)
LANGUAGE plpgsql AS $$
DECLARE
    breaker provider_breakers;
BEGIN
    SELECT * INTO breaker FROM provider_breakers b WHERE b.provider = of_provider FOR UPDATE;
    IF NOT FOUND OR breaker.state = 'closed' THEN
        admitted := true;
    ELSIF breaker.state = 'open' AND breaker.open_until > clock_timestamp() THEN
        admitted := false;
        until := breaker.open_until;
    ELSIF breaker.probe IS NOT NULL AND breaker.probe_until > clock_timestamp() THEN
        admitted := false;
        until := breaker.probe_until;
    ELSE
        admitted := true;
        probe := gen_random_uuid();
        UPDATE provider_breakers b
            SET state = 'half_open', probe = breaker_admit.probe, probe_until = clock_timestamp() + make_interval(secs => lease),
                successes = CASE WHEN breaker.state = 'open' THEN 0 ELSE b.successes END, changed_at = now()
            WHERE b.provider = of_provider;
    END IF;
END $$;
COMMENT ON FUNCTION breaker_admit IS 'Whether a call may be made. Of an open breaker past its time: one probe at a time, for lease seconds.';

-- verdict: 'success', 'failure', or 'neutral', which only ends a probe.
CREATE FUNCTION breaker_record(
    of_provider text, verdict text, request_digest text, of_probe uuid,
    failures_to_open integer, open_seconds double precision, successes_to_close integer
) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    b provider_breakers;
BEGIN
    INSERT INTO provider_breakers (provider, state) VALUES (of_provider, 'closed') ON CONFLICT DO NOTHING;
    SELECT * INTO b FROM provider_breakers p WHERE p.provider = of_provider FOR UPDATE;
    IF b.state <> 'closed' AND (of_probe IS NULL OR b.probe IS DISTINCT FROM of_probe) THEN
        RETURN b.state;  -- an answer to a call from before it opened says nothing about now
    END IF;
    IF verdict = 'success' THEN
        b.failures := 0;
        b.failing_requests := '{}';
        b.successes := b.successes + 1;
        IF b.state = 'half_open' AND b.successes >= successes_to_close THEN
            b.state := 'closed';
        END IF;
    ELSIF verdict = 'failure' THEN
        b.failures := b.failures + 1;
        IF NOT request_digest = ANY (b.failing_requests) AND cardinality(b.failing_requests) < 2 THEN
            b.failing_requests := b.failing_requests || request_digest;
        END IF;
        IF b.state = 'half_open' OR (b.failures >= failures_to_open AND cardinality(b.failing_requests) >= 2) THEN
            b.state := 'open';
            b.open_until := clock_timestamp() + make_interval(secs => open_seconds);
        END IF;
    END IF;
    UPDATE provider_breakers p
        SET state = b.state, failures = b.failures, failing_requests = b.failing_requests, successes = b.successes,
            open_until = CASE WHEN b.state = 'open' THEN b.open_until END, probe = NULL, probe_until = NULL,
            changed_at = CASE WHEN p.state <> b.state THEN now() ELSE p.changed_at END
        WHERE p.provider = of_provider;
    RETURN b.state;
END $$;
