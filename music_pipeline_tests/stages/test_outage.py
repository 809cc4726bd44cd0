"""A provider that is down for long while work is due: how often it is called, what is lost, what comes back."""

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from music_pipeline.cli import run
from music_pipeline.database import query
from music_pipeline.defs.running.checks import verdicts
from music_pipeline.sandbox.process import SandboxProcess
from music_pipeline.stages.outcomes import ASSET_OF_STAGE
from music_pipeline.stages.runner import database_now, drain
from music_pipeline.work import CATALOG_STAGES, Stage
from music_pipeline_tests.stages.conftest import Pipeline
from music_pipeline_tests.stages.whole_runs import (
    STAGES,
    let_a_day_go_by,
    run_until_nothing_is_open,
    smallest,
    sweep_all,
)

SPEED = 60
COOL_DOWN_SECONDS = 60 / SPEED
FAILURES_TO_OPEN = 5
PROCESSES = 3
SECONDS = 8
ARTISTS = 3
BEGINNING_SECONDS = 30
OPEN = f"work WHERE stage IN ({', '.join(repr(stage.value) for stage in CATALOG_STAGES)})"


@pytest.fixture
def pipeline(
    engine: sa.Engine, sandbox: Callable[..., SandboxProcess], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Pipeline]:
    """Artists who are asked for, in a world of these tests' own; one attempt at each piece of work in a sweep."""
    process = sandbox(speed=SPEED, seed=43)
    monkeypatch.setenv("MUSIC_SANDBOX_URL", process.url)
    for stage in STAGES:
        monkeypatch.setenv(f"RETRY_{stage.upper()}_BASE_SECONDS", "600")
    process.clear_faults()
    process.reset_stats()
    pipeline = Pipeline(engine, process)
    pipeline.discover(*smallest(pipeline, ARTISTS))
    yield pipeline
    process.clear_faults()


def swept_by(processes: int, seconds: float) -> list["subprocess.Popen[bytes]"]:
    command = [sys.executable, str(Path(__file__).with_name("sweeper.py"))]
    return [subprocess.Popen([*command, f"sweeper-{number}", str(seconds)]) for number in range(processes)]


def ended(processes: Sequence["subprocess.Popen[bytes]"]) -> list[int]:
    try:
        return [process.wait(SECONDS + 60) for process in processes]
    finally:
        for process in processes:
            process.kill()


def when_open(pipeline: Pipeline, provider: str) -> float:
    """The moment at which the provider's breaker is seen to be open, on the monotonic clock."""
    end = time.monotonic() + BEGINNING_SECONDS
    while time.monotonic() < end:
        if pipeline.rows("SELECT 1 FROM provider_breakers WHERE provider = :name AND state = 'open'", name=provider):
            return time.monotonic()
        time.sleep(0.02)
    raise AssertionError(f"{provider}'s breaker did not open in {BEGINNING_SECONDS} s")


def calls(pipeline: Pipeline, provider: str) -> int:
    return int(pipeline.sandbox.stats()[provider]["requests"])


def test_several_processes_call_a_provider_that_is_down_once_in_each_cool_down(pipeline: Pipeline) -> None:
    pipeline.sandbox.add_fault("discogs", "outage")
    processes = swept_by(PROCESSES, SECONDS)
    try:
        opened = when_open(pipeline, "discogs")
        before = calls(pipeline, "discogs")
    finally:
        assert ended(processes) == [0] * PROCESSES
    probes = calls(pipeline, "discogs") - before
    cool_downs = (time.monotonic() - opened) / COOL_DOWN_SECONDS
    # What was on its way when it opened, one from each process that reads the state a moment later.
    assert before <= FAILURES_TO_OPEN + 2 * PROCESSES
    assert 0 < probes <= cool_downs + PROCESSES
    assert pipeline.value("SELECT count(*) FROM dead_work") == 0
    assert {row.attempts for row in pipeline.rows(f"SELECT attempts FROM {OPEN}")} == {0}
    assert {row.waiting_provider for row in pipeline.rows(f"SELECT waiting_provider FROM {OPEN}")} == {"discogs"}


def test_work_that_waited_goes_on_by_itself_when_the_provider_is_back(pipeline: Pipeline) -> None:
    pipeline.sandbox.add_fault("discogs", "outage")
    processes = swept_by(1, SECONDS)
    try:
        when_open(pipeline, "discogs")
        pipeline.sandbox.clear_faults()
    finally:
        assert ended(processes) == [0]
    assert pipeline.rows(f"SELECT stage, last_error FROM {OPEN}") == []
    assert pipeline.value("SELECT count(*) FROM dead_work") == 0
    assert pipeline.value("SELECT count(*) FROM credit_sources WHERE provider = 'discogs'") > 0
    assert pipeline.value("SELECT state FROM provider_breakers WHERE provider = 'discogs'") == "closed"


def test_nothing_is_given_up_before_its_time_and_a_fortnight_of_waiting_is_it(pipeline: Pipeline) -> None:
    pipeline.sandbox.add_fault("musicbrainz", "outage")
    for _ in range(8):
        sweep_all(pipeline)
        let_a_day_go_by(pipeline)
    waited(pipeline, timedelta(days=13))
    sweep_all(pipeline)
    assert pipeline.rows("SELECT stage, error FROM dead_work") == []
    assert pipeline.value(f"SELECT count(*) FROM {OPEN} AND waiting_provider = 'musicbrainz'") == ARTISTS
    let_a_day_go_by(pipeline)
    waited(pipeline, timedelta(days=2))
    sweep_all(pipeline)
    buried = pipeline.rows("SELECT stage, stop_reason FROM dead_work WHERE stage = 'producer_identification'")
    assert [row.stop_reason for row in buried] == ["provider_unavailable"] * ARTISTS
    assert pipeline.value("SELECT count(*) FROM tracks") > 0


def waited(pipeline: Pipeline, time_gone: timedelta) -> None:
    with pipeline.engine.begin() as connection:
        connection.execute(
            sa.text("UPDATE work SET waiting_since = waiting_since - :gone WHERE waiting_since IS NOT NULL"),
            {"gone": time_gone},
        )


def test_one_address_that_always_fails_opens_no_breaker_and_holds_up_nothing_else(pipeline: Pipeline) -> None:
    for _ in drain(Stage.ARTIST_DISCOVERY, run_id="sweep", time_box=60):
        pass
    (poisoned, *_) = smallest(pipeline, ARTISTS)
    pipeline.sandbox.add_fault("spotify", "5xx", path_regex=f"/artists/{poisoned}/albums")
    for _ in range(3):
        sweep_all(pipeline)
        let_a_day_go_by(pipeline)
    states = pipeline.rows("SELECT state FROM provider_breakers WHERE provider = 'spotify'")
    assert [row.state for row in states] == ["closed"]
    waiting = pipeline.rows(f"SELECT stage, attempts, waiting_provider FROM {OPEN}")
    assert [tuple(row) for row in waiting] == [("album_discovery", 3, None)]
    done = "SELECT count(DISTINCT artist_id) FROM artist_releases"
    assert pipeline.value(done) == ARTISTS - 1
    pipeline.sandbox.clear_faults()
    run_until_nothing_is_open(pipeline, 4)
    assert pipeline.value(done) == ARTISTS


def test_the_catalogue_says_how_old_is_what_it_shows(pipeline: Pipeline, capsys: pytest.CaptureFixture[str]) -> None:
    run_until_nothing_is_open(pipeline, 4)
    with pipeline.engine.begin() as connection:
        connection.execute(sa.text("UPDATE credit_sources SET last_seen_at = last_seen_at - interval '20 days' "
                                   "WHERE provider = 'discogs'"))  # fmt: skip
    pipeline.sandbox.add_fault("discogs", "outage")
    pipeline.discover(*smallest(pipeline, ARTISTS), force=True)
    sweep_all(pipeline)
    now = database_now(pipeline.engine)
    with pipeline.engine.connect() as connection:
        rows = connection.execute(query("catalogue_ages"), {"assets": list(ASSET_OF_STAGE.values())}).all()
    ages = {(row.asset, row.source): now - row.oldest for row in rows}
    assert {asset for asset, _ in ages} == set(ASSET_OF_STAGE.values())
    discogs = timedelta(days=20)
    assert discogs <= ages.pop(("producers", "discogs")) <= discogs + timedelta(hours=1)
    assert max(ages.values()) < timedelta(hours=1)
    verdict = next(one for one in verdicts(pipeline.engine, Stage.PRODUCER_IDENTIFICATION, []) if one.name == "overdue")
    assert verdict.metadata["as_of discogs"] < verdict.metadata["as_of musicbrainz"]
    assert run(["status"]) == 0
    shown = capsys.readouterr().out
    assert re.search(r"producers.*discogs.*20 d", shown), shown
