"""A process may be killed anywhere. The next one takes up its work."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from subprocess import Popen, TimeoutExpired

import pytest

from music_pipeline.catalog.fingerprint import TableDigest
from music_pipeline.work.stages import STAGES
from music_pipeline.worker.runner import database_now
from music_pipeline_tests.support.pipeline import Pipeline
from music_pipeline_tests.system.crash.conftest import (
    ARTISTS,
    Processes,
    assert_nothing_was_lost,
    kill,
    let_calls_end,
    requested,
    said,
)

# The least number of passes of each point while ARTISTS artists go through the catalogue's stages.
PASSES = {
    "after_claim": 4,
    "in_call": 4 * ARTISTS,
    "mid_enqueue": 3 * ARTISTS,
    "before_commit": 4 * ARTISTS,
    "after_commit": 4 * ARTISTS,
}
REFRESHED = {"after_claim": 4, "in_call": 2 * ARTISTS, "before_commit": 4 * ARTISTS, "after_commit": 4 * ARTISTS}
LATENCY_SECONDS = 5
TO_THE_END = ("--stages", "all")
Record = Callable[[str, object], None]


@dataclass
class Killings:
    """The processes that a test killed, by run id, and the times of their deaths."""

    pipeline: Pipeline
    processes: Processes
    options: tuple[str, ...] = ()
    slow_provider: str = "spotify"
    killed: dict[str, datetime] = field(default_factory=dict)

    def at(self, point: str, nth: int, *options: str) -> None:
        """Kill a process when it passes the point for the nth time."""
        run_id = f"{point}-{nth}-{len(self.killed)}"
        if point == "in_call":
            self.pipeline.sandbox.add_fault(self.slow_provider, "latency", seconds=LATENCY_SECONDS, count=nth)
        process = self.processes.sweep(run_id, "--point", point, "--nth", str(nth), *self.options, *options)
        assert said(process) == point
        self._kill(run_id, process)
        self.pipeline.sandbox.clear_faults()

    def after(self, seconds: float) -> None:
        """Kill a process some seconds after its start, if it still works then."""
        run_id = f"random-{len(self.killed)}"
        process = self.processes.sweep(run_id, *self.options)
        try:
            process.wait(seconds)
        except TimeoutExpired:
            self._kill(run_id, process)

    def take_up(self) -> None:
        """Let another process finish the work."""
        self.processes.sweep_to_the_end("last", *self.options)

    def report(self, record: Record) -> None:
        """Record the kills, the times until lost work was taken up, and repeated requests."""
        lost = self.pipeline.rows("SELECT run_id, at FROM worker_issues WHERE error LIKE 'The lease ran out%'")
        idle = [(row.at - self.killed[row.run_id]).total_seconds() for row in lost if row.run_id in self.killed]
        stats = self.pipeline.sandbox.stats()
        record("kills", len(self.killed))
        record("seconds until lost work was taken up", [round(one, 1) for one in sorted(idle)])
        record("requests", sum(counts["requests"] for counts in stats.values()))
        record("of these, made twice", sum(counts["repeats"] for counts in stats.values()))

    def _kill(self, run_id: str, process: "Popen[str]") -> None:
        kill(process)
        self.killed[run_id] = database_now(self.pipeline.engine)
        let_calls_end(self.pipeline)


@pytest.fixture
def killings(pipeline: Pipeline, processes: Processes) -> Killings:
    """Killings in sweeps of the catalogue's stages."""
    pipeline.discover(*requested(pipeline.sandbox))
    return Killings(pipeline, processes)


@pytest.fixture
def killings_to_the_end(pipeline: Pipeline, processes: Processes) -> Killings:
    """Killings in sweeps of enrichment and profiles."""
    pipeline.discover(*requested(pipeline.sandbox))
    pipeline.sweep()
    return Killings(pipeline, processes, TO_THE_END, slow_provider="lastfm")


def test_run_killed_at_each_point_is_taken_up(
    killings: Killings, undisturbed: list[TableDigest], record_property: Record
) -> None:
    chosen = random.Random(1)
    for point in PASSES:
        killings.at(point, chosen.randint(1, 2))
    killings.take_up()
    assert_nothing_was_lost(killings.pipeline, undisturbed)
    killings.report(record_property)


def test_run_killed_at_random_moments_is_taken_up(
    killings: Killings, undisturbed: list[TableDigest], record_property: Record
) -> None:
    chosen = random.Random(2)
    for _ in range(2):
        killings.after(chosen.uniform(0.2, 2.0))
    killings.take_up()
    assert_nothing_was_lost(killings.pipeline, undisturbed)
    killings.report(record_property)


def test_killed_enrichment_is_taken_up(
    killings_to_the_end: Killings, undisturbed_to_the_end: list[TableDigest], record_property: Record
) -> None:
    for point in ("in_call", "before_commit", "after_commit"):
        killings_to_the_end.at(point, 2)
    killings_to_the_end.take_up()
    assert_nothing_was_lost(killings_to_the_end.pipeline, undisturbed_to_the_end, stages=tuple(STAGES))
    killings_to_the_end.report(record_property)


def test_killed_refresh_is_taken_up_by_next_sweep(
    killings: Killings, undisturbed: list[TableDigest], record_property: Record
) -> None:
    killings.pipeline.sweep()
    kill_refreshes(killings, {"in_call": 2, "before_commit": ARTISTS + 1})
    killings.take_up()
    assert_nothing_was_lost(killings.pipeline, undisturbed, times=3)
    killings.report(record_property)


def kill_refreshes(killings: Killings, points: dict[str, int]) -> None:
    """Refresh all artists and kill each refresh at one point.

    The next begins after its leases.
    """
    keys = [row.artist_key for row in killings.pipeline.rows("SELECT artist_key FROM artists ORDER BY 1")]
    for point, nth in points.items():
        killings.at(point, nth, "--refresh", *keys)
        killings.pipeline.rows("SELECT pg_sleep_until(max(lease_until)) FROM work")


@pytest.mark.soak
@pytest.mark.parametrize("point", PASSES)
@pytest.mark.parametrize("seed", range(2))
def test_run_killed_early_and_late_at_a_point(
    killings: Killings, undisturbed: list[TableDigest], point: str, seed: int, record_property: Record
) -> None:
    chosen, most = random.Random(f"{point} {seed}"), PASSES[point]
    # Each earlier run does some of the work, so fewer passes are left.
    for nth in (chosen.randint(1, 1 + most // 4), chosen.randint(1, 1 + most // 4), 1):
        killings.at(point, nth)
    killings.take_up()
    assert_nothing_was_lost(killings.pipeline, undisturbed)
    killings.report(record_property)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10))
def test_run_killed_at_many_moments(
    killings: Killings, undisturbed: list[TableDigest], seed: int, record_property: Record
) -> None:
    chosen = random.Random(seed)
    for _ in range(5):
        killings.after(chosen.uniform(0.1, 1.0))
    killings.take_up()
    assert_nothing_was_lost(killings.pipeline, undisturbed)
    killings.report(record_property)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(5))
def test_enrichment_and_profiles_killed_at_many_moments(
    killings_to_the_end: Killings, undisturbed_to_the_end: list[TableDigest], seed: int, record_property: Record
) -> None:
    chosen = random.Random(seed)
    for point in ("after_claim", "in_call", "before_commit", "after_commit"):
        killings_to_the_end.at(point, chosen.randint(1, 2))
    for _ in range(3):
        killings_to_the_end.after(chosen.uniform(0.1, 3.0))
    killings_to_the_end.take_up()
    assert_nothing_was_lost(killings_to_the_end.pipeline, undisturbed_to_the_end, stages=tuple(STAGES))
    killings_to_the_end.report(record_property)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(3))
def test_refresh_killed_at_every_point(
    killings: Killings, undisturbed: list[TableDigest], seed: int, record_property: Record
) -> None:
    killings.pipeline.sweep()
    chosen = random.Random(seed)
    kill_refreshes(killings, {point: chosen.randint(1, most) for point, most in REFRESHED.items()})
    killings.take_up()
    assert_nothing_was_lost(killings.pipeline, undisturbed, times=1 + len(REFRESHED))
    killings.report(record_property)
