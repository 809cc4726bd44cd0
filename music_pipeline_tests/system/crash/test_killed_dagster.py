"""A killed run of Dagster loses no work, and blocks later runs only briefly."""

from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from music_pipeline.catalog.fingerprint import TableDigest
from music_pipeline.definitions import definitions
from music_pipeline.defs.keys import asset_of, queue_of
from music_pipeline.defs.runs.ticks import decide, is_due
from music_pipeline.settings import PROJECT
from music_pipeline.work.model import Stage
from music_pipeline.work.stages import catalog_stages
from music_pipeline.work.sweeps import SWEEP_HEARTBEAT_YOUNG, abandoned_sweep, begin_sweep, sweeps_in_progress
from music_pipeline.worker import runner
from music_pipeline_tests.support.ledger import pass_time
from music_pipeline_tests.support.pipeline import Pipeline
from music_pipeline_tests.system.crash.conftest import (
    ARTISTS,
    PATIENCE_SECONDS,
    Processes,
    assert_nothing_was_lost,
    kill,
    let_calls_end,
    requested,
    until,
)

QUEUES = ",".join(queue_of(stage).to_user_string() for stage in catalog_stages())
SWEEP = ("dagster", "asset", "materialize", "-m", "music_pipeline.definitions", "--select", QUEUES)
EVERY_MINUTE = ("dagster._daemon", "run", "-m", "music_pipeline_tests.system.crash.every_minute")
LATENCY_SECONDS = 20
SCHEDULED_SECONDS = 600


@pytest.fixture(autouse=True)
def projects_instance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(PROJECT))


def in_progress(pipeline: Pipeline) -> list[str]:
    return [sweep.kind for sweep in sweeps_in_progress(pipeline.engine)]


def test_killed_sweep_blocks_next_only_while_heartbeat_is_young(
    pipeline: Pipeline, undisturbed: list[TableDigest], processes: Processes, tmp_path: Path
) -> None:
    pipeline.discover(*requested(pipeline.sandbox))
    pipeline.sandbox.add_fault("spotify", "latency", seconds=LATENCY_SECONDS, path_regex="/artists/[^/]+/albums")
    with (tmp_path / "killed").open("w") as output:
        killed = processes.dagster(*SWEEP, stdout=output, stderr=output)
        until(lambda: pipeline.rows("SELECT FROM work WHERE lease_run_id <> '' AND stage = 'album_discovery'"), killed)
        kill(killed)
        pipeline.sandbox.clear_faults()

    assert in_progress(pipeline) == ["album_discovery"]
    standing = decide(Stage.ALBUM_DISCOVERY, due=1, in_progress=sweeps_in_progress(pipeline.engine), queued=0)
    assert isinstance(standing, dg.SkipReason)
    pass_time(pipeline.engine, SWEEP_HEARTBEAT_YOUNG + timedelta(seconds=1))
    assert in_progress(pipeline) == []
    let_calls_end(pipeline)

    with (tmp_path / "next").open("w") as output:
        later = processes.dagster(*SWEEP, stdout=output, stderr=output)
        assert later.wait(PATIENCE_SECONDS) == 0, (tmp_path / "next").read_text()
    assert_nothing_was_lost(pipeline, undisturbed)


def test_next_sweep_reports_work_of_a_dead_sweep(pipeline: Pipeline) -> None:
    pipeline.discover(*requested(pipeline.sandbox))
    stage = Stage.ARTIST_DISCOVERY
    assert begin_sweep(pipeline.engine, stage.value, "dead")
    finished = list(runner.sweep(stage, run_id="dead", time_box=PATIENCE_SECONDS))
    assert not is_due(pipeline.engine, stage)
    pass_time(pipeline.engine, SWEEP_HEARTBEAT_YOUNG + timedelta(seconds=1))
    assert is_due(pipeline.engine, stage)
    with dg.DagsterInstance.get() as instance:
        assert definitions().resolve_job_def(stage.value).execute_in_process(instance=instance).success
        told = instance.get_materialized_partitions(asset_of(stage))
    assert told == {one.artist_key for one in finished}
    assert len(told) == ARTISTS
    assert abandoned_sweep(pipeline.engine, stage.value) is None


@pytest.mark.soak
def test_schedules_resume_after_all_dagster_processes_die(
    pipeline: Pipeline,
    undisturbed: list[TableDigest],
    processes: Processes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The daemon, the code server and the run are killed together.

    A new daemon finishes the work.
    """
    monkeypatch.setenv("MUSIC_SCHEDULES", "on")
    pipeline.discover(*requested(pipeline.sandbox))
    pipeline.sandbox.add_fault("spotify", "latency", seconds=LATENCY_SECONDS, path_regex="/artists/[^/]+/albums")
    with (tmp_path / "output").open("w") as output:
        killed = processes.dagster(*EVERY_MINUTE, stdout=output, stderr=output)
        until(
            lambda: pipeline.rows("SELECT FROM work WHERE lease_run_id <> '' AND stage = 'album_discovery'"),
            killed,
            SCHEDULED_SECONDS,
        )
        kill(killed)
        pipeline.sandbox.clear_faults()
        restarted = processes.dagster(*EVERY_MINUTE, stdout=output, stderr=output)
        until(lambda: not pipeline.rows("SELECT FROM work"), restarted, SCHEDULED_SECONDS)
        kill(restarted)
    assert_nothing_was_lost(pipeline, undisturbed)
