"""Pass rows to a statement, and hash rows to identify their state.

A table's own module says what its rows mean.
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
    """The rows of one artist in one stage: their number, and a hash of their facts."""

    rows: int
    hash: str


def content_hash(*facts: object) -> str:
    """A hash of facts, the same in every process: 32 hexadecimal digits."""
    text = json.dumps(facts, ensure_ascii=False, default=str, separators=(",", ":"))
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def write_rows(connection: sa.Connection, name: str, rows: Sequence[Mapping[str, Any]], **parameters: Any) -> int:
    """Pass rows to the named statement as one JSON array. Return how many were written."""
    if not rows:
        return 0
    written = connection.execute(query(name), {"rows": json.dumps(rows, default=str), **parameters})
    return written.rowcount


def version_of(connection: sa.Connection, name: str, artist_id: UUID) -> Version:
    """The version of an artist's rows, by the named statement."""
    row = connection.execute(query(name), {"artist_id": artist_id}).one()
    return Version(rows=row.rows, hash=row.version or "empty")
