-- Rate limits over all processes: when a call may be made, and how many calls a rolling day has left.
-- Only the gateway calls these functions. Its quota modules say why the limits work this way.

CREATE OR REPLACE FUNCTION begin_buckets(buckets text[], windows double precision[]) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    lost boolean := false;
BEGIN
    IF (SELECT count(*) FROM quota_buckets b WHERE b.bucket = ANY (buckets)) < cardinality(buckets) THEN
        lost := EXISTS (SELECT 1 FROM quota_bucket_names n WHERE n.bucket = buckets[1])
            AND NOT EXISTS (SELECT 1 FROM quota_buckets b WHERE b.bucket = buckets[1]);
        INSERT INTO quota_buckets (bucket, next_slot)
        SELECT asked.bucket,
               extract(epoch FROM clock_timestamp())
                   + CASE WHEN EXISTS (SELECT 1 FROM quota_bucket_names n WHERE n.bucket = asked.bucket) THEN asked.seconds ELSE 0 END
        FROM unnest(buckets, windows) AS asked (bucket, seconds) ORDER BY asked.bucket
        ON CONFLICT DO NOTHING;
        INSERT INTO quota_bucket_names (bucket) SELECT b FROM unnest(buckets) AS b ORDER BY b ON CONFLICT DO NOTHING;
    END IF;
    RETURN lost;
END $$;
COMMENT ON FUNCTION begin_buckets IS 'Make the missing buckets. Returns whether the first one existed before and was lost in a crash.';

CREATE OR REPLACE FUNCTION day_calls(of_bucket text, day double precision, at_time double precision) RETURNS bigint LANGUAGE sql AS $$
    SELECT coalesce(sum(calls), 0) FROM quota_day_slices
    WHERE bucket = of_bucket AND began_at > at_time - day * 290 / 288
$$;
COMMENT ON FUNCTION day_calls IS 'The number of calls that count at a time. These are the calls of the rolling day and of up to two slices before it, because a call may be late in its slice.';

CREATE OR REPLACE FUNCTION day_free_at(of_bucket text, day double precision, at_time double precision, needed bigint)
RETURNS double precision LANGUAGE sql AS $$
    SELECT min(began_at) + day * 290 / 288 FROM (
        SELECT began_at, sum(calls) OVER (ORDER BY began_at) AS freed FROM quota_day_slices
        WHERE bucket = of_bucket AND began_at > at_time - day * 290 / 288
    ) AS slices WHERE freed >= needed
$$;
COMMENT ON FUNCTION day_free_at IS 'When the given number of calls will have stopped counting. NULL: fewer calls count now.';

CREATE OR REPLACE FUNCTION spend_day(of_bucket text, day double precision, at_time double precision, spent integer) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO quota_day_slices VALUES (of_bucket, floor(at_time / (day / 288)) * (day / 288), spent)
    ON CONFLICT (bucket, began_at) DO UPDATE SET calls = quota_day_slices.calls + excluded.calls
$$;
COMMENT ON FUNCTION spend_day IS 'Count permits that are due at a time. A negative number removes returned permits.';

CREATE OR REPLACE FUNCTION free_places(of_bucket text, released bigint[], answered double precision[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    places double precision[];
    ring   integer;
    given  bigint;
BEGIN
    SELECT free_at, sequence INTO places, given FROM quota_buckets WHERE bucket = of_bucket FOR UPDATE;
    ring := cardinality(places);
    IF coalesce(ring, 0) = 0 THEN
        RETURN;
    END IF;
    FOR i IN 1..cardinality(released) LOOP
        IF released[i] >= given - ring THEN
            places[(released[i] % ring) + 1] := answered[i];
        END IF;
    END LOOP;
    UPDATE quota_buckets SET free_at = places WHERE bucket = of_bucket;
END $$;
COMMENT ON FUNCTION free_places IS 'Record when the places of answered requests are free again. released[i] is the number of a request in the bucket, and answered[i] is that time. A place that another request has taken stays taken.';

CREATE OR REPLACE FUNCTION return_permit(buckets text[], intervals double precision[], slot double precision) RETURNS void LANGUAGE sql AS $$
    UPDATE quota_buckets b SET next_slot = slot
    FROM unnest(buckets, intervals) AS asked (bucket, gap)
    WHERE b.bucket = asked.bucket AND abs(b.next_slot - (slot + asked.gap)) < 1e-5
$$;
COMMENT ON FUNCTION return_permit IS 'Return a permit that was not used. Only the last permit given can be returned. An earlier one expires.';

CREATE OR REPLACE FUNCTION reserve_permits(
    buckets text[], intervals double precision[], windows double precision[], scopes text[],
    ring integer, hold double precision, horizon double precision, widest double precision, wanted integer,
    asker text, of_class integer, day_bucket text, day double precision, day_allowed integer, day_step integer,
    OUT database_now double precision, OUT slots double precision[], OUT first_sequence bigint,
    OUT wait double precision, OUT day_until double precision
) LANGUAGE plpgsql AS $$
-- buckets[1] is the provider's own bucket. Its places are counted where ring > 0. A waiting caller is first in line if no
-- other waiting caller of its class was served longer ago. Callers that are not first leave one interval free. A class that
-- got no permit for ten intervals gets one, however far ahead more urgent classes reserve.
DECLARE
    earliest    double precision;
    candidate   double precision;
    nexts       double precision[];
    own         quota_buckets;
    last_slot   double precision;
    waiting     integer;
    is_first    boolean;
    reach       double precision;
    share       integer;
    is_due_part boolean;
    day_left    integer := wanted;
    was_lost    boolean;
BEGIN
    was_lost := begin_buckets(buckets, windows);
    PERFORM 1 FROM quota_buckets b WHERE b.bucket = ANY (buckets) ORDER BY b.bucket FOR UPDATE;
    database_now := extract(epoch FROM clock_timestamp());
    SELECT array_agg(b.next_slot ORDER BY asked.place) INTO nexts
        FROM unnest(buckets) WITH ORDINALITY AS asked (bucket, place) JOIN quota_buckets b USING (bucket);
    SELECT * INTO own FROM quota_buckets b WHERE b.bucket = buckets[1];
    IF cardinality(own.free_at) <> ring THEN  -- the quota or the speed changed, so the old places mean nothing
        own.free_at := CASE WHEN ring = 0 THEN '{}' ELSE array_fill(database_now, ARRAY[ring]) END;
    END IF;
    SELECT greatest(database_now, max(extract(epoch FROM until))) INTO earliest
        FROM provider_blocks WHERE scope = ANY (scopes);
    IF day_bucket IS NOT NULL THEN
        IF was_lost THEN  -- commits do not wait for the disk, so a crash loses up to a second of them
            PERFORM spend_day(day_bucket, day, database_now, ceil(1 / intervals[1])::integer);
        END IF;
        day_left := day_allowed - day_calls(day_bucket, day, database_now);
    END IF;
    SELECT 1 + count(*), coalesce(bool_and(l.last_slot >= mine.last_slot), true) INTO waiting, is_first
        FROM (SELECT coalesce(max(q.last_slot), 0) AS last_slot FROM quota_lines q
              WHERE q.bucket = buckets[1] AND q.holder = asker AND q.class = of_class) AS mine
        JOIN quota_lines l ON l.bucket = buckets[1] AND l.class = of_class AND l.holder <> asker
                          AND l.waits AND l.asked_at > database_now - 2.5;
    reach := horizon - CASE WHEN is_first THEN 0 ELSE intervals[1] END;
    share := least(wanted, ceil(horizon / intervals[1] / waiting))::integer;
    slots := '{}';
    first_sequence := own.sequence;
    wait := 0;
    FOR permit IN 1..share LOOP
        IF day_left < permit THEN
            day_until := coalesce(day_free_at(day_bucket, day, database_now, 1 - day_left + day_step),
                                  database_now + day);
            EXIT;
        END IF;
        SELECT greatest(earliest, max(next_slot)) INTO candidate FROM unnest(nexts) AS next_slot;
        IF ring > 0 THEN
            candidate := greatest(candidate, own.free_at[(own.sequence % ring) + 1]);
        END IF;
        is_due_part := permit = 1 AND candidate <= database_now + widest
            AND candidate >= coalesce(own.class_slots[of_class + 1], 0) + 10 * intervals[1];
        IF candidate > database_now + reach AND NOT is_due_part THEN
            wait := candidate - reach - database_now;
            -- A request under way may free its place soon. A caller without a result of its own to report has to look again.
            IF ring > 0 AND own.free_at[(own.sequence % ring) + 1] > database_now + windows[1] + 0.001 THEN
                wait := greatest(candidate - hold + windows[1] - reach - database_now, intervals[1], 0.05);
            END IF;
            IF candidate <= database_now + widest THEN
                wait := least(wait, greatest(own.class_slots[of_class + 1] + 10 * intervals[1] - candidate, intervals[1]));
            END IF;
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
        own.class_slots[of_class + 1] := candidate;
    END LOOP;
    IF cardinality(slots) < wanted AND wait = 0 THEN
        wait := intervals[1];
    END IF;
    INSERT INTO quota_lines VALUES (buckets[1], asker, of_class, database_now, coalesce(last_slot, 0), cardinality(slots) < wanted)
    ON CONFLICT (bucket, holder, class) DO UPDATE SET asked_at = excluded.asked_at, waits = excluded.waits,
        last_slot = greatest(quota_lines.last_slot, excluded.last_slot);
    IF last_slot IS NOT NULL THEN
        UPDATE quota_buckets b SET next_slot = asked.next_slot
            FROM unnest(buckets, nexts) AS asked (bucket, next_slot) WHERE b.bucket = asked.bucket;
        UPDATE quota_buckets b SET sequence = own.sequence, free_at = own.free_at, class_slots = own.class_slots
            WHERE b.bucket = buckets[1];
        IF day_bucket IS NOT NULL THEN
            PERFORM spend_day(day_bucket, day, slot, 1) FROM unnest(slots) AS slot;
            DELETE FROM quota_day_slices WHERE bucket = day_bucket AND began_at <= database_now - day * 290 / 288;
        END IF;
    END IF;
END $$;
COMMENT ON FUNCTION reserve_permits IS
    'Reserve up to wanted permits in all buckets at once, at most horizon seconds ahead. When none is free, it returns how long to wait before asking again, or until when the day is spent for this class.';
