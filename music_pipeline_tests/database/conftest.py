"""Fixtures: a copy of `sql/` to change, and an engine on an empty database."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from music_pipeline.database import migrations
from music_pipeline.database.engine import url_with_search_path
from music_pipeline.database.queries import sql_folder
from music_pipeline.settings import SCHEMA


@pytest.fixture
def own_sql(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of `sql/`, which `migrate` reads instead of the project's."""
    copied = tmp_path / "sql"
    shutil.copytree(sql_folder(), copied)
    monkeypatch.setattr(migrations, "sql_folder", lambda: copied)
    return copied


@pytest.fixture
def empty_engine(empty_database_url: str) -> Iterator[sa.Engine]:
    """An engine on a database with nothing in it."""
    made = sa.create_engine(url_with_search_path(empty_database_url, SCHEMA, driver="psycopg"))
    yield made
    made.dispose()
