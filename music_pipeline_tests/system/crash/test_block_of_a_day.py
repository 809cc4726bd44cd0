"""A provider that asks for a day's pause gets it: from other processes, from later ones, and after a restart."""

import os
import signal
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from music_pipeline.cli import main
from music_pipeline.database.embedded import Cluster
from music_pipeline.database.engine import get_engine
from music_pipeline.sandbox.process import SandboxProcess
from music_pipeline_tests.support.pipeline import Pipeline
from music_pipeline_tests.system.crash.conftest import PATIENCE_SECONDS, Processes, requested
from music_pipeline_tests.system.crash.test_killed_postgres import server_process

DAY_SECONDS = 86_400
ONCE = """
import sys
from music_pipeline.worker.runner import drain
from music_pipeline.work.model import CATALOG_STAGES
for stage in CATALOG_STAGES:
    for outcome in drain(stage, run_id=sys.argv[1], time_box=60):
        print(outcome.text)
"""


@pytest.fixture
def embedded(cluster: Cluster, world: SandboxProcess, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipeline]:
    """A pipeline on an embedded server of the test's own; the blocks of the sandbox last as long as it says."""
    monkeypatch.setenv("MUSIC_SANDBOX_URL", world.url)
    world.clear_faults()
    world.reset_stats()
    engine = get_engine()
    yield Pipeline(engine, world)
    engine.dispose()
    world.clear_faults()


def sweep_once(processes: Processes, run_id: str) -> None:
    """A process that does what is due, once."""
    assert processes.start(sys.executable, "-c", ONCE, run_id).wait(PATIENCE_SECONDS) == 0


def let_a_day_pass(pipeline: Pipeline) -> None:
    """A day of the sandbox later: blocks and waiting work are as old."""
    with pipeline.engine.begin() as connection:
        for statement in (
            "UPDATE provider_blocks SET until = until - make_interval(secs => 86400)",
            "UPDATE work SET available_at = available_at - make_interval(secs => 86400)",
        ):
            connection.exec_driver_sql(statement)


def block_of_spotify(pipeline: Pipeline) -> datetime:
    [row] = pipeline.rows("SELECT until FROM provider_blocks WHERE provider = 'spotify'")
    until: datetime = row.until
    return until


def test_a_block_of_a_day_holds_for_every_process_and_survives_a_restart(
    embedded: Pipeline, cluster: Cluster, processes: Processes, capsys: pytest.CaptureFixture[str]
) -> None:
    blocked, other, later = requested(embedded.sandbox)
    wait = DAY_SECONDS * round(embedded.sandbox.info()["speed"])  # its day is a day of ours
    embedded.sandbox.add_fault("spotify", "429", retry_after=wait, count=1)
    embedded.discover(blocked)
    sweep_once(processes, "who-is-told")
    until = block_of_spotify(embedded)
    assert until - embedded.value("SELECT now()") > timedelta(hours=23, minutes=50)

    embedded.discover(other)
    sweep_once(processes, "another")
    os.kill(server_process(cluster), signal.SIGKILL)
    embedded.engine.dispose()
    embedded.engine = get_engine()
    embedded.discover(later)
    sweep_once(processes, "after-the-restart")

    stats = embedded.sandbox.stats()
    assert (stats["spotify"]["requests"], stats["spotify"]["early_calls_raw"]) == (1, 0)
    assert block_of_spotify(embedded) == until
    waiting = embedded.rows("SELECT attempts, waiting_provider, available_at FROM work")
    assert [(row.attempts, row.waiting_provider, row.available_at) for row in waiting] == [(0, "spotify", until)] * 3

    main.run(["status"])
    main.run(["doctor"])
    said = capsys.readouterr().out
    assert f"{until:%Y-%m-%d %H:%M:%S}" in said
    assert f"WRONG spotify: retry_after, until {until:%Y-%m-%d %H:%M} UTC" in said

    let_a_day_pass(embedded)
    sweep_once(processes, "a-day-later")
    assert embedded.rows("SELECT stage, last_error FROM work WHERE stage = 'artist_discovery'") == []
    assert embedded.value("SELECT count(*) FROM artists") == 3
