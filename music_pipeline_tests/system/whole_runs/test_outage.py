"""A long outage of a provider: few calls, no losses, and the work resumes."""

import contextlib
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import pytest
import sqlalchemy as sa

from music_pipeline.cli.main import run
from music_pipeline.database.queries import query
from music_pipeline.defs.runs.stage_checks import stage_results
from music_pipeline.sandbox.process import SandboxProcess
from music_pipeline.settings import PROJECT
from music_pipeline.work.model import Stage
from music_pipeline.work.stages import STAGES, catalog_stages
from music_pipeline.worker.runner import database_now, sweep
from music_pipeline_tests.support.pipeline import Pipeline
from music_pipeline_tests.system.whole_runs.sweeps import (
    let_a_day_go_by,
    run_until_nothing_is_open,
    smallest,
    sweep_all,
)

SPEED = 60
COOL_DOWN_SECONDS = 1.5
FAILURES_TO_OPEN = 5
PROCESSES = 3
COOL_DOWNS = 3
ARTISTS = 2
SWEEPS = 6  # one more than there are attempts
LONGEST_SECONDS = 90
Found = TypeVar("Found")
OPEN = f"work WHERE stage IN ({', '.join(repr(stage.value) for stage in catalog_stages())})"


@pytest.fixture
def pipeline(
    engine: sa.Engine, sandbox: Callable[..., SandboxProcess], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Pipeline]:
    """Requested artists, in a sandbox for these tests only.

    One attempt at each piece of work per sweep.
    """
    process = sandbox(speed=SPEED, seed=43)
    monkeypatch.setenv("MUSIC_SANDBOX_URL", process.url)
    monkeypatch.setenv("BREAKER_SECONDS", str(COOL_DOWN_SECONDS * SPEED))
    for stage in STAGES:
        monkeypatch.setenv(f"RETRY_{stage.upper()}_BASE_SECONDS", "600")
    process.clear_faults()
    process.reset_stats()
    pipeline = Pipeline(engine, process)
    pipeline.discover(*smallest(pipeline, ARTISTS))
    yield pipeline
    process.clear_faults()


@contextlib.contextmanager
def swept_by(processes: int) -> Iterator[None]:
    """Run processes that sweep during the block and have to end without error."""
    command = [sys.executable, str(Path(__file__).with_name("sweeper.py"))]
    started = [
        subprocess.Popen([*command, f"sweeper-{number}"], stdin=subprocess.PIPE, cwd=PROJECT)
        for number in range(processes)
    ]
    try:
        yield
        for process in started:
            process.communicate(timeout=LONGEST_SECONDS)
        assert [process.returncode for process in started] == [0] * processes
    finally:
        for process in started:
            process.kill()
            process.communicate()


def wait_until(found: Callable[[], Found | None], what: str, instead: Callable[[], object] = lambda: None) -> Found:
    """Wait until `found` returns a value. On timeout, the error shows `instead`."""
    end = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < end:
        if (it := found()) is not None:
            return it
        time.sleep(0.02)
    raise AssertionError(f"{what} was waited for {LONGEST_SECONDS} s; instead: {instead()}")


COUNT_COOL_DOWNS = """
CREATE SEQUENCE cool_downs;
CREATE FUNCTION count_cool_down() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN PERFORM nextval('cool_downs'); RETURN NEW; END $$;
CREATE TRIGGER one_more BEFORE UPDATE ON provider_breakers FOR EACH ROW
    WHEN (NEW.state = 'open' AND OLD.state <> 'open') EXECUTE FUNCTION count_cool_down()
"""


@dataclass
class CoolDowns:
    """The cool-downs of a provider's breaker, each with the number of calls up to it.

    The database counts them, because a test on a busy machine may miss one.
    """

    pipeline: Pipeline
    provider: str
    calls: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        with self.pipeline.engine.begin() as connection:
            connection.exec_driver_sql(COUNT_COOL_DOWNS)

    def seen(self, wanted: int, looks: int = 1) -> dict[int, int] | None:
        """The calls up to each observed cool-down, by its number.

        None until enough were observed.

        `wanted`: the highest number to reach. `looks`: how many to observe. Calls are counted while none may be made.
        """
        before = self._number()
        calls = int(self.pipeline.sandbox.stats()[self.provider]["requests"])
        if before is not None and before == self._number():
            self.calls.setdefault(before, calls)
        return self.calls if max(self.calls, default=0) >= wanted and len(self.calls) >= looks else None

    def _number(self) -> int | None:
        """The number of the current cool-down. None in its first half.

        In the second half, all earlier calls have arrived.
        """
        rows = self.pipeline.rows(
            "SELECT (SELECT last_value FROM cool_downs) AS number FROM provider_breakers "
            "WHERE provider = :name AND state = 'open' "
            "AND clock_timestamp() BETWEEN open_until - make_interval(secs => :half) AND open_until",
            name=self.provider,
            half=COOL_DOWN_SECONDS / 2,
        )
        return rows[0].number if rows else None


def test_processes_share_one_probe_per_cool_down(
    pipeline: Pipeline, record_property: Callable[[str, object], None]
) -> None:
    pipeline.sandbox.add_fault("discogs", "outage")
    cool_downs = CoolDowns(pipeline, "discogs")
    with swept_by(PROCESSES):
        calls = wait_until(lambda: cool_downs.seen(1 + COOL_DOWNS, looks=2), f"{1 + COOL_DOWNS} cool-downs")
    seen = sorted(calls.items())
    opened_after = seen[0][1] - (seen[0][0] - 1)
    probes = {f"{first} to {last}": after - before for (first, before), (last, after) in pairwise(seen)}
    record_property("calls until the breaker was open", opened_after)
    record_property(f"probes from one cool-down to the other, of {PROCESSES} processes", probes)
    # The failures that open the breaker, and the calls that each process had already sent.
    assert FAILURES_TO_OPEN <= opened_after <= FAILURES_TO_OPEN + 2 * PROCESSES
    assert probes == {f"{first} to {last}": last - first for (first, _), (last, _) in pairwise(seen)}
    assert pipeline.value("SELECT count(*) FROM dead_work") == 0
    open_work = pipeline.rows(f"SELECT attempts, waiting_provider FROM {OPEN}")
    assert {(row.attempts, row.waiting_provider) for row in open_work} == {(0, "discogs")}


def test_waiting_work_resumes_when_the_provider_is_back(
    pipeline: Pipeline, record_property: Callable[[str, object], None]
) -> None:
    pipeline.sandbox.add_fault("discogs", "outage")
    cool_downs = CoolDowns(pipeline, "discogs")

    def still_open() -> list[object]:
        return pipeline.rows(f"SELECT stage, last_error, available_at - now() AS due_in FROM {OPEN}")

    with swept_by(1):
        wait_until(lambda: cool_downs.seen(1), "an open breaker")
        pipeline.sandbox.clear_faults()
        back = time.monotonic()
        wait_until(lambda: not still_open() or None, "the end of all work", still_open)
    record_property("seconds until all was done, of a cool-down of 1.5 s", round(time.monotonic() - back, 1))
    assert pipeline.value("SELECT count(*) FROM dead_work") == 0
    assert pipeline.value("SELECT count(*) FROM credit_sources WHERE provider = 'discogs'") > 0
    assert pipeline.value("SELECT state FROM provider_breakers WHERE provider = 'discogs'") == "closed"


def test_work_is_buried_after_a_fortnight_of_waiting(pipeline: Pipeline) -> None:
    pipeline.sandbox.add_fault("musicbrainz", "outage")
    for _ in range(SWEEPS):
        pipeline.sweep()
        let_a_day_go_by(pipeline)
    make_wait_longer(pipeline, timedelta(days=13))
    pipeline.sweep()
    assert pipeline.rows("SELECT stage, error FROM dead_work") == []
    assert pipeline.value(f"SELECT count(*) FROM {OPEN} AND waiting_provider = 'musicbrainz'") == ARTISTS
    let_a_day_go_by(pipeline)
    make_wait_longer(pipeline, timedelta(days=2))
    pipeline.sweep()
    buried = pipeline.rows("SELECT stage, stop_reason FROM dead_work WHERE stage = 'producer_identification'")
    assert [row.stop_reason for row in buried] == ["provider_unavailable"] * ARTISTS
    assert pipeline.value("SELECT count(*) FROM tracks") > 0


def make_wait_longer(pipeline: Pipeline, time_gone: timedelta) -> None:
    with pipeline.engine.begin() as connection:
        connection.execute(
            sa.text("UPDATE work SET waiting_since = waiting_since - :gone WHERE waiting_since IS NOT NULL"),
            {"gone": time_gone},
        )


def test_one_address_that_always_fails_opens_no_breaker_and_holds_up_nothing_else(pipeline: Pipeline) -> None:
    for _ in sweep(Stage.ARTIST_DISCOVERY, run_id="sweep", time_box=60):
        pass
    (poisoned, *_) = smallest(pipeline, ARTISTS)
    pipeline.sandbox.add_fault("spotify", "5xx", path_regex=f"/artists/{poisoned}/albums")
    for _ in range(3):
        pipeline.sweep()
        let_a_day_go_by(pipeline)
    states = pipeline.rows("SELECT state FROM provider_breakers WHERE provider = 'spotify'")
    assert [row.state for row in states] == ["closed"]
    waiting = pipeline.rows(f"SELECT stage, attempts, waiting_provider FROM {OPEN}")
    assert [tuple(row) for row in waiting] == [("album_discovery", 3, None)]
    done = "SELECT count(DISTINCT artist_id) FROM artist_releases"
    assert pipeline.value(done) == ARTISTS - 1
    pipeline.sandbox.clear_faults()
    pipeline.sweep()
    assert pipeline.value(done) == ARTISTS


def test_status_and_checks_show_the_age_of_sources(pipeline: Pipeline, capsys: pytest.CaptureFixture[str]) -> None:
    run_until_nothing_is_open(pipeline, 4)
    with pipeline.engine.begin() as connection:
        connection.execute(sa.text("UPDATE credit_sources SET last_seen_at = last_seen_at - interval '20 days' "
                                   "WHERE provider = 'discogs'"))  # fmt: skip
    pipeline.sandbox.add_fault("discogs", "outage")
    pipeline.discover(*smallest(pipeline, ARTISTS), force=True)
    sweep_all(pipeline)
    now = database_now(pipeline.engine)
    with pipeline.engine.connect() as connection:
        rows = connection.execute(query("catalogue_ages"), {"assets": [spec.asset for spec in STAGES.values()]}).all()
    ages = {(row.asset, row.source): now - row.oldest for row in rows}
    assert {asset for asset, _ in ages} == {spec.asset for spec in STAGES.values()}
    discogs = timedelta(days=20)
    assert discogs <= ages.pop(("producers", "discogs")) <= discogs + timedelta(hours=1)
    assert max(ages.values()) < timedelta(hours=1)
    verdict = next(
        one for one in stage_results(pipeline.engine, Stage.PRODUCER_IDENTIFICATION, []) if one.name == "overdue"
    )
    assert verdict.metadata["as_of discogs"] < verdict.metadata["as_of musicbrainz"]
    assert run(["status"]) == 0
    shown = capsys.readouterr().out
    assert re.search(r"producers.*discogs.*20 d", shown), shown
