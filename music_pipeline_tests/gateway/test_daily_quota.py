"""What a rolling day allows: counted exactly over everyone who asks, and the last of it kept for the urgent."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import sqlalchemy as sa

from music_pipeline.gateway import quota as quotas
from music_pipeline.gateway.daily_quota import DAY_SECONDS, reserved_shares
from music_pipeline.gateway.provider import Quota, with_configured_quotas
from music_pipeline.gateway.quota import Holder, QuotaPlan, Returned, quota_plan
from music_pipeline.gateway.request import Priority
from music_pipeline.ops.quotas import day_uses
from music_pipeline.providers.registry import PROVIDERS
from music_pipeline.settings import SettingError
from music_pipeline_tests.support.calls import OnPool

INTERACTIVE, WATCHLIST, BATCH = Priority.INTERACTIVE, Priority.WATCHLIST, Priority.ENRICHMENT


FAST = Quota(9_700, 10)


def plan(limit: int, *, quota: Quota = FAST, speed: float = 1.0, account: str | None = None) -> QuotaPlan:
    declared = replace(PROVIDERS["genius"], quota=quota, daily_quota=limit)
    return quota_plan(declared, account or f"account-{uuid4()}", "secret", speed)


def asked(on_pool: OnPool, of: QuotaPlan, priority: Priority, wanted: int) -> quotas.Reservation:
    return on_pool(quotas.reserve, of, Holder(str(uuid4()), priority), horizon=1e9, wanted=wanted)


def test_two_holders_together_get_what_a_day_allows_and_hear_when_there_is_more(on_pool: OnPool) -> None:
    of = plan(5)
    assert len(asked(on_pool, of, INTERACTIVE, 3).slots) == 3
    assert len(asked(on_pool, of, INTERACTIVE, 3).slots) == 2
    refused = asked(on_pool, of, INTERACTIVE, 3)
    assert refused.slots == ()
    assert refused.day_until is not None
    assert DAY_SECONDS < refused.day_until - refused.database_now < DAY_SECONDS + 600


def test_two_accounts_of_a_developer_share_his_day(on_pool: OnPool) -> None:
    assert len(asked(on_pool, plan(5, account="one"), INTERACTIVE, 9).slots) == 5
    assert asked(on_pool, plan(5, account="other"), INTERACTIVE, 9).slots == ()


def test_the_last_fifth_is_kept_from_batch_work_and_the_last_twentieth_from_watchlists(on_pool: OnPool) -> None:
    of = plan(100)
    assert len(asked(on_pool, of, BATCH, 200).slots) == 80
    assert asked(on_pool, of, BATCH, 1).day_until is not None
    assert len(asked(on_pool, of, WATCHLIST, 200).slots) == 15
    assert len(asked(on_pool, of, INTERACTIVE, 200).slots) == 5
    assert asked(on_pool, of, Priority.TOKENS, 1).slots == ()


def test_a_permit_that_was_not_used_is_not_counted(on_pool: OnPool) -> None:
    of = plan(3)
    slots = asked(on_pool, of, INTERACTIVE, 3).slots
    on_pool(quotas.give_back, of, [Returned(number, slot, slot) for number, slot in enumerate(slots[1:])])
    assert len(asked(on_pool, of, INTERACTIVE, 9).slots) == 2


def test_no_day_ever_holds_more_permits_than_its_quota_and_nearly_as_many(on_pool: OnPool) -> None:
    of = plan(100, speed=DAY_SECONDS / 0.5)  # a day lasts half a second
    given: list[float] = []
    ends = time.monotonic() + 3
    while time.monotonic() < ends:
        given += on_pool(quotas.reserve, of, Holder("one", INTERACTIVE), horizon=0.01, wanted=7).slots
    assert all(later - earlier >= 0.5 for earlier, later in zip(given, given[100:], strict=False))
    assert len(given) >= 5 * 100


def test_what_a_crash_may_have_lost_is_counted_as_spent(engine: sa.Engine, on_pool: OnPool) -> None:
    of = plan(1_000, quota=Quota(97, 10))
    asked(on_pool, of, INTERACTIVE, 10)
    with engine.begin() as connection:
        connection.execute(sa.text("TRUNCATE quota_buckets"))  # as Postgres does to an unlogged table
    asked(on_pool, of, INTERACTIVE, 1)
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT sum(calls) FROM quota_day_slices")).scalar_one() == 10 + 10 + 1


def test_how_the_day_stands_names_who_waits_and_until_when(
    engine: sa.Engine, on_pool: OnPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENIUS_DAILY_QUOTA", "100")
    assert [use.text for use in day_uses(engine, sandboxed=False, speed=1.0)] == ["100 of 100 calls a day are left"]
    asked(on_pool, plan(100), BATCH, 100)
    [use] = day_uses(engine, sandboxed=False, speed=1.0)
    assert (use.provider, use.left, use.paused) == ("genius", 20, (BATCH,))
    assert use.free_at is not None
    assert timedelta(hours=24) <= use.free_at - datetime.now(UTC) <= timedelta(hours=24, minutes=10)
    assert use.text == f"20 of 100 calls a day are left; batch work waits until {use.free_at:%Y-%m-%d %H:%M} UTC"


def test_daily_quotas_and_what_is_kept_of_them_are_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPOTIFY_DAILY_QUOTA", "5000")
    monkeypatch.setenv("QUOTA_KEPT_FROM_BATCH", "0.5")
    assert with_configured_quotas(PROVIDERS["spotify"]).daily_quota == 5000
    assert with_configured_quotas(PROVIDERS["genius"]).daily_quota is None
    assert reserved_shares()[BATCH] == 0.5
    monkeypatch.setenv("QUOTA_KEPT_FROM_BATCH", "2")
    with pytest.raises(SettingError, match="QUOTA_KEPT_FROM_BATCH"):
        reserved_shares()
    monkeypatch.setenv("SPOTIFY_DAILY_QUOTA", "many")
    with pytest.raises(SettingError, match="SPOTIFY_DAILY_QUOTA"):
        with_configured_quotas(PROVIDERS["spotify"])
