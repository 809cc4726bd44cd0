"""The named statements of `sql/queries`.

The room that runs a statement says what it means.
"""

import re
from functools import cache
from pathlib import Path

import sqlalchemy as sa

from music_pipeline.settings import PROJECT

QUERY_NAME = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)


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
