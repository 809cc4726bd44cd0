"""A process that works the chain off may be killed anywhere: the next takes its work up, to the same end."""

import random
from subprocess import TimeoutExpired

import pytest

from music_pipeline.digest import TableDigest
from music_pipeline_tests.crash.conftest import (
    ARTISTS,
    Processes,
    assert_nothing_was_lost,
    kill,
    killed_at,
    let_calls_end,
    requested,
)
from music_pipeline_tests.stages.conftest import Pipeline

# How often each point is passed, at least, while so many artists go through the four stages.
PASSES = {"after_claim": 4, "in_call": 4 * ARTISTS, "before_commit": 4 * ARTISTS, "after_commit": 4 * ARTISTS}
LATENCY_SECONDS = 5


def killed_once(pipeline: Pipeline, processes: Processes, point: str, nth: int) -> None:
    """A process that is killed when it passes the point for the nth time."""
    if point == "in_call":
        pipeline.sandbox.add_fault("spotify", "latency", seconds=LATENCY_SECONDS, count=nth)
    killed_at(processes.drain(f"killed-{point}-{nth}", point, str(nth)), point)
    pipeline.sandbox.clear_faults()
    let_calls_end(pipeline)


def test_runs_that_are_killed_at_one_point_after_the_other_are_taken_up_by_the_next(
    pipeline: Pipeline, undisturbed: list[TableDigest], processes: Processes
) -> None:
    chosen = random.Random(1)
    pipeline.discover(*requested(pipeline.sandbox))
    for point in PASSES:
        killed_once(pipeline, processes, point, chosen.randint(1, 3))
    processes.drain_to_the_end("last")
    assert_nothing_was_lost(pipeline, undisturbed)


def test_runs_that_are_killed_at_random_moments_are_taken_up_by_the_next(
    pipeline: Pipeline, undisturbed: list[TableDigest], processes: Processes
) -> None:
    killed_at_random(pipeline, processes, random.Random(2), times=2)
    assert_nothing_was_lost(pipeline, undisturbed)


def killed_at_random(pipeline: Pipeline, processes: Processes, chosen: random.Random, *, times: int) -> None:
    """Runs that are killed within two seconds, and one that is not."""
    pipeline.discover(*requested(pipeline.sandbox))
    for attempt in range(times):
        process = processes.drain(f"killed-{attempt}")
        try:
            process.wait(chosen.uniform(0.2, 2.0))
        except TimeoutExpired:
            kill(process)
            let_calls_end(pipeline)
    processes.drain_to_the_end("last")


@pytest.mark.soak
@pytest.mark.parametrize("point", PASSES)
def test_a_run_may_be_killed_at_a_point_early_in_the_middle_and_late(
    pipeline: Pipeline, undisturbed: list[TableDigest], processes: Processes, point: str
) -> None:
    chosen = random.Random(point)
    pipeline.discover(*requested(pipeline.sandbox))
    for nth in (1, chosen.randint(2, PASSES[point] // 2), chosen.randint(2, PASSES[point])):
        killed_once(pipeline, processes, point, nth)
    processes.drain_to_the_end("last")
    assert_nothing_was_lost(pipeline, undisturbed)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10))
def test_a_run_may_be_killed_at_any_moment(
    pipeline: Pipeline, undisturbed: list[TableDigest], processes: Processes, seed: int
) -> None:
    killed_at_random(pipeline, processes, random.Random(seed), times=4)
    assert_nothing_was_lost(pipeline, undisturbed)
