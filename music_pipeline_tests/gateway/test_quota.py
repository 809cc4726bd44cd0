"""Quotas, breaker and blocks in the database, and who gets a permit first."""

import asyncio
import itertools
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from music_pipeline.gateway import breaker
from music_pipeline.gateway import quota as quotas
from music_pipeline.gateway.breaker import BreakerRules
from music_pipeline.gateway.permits import PermitQueue
from music_pipeline.gateway.pool import Pool
from music_pipeline.gateway.provider import Quota, with_configured_quotas
from music_pipeline.gateway.quota import Holder, QuotaPlan, Returned, quota_plan
from music_pipeline.gateway.request import Priority, Urgency
from music_pipeline.providers.registry import PROVIDERS
from music_pipeline.settings import SettingError
from music_pipeline_tests.support.calls import OnPool

HOLDER = Holder("test", Priority.INTERACTIVE)
RULES = BreakerRules(failures=5, seconds=0.0, successes=2)


def plan(name: str = "genius", *, quota: Quota | None = None, speed: float = 1.0) -> QuotaPlan:
    """A plan with buckets that no other test uses."""
    declared = PROVIDERS[name]
    return quota_plan(replace(declared, quota=quota or declared.quota), f"account-{uuid4()}", "secret", speed)


def slots(on_pool: OnPool, of: QuotaPlan, wanted: int, horizon: float = 1e9) -> list[float]:
    return list(on_pool(quotas.reserve, of, HOLDER, horizon=horizon, wanted=wanted).slots)


def test_permits_are_an_interval_apart_and_the_first_is_due_at_once(on_pool: OnPool) -> None:
    of = plan(quota=Quota(90, 30))
    reservation = on_pool(quotas.reserve, of, HOLDER, horizon=1e9, wanted=90)
    assert reservation.slots[0] == reservation.database_now
    gaps = [later - earlier for earlier, later in itertools.pairwise(reservation.slots)]
    assert min(gaps) == pytest.approx(30 / (0.97 * 90), abs=1e-5)
    assert max(gaps) == pytest.approx(30 / (0.97 * 90), abs=1e-5)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    calls=st.integers(1, 60), seconds=st.floats(0.5, 600), wanted=st.lists(st.integers(1, 40), min_size=1, max_size=8)
)
def test_no_window_ever_holds_more_permits_than_the_quota(
    on_pool: OnPool, calls: int, seconds: float, wanted: list[int]
) -> None:
    of = plan(quota=Quota(calls, seconds))
    given_out = [slot for count in wanted for slot in slots(on_pool, of, count)]
    assert all(later - earlier >= seconds for earlier, later in zip(given_out, given_out[calls:], strict=False))


def test_nobody_reserves_further_ahead_than_his_class_may(on_pool: OnPool) -> None:
    of = plan(quota=Quota(97, 100))
    first = on_pool(quotas.reserve, of, HOLDER, horizon=2.5, wanted=50)
    assert [slot - first.slots[0] for slot in first.slots] == pytest.approx([0, 100 / 94.09, 200 / 94.09], abs=1e-4)
    refused = on_pool(quotas.reserve, of, HOLDER, horizon=2.5, wanted=1)
    assert refused.slots == ()
    assert 0 < refused.wait < 2
    assert len(slots(on_pool, of, 1, horizon=6.0)) == 1  # a more urgent class may


def test_a_call_of_several_quotas_takes_its_place_in_all_of_them(on_pool: OnPool) -> None:
    narrow, wide = plan(quota=Quota(1, 97)), plan(quota=Quota(10, 97))
    both = replace(
        wide,
        buckets=wide.buckets + narrow.buckets,
        intervals=wide.intervals + narrow.intervals,
        windows=wide.windows + narrow.windows,
    )
    first, second = slots(on_pool, both, 2)
    assert second - first == pytest.approx(100, abs=1e-3)
    assert slots(on_pool, wide, 1)[0] == pytest.approx(second + 10, abs=1e-3)
    assert slots(on_pool, narrow, 1)[0] == pytest.approx(second + 100, abs=1e-3)


def test_what_a_crash_lost_counts_as_a_window_just_spent(engine: sa.Engine, on_pool: OnPool) -> None:
    of = plan(quota=Quota(60, 60))
    slots(on_pool, of, 1)
    with engine.begin() as connection:
        connection.execute(sa.text("TRUNCATE quota_buckets"))  # as Postgres does to an unlogged table
    after = on_pool(quotas.reserve, of, HOLDER, horizon=1e9, wanted=1)
    assert after.slots[0] - after.database_now == pytest.approx(60, abs=1)


def test_the_last_permit_can_be_given_back_and_an_earlier_one_only_expires(on_pool: OnPool) -> None:
    of = plan(quota=Quota(60, 60))
    first, second = slots(on_pool, of, 2)
    on_pool(quotas.give_back, of, [Returned(0, first, first)])
    assert slots(on_pool, of, 1)[0] > second
    third = slots(on_pool, of, 1)[0]
    on_pool(quotas.give_back, of, [Returned(3, third, third)])
    assert slots(on_pool, of, 1)[0] == pytest.approx(third, abs=1e-4)


def test_a_place_is_free_a_window_after_its_answer(on_pool: OnPool) -> None:
    of = plan("discogs", quota=Quota(3, 3))
    assert of.places == 3
    now = on_pool(quotas.reserve, of, HOLDER, horizon=1e9, wanted=3).database_now
    on_pool(quotas.give_back, of, [Returned(0, now + 50, None)])
    fourth, fifth = slots(on_pool, of, 2)
    assert fourth == pytest.approx(now + 50, abs=0.1)
    assert fifth - now > of.hold  # the second has not reported back: its place is held


def test_places_are_counted_where_a_provider_counts_and_not_where_it_averages_or_allows_thousands() -> None:
    assert plan("discogs").places == 60
    assert plan("musicbrainz").places == 0
    assert plan("discogs", quota=Quota(3000, 3600)).places == 0


def test_a_block_moves_the_next_permit_and_a_shorter_one_never_shortens_it(engine: sa.Engine, on_pool: OnPool) -> None:
    of = plan()
    until = datetime.now(UTC) + timedelta(seconds=500)
    quotas.block(engine, of, kind="retry_after", until=until, reason="asked")
    quotas.block(engine, of, kind="retry_after", until=until - timedelta(seconds=400), reason="asked again")
    reservation = on_pool(quotas.reserve, of, HOLDER, horizon=1e9, wanted=1)
    assert reservation.state.blocked_until == until
    assert reservation.slots[0] == pytest.approx(until.timestamp(), abs=1e-3)


def test_of_those_who_wait_the_one_served_longest_ago_goes_first(on_pool: OnPool) -> None:
    of = plan(quota=Quota(97, 970))  # one in 10.3 s, which come within reach one by one
    one, other = Holder("one", Priority.ENRICHMENT), Holder("other", Priority.ENRICHMENT)
    served = [
        holder.name
        for reach in range(20, 320)
        for holder in (one, other)
        for _ in on_pool(quotas.reserve, of, holder, horizon=reach, wanted=1).slots
    ]
    assert 25 <= len(served) <= 32
    assert abs(served.count("one") - served.count("other")) <= 1


def test_an_answer_that_comes_when_its_place_is_another_s_frees_nothing(on_pool: OnPool) -> None:
    of = plan("discogs", quota=Quota(2, 2))
    first, second, third = slots(on_pool, of, 3)
    assert third - first >= of.hold
    on_pool(quotas.give_back, of, [Returned(0, second + 1, None)])
    assert slots(on_pool, of, 2)[1] >= third + of.hold


def test_while_the_urgent_take_all_they_can_the_others_get_a_tenth(on_pool: OnPool) -> None:
    of = plan(quota=Quota(9700, 10))  # one in a millisecond
    served: list[Priority] = []
    ends = time.monotonic() + 1.5
    while time.monotonic() < ends:
        for priority in (Priority.INTERACTIVE, Priority.ENRICHMENT):
            holder = Holder(priority.name, priority)
            got = on_pool(quotas.reserve, of, holder, horizon=of.horizon(priority) / 100, wanted=64).slots
            served += [priority] * len(got)
    share = served.count(Priority.ENRICHMENT) / len(served)
    assert 0.01 < share < 0.2


async def test_an_urgent_call_does_not_wait_behind_a_sweep(engine: sa.Engine) -> None:
    of = plan(quota=Quota(97, 10))  # one every 0.106 s
    pool = Pool(engine)
    await pool.open()

    async def reserve(priority: Priority, wanted: int, answered: Sequence[Returned]) -> quotas.Reservation:
        holder, horizon = Holder("test", priority), of.horizon(priority)
        return await quotas.reserve(pool, of, holder, horizon=horizon, wanted=wanted, answered=answered)

    async def give_back(returned: Sequence[Returned]) -> None:
        await quotas.give_back(pool, of, returned)

    served: list[Priority] = []

    async def call(queue: PermitQueue, priority: Priority) -> None:
        permit = await queue.take(Urgency(priority))
        assert time.monotonic() >= permit.due
        served.append(priority)
        permit.used = True
        queue.put_back(permit)

    sweep, other = PermitQueue(of, reserve, give_back), PermitQueue(of, reserve, give_back)
    waiting = [asyncio.create_task(call(sweep, Priority.ENRICHMENT)) for _ in range(40)]
    await waiting[0]
    started = time.monotonic()
    await asyncio.gather(call(sweep, Priority.TOKENS), call(other, Priority.INTERACTIVE))
    assert time.monotonic() - started < 2.0
    assert len([priority for priority in served if priority is Priority.ENRICHMENT]) < 20
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    await asyncio.gather(sweep.aclose(), other.aclose())
    await pool.aclose()


def outcomes(on_pool: OnPool, name: str, verdicts: str, *, rules: BreakerRules = RULES) -> str:
    """Record one call for each letter: an upper-case one failed, `s` succeeded; answer the state."""
    state = "closed"
    for letter in verdicts:
        health: breaker.Health = "failure" if letter.isupper() else "success"
        state = on_pool(breaker.record, name, health, request_digest=letter, probe=None, rules=rules)
    return state


def test_the_breaker_opens_at_five_failures_in_a_row_of_two_requests(on_pool: OnPool) -> None:
    assert outcomes(on_pool, "a", "AAAAAAAAAA") == "closed"
    assert outcomes(on_pool, "b", "AAAAsABABs") == "closed"
    assert outcomes(on_pool, "c", "AABA") == "closed"
    assert outcomes(on_pool, "d", "AABAA") == "open"


def test_an_open_breaker_admits_nobody_before_its_time(on_pool: OnPool) -> None:
    outcomes(on_pool, "a", "ABABA", rules=replace(RULES, seconds=60.0))
    admission = on_pool(breaker.admit, "a", lease=60)
    assert not admission.admitted
    assert admission.until is not None
    assert 50 < (admission.until - datetime.now(UTC)).total_seconds() <= 60


def test_one_probe_at_a_time_and_two_successes_close_the_breaker(on_pool: OnPool) -> None:
    outcomes(on_pool, "a", "ABABA")
    probe = on_pool(breaker.admit, "a", lease=60).probe
    assert probe is not None
    assert not on_pool(breaker.admit, "a", lease=60).admitted
    assert on_pool(breaker.record, "a", "success", request_digest="x", probe=None, rules=RULES) == "half_open"
    assert on_pool(breaker.record, "a", "success", request_digest="x", probe=probe, rules=RULES) == "half_open"
    second = on_pool(breaker.admit, "a", lease=60).probe
    assert on_pool(breaker.record, "a", "success", request_digest="x", probe=second, rules=RULES) == "closed"
    assert on_pool(breaker.admit, "a", lease=60) == breaker.Admission(True, None, None)


def test_a_failed_probe_opens_the_breaker_again_and_a_neutral_one_only_ends(on_pool: OnPool) -> None:
    outcomes(on_pool, "a", "ABABA")
    probe = on_pool(breaker.admit, "a", lease=60).probe
    assert on_pool(breaker.record, "a", "neutral", request_digest="x", probe=probe, rules=RULES) == "half_open"
    probe = on_pool(breaker.admit, "a", lease=60).probe
    assert on_pool(breaker.record, "a", "failure", request_digest="x", probe=probe, rules=RULES) == "open"


def test_a_probe_whose_process_died_is_replaced(on_pool: OnPool) -> None:
    outcomes(on_pool, "a", "ABABA")
    assert on_pool(breaker.admit, "a", lease=0.0).probe is not None
    assert on_pool(breaker.admit, "a", lease=60).probe is not None


def test_a_quota_of_the_environment_replaces_the_declared_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPOTIFY_QUOTA", "300/30")
    assert with_configured_quotas(PROVIDERS["spotify"]).quota == Quota(300, 30.0)
    monkeypatch.setenv("SPOTIFY_QUOTA", "many")
    with pytest.raises(SettingError, match="SPOTIFY_QUOTA"):
        with_configured_quotas(PROVIDERS["spotify"])
