"""Fixtures for every test: a Postgres, a fresh migrated database, a sandbox.

No test touches the operator's database, home folder or credentials: the session removes their variables from the
environment.
"""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psycopg
import pytest
import sqlalchemy as sa

from music_pipeline.database import embedded
from music_pipeline.database.engine import get_engine, url_with_search_path
from music_pipeline.database.migrations import migrate
from music_pipeline.settings import PROJECT, SCHEMA

if TYPE_CHECKING:
    from music_pipeline.sandbox.process import SandboxProcess

# Fixtures that several rooms of tests share.
pytest_plugins = (
    "music_pipeline_tests.support.calls",
    "music_pipeline_tests.support.pipeline",
    "music_pipeline_tests.support.real_catalog",
)
OPERATORS_VARIABLES = (
    "DATABASE_URL", "DAGSTER_HOME", "MUSIC_SANDBOX_URL", "MUSIC_PIPELINE_KEY", "MUSICBRAINZ_CONTACT",
    "SPOTIFY_CLIENT_ID", "SPOTIFY_CLIENT_SECRET", "SPOTIFY_MARKET", "SPOTIFY_PAGE_SIZE", "GENIUS_ACCESS_TOKEN",
    "DISCOGS_TOKEN", "LASTFM_API_KEY", "GETSONGBPM_API_KEY", "INSTAGRAM_API_KEY", "INSTAGRAM_USER_ID",
    "SONOTELLER_API_KEY", "PROVIDER_WAIT_DAYS",
)  # fmt: skip
OPERATORS_PREFIXES = ("RETRY_", "LEASE_", "BREAKER_", "QUOTA_KEPT_")
OPERATORS_SUFFIX = "_QUOTA"
# A test's database need not survive a crash of the machine.
FASTER = ("fsync = off", "synchronous_commit = off", "full_page_writes = off")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures that tests recorded with `record_property`."""
    figures = [
        f"{report.nodeid.rpartition('::')[2]}: {name}: {value}"
        for outcome in ("passed", "failed")
        for report in terminalreporter.getreports(outcome)
        if report.when == "call"
        for name, value in report.user_properties
    ]
    if figures:
        terminalreporter.section("figures")
    for figure in figures:
        terminalreporter.write_line(figure)


@pytest.fixture(scope="session", autouse=True)
def session_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home folder for the session.

    At the end, its embedded server is stopped and removed.
    """
    home = tmp_path_factory.mktemp("home").resolve()
    with pytest.MonkeyPatch.context() as environment:
        for name in list(os.environ):
            if name in OPERATORS_VARIABLES or name.startswith(OPERATORS_PREFIXES) or name.endswith(OPERATORS_SUFFIX):
                environment.delenv(name)
        environment.setenv("MUSIC_PIPELINE_HOME", str(home))
        try:
            yield home
        finally:
            _remove_cluster(embedded.cluster_of(home))


def _remove_cluster(cluster: embedded.Cluster) -> None:
    embedded.stop(cluster)
    for folder in (cluster.folder, cluster.socket_folder):
        if folder.exists():
            shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres_url(session_home: Path) -> str:
    """The URL of the session's server."""
    url = embedded.ensure_running(embedded.cluster_of(session_home))
    with psycopg.connect(url, autocommit=True) as connection:
        for setting in FASTER:
            connection.execute(f"ALTER SYSTEM SET {setting}")
        connection.execute("SELECT pg_reload_conf()")
    return url


@pytest.fixture(scope="session")
def template_database(postgres_url: str) -> str:
    """The name of a migrated database. Tests get copies of it."""
    name = f"template_{uuid4().hex}"
    with created_database(postgres_url, name, keep=True) as url:
        migrated = sa.create_engine(url_with_search_path(url, SCHEMA, driver="psycopg"))
        migrate(migrated)
        migrated.dispose()
    return name


@pytest.fixture
def empty_database_url(postgres_url: str) -> Iterator[str]:
    """The URL of a database with nothing in it, dropped after the test."""
    with created_database(postgres_url, f"test_{uuid4().hex}") as url:
        yield url


@pytest.fixture
def engine(
    postgres_url: str, template_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[sa.Engine]:
    """`get_engine()` on a fresh migrated database.

    DATABASE_URL and MUSIC_PIPELINE_HOME are set for the test.
    """
    with fresh_engine(postgres_url, template_database, tmp_path, monkeypatch) as made:
        yield made


@contextlib.contextmanager
def fresh_engine(server_url: str, template: str, home: Path, environment: pytest.MonkeyPatch) -> Iterator[sa.Engine]:
    """`get_engine()` on a copy of the template.

    The environment names the copy and the home folder.
    """
    with created_database(server_url, f"test_{uuid4().hex}", template=template) as url:
        environment.setenv("DATABASE_URL", url)
        environment.setenv("MUSIC_PIPELINE_HOME", str(home))
        made = get_engine()
        yield made
        made.dispose()


def filled_database(server_url: str, template: str, fill: Callable[[sa.Engine], None]) -> str:
    """The name of a copy of the template, filled once. Tests get copies of it."""
    name = f"filled_{uuid4().hex}"
    with (
        created_database(server_url, name, template=template, keep=True) as url,
        pytest.MonkeyPatch.context() as environment,
    ):
        environment.setenv("DATABASE_URL", url)
        made = get_engine()
        fill(made)
        made.dispose()
    return name


@contextlib.contextmanager
def created_database(server_url: str, name: str, *, template: str | None = None, keep: bool = False) -> Iterator[str]:
    """The URL of a new database, dropped at the end unless it is kept."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}" + (f" TEMPLATE {template} STRATEGY FILE_COPY" if template else ""))
    try:
        yield sa.make_url(server_url).set(database=name).render_as_string(hide_password=False)
    finally:
        if not keep:
            with psycopg.connect(server_url, autocommit=True) as connection:
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Callable[..., "SandboxProcess"]]:
    """`sandbox(**options)`: a running sandbox, shared by tests with the same options.

    A test that injects faults or counts requests resets them itself, or asks for its own options.
    """
    from music_pipeline.sandbox.process import running_sandbox

    started: dict[str, Any] = {}
    with contextlib.ExitStack() as running:

        def start(**options: Any) -> "SandboxProcess":
            key = repr(sorted(options.items()))
            if key not in started:
                started[key] = running.enter_context(running_sandbox(**options))
            return started[key]

        yield start


@pytest.fixture(scope="session")
def shared_folder() -> Path:
    """The folder with data that may not be published: MUSIC_SHARED, or `../shared`.

    Without the folder, the test is skipped.
    """
    folder = Path(os.environ.get("MUSIC_SHARED") or PROJECT.parent / "shared")
    if not folder.is_dir():
        pytest.skip(f"the real data of {folder} is not on this machine (set MUSIC_SHARED to its folder)")
    return folder
