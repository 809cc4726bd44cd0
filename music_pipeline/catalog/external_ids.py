"""What providers call our entities: their ids, read and written.

The callers decide which entity an id belongs to, one transaction at a time (`lock_identity`).
"""

from collections.abc import Iterable
from uuid import UUID

import sqlalchemy as sa

from music_pipeline.database.queries import query


def lock_identity(connection: sa.Connection) -> None:
    """Lock the decision which entities are new, until this transaction ends.

    Other transactions wait.
    """
    connection.execute(query("lock_identity"))


def entities_of(connection: sa.Connection, entity: str, provider: str, ids: Iterable[str]) -> dict[str, UUID]:
    """Our entities by the provider's id. Unknown ids are left out."""
    rows = connection.execute(
        query("entities_of_external_ids"), {"entity": entity, "provider": provider, "ids": list(ids)}
    )
    return {row.id: row.entity_id for row in rows}


def external_id_row(
    entity: str, entity_id: UUID, provider: str, id: str, *, source: str, confidence: float
) -> dict[str, object]:
    """A row for `write_external_ids`. `source`: who says that the provider's id is this entity's."""
    return {
        "entity": entity,
        "provider": provider,
        "id": id,
        "entity_id": entity_id,
        "source": source,
        "confidence": confidence,
    }


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
