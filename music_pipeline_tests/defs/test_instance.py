"""Dagster's storage in our Postgres, with real processes and a real server of each test's own."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import psycopg
import pytest

from music_pipeline.database import embedded
from music_pipeline.defs.instance import storage
from music_pipeline.settings import PROJECT

COUNT_RUNS = "import dagster as dg; print('runs:', dg.DagsterInstance.get().get_runs_count())"


@pytest.fixture
def fresh_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home folder where there is nothing yet, not even a server; what comes to be there is ended."""
    home = tmp_path.resolve()
    monkeypatch.setenv("MUSIC_PIPELINE_HOME", str(home))
    monkeypatch.setenv("DAGSTER_HOME", str(PROJECT))
    yield home
    cluster = embedded.cluster_of(home)
    embedded.stop(cluster)
    for folder in (cluster.folder, cluster.socket_folder):
        shutil.rmtree(folder, ignore_errors=True)


def test_four_processes_may_come_at_once_where_there_is_nothing(fresh_home: Path) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", COUNT_RUNS], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=PROJECT
        )
        for _ in range(4)
    ]
    answers = [process.communicate(timeout=120) for process in processes]
    assert not any("Retrying" in err for _, err in answers), "one process at a time creates the tables"
    assert [(process.returncode, out.strip()) for process, (out, _) in zip(processes, answers, strict=True)] == [
        (0, "runs: 0")
    ] * 4, [err for _, err in answers]
    url = embedded.url_of(embedded.cluster_of(fresh_home))
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT DISTINCT schemaname FROM pg_tables WHERE tablename IN ('runs', 'event_logs', 'alembic_version')"
        ).fetchall()
    assert found == [("dagster",)]


def test_a_server_that_was_killed_is_started_by_the_next_connection_of_dagster(fresh_home: Path) -> None:
    with dg.DagsterInstance.get() as opened:
        assert opened.get_runs_count() == 0
        cluster = embedded.cluster_of(fresh_home)
        postmaster = int((cluster.data / "postmaster.pid").read_text().split()[0])
        os.kill(postmaster, signal.SIGKILL)
        _wait_until_gone(postmaster)
        assert opened.get_runs_count() == 0
    assert int((cluster.data / "postmaster.pid").read_text().split()[0]) != postmaster


def _wait_until_gone(pid: int) -> None:
    """The test's process may be the parent of the server's: then it has to collect it."""
    while True:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return


def test_files_of_dagster_lie_under_our_home(engine: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(PROJECT))
    with dg.DagsterInstance.get() as opened:
        assert Path(opened.storage_directory()).is_relative_to(tmp_path)
        assert Path(opened.compute_log_manager.get_log_data(["x"]).log_key[0]).name == "x"
        assert isinstance(opened.compute_log_manager, storage.HomeComputeLogs)
        assert str(tmp_path) in opened.compute_log_manager.get_captured_local_path(["x"], "out")


def test_a_postgres_that_does_not_answer_is_one_clear_line_of_the_dagster_command(fresh_home: Path) -> None:
    answered = subprocess.run(
        [Path(sys.executable).parent / "dagster", "run", "list"],
        env=os.environ | {"DATABASE_URL": "postgresql://nobody:secret@127.0.0.1:9/none"},
        capture_output=True,
        text=True,
        cwd=PROJECT,
        timeout=60,
    )
    assert answered.returncode != 0
    assert "127.0.0.1:9" in answered.stderr
    assert "DATABASE_URL" in answered.stderr
    assert "Traceback" not in answered.stderr
    assert "secret" not in answered.stderr
