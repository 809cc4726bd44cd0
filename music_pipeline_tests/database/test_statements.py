"""Python names exactly the statements of `sql/queries`."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from music_pipeline.database.queries import sql_folder
from music_pipeline.settings import PROJECT
from music_pipeline_tests.database.statement_names import named_statements

NAME = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)


@pytest.fixture(scope="module")
def defined() -> dict[str, str]:
    """The file of each statement."""
    files = (sql_folder() / "queries").glob("*.sql")
    return {name: path.name for path in sorted(files) for name in NAME.findall(path.read_text())}


@pytest.fixture(scope="module")
def named() -> Sequence[tuple[str, str]]:
    """The statements that the package names, and where."""
    return named_statements(sorted((PROJECT / "music_pipeline").rglob("*.py")))


def test_named_statements_exist(defined: dict[str, str], named: Sequence[tuple[str, str]]) -> None:
    missing = [(name, place) for name, place in named if not any(re.fullmatch(name, one) for one in defined)]
    assert missing == []


def test_statements_are_used(defined: dict[str, str], named: Sequence[tuple[str, str]]) -> None:
    patterns = {name for name, _ in named}
    unused = {one: file for one, file in defined.items() if not any(re.fullmatch(name, one) for name in patterns)}
    assert unused == {}


def test_checks_of_assets_have_their_statements(defined: dict[str, str]) -> None:
    """An f-string names the checks, so the declared checks are compared instead."""
    from music_pipeline.definitions import definitions

    keys = definitions().get_repository_def().asset_graph.asset_check_keys
    declared = {f"check_{key.asset_key.path[-1]}_{key.name}" for key in keys}
    written = {name for name in defined if name.startswith("check_") and name != "check_dead_work"}
    assert written <= declared


def test_statement_names_are_found_through_helpers(tmp_path: Path) -> None:
    file = tmp_path / "example.py"
    file.write_text(
        "def write(connection, name):\n    connection.execute(query(name))\n\n"
        'def use(connection):\n    write(connection, "one")\n'
        '    for each in ("two", "three"):\n        connection.execute(query(each))\n'
        '    connection.execute(database.query(f"check_{kind}_x"))\n'
    )
    assert sorted(name for name, _ in named_statements([file])) == [r"check_\w+_x", "one", "three", "two"]
