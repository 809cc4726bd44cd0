"""Apply sql/migrations once, and sql/functions and sql/views.sql whenever they change."""

import hashlib
from collections.abc import Mapping

import sqlalchemy as sa

from music_pipeline.database.errors import DatabaseUnreachable, MigrationError, place_of, unreachable_text
from music_pipeline.database.queries import sql_folder, statement
from music_pipeline.settings import SCHEMA

MIGRATION_LOCK = 6_851_943_001
# Functions that tables need in order to be created; all others may need tables.
BEFORE_TABLES = ("functions/audit.sql",)


def migrate(to_migrate: sa.Engine) -> list[str]:
    """Apply new migrations, and changed functions and views. Return their names.

    One transaction under a lock does it. Raises DatabaseUnreachable if Postgres does not answer. Raises MigrationError
    if an applied migration has changed since, or if the schema is another version's. That schema stays as it is.
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


def _refuse_other_versions(url: sa.URL, applied: Mapping[str, str]) -> None:
    known = _numbered()
    unknown = sorted(name for name in applied if name[:1].isdigit() and name not in known)
    if unknown:
        raise MigrationError(
            f"The Postgres at {place_of(url)} holds the schema of another version of music_pipeline: its migrations "
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
    """Run a migration that is new, or a file of functions or views that changed.

    False: it is applied already.
    """
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
