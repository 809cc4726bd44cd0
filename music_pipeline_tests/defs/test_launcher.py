"""How the launcher tells a living run from a dead one."""

import json
from collections.abc import Mapping
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa
from dagster._core.launcher import WorkerStatus

from music_pipeline.actions.request_artist import request_artist
from music_pipeline.defs.instance.launcher import WatchedRunLauncher
from music_pipeline.work.claim import claim
from music_pipeline.work.model import Stage
from music_pipeline.work.sweeps import begin_sweep


@pytest.fixture
def gone(tmp_path: Path) -> dict[str, str]:
    """The tags of a run whose code server is gone."""
    return {".dagster/grpc_info": json.dumps({"host": "localhost", "socket": str(tmp_path / "gone")})}


def health(instance: dg.DagsterInstance, tags: Mapping[str, str]) -> WorkerStatus:
    """What the launcher says of a started run with these tags."""
    assert isinstance(instance.run_launcher, WatchedRunLauncher)
    return instance.run_launcher.check_run_worker_health(started(instance, tags)).status


def started(instance: dg.DagsterInstance, tags: Mapping[str, str]) -> dg.DagsterRun:
    run = dg.DagsterRun(job_name="sweep", run_id="a-run", status=dg.DagsterRunStatus.STARTED, tags=tags)
    return instance.add_run(run)


def test_a_run_of_which_neither_its_server_nor_the_ledger_hears_is_dead(
    instance: dg.DagsterInstance, gone: dict[str, str]
) -> None:
    assert health(instance, gone) is WorkerStatus.FAILED


def test_a_run_whose_server_is_gone_lives_as_long_as_its_sweep_has_a_heartbeat(
    engine: sa.Engine, instance: dg.DagsterInstance, gone: dict[str, str]
) -> None:
    assert begin_sweep(engine, "artist_discovery", "a-run")
    assert health(instance, gone) is WorkerStatus.RUNNING


def test_a_run_whose_server_is_gone_lives_as_long_as_it_holds_work(
    engine: sa.Engine, instance: dg.DagsterInstance, gone: dict[str, str]
) -> None:
    request_artist(engine, "ABBA")
    assert claim(engine, Stage.ARTIST_DISCOVERY, run_id="a-run", limit=1)
    assert health(instance, gone) is WorkerStatus.RUNNING


def test_a_run_that_no_server_started_is_left_alone(instance: dg.DagsterInstance) -> None:
    assert health(instance, {}) is WorkerStatus.RUNNING
