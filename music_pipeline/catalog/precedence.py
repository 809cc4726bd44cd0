"""The rank of each source for a field, and how sure it must be. A view chooses the shown value at each read."""

from dataclasses import asdict, dataclass

import sqlalchemy as sa

from music_pipeline.catalog.overrides import KEY_GROUP
from music_pipeline.database.queries import query
from music_pipeline.database.rows import write_rows


class InvalidPlace(Exception):
    """The order has no such place. The text says which it has."""


@dataclass(frozen=True, slots=True)
class Precedence:
    """A source's place for a field; 1 is first. `minimum_confidence`: from 0 to 1; a less sure value is not shown."""

    field: str
    source: str
    place: int
    minimum_confidence: float


def precedence(connection: sa.Connection, field: str | None = None) -> list[Precedence]:
    """The sources of a field, or of all fields, in the order of their rank."""
    rows = connection.execute(query("field_precedence"), {"field": field})
    return [Precedence(row.field, row.source, row.place, row.minimum_confidence) for row in rows]


def set_rank(
    connection: sa.Connection, field: str, source: str, place: int, minimum_confidence: float | None
) -> list[Precedence]:
    """Put a source at a place of a field; the others follow in their order. Return the new order.

    `place`: from 1 to one beyond the end. `minimum_confidence`: None leaves it unchanged. All forms of a key are ranked
    together. Raises InvalidPlace.
    """
    connection.execute(query("lock_field_precedence"))
    order = reordered(precedence(connection, field), field, source, place, minimum_confidence)
    fields = KEY_GROUP if field in KEY_GROUP else (field,)
    rows = [asdict(one) | {"field": name} for name in fields for one in order]
    write_rows(connection, "write_field_precedence", rows)
    return order


def reordered(
    known: list[Precedence], field: str, source: str, place: int, minimum_confidence: float | None
) -> list[Precedence]:
    """The order with a source at a new place, numbered from 1."""
    confidence = {one.source: one.minimum_confidence for one in known}
    if minimum_confidence is not None:
        confidence[source] = minimum_confidence
    sources = [one.source for one in known if one.source != source]
    if not 1 <= place <= len(sources) + 1:
        raise InvalidPlace(f"{field} has {len(sources)} other sources: the place is from 1 to {len(sources) + 1}.")
    sources.insert(place - 1, source)
    return [Precedence(field, name, number, confidence.get(name, 0.0)) for number, name in enumerate(sources, start=1)]
