"""Quotas, breaker and blocks in the database, and who gets a permit first."""

import asyncio
import itertools
import time
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
from music_pipeline.gateway.permits import Dispenser
from music_pipeline.gateway.provider import Quota
from music_pipeline.gateway.quota import Asker, QuotaPlan, Returned, plan_of
from music_pipeline.gateway.request import Priority
from music_pipeline.providers.registry import PROVIDERS, configured_provider
from music_pipeline.settings import SettingError

ASKER = Asker("test", Priority.INTERACTIVE)
RULES = BreakerRules(failures=5, seconds=0.0, successes=2)


def plan(name: str = "genius", *, quota: Quota | None = None, speed: float = 1.0) -> QuotaPlan:
    """A plan with buckets that no other test uses."""
    declared = PROVIDERS[name]
    return plan_of(replace(declared, quota=quota or declared.quota), f"account-{uuid4()}", "secret", speed)


def slots(engine: sa.Engine, of: QuotaPlan, wanted: int, horizon: float = 1e9) -> list[float]:
    return list(quotas.reserve(engine, of, ASKER, horizon=horizon, wanted=wanted).slots)


def test_permits_are_an_interval_apart_and_the_first_is_due_at_once(engine: sa.Engine) -> None:
    of = plan(quota=Quota(90, 30))
    reservation = quotas.reserve(engine, of, ASKER, horizon=1e9, wanted=90)
    assert reservation.slots[0] == reservation.database_now
    gaps = [later - earlier for earlier, later in itertools.pairwise(reservation.slots)]
    assert min(gaps) == pytest.approx(30 / (0.97 * 90), abs=1e-5)
    assert max(gaps) == pytest.approx(30 / (0.97 * 90), abs=1e-5)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    calls=st.integers(1, 60), seconds=st.floats(0.5, 600), wanted=st.lists(st.integers(1, 40), min_size=1, max_size=8)
)
def test_no_window_ever_holds_more_permits_than_the_quota(
    engine: sa.Engine, calls: int, seconds: float, wanted: list[int]
) -> None:
    of = plan(quota=Quota(calls, seconds))
    given_out = [slot for count in wanted for slot in slots(engine, of, count)]
    assert all(later - earlier >= seconds for earlier, later in zip(given_out, given_out[calls:], strict=False))


def test_nobody_reserves_further_ahead_than_his_class_may(engine: sa.Engine) -> None:
    of = plan(quota=Quota(97, 100))
    first = quotas.reserve(engine, of, ASKER, horizon=2.5, wanted=50)
    assert [slot - first.slots[0] for slot in first.slots] == pytest.approx([0, 100 / 94.09, 200 / 94.09], abs=1e-4)
    refused = quotas.reserve(engine, of, ASKER, horizon=2.5, wanted=1)
    assert refused.slots == ()
    assert 0 < refused.wait < 2
    assert len(slots(engine, of, 1, horizon=6.0)) == 1  # a more urgent class may


def test_a_call_of_several_quotas_takes_its_place_in_all_of_them(engine: sa.Engine) -> None:
    narrow, wide = plan(quota=Quota(1, 97)), plan(quota=Quota(10, 97))
    both = replace(
        wide,
        buckets=wide.buckets + narrow.buckets,
        intervals=wide.intervals + narrow.intervals,
        windows=wide.windows + narrow.windows,
    )
    first, second = slots(engine, both, 2)
    assert second - first == pytest.approx(100, abs=1e-3)
    assert slots(engine, wide, 1)[0] == pytest.approx(second + 10, abs=1e-3)
    assert slots(engine, narrow, 1)[0] == pytest.approx(second + 100, abs=1e-3)


def test_what_a_crash_lost_counts_as_a_window_just_spent(engine: sa.Engine) -> None:
    of = plan(quota=Quota(60, 60))
    slots(engine, of, 1)
    with engine.begin() as connection:
        connection.execute(sa.text("TRUNCATE quota_buckets"))  # as Postgres does to an unlogged table
    after = quotas.reserve(engine, of, ASKER, horizon=1e9, wanted=1)
    assert after.slots[0] - after.database_now == pytest.approx(60, abs=1)


def test_the_last_permit_can_be_given_back_and_an_earlier_one_only_expires(engine: sa.Engine) -> None:
    of = plan(quota=Quota(60, 60))
    first, second = slots(engine, of, 2)
    quotas.give_back(engine, of, [Returned(0, first, first)])
    assert slots(engine, of, 1)[0] > second
    third = slots(engine, of, 1)[0]
    quotas.give_back(engine, of, [Returned(3, third, third)])
    assert slots(engine, of, 1)[0] == pytest.approx(third, abs=1e-4)


def test_a_place_is_free_a_window_after_its_answer(engine: sa.Engine) -> None:
    of = plan("discogs", quota=Quota(3, 3))
    assert of.places == 3
    now = quotas.reserve(engine, of, ASKER, horizon=1e9, wanted=3).database_now
    quotas.give_back(engine, of, [Returned(0, now + 50, None)])
    fourth, fifth = slots(engine, of, 2)
    assert fourth == pytest.approx(now + 50, abs=0.1)
    assert fifth - now > of.hold  # the second has not reported back: its place is held


def test_places_are_counted_where_a_provider_counts_and_not_where_it_averages_or_allows_thousands() -> None:
    assert plan("discogs").places == 60
    assert plan("musicbrainz").places == 0
    assert plan("discogs", quota=Quota(3000, 3600)).places == 0


def test_a_block_moves_the_next_permit_and_a_shorter_one_never_shortens_it(engine: sa.Engine) -> None:
    of = plan()
    until = datetime.now(UTC) + timedelta(seconds=500)
    quotas.block(engine, of, kind="retry_after", until=until, reason="asked")
    quotas.block(engine, of, kind="retry_after", until=until - timedelta(seconds=400), reason="asked again")
    reservation = quotas.reserve(engine, of, ASKER, horizon=1e9, wanted=1)
    assert reservation.state.blocked_until == until
    assert reservation.slots[0] == pytest.approx(until.timestamp(), abs=1e-3)


def test_of_those_who_wait_the_one_served_longest_ago_goes_first(engine: sa.Engine) -> None:
    of = plan(quota=Quota(97, 970))  # one in 10.3 s, which come within reach one by one
    one, other = Asker("one", Priority.ENRICHMENT), Asker("other", Priority.ENRICHMENT)
    served = [
        asker.name
        for reach in range(20, 320)
        for asker in (one, other)
        for _ in quotas.reserve(engine, of, asker, horizon=reach, wanted=1).slots
    ]
    assert 25 <= len(served) <= 32
    assert abs(served.count("one") - served.count("other")) <= 1


def test_an_answer_that_comes_when_its_place_is_another_s_frees_nothing(engine: sa.Engine) -> None:
    of = plan("discogs", quota=Quota(2, 2))
    first, second, third = slots(engine, of, 3)
    assert third - first >= of.hold
    quotas.give_back(engine, of, [Returned(0, second + 1, None)])
    assert slots(engine, of, 2)[1] >= third + of.hold


def test_while_the_urgent_take_all_they_can_the_others_get_a_tenth(engine: sa.Engine) -> None:
    of = plan(quota=Quota(9700, 10))  # one in a millisecond
    served: list[Priority] = []
    ends = time.monotonic() + 1.5
    while time.monotonic() < ends:
        for priority in (Priority.INTERACTIVE, Priority.ENRICHMENT):
            asker = Asker(priority.name, priority)
            got = quotas.reserve(engine, of, asker, horizon=of.horizon(priority) / 100, wanted=64).slots
            served += [priority] * len(got)
    share = served.count(Priority.ENRICHMENT) / len(served)
    assert 0.01 < share < 0.2


async def test_an_urgent_call_does_not_wait_behind_a_sweep(engine: sa.Engine) -> None:
    of = plan(quota=Quota(97, 10))  # one every 0.106 s

    async def reserve(priority: Priority, wanted: int) -> quotas.Reservation:
        asker = Asker("test", priority)
        return await asyncio.to_thread(quotas.reserve, engine, of, asker, horizon=of.horizon(priority), wanted=wanted)

    async def give_back(returned: list[Returned]) -> None:
        await asyncio.to_thread(quotas.give_back, engine, of, returned)

    served: list[Priority] = []

    async def call(dispenser: Dispenser, priority: Priority) -> None:
        permit = await dispenser.permit(priority)
        assert time.monotonic() >= permit.due
        served.append(priority)

    sweep, other = Dispenser(of, reserve, give_back), Dispenser(of, reserve, give_back)
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


def outcomes(engine: sa.Engine, name: str, verdicts: str, *, rules: BreakerRules = RULES) -> str:
    """Record one call for each letter: an upper-case one failed, `s` succeeded; answer the state."""
    state = "closed"
    for letter in verdicts:
        health: breaker.Health = "failure" if letter.isupper() else "success"
        state = breaker.record(engine, name, health, request_digest=letter, probe=None, rules=rules)
    return state


def test_the_breaker_opens_at_five_failures_in_a_row_of_two_requests(engine: sa.Engine) -> None:
    assert outcomes(engine, "a", "AAAAAAAAAA") == "closed"
    assert outcomes(engine, "b", "AAAAsABABs") == "closed"
    assert outcomes(engine, "c", "AABA") == "closed"
    assert outcomes(engine, "d", "AABAA") == "open"


def test_an_open_breaker_admits_nobody_before_its_time(engine: sa.Engine) -> None:
    outcomes(engine, "a", "ABABA", rules=replace(RULES, seconds=60.0))
    admission = breaker.admit(engine, "a", lease=60)
    assert not admission.admitted
    assert admission.until is not None
    assert 50 < (admission.until - datetime.now(UTC)).total_seconds() <= 60


def test_one_probe_at_a_time_and_two_successes_close_the_breaker(engine: sa.Engine) -> None:
    outcomes(engine, "a", "ABABA")
    probe = breaker.admit(engine, "a", lease=60).probe
    assert probe is not None
    assert not breaker.admit(engine, "a", lease=60).admitted
    assert breaker.record(engine, "a", "success", request_digest="x", probe=None, rules=RULES) == "half_open"
    assert breaker.record(engine, "a", "success", request_digest="x", probe=probe, rules=RULES) == "half_open"
    second = breaker.admit(engine, "a", lease=60).probe
    assert breaker.record(engine, "a", "success", request_digest="x", probe=second, rules=RULES) == "closed"
    assert breaker.admit(engine, "a", lease=60) == breaker.Admission(True, None, None)


def test_a_failed_probe_opens_the_breaker_again_and_a_neutral_one_only_ends(engine: sa.Engine) -> None:
    outcomes(engine, "a", "ABABA")
    probe = breaker.admit(engine, "a", lease=60).probe
    assert breaker.record(engine, "a", "neutral", request_digest="x", probe=probe, rules=RULES) == "half_open"
    probe = breaker.admit(engine, "a", lease=60).probe
    assert breaker.record(engine, "a", "failure", request_digest="x", probe=probe, rules=RULES) == "open"


def test_a_probe_whose_process_died_is_replaced(engine: sa.Engine) -> None:
    outcomes(engine, "a", "ABABA")
    assert breaker.admit(engine, "a", lease=0.0).probe is not None
    assert breaker.admit(engine, "a", lease=60).probe is not None


def test_a_quota_of_the_environment_replaces_the_declared_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPOTIFY_QUOTA", "300/30")
    assert configured_provider("spotify").quota == Quota(300, 30.0)
    monkeypatch.setenv("SPOTIFY_QUOTA", "many")
    with pytest.raises(SettingError, match="SPOTIFY_QUOTA"):
        configured_provider("spotify")
