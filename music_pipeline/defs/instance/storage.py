"""The classes that `dagster.yaml` names: Dagster's storage, artifacts and logs.

A `dagster.yaml` cannot depend on our settings. The `from_config_value` of these classes reads them instead.
"""

from functools import cache
from pathlib import Path
from typing import Any, Self

import click
import psycopg2
import sqlalchemy as sa
from dagster_postgres import DagsterPostgresStorage

from music_pipeline.database import embedded
from music_pipeline.database.engine import database_url, url_with_search_path
from music_pipeline.database.errors import DatabaseUnreachable, unreachable_text
from music_pipeline.database.queries import query
from music_pipeline.defs.instance.event_log import BatchingEventLog
from music_pipeline.defs.instance.private import (
    ConfigurableClassData,
    LocalArtifactStorage,
    LocalComputeLogManager,
    UserConfigSchema,
)
from music_pipeline.settings import Settings, settings

SCHEMA = "dagster"
SESSIONS = "dagster"  # the name of its sessions in pg_stat_activity


class StorageUnreachable(click.ClickException):
    """Postgres does not answer.

    As a ClickException it is one line of the `dagster` commands, without a traceback.
    """


class CatalogPostgresStorage(DagsterPostgresStorage):
    """A DagsterPostgresStorage in the catalogue's database, in the schema `dagster`."""

    def __init__(self, postgres_url: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(postgres_url, inst_data=inst_data)
        self._event_log_storage = BatchingEventLog(postgres_url)

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> Self:
        return cls(postgres_url=storage_url(settings()), inst_data=inst_data)


class HomeArtifactStorage(LocalArtifactStorage):
    """A LocalArtifactStorage in our folder."""

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> Self:
        return cls(base_dir=str(dagster_folder(settings())), inst_data=inst_data)


class HomeComputeLogs(LocalComputeLogManager):
    """A LocalComputeLogManager in our folder. It keeps what runs print, for the UI."""

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> Self:
        return cls(base_dir=str(dagster_folder(settings()) / "logs"), inst_data=inst_data)


def dagster_folder(configured: Settings) -> Path:
    """The folder of Dagster's files."""
    return configured.home / "dagster"


@cache
def storage_url(configured: Settings) -> str:
    """Return the URL of Dagster's storage for psycopg2, which dagster-postgres uses.

    Creates the tables first.

    Cached because the code server asks at every tick. Raises StorageUnreachable.
    """
    try:
        url = database_url()
        # The only schema in the search path: Dagster would stumble over the alembic_version of another one.
        alone = sa.make_url(url_with_search_path(url, SCHEMA, driver="psycopg2"))
        named = alone.update_query_dict({"application_name": SESSIONS}).render_as_string(hide_password=False)
        _create_tables(url, named)
    except (DatabaseUnreachable, embedded.EmbeddedPostgresError) as error:
        raise StorageUnreachable(str(error)) from error
    if configured.database_url is None:
        _revive_on_connect(configured.home)
    return named


def _create_tables(url: str, storage: str) -> None:
    """Create Dagster's schema and missing tables, one process at a time.

    Dagster creates its tables by itself, but gives up if several processes do so at once.
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
            DagsterPostgresStorage(postgres_url=storage)  # creates its tables
    except sa.exc.OperationalError as error:
        raise DatabaseUnreachable(unreachable_text(engine.url, error)) from error


def _revive_on_connect(home: Path) -> None:
    """Start the embedded server again when one of Dagster's connections finds it dead.

    Dagster makes its own engines, so the hook is on all of them. It acts only on psycopg2 and our socket.
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
