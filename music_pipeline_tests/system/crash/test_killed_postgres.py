"""A killed embedded Postgres restarts by itself, and nothing is lost."""

import os
import signal
import sys
from collections.abc import Iterator

import psycopg
import pytest

from music_pipeline.catalog.fingerprint import TableDigest
from music_pipeline.database import embedded as embedded_postgres
from music_pipeline.database.embedded import Cluster
from music_pipeline.database.engine import get_engine
from music_pipeline.sandbox.process import SandboxProcess
from music_pipeline_tests.support.pipeline import Pipeline
from music_pipeline_tests.system.crash.conftest import (
    ARTISTS,
    PATIENCE_SECONDS,
    Processes,
    assert_nothing_was_lost,
    kill,
    requested,
    said,
    until,
)

SET_UP = "from music_pipeline.database.engine import database_url; database_url()"


@pytest.fixture
def embedded(
    cluster: Cluster, world: SandboxProcess, monkeypatch: pytest.MonkeyPatch, short_times: None
) -> Iterator[Pipeline]:
    """A pipeline on the test's own embedded server."""
    monkeypatch.setenv("MUSIC_SANDBOX_URL", world.url)
    engine = get_engine()
    yield Pipeline(engine, world)
    engine.dispose()


def server_process(cluster: Cluster) -> int:
    return int((cluster.data / "postmaster.pid").read_text().split()[0])


def test_work_survives_a_killed_embedded_server(
    embedded: Pipeline, cluster: Cluster, undisturbed: list[TableDigest], processes: Processes
) -> None:
    artists = requested(embedded.sandbox)
    for point, asked in (("in_call", artists[: ARTISTS // 2]), ("finishing", artists[ARTISTS // 2 :])):
        embedded.discover(*asked)
        process = processes.sweep(f"under-{point}", "--point", point, "--nth", "3")
        assert said(process) == point
        os.kill(server_process(cluster), signal.SIGKILL)
        process.wait(PATIENCE_SECONDS)
        processes.sweep_to_the_end(f"after-{point}")
    assert_nothing_was_lost(embedded, undisturbed)


def test_killed_set_up_is_repeated(cluster: Cluster, processes: Processes) -> None:
    killed = processes.start(sys.executable, "-c", SET_UP)
    until(lambda: list(cluster.folder.glob("*/PG_VERSION")), killed)
    kill(killed)
    with psycopg.connect(embedded_postgres.ensure_running(cluster)) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        assert connection.execute("SHOW search_path").fetchone() == ("music",)
    assert not list(cluster.folder.glob("unfinished-*"))


def test_set_up_killed_before_the_database_is_finished(cluster: Cluster) -> None:
    url = embedded_postgres.ensure_running(cluster)
    with psycopg.connect(url, dbname="postgres", autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {embedded_postgres.DATABASE}")
    with psycopg.connect(embedded_postgres.ensure_running(cluster)) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == (embedded_postgres.DATABASE,)
