"""A folder `sql/` that a test may change, and an engine on an empty database."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from music_pipeline import database
from music_pipeline.settings import SCHEMA


@pytest.fixture
def own_sql(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of `sql/`, which `migrate` reads instead of the project's."""
    copied = tmp_path / "sql"
    shutil.copytree(database.sql_folder(), copied)
    monkeypatch.setattr(database, "sql_folder", lambda: copied)
    return copied


@pytest.fixture
def empty_engine(empty_database_url: str) -> Iterator[sa.Engine]:
    """An engine on a database with nothing in it."""
    made = sa.create_engine(database.url_with_search_path(empty_database_url, SCHEMA, driver="psycopg"))
    yield made
    made.dispose()
