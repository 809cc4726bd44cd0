"""Apply the migrations of `sql/migrations`."""

import hashlib
from collections.abc import Mapping

import sqlalchemy as sa

from music_pipeline.database.errors import DatabaseUnreachable, MigrationError, unreachable_text
from music_pipeline.database.queries import sql_folder, statement
from music_pipeline.settings import SCHEMA

MIGRATION_LOCK = 6_851_943_001


def migrate(to_migrate: sa.Engine) -> list[str]:
    """Apply the missing migrations in order, in one transaction under a lock. Return their names.

    Raises DatabaseUnreachable if Postgres does not answer, MigrationError if an applied file has changed since.
    """
    try:
        with to_migrate.begin() as connection:
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
            connection.execute(sa.schema.CreateSchema(SCHEMA, if_not_exists=True))
            connection.execute(sa.text(statement("create_schema_migrations")))
            rows = connection.execute(sa.text(statement("applied_migrations"))).all()
            applied: dict[str, str] = {row.name: row.digest for row in rows}
            return [name for name, text in _migrations().items() if _apply(connection, applied, name, text)]
    except sa.exc.OperationalError as error:
        raise DatabaseUnreachable(unreachable_text(to_migrate.url, error)) from error


def _migrations() -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted((sql_folder() / "migrations").glob("*.sql"))}


def _apply(connection: sa.Connection, applied: Mapping[str, str], name: str, text: str) -> bool:
    digest = hashlib.sha256(text.encode()).hexdigest()
    if name in applied:
        if applied[name] != digest:
            raise MigrationError(f"{name} was applied to this database in another form; migrations are append-only.")
        return False
    # Over the raw cursor: SQLAlchemy would take a % or a : of the file for a parameter.
    cursor = connection.connection.cursor()
    cursor.execute(text)
    cursor.close()
    connection.execute(sa.text(statement("record_migration")), {"name": name, "digest": digest})
    return True
