"""Where a recording's audio is: an operator's value on which the answers of the sources that listen rest.

Another address, or none, takes back what they said, and what is still to be asked. How own values are read and kept is
in `catalog/operator_values`.
"""

from typing import Any
from uuid import UUID

import sqlalchemy as sa

from music_pipeline.catalog.overrides import Entity, set_value, unset_value
from music_pipeline.database.queries import query
from music_pipeline.stages.enrichment.audio import FIELD, audio_addresses
from music_pipeline.stages.enrichment.sources import asked_on_demand


def set_own_value(
    connection: sa.Connection, entity: Entity, field: str, text: str, *, why: str, by: str
) -> dict[str, Any]:
    """`set_value`; another address than before takes back what was heard at that. Raises InvalidValue."""
    before = audio_addresses(connection, [entity.entity_id]).get(entity.entity_id) if field == FIELD else None
    values = set_value(connection, entity, field, text, why=why, by=by)
    if field == FIELD and values[field] != before:
        _forget_what_was_heard(connection, entity.entity_id)
    return values


def unset_own_value(connection: sa.Connection, entity: Entity, field: str) -> int:
    """`unset_value`; without an address nothing was heard, nor is to be asked. Raises InvalidValue."""
    unset = unset_value(connection, entity, field)
    if field == FIELD:
        _forget_what_was_heard(connection, entity.entity_id)
    return unset


def _forget_what_was_heard(connection: sa.Connection, recording_id: UUID) -> None:
    values = {"recording_id": recording_id, "sources": asked_on_demand()}
    connection.execute(query("forget_what_was_heard"), values)
