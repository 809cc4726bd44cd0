"""Work through claimed items in chunks: read, commit, and report each as it finishes.

The caller decides what is claimed. What a stage reads and stores is in its own module.
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

from music_pipeline.database.queries import query
from music_pipeline.gateway.errors import OutOfTime, ProviderFailure
from music_pipeline.gateway.gateway import Gateway, open_gateway
from music_pipeline.gateway.provider import Provider
from music_pipeline.gateway.request import ATTEMPTS, Priority, Request, Response, Urgency
from music_pipeline.providers.probe import found_down
from music_pipeline.providers.registry import Providers, providers_on
from music_pipeline.work.claim import give_back, heartbeat
from music_pipeline.work.model import Origin, Stage, WorkItem
from music_pipeline.work.stages import STAGES
from music_pipeline.worker.commit import Committer
from music_pipeline.worker.concurrency import ORDER
from music_pipeline.worker.loop_thread import LoopThread
from music_pipeline.worker.outcomes import Outcome
from music_pipeline.worker.stage import ReadMany, ReadResult, StageContext, StageData, StageFunctions, per_item

log = structlog.get_logger()

# While one chunk waits for its slow last requests, the next begins: no quota lies idle, and one run never holds more
# than two chunks of the work.
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
"""Claims the next chunk of work. Empty: there is none now."""
Report = Callable[[Outcome], None]


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
        self._committer = Committer(engine, run_id, keep_follow_ups_forced)
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
        """Yield the outcome of each item as it is committed, until nothing is left to claim and all is done.

        An interruption gives back what is not committed.
        """
        functions = load_stage(stage)
        return self._loop.reported_by(lambda report: self._work_off(stage, functions, claim, report))

    async def _work_off(self, stage: Stage, functions: StageFunctions, claim: Claim, report: Report) -> None:
        held: dict[UUID, WorkItem] = {}
        chunks: set[asyncio.Task[None]] = set()
        async with heartbeat(self._engine, lambda: list(held.values())):
            try:
                while True:
                    may_begin = len(chunks) < CHUNKS_AT_ONCE
                    if may_begin and (items := _claim_next(claim, may_fail=bool(chunks))):
                        held.update((item.work_id, item) for item in items)
                        chunks.add(asyncio.create_task(self._work_on(stage, functions, items, held, report)))
                    elif chunks:
                        chunks = await _wait_for_one(chunks, LOOK_AGAIN_SECONDS if may_begin else None)
                    else:
                        return
            finally:
                for chunk in chunks:
                    chunk.cancel()
                await asyncio.gather(*chunks, return_exceptions=True)
                give_back(self._engine, list(held.values()))

    async def _work_on(
        self,
        stage: Stage,
        functions: StageFunctions,
        items: Sequence[WorkItem],
        held: dict[UUID, WorkItem],
        report: Report,
    ) -> None:
        """Read and commit a chunk, the most urgent items first."""
        started, outcomes = time.monotonic(), []
        for priority, group in self._by_urgency(items):
            context = StageContext(self._engine, self._providers[priority], self._run_id)
            async with aclosing(_read(functions.read_many, context, group)) as results:
                async for item, result in results:
                    checked = await self._check_for_outage(context, result)
                    outcome = await asyncio.to_thread(self._committer.commit, item, functions.store, checked)
                    held.pop(item.work_id)
                    outcomes.append(outcome)
                    report(outcome)
        await asyncio.to_thread(self._committer.record, stage, outcomes, time.monotonic() - started)

    async def _check_for_outage(self, context: StageContext, result: ReadResult) -> ReadResult:
        """Replace the failure of a single request by an outage if a probe of the provider fails too."""
        setback = result.setback if isinstance(result, StageData) else result
        if not isinstance(setback, ProviderFailure) or not await self._gateway.is_in_doubt(setback.provider):
            return result
        try:
            outage = await found_down(context.providers, setback.provider)
        except OutOfTime:
            return result
        if outage is None:
            return result
        return replace(result, setback=outage) if isinstance(result, StageData) else outage

    def _by_urgency(self, items: Sequence[WorkItem]) -> list[tuple[Priority, list[WorkItem]]]:
        """The items grouped by priority, the most urgent first, so that none waits behind a lower one."""
        groups: dict[Priority, list[WorkItem]] = {}
        for item in items:
            priority = PRIORITY_OF_ORIGIN[item.origin] if self._priority is None else self._priority
            groups.setdefault(priority, []).append(item)
        return sorted(groups.items())


async def _entered(opened: AbstractAsyncContextManager[Gateway]) -> Gateway:
    return await opened.__aenter__()


async def _left(opened: AbstractAsyncContextManager[Gateway]) -> None:
    await opened.__aexit__(None, None, None)


def load_stage(stage: Stage) -> StageFunctions:
    """Load the stage's module when it is first needed, since its clients take their time, and return its functions."""
    module = import_module(STAGES[stage].module)
    read_many = module.read_many if hasattr(module, "read_many") else per_item(module.read)
    return StageFunctions(read_many, module.store)


def _claim_next(claim: Claim, *, may_fail: bool) -> Sequence[WorkItem]:
    """Claim the next chunk. `may_fail`: try again later if the database is away for a moment."""
    try:
        return claim()
    except (sa.exc.OperationalError, sa.exc.TimeoutError) as error:
        if not may_fail:
            raise
        log.warning("orchestrator.claim", status="failed", error=" ".join(str(error).split()))
        return []


async def _wait_for_one(chunks: set[asyncio.Task[None]], seconds: float | None) -> set[asyncio.Task[None]]:
    """Wait until a chunk ends, or that long. Return those that are left. Raise what ended a chunk."""
    ended, left = await asyncio.wait(chunks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for chunk in ended:
        chunk.result()
    return left


async def _read(
    read_many: ReadMany, context: StageContext, items: Sequence[WorkItem]
) -> AsyncGenerator[tuple[WorkItem, ReadResult], None]:
    """Read a chunk. A defect that ends the reading costs each remaining item an attempt."""
    remaining = {item.work_id: item for item in items}
    try:
        await context.in_database(lambda connection: connection.execute(query("analyze_new_tables")))
        async with aclosing(read_many(context, items)) as results:
            async for item, result in results:
                del remaining[item.work_id]
                yield item, result
    except Exception as error:
        log.exception("stage.failed", stage=items[0].stage.value, run_id=context.run_id)
        for item in remaining.values():
            yield item, error
