"""Where a recording's audio is: an operator's value that the answers of listening sources depend on.

Changing or removing the address undoes the old answers and cancels open requests. `catalog/overrides` keeps the value.
"""

from collections.abc import Mapping
from uuid import UUID

import sqlalchemy as sa

from music_pipeline.catalog.source_rows import EnrichableRecording, RowKey
from music_pipeline.database.queries import query
from music_pipeline.stages.enrichment.sources import asked_on_demand

FIELD = "audio_url"


def outdated_rows(
    connection: sa.Connection, keys: list[RowKey], recordings: Mapping[UUID, EnrichableRecording]
) -> list[RowKey]:
    """Rows whose audio URL changed since they were fetched. Locks the others' URLs until commit."""
    on_demand = asked_on_demand()
    listened = [key for key in keys if key[1] in on_demand]
    addresses = audio_addresses(connection, [recording_id for recording_id, _ in listened]) if listened else {}
    return [key for key in listened if recordings[key[0]].audio_urls[:1] != (addresses.get(key[0]),)]


def audio_addresses(connection: sa.Connection, recording_ids: list[UUID]) -> dict[UUID, str]:
    """The addresses that operators set, by recording. Locks them until commit."""
    values = {"recording_ids": [str(one) for one in recording_ids]}
    return {row.entity_id: row.address for row in connection.execute(query("held_audio_addresses"), values)}
