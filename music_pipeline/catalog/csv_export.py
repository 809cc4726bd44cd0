"""Tables and views as CSV.

Postgres writes the text itself, so that a large catalogue streams through. Frames for notebooks and Parquet are in
`export`, which needs pandas.
"""

from typing import IO, Any

import psycopg
import sqlalchemy as sa
from psycopg import sql

from music_pipeline.database.queries import query, statement

# Encrypted, and useless outside.
HIDDEN = ("credentials",)

# As pandas writes them, so that files of both writers read alike.
TIME = sql.SQL("""to_char({0} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US"+00:00"') AS {0}""")
TRUTH = sql.SQL("CASE WHEN {0} THEN 'True' WHEN NOT {0} THEN 'False' END AS {0}")
LIST = sql.SQL("CAST(to_jsonb({0}) AS text) AS {0}")


class UnknownView(Exception):
    """No such table or view. The text lists those that exist."""


def views(engine: sa.Engine) -> list[str]:
    """The names of the tables and views that can be read."""
    with engine.connect() as connection:
        return list(connection.execute(query("catalogue_relations"), {"hidden": list(HIDDEN)}).scalars())


def check_view(engine: sa.Engine, name: str) -> None:
    """Raise UnknownView unless `name` is a table or view that can be read."""
    known = views(engine)
    if name not in known:
        raise UnknownView(f"There is no table or view {name!r}; there are: {', '.join(known)}.")


def write_csv(engine: sa.Engine, name: str, file: IO[bytes]) -> int:
    """Write all rows of a table or view with a header. Return how many.

    Times are in UTC. Lists and JSON objects are JSON text. Raises UnknownView.
    """
    check_view(engine, name)
    with engine.connect() as connection:
        columns = connection.execute(query("relation_columns"), {"name": name}).all()
        connection.execute(query("sort_in_memory"))
        cursor: psycopg.Cursor[Any] = connection.connection.cursor()  # type: ignore[assignment]
        copying = sql.SQL("COPY (SELECT {} FROM ({}) AS every) TO STDOUT WITH (FORMAT csv, HEADER)").format(
            sql.SQL(", ").join(map(_as_text, columns)), _rows_of(name)
        )
        with cursor.copy(copying) as chunks:
            for chunk in chunks:
                file.write(chunk)
        return cursor.rowcount


def _as_text(column: sa.Row[Any]) -> sql.Composable:
    name = sql.Identifier(column.name)
    if column.is_list:
        return LIST.format(name)
    formats = {"timestamptz": TIME, "bool": TRUTH}
    return formats[column.type].format(name) if column.type in formats else name


def _rows_of(name: str) -> sql.Composable:
    """All rows. For `tracks`, one statement enriches them in one pass."""
    if name == "tracks":
        return sql.SQL(statement("all_tracks"))
    return sql.SQL("SELECT * FROM {}").format(sql.Identifier(name))
