"""Migrations are applied once.

Functions and views are applied again when they change.
"""

from pathlib import Path

import pytest
import sqlalchemy as sa

from music_pipeline.database.errors import MigrationError
from music_pipeline.database.migrations import migrate
from music_pipeline.database.queries import statement

DEFINITIONS = """
SELECT p.oid::regprocedure::text AS name, pg_get_functiondef(p.oid) AS definition FROM pg_proc p
WHERE p.pronamespace = 'music'::regnamespace
UNION ALL
SELECT c.oid::regclass::text, pg_get_viewdef(c.oid) FROM pg_class c
WHERE c.relnamespace = 'music'::regnamespace AND c.relkind = 'v'
UNION ALL
SELECT tgrelid::regclass || ' ' || tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
ORDER BY name
"""


def definitions(engine: sa.Engine) -> dict[str, str]:
    """The definitions of all functions, views and triggers."""
    with engine.connect() as connection:
        return {row.name: row.definition for row in connection.execute(sa.text(DEFINITIONS))}


def forget(engine: sa.Engine, pattern: str) -> None:
    """Pretend that the files like `pattern` had other contents when they were applied."""
    with engine.begin() as connection:
        connection.execute(
            sa.text("UPDATE schema_migrations SET digest = 'other' WHERE name LIKE :pattern"), {"pattern": pattern}
        )


def test_second_migration_applies_nothing(empty_engine: sa.Engine) -> None:
    applied = migrate(empty_engine)
    assert applied[0] == "functions/audit.sql"
    assert applied[1] == "0001_catalog.sql"
    assert applied[-1] == "views.sql"
    assert migrate(empty_engine) == []


def test_changed_function_is_applied_again(empty_engine: sa.Engine, own_sql: Path) -> None:
    migrate(empty_engine)
    file = own_sql / "functions" / "discovery.sql"
    file.write_text(file.read_text().replace("at most 200 characters", "at most 200 signs"))
    assert migrate(empty_engine) == ["functions/discovery.sql"]
    assert "200 signs" in "".join(definitions(empty_engine).values())
    assert migrate(empty_engine) == []


def test_changed_view_gets_its_new_column(empty_engine: sa.Engine, own_sql: Path) -> None:
    migrate(empty_engine)
    file = own_sql / "views.sql"
    file.write_text(file.read_text().replace("AS tracks_missing", "AS tracks_missing, 7 AS seven"))
    assert migrate(empty_engine) == ["views.sql"]
    with empty_engine.connect() as connection:
        assert list(connection.execute(sa.text("SELECT seven FROM release_coverage")).scalars()) == []


def test_functions_and_views_applied_twice_are_the_same(empty_engine: sa.Engine) -> None:
    migrate(empty_engine)
    once = definitions(empty_engine)
    forget(empty_engine, "functions/%")
    forget(empty_engine, "views.sql")
    applied = migrate(empty_engine)
    assert applied[0] == "functions/audit.sql"
    assert applied[-1] == "views.sql"
    assert definitions(empty_engine) == once


def test_changed_migration_is_refused(empty_engine: sa.Engine) -> None:
    migrate(empty_engine)
    forget(empty_engine, "0002_work.sql")
    with pytest.raises(MigrationError, match=r"0002_work\.sql was applied .* append-only"):
        migrate(empty_engine)


@pytest.mark.parametrize("name", ["0001_catalogue.sql", "0099_later.sql"], ids=["older", "newer"])
def test_another_versions_schema_stays_untouched(empty_engine: sa.Engine, name: str) -> None:
    with empty_engine.begin() as connection:
        connection.execute(sa.text("CREATE SCHEMA music"))
        connection.execute(sa.text(statement("create_schema_migrations")))
        connection.execute(sa.text("INSERT INTO schema_migrations (name, digest) VALUES (:name, '')"), {"name": name})
        connection.execute(sa.text("CREATE TABLE artists (name text)"))
        connection.execute(sa.text("INSERT INTO artists VALUES ('Low')"))
    with pytest.raises(MigrationError) as refused:
        migrate(empty_engine)
    said = str(refused.value)
    assert f"(database {empty_engine.url.database})" in said
    assert name in said
    assert "Nothing was changed" in said
    assert "DATABASE_URL or MUSIC_PIPELINE_HOME" in said
    assert "DROP SCHEMA music CASCADE" in said
    with empty_engine.connect() as connection:
        assert connection.execute(sa.text("SELECT name FROM artists")).scalar_one() == "Low"
        assert connection.execute(sa.text("SELECT to_regclass('music.work')")).scalar_one() is None
