"""A stage that counts the letters of artists' names: all that it takes to add one, but for its row and its SQL."""

from collections.abc import Mapping
from uuid import UUID

import sqlalchemy as sa

from music_pipeline.database.rows import Version
from music_pipeline.stages.sizes import Ahead
from music_pipeline.work.model import WorkItem
from music_pipeline.work.payloads import Payload
from music_pipeline.worker.stage import Reading, Result, StageContext, artist_of, one_by_one

CALLS_AN_ARTIST = 7


class ToyPayload(Payload):
    """An artist whose letters are counted."""

    artist_id: UUID
    artist_name: str | None = None


async def _read(context: StageContext, item: WorkItem) -> Reading:
    artist = await artist_of(context, item)

    def write(_connection: sa.Connection) -> Result:
        letters = len(artist.name)
        return Result(artist.artist_key, Version(letters, f"letters-{letters}"), True, f"{artist.name}: {letters}")

    return Reading(write)


read_stage = one_by_one(_read)


def estimate(ahead: Ahead) -> Mapping[str, float]:
    """A made-up number of calls."""
    return {"deezer": CALLS_AN_ARTIST * len(ahead.artists)}
