"""The one Postgres: its URL, the engine, the migrations, and the named statements of `sql/queries`.

What a statement means belongs to the room that runs it; only how to reach the database belongs here.
"""

import hashlib
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import psycopg
import sqlalchemy as sa

from music_pipeline import embedded_postgres
from music_pipeline.settings import PROJECT, SCHEMA, settings

MIGRATION_LOCK = 6_851_943_001
# Functions that tables need in order to be created; all others may need tables.
BEFORE_TABLES = ("functions/audit.sql",)
SCHEME = re.compile(r"^postgres(ql)?(\+\w+)?://")
QUERY_NAME = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)


class DatabaseUnreachable(Exception):
    """Postgres does not answer; the text says which and what to do, without its password."""


class MigrationError(Exception):
    """An applied migration is not the one that we have, or the database has another version's schema."""


def database_url() -> str:
    """The database's URL as `postgresql://…`: DATABASE_URL, else the embedded server's, which is started if need be.

    Raises DatabaseUnreachable for a DATABASE_URL that is none.
    """
    given = settings().database_url
    if given is None:
        return embedded_postgres.ensure_running(embedded_postgres.cluster_of(settings().home))
    return _checked(given)


def _checked(given: str) -> str:
    """`given` as `postgresql://…`. Raises DatabaseUnreachable, without the password, where it is no Postgres URL."""
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
    """`url` with `schema` as its search path, alone, and for the SQLAlchemy driver named, if one is."""
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
    """A hook that starts an embedded server that died: nobody else under a running `dagster dev` would."""

    def connect(dialect: sa.Dialect, _record: Any, arguments: list[Any], parameters: dict[str, Any]) -> Any:
        try:
            return dialect.connect(*arguments, **parameters)
        except psycopg.OperationalError:
            try:
                embedded_postgres.ensure_running(embedded_postgres.cluster_of(home))
            except embedded_postgres.EmbeddedPostgresError as error:  # to callers it is a database that is away
                raise psycopg.OperationalError(str(error)) from error
            return dialect.connect(*arguments, **parameters)

    return connect


def engine() -> sa.Engine:
    """The process's engine, migrated; connections see the catalogue's schema alone.

    Raises DatabaseUnreachable or MigrationError.
    """
    configured = settings()
    made = _engine_for(database_url(), None if configured.database_url else configured.home)
    _migrated(made)
    return made


@cache
def _migrated(to_migrate: sa.Engine) -> None:
    migrate(to_migrate)


def migrate(to_migrate: sa.Engine) -> list[str]:
    """Apply new migrations, and functions and views that changed, in one transaction under a lock; answer their names.

    Raises DatabaseUnreachable where Postgres does not answer; MigrationError where an applied migration has changed
    since, or where another version of the schema is found, which stays as it is.
    """
    try:
        with to_migrate.begin() as connection:
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
            connection.execute(sa.schema.CreateSchema(SCHEMA, if_not_exists=True))
            connection.execute(sa.text(statement("create_schema_migrations")))
            rows = connection.execute(sa.text(statement("applied_migrations"))).all()
            applied: dict[str, str] = {row.name: row.digest for row in rows}
            _refuse_other_versions(to_migrate.url, applied)
            return [name for name in _files_in_order() if _apply(connection, applied, name)]
    except sa.exc.OperationalError as error:
        raise DatabaseUnreachable(unreachable_text(to_migrate.url, error)) from error


def unreachable_text(url: sa.URL, error: sa.exc.OperationalError) -> str:
    """One line for people: which Postgres, what it said, what to do."""
    said = " ".join(str(error.orig).split()).rstrip("?.")
    return f"Postgres at {_place_of(url)} does not answer: {said}. Start it, or correct DATABASE_URL."


def _place_of(url: sa.URL) -> str:
    return f"{url.query.get('host') or f'{url.host}:{url.port or 5432}'} (database {url.database})"


def _refuse_other_versions(url: sa.URL, applied: Mapping[str, str]) -> None:
    known = _numbered()
    unknown = sorted(name for name in applied if name[:1].isdigit() and name not in known)
    if unknown:
        raise MigrationError(
            f"The Postgres at {_place_of(url)} holds the schema of another version of music_pipeline: its migrations "
            f"include {unknown[0]}, which this version does not know. Nothing was changed. Either keep it and point "
            f"DATABASE_URL or MUSIC_PIPELINE_HOME at another database, or export what you need with the version that "
            f"made it, then drop it: DROP SCHEMA {SCHEMA} CASCADE."
        )


def _files_in_order() -> list[str]:
    functions = sorted(f"functions/{path.name}" for path in (sql_folder() / "functions").glob("*.sql"))
    return [*BEFORE_TABLES, *_numbered(), *(name for name in functions if name not in BEFORE_TABLES), "views.sql"]


def _numbered() -> list[str]:
    return sorted(path.name for path in (sql_folder() / "migrations").glob("*.sql"))


def _apply(connection: sa.Connection, applied: Mapping[str, str], name: str) -> bool:
    """Run a migration that is new, or a file of functions or views that changed; False if there is nothing to do."""
    is_migration = name[:1].isdigit()
    text = (sql_folder() / ("migrations" if is_migration else "") / name).read_text()
    digest = hashlib.sha256(text.encode()).hexdigest()
    if applied.get(name) == digest:
        return False
    if is_migration and name in applied:
        raise MigrationError(f"{name} was applied to this database in another form; migrations are append-only.")
    # Over the raw cursor: SQLAlchemy would take a % or a : of the file for a parameter.
    cursor = connection.connection.cursor()
    cursor.execute(text)
    cursor.close()
    connection.execute(sa.text(statement("record_migration")), {"name": name, "digest": digest})
    return True


def sql_folder() -> Path:
    """The folder `sql/` beside the package."""
    return PROJECT / "sql"


@cache
def _statements() -> dict[str, str]:
    found: dict[str, str] = {}
    for path in sorted((sql_folder() / "queries").glob("*.sql")):
        pieces = QUERY_NAME.split(path.read_text())[1:]
        for name, body in zip(pieces[::2], pieces[1::2], strict=True):
            if name in found:
                raise ValueError(f"sql/queries names {name} twice; the second time in {path.name}.")
            found[name] = body.strip()
    return found


def statement(name: str) -> str:
    """The statement `-- name: name` of `sql/queries/*.sql`, with `:parameters`.

    Raises KeyError for an unknown name.
    """
    return _statements()[name]


def query(name: str) -> sa.TextClause:
    """The named statement, ready to execute with bound parameters."""
    return sa.text(statement(name))
