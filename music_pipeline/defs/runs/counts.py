"""Counting over the whole catalogue: at the end of every sweep while it is small, else once an hour and when asked for.

What is counted, and what it means, is for `checks` and `enrichment_checks`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from music_pipeline.database.queries import query

# Tracks of a catalogue that is counted in about a second. A sweep's time must depend on what it does, and not on how
# much was there before.
SMALL_CATALOGUE = 20_000


@dataclass(frozen=True, slots=True)
class Counted:
    """The rows that a counting statement answered, with numbers and texts in them, and when it did."""

    rows: list[dict[str, Any]]
    at: datetime

    @property
    def row(self) -> dict[str, Any]:
        """The one row of a statement that answers one. Raises ValueError for any other."""
        (only,) = self.rows
        return only

    @property
    def told(self) -> dict[str, str]:
        """When it was counted, for the metadata of what is made of it."""
        return {"counted_at": self.at.astimezone(UTC).isoformat(timespec="seconds")}


def counted(
    engine: sa.Engine, statement: str, parameters: Mapping[str, Any] | None = None, *, afresh: bool = False
) -> Counted:
    """What the named statement counts over the catalogue.

    Of a large one it is what was counted last, if anything was, unless it is to be counted afresh.
    """
    given = dict(parameters or {})
    name = f"{statement} {json.dumps(given, sort_keys=True)}"
    values = {"name": name, "small": SMALL_CATALOGUE}
    with engine.connect() as connection:
        kept = None if afresh else connection.execute(query("kept_count"), values).one_or_none()
    if kept is not None:
        return Counted(kept.counted, kept.counted_at)
    with engine.begin() as connection:
        rows = [dict(row) for row in connection.execute(query(statement), given).mappings()]
        text = json.dumps(rows, default=_plain)
        at = connection.execute(query("keep_count"), values | {"counted": text}).scalar_one()
    return Counted(json.loads(text), at)


def are_behind(engine: sa.Engine) -> bool:
    """Whether the catalogue is large, and work was done since it was last counted."""
    with engine.connect() as connection:
        values = {"small": SMALL_CATALOGUE}
        return bool(connection.execute(query("kept_counts_are_behind"), values).scalar_one())


def _plain(value: object) -> int | str:
    """What JSON has no word for: sums, which Postgres answers as numeric, and times."""
    if isinstance(value, Decimal):
        return int(value)
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} cannot be kept as a count.")
