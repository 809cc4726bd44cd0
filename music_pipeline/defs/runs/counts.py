"""Counts over the whole catalogue.

Every sweep makes them while it is small. For a large one, they are made once an hour and on demand.

What the counts mean is in `stage_checks` and `source_checks`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from music_pipeline.database.queries import query

# Counting this many tracks takes about a second. A sweep's time must depend on its work, not on the catalogue's size.
SMALL_CATALOGUE = 20_000


@dataclass(frozen=True, slots=True)
class Count:
    """The rows of a counting statement, as JSON values, and when they were counted."""

    rows: list[dict[str, Any]]
    at: datetime

    @property
    def row(self) -> dict[str, Any]:
        """The only row. Raises ValueError if there is not exactly one."""
        (only,) = self.rows
        return only

    @property
    def metadata(self) -> dict[str, str]:
        """When it was counted, as metadata of an event."""
        return {"counted_at": self.at.astimezone(UTC).isoformat(timespec="seconds")}


def count(
    engine: sa.Engine, statement: str, parameters: Mapping[str, Any] | None = None, *, afresh: bool = False
) -> Count:
    """Run the named counting statement.

    For a large catalogue, return the last count instead, unless `afresh`.
    """
    given = dict(parameters or {})
    name = f"{statement} {json.dumps(given, sort_keys=True)}"
    values = {"name": name, "small": SMALL_CATALOGUE}
    with engine.connect() as connection:
        kept = None if afresh else connection.execute(query("kept_count"), values).one_or_none()
    if kept is not None:
        return Count(kept.counted, kept.counted_at)
    with engine.begin() as connection:
        rows = [dict(row) for row in connection.execute(query(statement), given).mappings()]
        text = json.dumps(rows, default=_plain)
        at = connection.execute(query("keep_count"), values | {"counted": text}).scalar_one()
    return Count(json.loads(text), at)


def are_behind(engine: sa.Engine) -> bool:
    """Whether the catalogue is large and work was done since its last count."""
    with engine.connect() as connection:
        values = {"small": SMALL_CATALOGUE}
        return bool(connection.execute(query("kept_counts_are_behind"), values).scalar_one())


def _plain(value: object) -> int | str:
    """Convert what JSON lacks: Postgres returns sums as numeric, and times."""
    if isinstance(value, Decimal):
        return int(value)
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"A count cannot hold a {type(value).__name__}.")
