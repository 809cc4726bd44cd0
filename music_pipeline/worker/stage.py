"""Reads a chunk of work and answers for each piece as soon as it is read: what was, or why nothing was."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from music_pipeline.catalog.artists import Artist, artists_by_id
from music_pipeline.database.rows import Version
from music_pipeline.gateway.errors import ProviderError, ProviderFailure
from music_pipeline.work.model import EnqueueRequest, Stage, WorkItem
from music_pipeline.work.stages import STAGES

if TYPE_CHECKING:  # the clients take their time to load
    from music_pipeline.providers.registry import Providers
from music_pipeline.gateway.errors import OutOfTime
from music_pipeline.worker.concurrency import Found, as_they_end, settled

FRESH_FOR = timedelta(hours=24)


class Impossible(Exception):
    """The work never can succeed; the text says why, for a person."""


Trouble = ProviderError | OutOfTime


@dataclass(frozen=True, slots=True)
class Result:
    """What was written. `artist_key` None: no artist came of it (an ambiguous name)."""

    artist_key: str | None
    version: Version
    changed: bool
    text: str
    follow_ups: tuple[EnqueueRequest, ...] = ()
    detail: dict[str, Any] = field(default_factory=dict)
    notes: tuple[tuple[str, str], ...] = ()
    """Errors that ended nothing, as (provider, text)."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read for a piece of work. `trouble`: why it is not all. `payload`: where to go on, if elsewhere."""

    write: Callable[[sa.Connection], Result]
    trouble: Trouble | None = None
    payload: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class StageContext:
    """What a stage works with."""

    engine: sa.Engine
    providers: "Providers"
    run_id: str

    async def in_database(self, work: Callable[[sa.Connection], Found]) -> Found:
        """Run `work` in a transaction of its own, beside the event loop."""

        def transact() -> Found:
            with self.engine.begin() as connection:
                return work(connection)

        return await asyncio.to_thread(transact)


ReadResult = Reading | Exception


StageReader = Callable[["StageContext", Sequence[WorkItem]], AsyncGenerator[tuple[WorkItem, ReadResult], None]]


def fresh_since(item: WorkItem) -> datetime | None:
    """What static facts have to be newer than: the request, where it asks for everything afresh; else they may keep."""
    return item.cutoff if item.force else None


def one_by_one(
    read: Callable[[StageContext, WorkItem], Awaitable[Reading]],
) -> StageReader:
    """A reader of chunks from a reader of pieces that need nothing of each other."""

    async def answered(context: StageContext, item: WorkItem) -> tuple[WorkItem, ReadResult]:
        (answer,) = await settled([read(context, item)])
        return item, answer

    async def read_all(
        context: StageContext, items: Sequence[WorkItem]
    ) -> AsyncGenerator[tuple[WorkItem, ReadResult], None]:
        async with aclosing(as_they_end(answered(context, item) for item in items)) as answers:
            async for item, answer in answers:
                yield item, answer

    return read_all


def results_and_trouble(answers: Sequence[Found | Exception]) -> tuple[list[Found], Trouble | None]:
    """The answers that came, and the trouble with the others; any other exception is raised."""
    troubles = [answer for answer in answers if isinstance(answer, ProviderError | OutOfTime)]
    for answer in answers:
        if isinstance(answer, Exception) and not isinstance(answer, ProviderError | OutOfTime):
            raise answer
    return [answer for answer in answers if not isinstance(answer, Exception)], worst(troubles)


def worst(troubles: Iterable[Trouble | None]) -> Trouble | None:
    """The trouble that decides what becomes of the work: a failed call first, then a wait, then lack of time."""
    there = [trouble for trouble in troubles if trouble is not None]
    return min(there, key=_severity, default=None)


def _severity(trouble: Trouble) -> int:
    if isinstance(trouble, ProviderFailure):
        return 0
    return 1 if isinstance(trouble, ProviderError) else 2


async def artist_of(context: StageContext, item: WorkItem) -> Artist:
    """The artist that a later stage's work is about. Raises Impossible for one that the catalogue does not have."""
    artist_id = UUID(item.payload["artistId"])
    found = await context.in_database(lambda connection: artists_by_id(connection, [artist_id]))
    if artist_id not in found:
        raise Impossible(f"The catalogue has no artist {artist_id}.")
    return found[artist_id]


def follow_up(item: WorkItem, stage: Stage, artist: Artist, *, window: str, fresh: bool) -> EnqueueRequest:
    """The next stage's work for an artist. `fresh`: what succeeded lately need not be done again."""
    cursor = {"offset": 0} if STAGES[stage].is_paged else {}
    return EnqueueRequest(
        stage=stage,
        payload={"artistId": str(artist.artist_id), "artistName": artist.name} | cursor,
        subject=str(artist.artist_id),
        idempotency_key=f"{stage}:{artist.artist_id}:{window}",
        partition_key=artist.artist_key,
        origin=item.origin,
        priority=item.priority,
        force=item.force,
        correlation_id=item.correlation_id,
        cutoff=item.cutoff,
        fresh_for=FRESH_FOR if fresh else None,
    )
