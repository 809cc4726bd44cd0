"""Where a recording's audio is: an operator's value on which the answers of the sources that listen rest.

Another address, or none, takes back what they said, and what is still to be asked. How own values are read and kept is
in `catalog/operator_values`.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from music_pipeline.catalog.operator_values import Entity, set_value, unset_value
from music_pipeline.catalog.recording_sources import EnrichableRecording, RowKey
from music_pipeline.database import query
from music_pipeline.stages.sources import asked_on_demand

FIELD = "audio_url"


def set_own_value(
    connection: sa.Connection, entity: Entity, field: str, text: str, *, why: str, by: str
) -> dict[str, Any]:
    """`set_value`; another address than before takes back what was heard at that. Raises InvalidValue."""
    before = _addresses(connection, [entity.entity_id]).get(entity.entity_id) if field == FIELD else None
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


def outdated_rows(
    connection: sa.Connection, keys: list[RowKey], asked: Mapping[UUID, EnrichableRecording]
) -> list[RowKey]:
    """Rows about audio that is elsewhere by now than when it was asked about. Until the end of the transaction nobody
    can change that of the others.
    """
    on_demand = asked_on_demand()
    heard = [key for key in keys if key[1] in on_demand]
    addresses = _addresses(connection, [recording_id for recording_id, _ in heard]) if heard else {}
    return [key for key in heard if asked[key[0]].audio_urls[:1] != (addresses.get(key[0]),)]


def _addresses(connection: sa.Connection, recording_ids: list[UUID]) -> dict[UUID, str]:
    values = {"recording_ids": [str(one) for one in recording_ids]}
    return {row.entity_id: row.address for row in connection.execute(query("held_audio_addresses"), values)}


def _forget_what_was_heard(connection: sa.Connection, recording_id: UUID) -> None:
    values = {"recording_id": recording_id, "sources": asked_on_demand()}
    connection.execute(query("forget_what_was_heard"), values)
