"""What a stage of work is made of: its context, the data that it reads, the result that it stores.

A stage is the module that its row in `STAGES` names. It has `read(context, item)`, or `read_many(context, items)` where
it reads a chunk together, and `store(connection, item, data)`.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from uuid import UUID

import sqlalchemy as sa

from music_pipeline.catalog.artists import Artist, artists_by_id
from music_pipeline.database.rows import Version
from music_pipeline.work.model import EnqueueRequest, WorkItem
from music_pipeline.worker.concurrency import Setback, gather_results, in_completion_order
from music_pipeline.worker.outcomes import Status

if TYPE_CHECKING:  # the clients take their time to load
    from music_pipeline.providers.registry import Providers

Data = TypeVar("Data")
Found = TypeVar("Found")


class Impossible(Exception):
    """The work can never succeed. The text tells a person why."""


@dataclass(frozen=True, slots=True)
class StageResult:
    """What a stage stored. `status`: changed, unchanged or ambiguous.

    `artist_key`: None where the work led to no artist. `notes`: errors that ended nothing, as (provider, text).
    """

    artist_key: str | None
    version: Version
    status: Status
    text: str
    follow_ups: tuple[EnqueueRequest, ...] = ()
    detail: dict[str, Any] = field(default_factory=dict)
    notes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class StageData(Generic[Data]):
    """What a stage read. `setback`: why it is incomplete. `payload`: where to go on, if not from the beginning."""

    data: Data
    setback: Setback | None = None
    payload: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class StageContext:
    """What a stage reads with."""

    engine: sa.Engine
    providers: "Providers"
    run_id: str

    async def in_database(self, work: Callable[[sa.Connection], Found]) -> Found:
        """Run `work` in its own transaction, in a thread beside the event loop."""

        def transact() -> Found:
            with self.engine.begin() as connection:
                return work(connection)

        return await asyncio.to_thread(transact)


ReadResult = StageData[Any] | Exception
Read = Callable[[StageContext, WorkItem], Awaitable[StageData[Any]]]
ReadMany = Callable[[StageContext, Sequence[WorkItem]], AsyncGenerator[tuple[WorkItem, ReadResult], None]]
Store = Callable[[sa.Connection, WorkItem, Any], StageResult]


@dataclass(frozen=True, slots=True)
class StageFunctions:
    """The two functions of a stage's module."""

    read_many: ReadMany
    store: Store


def per_item(read: Read) -> ReadMany:
    """Turn a function that reads one item into one that reads a chunk, all items at once."""

    async def read_one(context: StageContext, item: WorkItem) -> tuple[WorkItem, ReadResult]:
        (result,) = await gather_results([read(context, item)])
        return item, result

    async def read_many(
        context: StageContext, items: Sequence[WorkItem]
    ) -> AsyncGenerator[tuple[WorkItem, ReadResult], None]:
        async with aclosing(in_completion_order(read_one(context, item) for item in items)) as results:
            async for item, result in results:
                yield item, result

    return read_many


def fresh_since(item: WorkItem) -> datetime | None:
    """The time after which static facts must have been fetched: that of a forced request; None for any time."""
    return item.cutoff if item.force else None


async def artist_of(context: StageContext, item: WorkItem) -> Artist:
    """The artist that a later stage's work is about. Raises Impossible for one that the catalogue does not have."""
    artist_id = UUID(item.payload["artistId"])
    found = await context.in_database(lambda connection: artists_by_id(connection, [artist_id]))
    if artist_id not in found:
        raise Impossible(f"The catalogue has no artist {artist_id}.")
    return found[artist_id]
