"""The two doors to the stages: a sweep that drains what is due, and a refresh of exactly the artists that are named.

Both claim through the ledger, so that no artist is done twice at once. What a stage reads and decides is in its own
module; how that is written, and the work ended, in `settling`.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
import structlog

from music_pipeline.database import engine as catalogue_engine
from music_pipeline.database import query
from music_pipeline.providers.clients import providers_on
from music_pipeline.providers.errors import ProviderFailure
from music_pipeline.providers.gateway import Gateway
from music_pipeline.providers.questions import Priority
from music_pipeline.providers.trial import found_down
from music_pipeline.stages.artists import read_artists
from music_pipeline.stages.enrichment import read_enrichment
from music_pipeline.stages.named_work import ask_all_sources, claim_named
from music_pipeline.stages.outcomes import Chunk, ChunkReport, Outcome
from music_pipeline.stages.producers import read_producers
from music_pipeline.stages.readings import OutOfTime, Reading, ReadResult, StageContext, StageReader
from music_pipeline.stages.releases import read_releases
from music_pipeline.stages.settling import Settling
from music_pipeline.stages.social import read_social
from music_pipeline.stages.tracks import read_tracks
from music_pipeline.stages.turns import CLASS_OF_ORIGIN, Turns
from music_pipeline.work import Stage, Sweep, WorkItem, claim, give_back, heartbeat, results_of

log = structlog.get_logger()

READER_OF_STAGE: dict[Stage, StageReader] = {
    Stage.ARTIST_DISCOVERY: read_artists,
    Stage.ALBUM_DISCOVERY: read_releases,
    Stage.TRACK_DISCOVERY: read_tracks,
    Stage.PRODUCER_IDENTIFICATION: read_producers,
    Stage.ENRICHMENT: read_enrichment,
    Stage.SOCIAL_ENRICHMENT: read_social,
}
CHUNK = 50


def database_now(engine: sa.Engine) -> datetime:
    """The database's time, in which leases, caches and cut-offs are kept."""
    with engine.connect() as connection:
        now: datetime = connection.execute(query("database_now")).scalar_one()
    return now


def drain(
    stage: Stage, *, run_id: str, time_box: float, limit: int | None = None, on_chunk: ChunkReport | None = None
) -> Iterator[Outcome]:
    """Do what is due of a stage, until nothing is due, `time_box` seconds are over or `limit` pieces are done."""
    engine, started, done, failed = catalogue_engine(), time.monotonic(), 0, 0
    deadline = started + time_box
    with _Session(engine, run_id, None, deadline, keep_follow_ups_forced=True) as session:
        while time.monotonic() < deadline and (limit is None or done < limit):
            items = claim(engine, stage, run_id=run_id, limit=min(CHUNK, limit - done) if limit else CHUNK)
            if not items:
                return
            outcomes = session.work_off(stage, items)
            done, failed = done + len(outcomes), failed + sum(one.error is not None for one in outcomes)
            yield from outcomes
            if on_chunk is not None:
                on_chunk(Chunk(done, failed, time.monotonic() - started))


def drain_named(stage: Stage, work_ids: Sequence[UUID], *, run_id: str, time_box: float) -> Iterator[Outcome]:
    """Do exactly these pieces of work, due or not, each once; what another run holds, or time ends before, is left."""
    engine, deadline = catalogue_engine(), time.monotonic() + time_box
    with _Session(engine, run_id, Priority.INTERACTIVE, deadline, keep_follow_ups_forced=True) as session:
        for start in range(0, len(work_ids), CHUNK):
            if time.monotonic() >= deadline:
                return
            items = claim(engine, stage, run_id=run_id, limit=CHUNK, work_ids=work_ids[start : start + CHUNK])
            yield from session.work_off(stage, items)


def finished_by(engine: sa.Engine, stage: Stage, sweep: Sweep) -> list[Outcome]:
    """What a sweep has finished of a stage, as it stands in the archive: for who has to tell it in its place."""
    return [Outcome(**result) for result in results_of(engine, stage, sweep)]


def refresh(
    stage: Stage,
    artist_keys: Sequence[str],
    *,
    run_id: str,
    cutoff: datetime,
    sources: Sequence[str] | None = None,
    on_chunk: ChunkReport | None = None,
) -> list[Outcome]:
    """Do a stage for exactly these artists, asked afresh: no answer older than `cutoff` (database's time) counts.

    `sources`: of enrichment, those to ask; None: all. An artist that another run is just working on is an error that
    says so; an unknown key too.
    """
    engine, started = catalogue_engine(), time.monotonic()
    outcomes: list[Outcome] = []
    with _Session(engine, run_id, Priority.INTERACTIVE, None, keep_follow_ups_forced=False) as session:
        for start in range(0, len(artist_keys), CHUNK):
            keys = artist_keys[start : start + CHUNK]
            named = claim_named(engine, stage, keys, run_id=run_id, cutoff=cutoff, sources=sources)
            try:
                outcomes += named.refused + session.work_off(stage, named.items)
            finally:
                ask_all_sources(engine, stage, named.narrowed)
            if on_chunk is not None:
                failed = sum(one.error is not None for one in outcomes)
                on_chunk(Chunk(len(outcomes), failed, time.monotonic() - started))
    return outcomes


class _Session:
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
        """`priority`: of all calls; None: each piece of work has that of its origin."""
        self._engine = engine
        self._run_id = run_id
        self._priority = priority
        self._settling = Settling(engine, run_id, keep_follow_ups_forced)
        self._gateway = Gateway(engine, priority=Priority.ENRICHMENT if priority is None else priority, run_id=run_id)
        self._providers = {one: providers_on(Turns(self._gateway, deadline, one)) for one in Priority}
        self._runner = asyncio.Runner()

    def __enter__(self) -> "_Session":
        self._runner.run(self._gateway.__aenter__())
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._gateway.__aexit__(None, None, None))
        self._runner.close()

    def work_off(self, stage: Stage, items: Sequence[WorkItem]) -> list[Outcome]:
        """Read and settle claimed work; what an interruption leaves over is given back."""
        if not items:
            return []
        started, unsettled = time.monotonic(), {item.work_id: item for item in items}
        try:
            outcomes = self._runner.run(self._work_off(stage, items, unsettled))
        finally:
            give_back(self._engine, list(unsettled.values()))
        self._settling.record(stage, outcomes, time.monotonic() - started)
        return outcomes

    async def _work_off(
        self, stage: Stage, items: Sequence[WorkItem], unsettled: dict[UUID, WorkItem]
    ) -> list[Outcome]:
        outcomes: list[Outcome] = []
        async with heartbeat(self._engine, lambda: list(unsettled.values())):
            for priority, group in self._by_urgency(items):
                context = StageContext(self._engine, self._providers[priority], self._run_id)
                readings = [await self._judged(context, one) for one in await _read(stage, context, group)]
                for item, reading in zip(group, readings, strict=True):
                    outcomes.append(await asyncio.to_thread(self._settling.settle, item, reading))
                    unsettled.pop(item.work_id)
        return outcomes

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
            priority = CLASS_OF_ORIGIN[item.origin] if self._priority is None else self._priority
            groups.setdefault(priority, []).append(item)
        return sorted(groups.items())


async def _read(stage: Stage, context: StageContext, items: Sequence[WorkItem]) -> list[ReadResult]:
    """What the stage read of each; a defect that hit the whole chunk counts as an attempt of each."""
    try:
        return await READER_OF_STAGE[stage](context, items)
    except Exception as error:
        log.exception("stage.failed", stage=stage.value, run_id=context.run_id)
        return [error for _ in items]
