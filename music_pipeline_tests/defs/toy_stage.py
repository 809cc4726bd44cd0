"""A stage that counts the letters of artists' names: all that it takes to add one, but for its row and its SQL."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa

from music_pipeline.catalog.artists import Artist
from music_pipeline.database.rows import Version
from music_pipeline.stages.sizes import Ahead
from music_pipeline.work.model import WorkItem
from music_pipeline.work.payloads import Payload
from music_pipeline.worker.outcomes import Status
from music_pipeline.worker.stage import StageContext, StageData, StageResult, artist_of

CALLS_AN_ARTIST = 7


class ToyPayload(Payload):
    """An artist whose letters are counted."""

    artist_id: UUID
    artist_name: str | None = None


@dataclass(frozen=True, slots=True)
class Letters:
    """An artist and the number of letters in the name."""

    artist: Artist
    number: int


async def read(context: StageContext, item: WorkItem) -> StageData[Letters]:
    """Count the letters of the artist's name."""
    artist = await artist_of(context, item)
    return StageData(Letters(artist, len(artist.name)))


def store(_connection: sa.Connection, _item: WorkItem, letters: Letters) -> StageResult:
    """Store nothing, and say what was counted."""
    artist, number = letters.artist, letters.number
    return StageResult(
        artist.artist_key, Version(number, f"letters-{number}"), Status.CHANGED, f"{artist.name}: {number}"
    )


def estimate(ahead: Ahead) -> Mapping[str, float]:
    """A made-up number of calls."""
    return {"deezer": CALLS_AN_ARTIST * len(ahead.artists)}
