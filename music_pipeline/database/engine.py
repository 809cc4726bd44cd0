"""The database's URL, and one engine a process."""

import re
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import psycopg
import sqlalchemy as sa

from music_pipeline.database import embedded
from music_pipeline.database.errors import DatabaseUnreachable
from music_pipeline.database.migrations import migrate
from music_pipeline.settings import SCHEMA, settings

SCHEME = re.compile(r"^postgres(ql)?(\+\w+)?://")


def database_url() -> str:
    """The database's URL as `postgresql://…`: DATABASE_URL, or that of the embedded server, which is started if needed.

    Raises DatabaseUnreachable for a malformed DATABASE_URL.
    """
    given = settings().database_url
    if given is None:
        return embedded.ensure_running(embedded.cluster_of(settings().home))
    return _checked(given)


def _checked(given: str) -> str:
    """`given` as `postgresql://…`. Raises DatabaseUnreachable, without the password, if it is no Postgres URL."""
    if not SCHEME.match(given):
        raise DatabaseUnreachable("DATABASE_URL is not a Postgres URL: it has to begin with postgresql://.")
    url = SCHEME.sub("postgresql://", given)
    try:
        sa.make_url(url)
    except (ValueError, sa.exc.ArgumentError):
        raise DatabaseUnreachable(
            "DATABASE_URL cannot be read: it has to be postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with signs such "
            "as @ and / in the password escaped (%40, %2F)."
        ) from None
    return url


def url_with_search_path(url: str, schema: str, *, driver: str = "") -> str:
    """`url` with `schema` as its only search path, for the named SQLAlchemy driver, if any."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    query["options"] = f"{query.get('options', '')} -csearch_path={schema}".strip()
    scheme = f"postgresql+{driver}" if driver else "postgresql"
    # The netloc is empty for a socket without user; urlunsplit would then drop the two slashes.
    rest = urlunsplit(("", "", parts.path, urlencode(query, quote_via=quote), ""))
    return f"{scheme}://{parts.netloc}{rest}"


@cache
def _engine_for(url: str, embedded_home: Path | None) -> sa.Engine:
    engine = sa.create_engine(
        url_with_search_path(url, SCHEMA, driver="psycopg"),
        pool_size=8,
        max_overflow=8,
        pool_pre_ping=True,
        connect_args={"connect_timeout": 10},
    )
    if embedded_home is not None:
        sa.event.listen(engine, "do_connect", _revive(embedded_home))
    return engine


def _revive(home: Path) -> Any:
    """A hook that restarts an embedded server that died, since nothing else under `dagster dev` would."""

    def connect(dialect: sa.Dialect, _record: Any, arguments: list[Any], parameters: dict[str, Any]) -> Any:
        try:
            return dialect.connect(*arguments, **parameters)
        except psycopg.OperationalError:
            try:
                embedded.ensure_running(embedded.cluster_of(home))
            except embedded.EmbeddedPostgresError as error:  # callers then see that the database is away
                raise psycopg.OperationalError(str(error)) from error
            return dialect.connect(*arguments, **parameters)

    return connect


def get_engine() -> sa.Engine:
    """The process's engine on a migrated database. Its connections see only the catalogue's schema.

    Raises DatabaseUnreachable or MigrationError.
    """
    configured = settings()
    made = _engine_for(database_url(), None if configured.database_url else configured.home)
    _migrated(made)
    return made


@cache
def _migrated(to_migrate: sa.Engine) -> None:
    migrate(to_migrate)
