"""What `dagster.yaml` names: Dagster's own storage in our Postgres, its artifacts and logs in our folder.

A `dagster.yaml` cannot depend on the environment in the way that we need, so it names classes of this module, and their
`from_config_value` looks where the environment points. What Dagster stores there,
and the catalogue beside it, is not for here.
"""

from functools import cache
from pathlib import Path
from typing import Any, Self

import click
import psycopg2
import sqlalchemy as sa
from dagster._config import UserConfigSchema
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster._core.storage.root import LocalArtifactStorage
from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage

from music_pipeline.database import embedded
from music_pipeline.database.engine import database_url, url_with_search_path
from music_pipeline.database.errors import DatabaseUnreachable, unreachable_text
from music_pipeline.database.queries import query
from music_pipeline.settings import Settings, settings

SCHEMA = "dagster"
SESSIONS = "dagster"  # what its sessions are called in pg_stat_activity


class StorageUnreachable(click.ClickException):
    """Postgres does not answer. A ClickException, so that the `dagster` commands print its line and no traceback."""


class CatalogPostgresStorage(DagsterPostgresStorage):
    """A DagsterPostgresStorage on the database of the catalogue, in the schema `dagster`."""

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> Self:
        return cls(postgres_url=storage_url(settings()), inst_data=inst_data)


class HomeArtifactStorage(LocalArtifactStorage):
    """A LocalArtifactStorage under our folder."""

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> Self:
        return cls(base_dir=str(dagster_folder(settings())), inst_data=inst_data)


class HomeComputeLogs(LocalComputeLogManager):
    """A LocalComputeLogManager under our folder: what runs print is kept, and shown in the UI."""

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> Self:
        return cls(base_dir=str(dagster_folder(settings()) / "logs"), inst_data=inst_data)


def dagster_folder(configured: Settings) -> Path:
    """Where Dagster keeps its files."""
    return configured.home / "dagster"


@cache
def storage_url(configured: Settings) -> str:
    """The URL of Dagster's storage, whose tables exist when this answers; for psycopg2, which dagster-postgres speaks.

    The code server asks at every tick, hence the cache. Raises StorageUnreachable.
    """
    try:
        url = database_url()
        # Alone in the search path: beside another schema Dagster would find that one's alembic_version, and not start.
        alone = sa.make_url(url_with_search_path(url, SCHEMA, driver="psycopg2"))
        named = alone.update_query_dict({"application_name": SESSIONS}).render_as_string(hide_password=False)
        _create_tables(url, named)
    except (DatabaseUnreachable, embedded.EmbeddedPostgresError) as error:
        raise StorageUnreachable(str(error)) from error
    if configured.database_url is None:
        _revive_on_connect(configured.home)
    return named


def _create_tables(url: str, storage: str) -> None:
    """Create Dagster's schema and tables where they are missing, one process at a time.

    Dagster creates its tables by itself, but gives up where several processes do so at once for long enough.
    """
    engine = sa.create_engine(
        url_with_search_path(url, SCHEMA, driver="psycopg"),
        poolclass=sa.NullPool,
        isolation_level="AUTOCOMMIT",
    )
    try:
        with engine.connect() as connection:
            connection.execute(query("lock_dagster_schema"))
            connection.execute(query("create_dagster_schema"))
            DagsterPostgresStorage(postgres_url=storage)  # it does so when it is made
    except sa.exc.OperationalError as error:
        raise DatabaseUnreachable(unreachable_text(engine.url, error)) from error


def _revive_on_connect(home: Path) -> None:
    """Let the first of Dagster's connections that finds the embedded server dead start it again.

    Dagster makes its engines itself, so the hook is on all of them; it minds only those of psycopg2 at our socket.
    """
    cluster = embedded.cluster_of(home)

    def connect(dialect: sa.Dialect, _record: Any, arguments: list[Any], parameters: dict[str, Any]) -> Any:
        if dialect.driver != "psycopg2" or parameters.get("host") != str(cluster.socket_folder):
            return None
        try:
            return dialect.connect(*arguments, **parameters)
        except psycopg2.OperationalError:
            embedded.ensure_running(cluster)
            return dialect.connect(*arguments, **parameters)

    sa.event.listen(sa.engine.Engine, "do_connect", connect)
