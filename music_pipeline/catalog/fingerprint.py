"""One hash for each table of the catalogue over its facts, to tell whether two catalogues say the same.

Our ids, keys and times are no facts, nor is what is inactive. The facts are listed in `sql/queries/catalog.sql`.
"""

from dataclasses import dataclass

import sqlalchemy as sa

from music_pipeline.database.queries import query


@dataclass(frozen=True, slots=True)
class TableDigest:
    """A table's number of facts, and the MD5 (32 hexadecimal digits) over them."""

    table: str
    rows: int
    digest: str


def digest(engine: sa.Engine) -> list[TableDigest]:
    """The digests of all tables, at one moment."""
    with engine.connect() as connection:
        return [TableDigest(row.table_name, row.rows, row.digest) for row in connection.execute(query("digest"))]
