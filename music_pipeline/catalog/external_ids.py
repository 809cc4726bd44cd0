"""What every change of the catalogue has in common: why it is made, how rows are handed over.

What a row means belongs to the module of its table.
"""

from collections.abc import Iterable
from uuid import UUID

import sqlalchemy as sa

from music_pipeline.database.queries import query
from music_pipeline.database.rows import write_rows


def decide_identity_alone(connection: sa.Connection) -> None:
    """Wait until no other transaction decides what is new and what is known; held to the end of this one."""
    connection.execute(query("lock_identity"))


def entities_of(connection: sa.Connection, entity: str, provider: str, ids: Iterable[str]) -> dict[str, UUID]:
    """Our entities by the provider's id, for those of `ids` that are known."""
    rows = connection.execute(
        query("entities_of_external_ids"), {"entity": entity, "provider": provider, "ids": list(ids)}
    )
    return {row.id: row.entity_id for row in rows}


def add_external_id(
    connection: sa.Connection, entity: str, entity_id: UUID, provider: str, id: str, *, source: str, confidence: float
) -> None:
    """Note what a provider calls one of our entities; an id that is known stays where it is."""
    row = {
        "entity": entity,
        "provider": provider,
        "id": id,
        "entity_id": entity_id,
        "source": source,
        "confidence": confidence,
    }
    write_rows(connection, "write_external_ids", [row])


def external_ids_of(
    connection: sa.Connection, entity: str, provider: str, entity_ids: Iterable[UUID]
) -> dict[UUID, list[str]]:
    """A provider's ids of our entities, in order."""
    found: dict[UUID, list[str]] = {}
    parameters = {"entity": entity, "entity_ids": [str(one) for one in entity_ids]}
    for row in connection.execute(query("external_ids_of_entities"), parameters):
        if row.provider == provider:
            found.setdefault(row.entity_id, []).append(row.id)
    return found
