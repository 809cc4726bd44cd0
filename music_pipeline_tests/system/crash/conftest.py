"""Processes and databases to kill.

A disturbed run has to end like an undisturbed one.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa

from music_pipeline.catalog.fingerprint import TableDigest, digest
from music_pipeline.database import embedded
from music_pipeline.database.engine import get_engine
from music_pipeline.sandbox.process import SandboxProcess
from music_pipeline.settings import PROJECT
from music_pipeline.work.model import Stage
from music_pipeline.work.stages import STAGES, catalog_stages
from music_pipeline.worker.runner import sweep
from music_pipeline_tests.conftest import created_database
from music_pipeline_tests.support.pipeline import Pipeline, smallest_of

SPEED = 60  # windows of Discogs and Genius last a second, the shortest that the sandbox judges
SEED = 41
ARTISTS = 3
PATIENCE_SECONDS = 120
LEASE_SECONDS = 2
POLL_SECONDS = 0.05
DRIVER = str(Path(__file__).with_name("driver.py"))
ENRICHED_TABLES = frozenset({"recording_sources", "producer_profiles", "profile_followers"})
AUDITED_TABLES = {
    "artists": ("artist_id",),
    "releases": ("release_id",),
    "artist_releases": ("artist_id", "release_id"),
    "recordings": ("recording_id",),
    "recording_isrcs": ("recording_id", "isrc"),
    "tracks": ("track_id",),
    "producers": ("producer_id",),
    "credits": ("credit_id",),
    "credit_sources": ("credit_id", "provider", "level", "provider_id", "role"),
    "external_ids": ("entity", "provider", "id"),
}


@dataclass
class Processes:
    """The processes that a test started.

    At its end, they and their children are killed.
    """

    environment: Mapping[str, str]
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self, *command: str, **more: Any) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            command, env={**os.environ, **self.environment}, text=True, start_new_session=True, **more
        )
        self.started.append(process)
        return process

    def sweep(self, run_id: str, *options: str) -> subprocess.Popen[str]:
        """A driver at work."""
        [process] = self.sweeps([run_id], *options)
        return process

    def sweeps(self, run_ids: Sequence[str], *options: str) -> list[subprocess.Popen[str]]:
        """Start drivers that begin at the same moment."""
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        drivers = [self.start(sys.executable, DRIVER, run_id, *options, **pipes) for run_id in run_ids]
        assert [said(driver) for driver in drivers] == ["begun"] * len(drivers)
        for driver in drivers:
            assert driver.stdin is not None
            driver.stdin.close()
        return drivers

    def dagster(self, *arguments: str, **more: Any) -> subprocess.Popen[str]:
        """Start a `dagster` command on the project's instance."""
        return self.start(sys.executable, "-m", *arguments, cwd=PROJECT, **more)

    def sweep_to_the_end(self, run_id: str, *options: str) -> None:
        assert self.sweep(run_id, *options).wait(PATIENCE_SECONDS) == 0

    def end(self) -> None:
        for process in self.started:
            kill(process)


def said(process: subprocess.Popen[str]) -> str:
    """The next line that the process writes, empty once it has ended."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def let_calls_end(pipeline: Pipeline) -> None:
    """Let the calls of dead processes end.

    Quotas count them for as long as a call may last.
    """
    with pipeline.engine.begin() as connection:
        connection.execute(
            sa.text(
                "UPDATE quota_buckets SET free_at = array_fill(extract(epoch FROM now())::double precision, "
                "ARRAY[cardinality(free_at)]) WHERE cardinality(free_at) > 0"
            )
        )


def until(condition: Callable[[], object], process: subprocess.Popen[str], seconds: float = PATIENCE_SECONDS) -> None:
    """Wait for the condition while the process runs."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"it did not come about in {seconds} s"
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(POLL_SECONDS)
            raise AssertionError(f"the process ended with {process.returncode} before it came about")


def kill(process: subprocess.Popen[str]) -> None:
    """Kill the process and its group with SIGKILL."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(PATIENCE_SECONDS)
    if process.stdout is not None:
        process.stdout.close()


@pytest.fixture(scope="session")
def template_database(postgres_url: str, template_database: str) -> str:
    """The migrated database, with the tables of Dagster's storage."""
    url = sa.make_url(postgres_url).set(database=template_database).render_as_string(hide_password=False)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DATABASE_URL", url)
        environment.setenv("DAGSTER_HOME", str(PROJECT))
        with dg.DagsterInstance.get() as opened:
            assert opened.get_runs_count() == 0
    return template_database


@pytest.fixture
def short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leases and retries short enough for a test."""
    monkeypatch.setenv("LEASE_SECONDS", str(LEASE_SECONDS))
    monkeypatch.setenv("LEASE_RENEW_SECONDS", "1")
    for stage in STAGES:
        monkeypatch.setenv(f"RETRY_{stage.upper()}_BASE_SECONDS", "0.1")


@pytest.fixture(scope="session")
def world(sandbox: Callable[..., SandboxProcess]) -> SandboxProcess:
    """A sandbox for these tests only."""
    return sandbox(speed=SPEED, seed=SEED)


@pytest.fixture
def pipeline(
    engine: sa.Engine, world: SandboxProcess, monkeypatch: pytest.MonkeyPatch, short_times: None
) -> Iterator[Pipeline]:
    """A fresh database, connected to the sandbox."""
    monkeypatch.setenv("MUSIC_SANDBOX_URL", world.url)
    world.clear_faults()
    world.reset_stats()
    yield Pipeline(engine, world)
    world.clear_faults()


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[embedded.Cluster]:
    """The cluster of the embedded server in the test's own MUSIC_PIPELINE_HOME."""
    home = tmp_path.resolve()
    monkeypatch.setenv("MUSIC_PIPELINE_HOME", str(home))
    cluster = embedded.cluster_of(home)
    yield cluster
    embedded.stop(cluster)
    for folder in (cluster.folder, cluster.socket_folder):
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def processes() -> Iterator[Processes]:
    """Start processes, and end them with the test."""
    made = Processes({})
    yield made
    made.end()


def requested(world: SandboxProcess) -> list[str]:
    """The Spotify ids of the requested artists: few tracks, and known to Discogs."""
    return list(smallest_of(world)[:ARTISTS])


@pytest.fixture(scope="session")
def undisturbed(postgres_url: str, template_database: str, world: SandboxProcess) -> list[TableDigest]:
    """The digest of a run of the catalogue's stages that nobody disturbed, in a database of its own."""
    return undisturbed_digest(postgres_url, template_database, world, catalog_stages())


@pytest.fixture(scope="session")
def undisturbed_to_the_end(postgres_url: str, template_database: str, world: SandboxProcess) -> list[TableDigest]:
    """The same, of all stages."""
    return undisturbed_digest(postgres_url, template_database, world, tuple(STAGES))


def undisturbed_digest(
    postgres_url: str, template: str, world: SandboxProcess, stages: Sequence[Stage]
) -> list[TableDigest]:
    with (
        created_database(postgres_url, "undisturbed", template=template) as url,
        pytest.MonkeyPatch.context() as environment,
    ):
        environment.setenv("DATABASE_URL", url)
        environment.setenv("MUSIC_SANDBOX_URL", world.url)
        engine = get_engine()
        Pipeline(engine, world).discover(*requested(world))
        outcomes = [one for stage in stages for one in sweep(stage, run_id="undisturbed", time_box=PATIENCE_SECONDS)]
        assert {one.error for one in outcomes} == {None}
        assert len(outcomes) >= len(stages) * ARTISTS
        found = digest(engine)
        engine.dispose()
    return found


def _digest_of(engine: sa.Engine, stages: Sequence[Stage]) -> list[TableDigest]:
    return [one for one in digest(engine) if _is_filled(one.table, stages)]


def _is_filled(table: str, stages: Sequence[Stage]) -> bool:
    """Whether the stages fill the table.

    Without enrichment, its tables are not compared.
    """
    return Stage.ENRICHMENT in stages or table not in ENRICHED_TABLES


def assert_nothing_was_lost(
    pipeline: Pipeline,
    undisturbed: list[TableDigest],
    *,
    stages: Sequence[Stage] = catalog_stages(),
    times: int = 1,
) -> None:
    """Assert that a disturbed run ended like the undisturbed one.

    No work is open or dead, the digests are equal, and the audit explains every row.
    `times`: how often each piece of work was requested.
    """
    open_work = pipeline.rows("SELECT stage, subject, last_error FROM work")
    assert [row for row in open_work if row.stage in stages] == []
    assert pipeline.rows("SELECT stage, subject, error FROM dead_work") == []
    assert _digest_of(pipeline.engine, stages) == [one for one in undisturbed if _is_filled(one.table, stages)]
    for table, columns in AUDITED_TABLES.items():
        unexplained = pipeline.rows(
            f"SELECT r.* FROM {table} r LEFT JOIN audit a ON a.entity = :entity AND a.before IS NULL "
            "AND a.row_key = row_key_of(to_jsonb(r), :columns) AND a.why <> '' AND a.run_id <> '' "
            "WHERE a.audit_id IS NULL",
            entity=table,
            columns=list(columns),
        )
        assert unexplained == [], table
    done_again = "SELECT stage, subject FROM work_archive GROUP BY 1, 2 HAVING count(*) > :times"
    assert pipeline.rows(done_again, times=times) == []
