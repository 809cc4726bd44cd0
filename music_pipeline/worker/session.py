"""A run's work: chunks are claimed, read and settled, piece by piece, while what was settled before is told.

What is claimed is for the caller to say; what a stage reads is in its own module, how it is written in `settling`.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass, replace
from datetime import datetime
from importlib import import_module
from types import TracebackType
from typing import TypeVar
from uuid import UUID

import sqlalchemy as sa
import structlog

from music_pipeline.gateway.errors import OutOfTime, ProviderFailure
from music_pipeline.gateway.gateway import Gateway, open_gateway
from music_pipeline.gateway.provider import Provider
from music_pipeline.gateway.request import ATTEMPTS, Priority, Request, Response, Urgency
from music_pipeline.providers.probe import found_down
from music_pipeline.providers.registry import Providers, providers_on
from music_pipeline.work.claim import give_back, heartbeat
from music_pipeline.work.model import Origin, Stage, WorkItem
from music_pipeline.work.stages import STAGES
from music_pipeline.worker.commit import Settling
from music_pipeline.worker.concurrency import ORDER
from music_pipeline.worker.loop_thread import LoopThread
from music_pipeline.worker.outcomes import Outcome
from music_pipeline.worker.stage import Reading, ReadResult, StageContext, StageReader

log = structlog.get_logger()

# While the slow last requests of one chunk are made, the next begins: no quota lies idle, and not all work is in hand.
CHUNKS_AT_ONCE = 2
LOOK_AGAIN_SECONDS = 0.5

# The class of the calls for queued work. What a person names and waits for is interactive, whatever its origin.
PRIORITY_OF_ORIGIN: Mapping[Origin, Priority] = {
    "manual": Priority.INTERACTIVE,
    "watchlist": Priority.WATCHLIST,
    "batch": Priority.ENRICHMENT,
}

Body = TypeVar("Body")
Claim = Callable[[], Sequence[WorkItem]]
"""Claims the next chunk of work; empty: there is nothing now."""


@dataclass(frozen=True, slots=True)
class SweepSender:
    """Sends through the gateway with one priority and deadline, in the order in which artists were begun."""

    gateway: Gateway
    priority: Priority
    deadline: float | None

    async def send(
        self,
        request: Request,
        parse: Callable[[object], Body],
        *,
        fresh_since: datetime | None = None,
        attempts: int = ATTEMPTS,
    ) -> Response[Body]:
        """`Gateway.send`. Raises OutOfTime after the deadline."""
        urgency = Urgency(self.priority, ORDER.get(), self.deadline)
        return await self.gateway.send(request, parse, fresh_since=fresh_since, attempts=attempts, urgency=urgency)

    async def capability(self, provider: Provider, name: str) -> str | None:
        """`Gateway.capability`."""
        return await self.gateway.capability(provider, name)

    async def learn(self, provider: Provider, name: str, value: str, reason: str) -> None:
        """`Gateway.learn`."""
        await self.gateway.learn(provider, name, value, reason)


class Session:
    """One event loop and one gateway for all chunks of a run."""

    def __init__(
        self,
        engine: sa.Engine,
        run_id: str,
        priority: Priority | None,
        deadline: float | None,
        *,
        keep_follow_ups_forced: bool,
    ) -> None:
        """`priority`: of all calls; None: of the origin of each piece of work. `deadline`: see `Urgency`."""
        self._engine = engine
        self._run_id = run_id
        self._priority = priority
        self._settling = Settling(engine, run_id, keep_follow_ups_forced)
        self._deadline = deadline
        self._opened = open_gateway(
            engine, priority=Priority.ENRICHMENT if priority is None else priority, run_id=run_id
        )
        self._providers: dict[Priority, Providers] = {}
        self._loop = LoopThread()

    def __enter__(self) -> "Session":
        self._loop.__enter__()
        try:
            self._gateway = self._loop.run(_entered(self._opened))
            for one in Priority:
                self._providers[one] = providers_on(SweepSender(self._gateway, one, self._deadline))
        except BaseException:
            self._loop.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self._loop.run(_left(self._opened))
        finally:
            self._loop.__exit__(kind, error, traceback)

    def work_off(self, stage: Stage, claim: Claim) -> Generator[Outcome, None, None]:
        """What became of each piece, as soon as it is settled, until there is nothing to claim and all is done.

        What an interruption leaves over is given back.
        """
        return self._loop.told_by(lambda tell: self._work_off(stage, claim, tell))

    async def _work_off(self, stage: Stage, claim: Claim, tell: Callable[[Outcome], None]) -> None:
        held: dict[UUID, WorkItem] = {}
        chunks: set[asyncio.Task[None]] = set()
        async with heartbeat(self._engine, lambda: list(held.values())):
            try:
                while True:
                    may_begin = len(chunks) < CHUNKS_AT_ONCE
                    if may_begin and (items := _claimed(claim, may_fail=bool(chunks))):
                        held.update((item.work_id, item) for item in items)
                        chunks.add(asyncio.create_task(self._chunk(stage, items, held, tell)))
                    elif chunks:
                        chunks = await _still_at_work(chunks, LOOK_AGAIN_SECONDS if may_begin else None)
                    else:
                        return
            finally:
                for chunk in chunks:
                    chunk.cancel()
                await asyncio.gather(*chunks, return_exceptions=True)
                give_back(self._engine, list(held.values()))

    async def _chunk(
        self, stage: Stage, items: Sequence[WorkItem], held: dict[UUID, WorkItem], tell: Callable[[Outcome], None]
    ) -> None:
        """Read and settle claimed work, the most urgent first."""
        started, outcomes = time.monotonic(), []
        for priority, group in self._by_urgency(items):
            context = StageContext(self._engine, self._providers[priority], self._run_id)
            async with aclosing(_read(stage, context, group)) as readings:
                async for item, reading in readings:
                    judged = await self._judged(context, reading)
                    outcome = await asyncio.to_thread(self._settling.settle, item, judged)
                    held.pop(item.work_id)
                    outcomes.append(outcome)
                    tell(outcome)
        await asyncio.to_thread(self._settling.record, stage, outcomes, time.monotonic() - started)

    async def _judged(self, context: StageContext, reading: ReadResult) -> ReadResult:
        """What was read; a failure of the one request that was made as an outage, if another request fails too."""
        trouble = reading.trouble if isinstance(reading, Reading) else reading
        if not isinstance(trouble, ProviderFailure) or not await self._gateway.is_in_doubt(trouble.provider):
            return reading
        try:
            down = await found_down(context.providers, trouble.provider)
        except OutOfTime:
            return reading
        if down is None:
            return reading
        return replace(reading, trouble=down) if isinstance(reading, Reading) else down

    def _by_urgency(self, items: Sequence[WorkItem]) -> list[tuple[Priority, list[WorkItem]]]:
        """The work of each kind, the most urgent first, so that none waits behind a lower one."""
        groups: dict[Priority, list[WorkItem]] = {}
        for item in items:
            priority = PRIORITY_OF_ORIGIN[item.origin] if self._priority is None else self._priority
            groups.setdefault(priority, []).append(item)
        return sorted(groups.items())


async def _entered(opened: AbstractAsyncContextManager[Gateway]) -> Gateway:
    return await opened.__aenter__()


async def _left(opened: AbstractAsyncContextManager[Gateway]) -> None:
    await opened.__aexit__(None, None, None)


def reader_of(stage: Stage) -> StageReader:
    """The function `read_stage` of the module that does the stage, loaded when it is first needed."""
    reader: StageReader = import_module(STAGES[stage].module).read_stage
    return reader


def _claimed(claim: Claim, *, may_fail: bool) -> Sequence[WorkItem]:
    """The next chunk. `may_fail`: a database that is away for a moment is asked again later."""
    try:
        return claim()
    except (sa.exc.OperationalError, sa.exc.TimeoutError) as error:
        if not may_fail:
            raise
        log.warning("orchestrator.claim", status="failed", error=" ".join(str(error).split()))
        return []


async def _still_at_work(chunks: set[asyncio.Task[None]], seconds: float | None) -> set[asyncio.Task[None]]:
    """Wait until a chunk ends, or for that long; which are left. Raises what ended a chunk."""
    ended, left = await asyncio.wait(chunks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for chunk in ended:
        chunk.result()
    return left


async def _read(
    stage: Stage, context: StageContext, items: Sequence[WorkItem]
) -> AsyncGenerator[tuple[WorkItem, ReadResult], None]:
    """What the stage reads of each; a defect that hit the whole chunk counts as an attempt of each that is left."""
    left = {item.work_id: item for item in items}
    try:
        async with aclosing(reader_of(stage)(context, items)) as readings:
            async for item, reading in readings:
                del left[item.work_id]
                yield item, reading
    except Exception as error:
        log.exception("stage.failed", stage=stage.value, run_id=context.run_id)
        for item in left.values():
            yield item, error
