"""Where a recording's audio is: an operator's value on which the answers of the sources that listen rest.

Another address, or none, takes back what they said, and what is still to be asked. How own values are read and kept is
in `catalog/operator_values`.
"""

from collections.abc import Mapping
from uuid import UUID

import sqlalchemy as sa

from music_pipeline.catalog.source_rows import EnrichableRecording, RowKey
from music_pipeline.database.queries import query
from music_pipeline.stages.enrichment.sources import asked_on_demand

FIELD = "audio_url"


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
