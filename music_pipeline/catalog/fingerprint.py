"""A hash of the facts in each table of the catalogue, to tell whether two catalogues are equal.

Our ids, keys and times are not facts, nor are inactive rows. `sql/queries/catalog.sql` lists the facts.
"""

from dataclasses import dataclass

import sqlalchemy as sa

from music_pipeline.database.queries import query


@dataclass(frozen=True, slots=True)
class TableDigest:
    """The number of facts in a table, and their MD5 in 32 hexadecimal digits."""

    table: str
    rows: int
    digest: str


def digest(engine: sa.Engine) -> list[TableDigest]:
    """The digests of all tables at one moment."""
    with engine.connect() as connection:
        return [TableDigest(row.table_name, row.rows, row.digest) for row in connection.execute(query("digest"))]
