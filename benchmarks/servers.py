"""The benchmarks' own Postgres, apart from the operator's, with a fresh database for each measurement.

It is set up like the product's embedded Postgres, with nothing switched off.
"""

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psycopg
import sqlalchemy as sa
from psycopg import sql

from music_pipeline.database import embedded
from music_pipeline.database.engine import url_with_search_path
from music_pipeline.database.migrations import migrate
from music_pipeline.settings import PROJECT, SCHEMA

OPERATORS_PREFIXES = ("RETRY_", "LEASE_", "BREAKER_", "SPOTIFY_", "DISCOGS_", "GENIUS_", "LASTFM_", "INSTAGRAM_")
OPERATORS_SUFFIXES = ("_QUOTA", "_DAYS", "_HOURS")
OPERATORS_VARIABLES = ("DATABASE_URL", "MUSIC_SANDBOX_URL", "MUSIC_PIPELINE_KEY", "GETSONGBPM_API_KEY")
SQL = Path(__file__).parent / "sql"


def script(name: str) -> bytes:
    """The text of `benchmarks/sql/<name>.sql`."""
    return (SQL / f"{name}.sql").read_bytes()


@dataclass(frozen=True, slots=True)
class Server:
    """A running Postgres. `template`: a migrated database to copy. `postmaster`: the id of its process."""

    url: str
    template: str
    postmaster: int

    @contextlib.contextmanager
    def fresh_database(self) -> Iterator["FreshDatabase"]:
        """A new migrated database, dropped at the end of the block."""
        name = f"benchmark_{uuid4().hex}"
        _administer(self.url, sql.SQL("CREATE DATABASE {} TEMPLATE {}"), name, self.template)
        made = FreshDatabase(_url_of(self.url, name), _engine(_url_of(self.url, name)))
        try:
            yield made
        finally:
            made.engine.dispose()
            _administer(self.url, sql.SQL("DROP DATABASE {} WITH (FORCE)"), name)


@dataclass(frozen=True, slots=True)
class FreshDatabase:
    """A database with the product's schema. `engine`: its connections see only that schema, like the product's."""

    url: str
    engine: sa.Engine

    @property
    def environment(self) -> dict[str, str]:
        """The environment that points a process at this database."""
        return {"DATABASE_URL": self.url}

    def run_script(self, name: str) -> None:
        """Run `benchmarks/sql/<name>.sql`."""
        with self.engine.begin() as connection:
            connection.connection.cursor().execute(script(name))

    def settle(self) -> None:
        """Vacuum, analyze and write all to disk, as Postgres itself does after a while. No side pays for it."""
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text("VACUUM ANALYZE"))
            connection.execute(sa.text("CHECKPOINT"))


@contextlib.contextmanager
def own_server(home: Path) -> Iterator[Server]:
    """A Postgres in the folder `home`, removed at the end. It points this process at that home.

    Raises EmbeddedPostgresError.
    """
    _enter(home)
    cluster = embedded.cluster_of(home)
    try:
        url = embedded.ensure_running(cluster)
        yield Server(url, _template(url), int((cluster.data / "postmaster.pid").read_text().split()[0]))
    finally:
        embedded.stop(cluster)
        for folder in (cluster.folder, cluster.socket_folder):
            if folder.exists():
                shutil.rmtree(folder)


def _enter(home: Path) -> None:
    """Point this process and its children at the benchmarks' home, without the operator's settings."""
    home.mkdir(parents=True, exist_ok=True)
    for name in list(os.environ):
        if name in OPERATORS_VARIABLES or name.startswith(OPERATORS_PREFIXES) or name.endswith(OPERATORS_SUFFIXES):
            del os.environ[name]
    os.environ |= {"MUSIC_PIPELINE_HOME": str(home), "DAGSTER_HOME": str(PROJECT)}


def _template(server_url: str) -> str:
    name = f"template_{uuid4().hex}"
    _administer(server_url, sql.SQL("CREATE DATABASE {}"), name)
    engine = _engine(_url_of(server_url, name))
    migrate(engine)
    engine.dispose()
    return name


def _engine(url: str) -> sa.Engine:
    return sa.create_engine(url_with_search_path(url, SCHEMA, driver="psycopg"))


def _administer(server_url: str, statement: sql.SQL, *names: str) -> None:
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(statement.format(*(sql.Identifier(name) for name in names)))


def _url_of(server_url: str, name: str) -> str:
    return sa.make_url(server_url).set(database=name).render_as_string(hide_password=False)
