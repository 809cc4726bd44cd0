"""Six processes at once keep to the quotas as the server counts them, use them, and share them evenly."""

from collections.abc import Callable, Sequence

import pytest
import sqlalchemy as sa

from music_pipeline.gateway.request import Priority
from music_pipeline.providers.registry import PROVIDERS
from music_pipeline.sandbox.options import DailyQuota, QuotaOverride
from music_pipeline.sandbox.process import SandboxProcess
from music_pipeline_tests.gateway.swarm import Swarm, swarm

PROCESSES = 6
BATCH = [Priority.ENRICHMENT] * PROCESSES
# Longer windows than a test lasts, shortened at the same rate: the rule is the same.
SHORTENED = (
    QuotaOverride("getsongbpm", 50, 60.0),
    QuotaOverride("instagram", 30, 60.0),
    QuotaOverride("lastfm", 50, 10.0),
    QuotaOverride("sonoteller", 60, 60.0),
)
# Few at a time, so that the machine is no narrower than the quotas.
TOGETHER = [("spotify", "instagram"), ("musicbrainz", "discogs", "genius"), ("deezer",), ("lastfm", "getsongbpm"),
            ("reccobeats", "acousticbrainz", "sonoteller")]  # fmt: skip
SOAK_SECONDS = 75.0
# From when a block is recorded until it is committed, and read by whoever holds a permit already.
KNOWN_SECONDS = 0.25

Start = Callable[..., SandboxProcess]


@pytest.fixture
def world(engine: sa.Engine, sandbox: Start, monkeypatch: pytest.MonkeyPatch) -> Callable[..., SandboxProcess]:
    """`world(quotas=…, speed=…)`: a sandbox, and the same quotas for whoever calls it."""

    def start(
        *, quotas: Sequence[QuotaOverride] = (), daily: Sequence[DailyQuota] = (), speed: float
    ) -> SandboxProcess:
        running = sandbox(speed=speed, seed=78, quotas=tuple(quotas), daily_quotas=tuple(daily))
        running.clear_faults()
        monkeypatch.setenv("MUSIC_SANDBOX_URL", running.url)
        monkeypatch.setenv("SONOTELLER_MONTHLY_QUOTA", "100000")  # a month's few would be over in seconds
        for quota in quotas:
            monkeypatch.setenv(f"{quota.provider.upper()}_QUOTA", f"{quota.limit}/{quota.window:g}")
        for one in daily:
            monkeypatch.setenv(f"{one.provider.upper()}_DAILY_QUOTA", str(one.limit))
        return running

    return start


def assert_within_quotas(ran: Swarm, names: Sequence[str]) -> None:
    for name in names:
        stats = ran.stats[name]
        assert (stats["overruns"], stats["early_calls"]) == (0, 0), (name, stats)
        assert stats["overruns_judged"], (name, stats)


def assert_used_evenly(ran: Swarm, names: Sequence[str], *, use: float, unevenness: float) -> None:
    for name in names:
        assert ran.stats[name]["use"] >= use, (name, ran.stats[name], ran.answered)
        assert ran.unevenness(name) <= unevenness, (name, ran.answered)


def test_six_processes_use_a_quota_evenly_and_never_overrun_it(world: Callable[..., SandboxProcess]) -> None:
    """The other tests run beside this one: the exact figures are the long form's."""
    names = ("musicbrainz", "discogs", "spotify")
    quotas = (QuotaOverride("discogs", 10, 10.0), QuotaOverride("spotify", 30, 10.0))
    ran = swarm(world(quotas=quotas, speed=4.0), names, seconds=10, priorities=BATCH)
    assert_within_quotas(ran, names)
    assert_used_evenly(ran, names, use=0.85, unevenness=1.5)


@pytest.mark.soak
@pytest.mark.parametrize("names", TOGETHER, ids="-".join)
def test_six_processes_at_each_provider(world: Callable[..., SandboxProcess], names: tuple[str, ...]) -> None:
    """On a machine that does nothing else: the figures are about quotas, and not about who gets the processor."""
    assert {name for group in TOGETHER for name in group} == set(PROVIDERS)
    speed = 4.0 if "deezer" in names else 10.0  # its window of 5 s has to last a second, or nobody can judge
    ran = swarm(world(quotas=SHORTENED, speed=speed), names, seconds=SOAK_SECONDS, priorities=BATCH)
    assert_within_quotas(ran, names)
    assert_used_evenly(ran, names, use=0.95, unevenness=1.2)


def test_once_a_retry_after_is_known_no_process_calls_before_it_is_over(
    world: Callable[..., SandboxProcess], engine: sa.Engine
) -> None:
    """However slow the machine: what was sent before all could know of it, nobody can call back."""
    names, speed = ("discogs", "genius"), 60.0
    running = world(speed=speed)
    for name in names:
        running.add_fault(name, "429", retry_after=round(3 * speed), count=1)
    ran = swarm(running, names, seconds=7, priorities=BATCH)
    with engine.connect() as connection:
        blocks = connection.execute(sa.text("SELECT provider, created_at, until FROM provider_blocks")).all()
    assert sorted(block.provider for block in blocks) == sorted(names)
    for block in blocks:
        known = block.created_at.timestamp() + KNOWN_SECONDS
        early = [moment for moment in ran.stats[block.provider]["early_arrivals"] if moment > known]
        assert early == [], (block, ran.stats[block.provider])
        assert ran.stats[block.provider]["overruns"] == 0
        assert ran.total(block.provider, *range(PROCESSES)) > 0


@pytest.mark.soak
@pytest.mark.parametrize("speed", [10.0, 60.0])
def test_nobody_calls_before_a_retry_after_is_over(world: Callable[..., SandboxProcess], speed: float) -> None:
    running = world(speed=speed)
    for name in ("discogs", "genius"):
        running.add_fault(name, "429", retry_after=round(1.5 * speed), probability=0.03)
    ran = swarm(running, ("discogs", "genius"), seconds=60, priorities=BATCH)
    running.clear_faults()
    assert_within_quotas(ran, ("discogs", "genius"))
    assert all(ran.stats[name]["by_status"]["429"] > 0 for name in ("discogs", "genius"))


def test_a_day_s_calls_are_never_exceeded_and_the_last_of_them_are_kept_for_the_urgent(
    world: Callable[..., SandboxProcess],
) -> None:
    running = world(daily=[DailyQuota("genius", 100)], speed=60.0)
    batch = swarm(running, ("genius",), seconds=4, priorities=BATCH[:3])
    assert 70 <= batch.stats["genius"]["requests"] <= 80
    kinds = [Priority.ENRICHMENT, Priority.WATCHLIST, Priority.INTERACTIVE]
    urgent = swarm(running, ("genius",), seconds=4, priorities=kinds)
    assert 90 <= batch.stats["genius"]["requests"] + urgent.stats["genius"]["requests"] <= 100
    assert urgent.total("genius", 0) == 0
    assert batch.stats["genius"]["refusals"] + urgent.stats["genius"]["refusals"] == 0


def test_the_urgent_get_most_of_a_quota_and_the_others_are_not_starved(
    world: Callable[..., SandboxProcess],
) -> None:
    priorities = [Priority.ENRICHMENT] * 2 + [Priority.INTERACTIVE] * 2
    ran = swarm(world(speed=10.0), ("discogs",), seconds=8, priorities=priorities)
    batch, urgent = ran.total("discogs", 0, 1), ran.total("discogs", 2, 3)
    assert 0.04 < batch / (batch + urgent) < 0.25, ran.answered
    assert_within_quotas(ran, ("discogs",))
