-- Whether a provider may be called: blocks, and one circuit breaker for all processes.

CREATE OR REPLACE FUNCTION provider_state(
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
COMMENT ON FUNCTION provider_state IS 'Whether the provider may be called now: its longest block, and its breaker.';

CREATE OR REPLACE FUNCTION breaker_admit(of_provider text, lease double precision, OUT admitted boolean, OUT probe uuid, OUT until timestamptz)
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
COMMENT ON FUNCTION breaker_admit IS 'Whether a call may be made. An open breaker past its time admits one probe at a time, for lease seconds.';

CREATE OR REPLACE FUNCTION breaker_record(
    of_provider text, verdict text, request_digest text, of_probe uuid,
    failures_to_open integer, open_seconds double precision, successes_to_close integer
) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    b provider_breakers;
BEGIN
    INSERT INTO provider_breakers (provider, state) VALUES (of_provider, 'closed') ON CONFLICT DO NOTHING;
    SELECT * INTO b FROM provider_breakers p WHERE p.provider = of_provider FOR UPDATE;
    IF b.state <> 'closed' AND (of_probe IS NULL OR b.probe IS DISTINCT FROM of_probe) THEN
        RETURN b.state;  -- the call began before the breaker opened, so its result says nothing about now
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
COMMENT ON FUNCTION breaker_record IS 'Count the result of a call and return the breaker''s state. verdict: success, failure, or neutral, which only ends a probe.';
