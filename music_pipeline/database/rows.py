"""What every change of the catalogue has in common: why it is made, how rows are handed over.

What a row means belongs to the module of its table.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from music_pipeline.database.queries import query


@dataclass(frozen=True, slots=True)
class Version:
    """What is held for one artist in one stage: the number of rows and a hash of their facts."""

    rows: int
    hash: str


def content_hash(*facts: object) -> str:
    """A hash of facts, the same in every process: 32 hexadecimal digits."""
    text = json.dumps(facts, ensure_ascii=False, default=str, separators=(",", ":"))
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def write_rows(connection: sa.Connection, name: str, rows: Sequence[Mapping[str, Any]], **parameters: Any) -> int:
    """Hand rows to the named statement as one JSON array; answers how many rows were written."""
    if not rows:
        return 0
    written = connection.execute(query(name), {"rows": json.dumps(rows, default=str), **parameters})
    return written.rowcount


def version_of(connection: sa.Connection, name: str, artist_id: UUID) -> Version:
    """What the named statement says is held for an artist."""
    row = connection.execute(query(name), {"artist_id": artist_id}).one()
    return Version(rows=row.rows, hash=row.version or "empty")
