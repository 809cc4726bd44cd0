"""What a stage hands to the runner: what it read, how to write it, what follows from it, what is still missing.

The words that all stages share belong here; what a stage asks and decides is in its own module.
"""

import asyncio
import itertools
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Coroutine, Iterable, Sequence
from contextlib import aclosing
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

import sqlalchemy as sa

from music_pipeline.catalog.artists import Artist, artists_by_id
from music_pipeline.catalog.changes import Version
from music_pipeline.database import query
from music_pipeline.providers.errors import ProviderError, ProviderFailure
from music_pipeline.providers.questions import TURN
from music_pipeline.providers.records import Page
from music_pipeline.work import EnqueueRequest, Stage, WorkItem

if TYPE_CHECKING:  # the clients take their time to load
    from music_pipeline.providers.clients import Providers

FRESH_FOR = timedelta(hours=24)
ATTEMPTS_AT_A_WHOLE_LIST = 2
PAGED = frozenset({Stage.ALBUM_DISCOVERY, Stage.TRACK_DISCOVERY})
Found = TypeVar("Found")

_turns = itertools.count(1)


class Impossible(Exception):
    """The work never can succeed; the text says why, for a person."""


class OutOfTime(Exception):
    """The sweep's time is over before the work was; what is still to ask is asked by the next one."""


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
"""Reads a chunk of work and answers for each piece as soon as it is read: what was, or why nothing was."""


def fresh_since(item: WorkItem) -> datetime | None:
    """What static facts have to be newer than: the request, where it asks for everything afresh; else they may keep."""
    return item.cutoff if item.force else None


async def asked_twice(
    context: StageContext,
    since: datetime | None,
    read: Callable[[datetime | None], Awaitable[Found]],
    agrees: Callable[[Found], bool],
) -> Found:
    """A list of several pages, each fresh since `since`; if the pages do not agree, all of them once more, afresh."""
    found = await read(since)
    if agrees(found):
        return found
    now = await context.in_database(lambda connection: connection.execute(query("database_now")).scalar_one())
    return await read(now)


def is_whole(ids: Collection[str], pages: Sequence[Page[Any]]) -> bool:
    """Whether the pages of a list agree on its length, and hold as many entries; `ids`: of the usable ones."""
    totals = {page.total for page in pages}
    return totals == {len(ids) + sum(page.nulls for page in pages)}


def disagreement(item: WorkItem, provider: str, what: str) -> ProviderFailure | None:
    """The trouble with a provider that contradicts itself even if asked again: another attempt, but not for ever.

    Pages of a list do not agree, or something that it names is not there.

    None once that was tried twice: then what there is counts, as a partial answer.
    """
    if item.attempts >= ATTEMPTS_AT_A_WHOLE_LIST:
        return None
    return ProviderFailure(provider, None, f"{provider}: {what} does not make up a whole, or is not all there")


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


async def as_they_end(calls: Iterable[Coroutine[Any, Any, Found]]) -> AsyncGenerator[Found, None]:
    """Begin all at once, each with a TURN, and give each result when it is there; what raises ends all."""
    tasks = [asyncio.create_task(call, context=_in_next_turn()) for call in calls]
    try:
        for ended in asyncio.as_completed(tasks):
            yield await ended
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _in_next_turn() -> Context:
    context = copy_context()
    context.run(TURN.set, next(_turns))
    return context


async def settled(calls: Iterable[Awaitable[Found]]) -> list[Found | Exception]:
    """Await all at once; what raised answers its exception. Cancellation is passed on."""
    results = await asyncio.gather(*calls, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, Exception):
            raise result
    return [result for result in results if not isinstance(result, BaseException) or isinstance(result, Exception)]


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
    cursor = {"offset": 0} if stage in PAGED else {}
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
