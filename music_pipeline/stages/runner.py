"""The two doors to the stages: a sweep that drains what is due, and a refresh of exactly the artists that are named.

Both claim through the ledger, so that no artist is done twice at once, and write an artist's results, its audit, what
follows and the end of its work in one transaction. What a stage reads and decides is in its own module.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
import structlog

from music_pipeline.catalog.artists import Artist, artists_by_key
from music_pipeline.catalog.changes import explain
from music_pipeline.database import engine as catalogue_engine
from music_pipeline.database import query
from music_pipeline.providers.clients import providers_on
from music_pipeline.providers.errors import ProviderError, ProviderFailure, ProviderUnavailable
from music_pipeline.providers.gateway import Gateway
from music_pipeline.providers.questions import Priority
from music_pipeline.providers.trial import found_down
from music_pipeline.stages.artists import read_artists
from music_pipeline.stages.enrichment import read_enrichment
from music_pipeline.stages.outcomes import ASSET_OF_STAGE, Chunk, ChunkReport, Outcome
from music_pipeline.stages.producers import read_producers
from music_pipeline.stages.readings import (
    FRESH_FOR,
    Impossible,
    OutOfTime,
    Reading,
    ReadResult,
    Result,
    StageContext,
    StageReader,
    Trouble,
)
from music_pipeline.stages.releases import read_releases
from music_pipeline.stages.social import read_social
from music_pipeline.stages.tracks import read_tracks
from music_pipeline.stages.turns import CLASS_OF_ORIGIN, Turns
from music_pipeline.work import (
    Enqueued,
    LeaseLost,
    Stage,
    StopReason,
    Sweep,
    WorkItem,
    bury,
    claim,
    enqueue,
    enqueue_many,
    finish,
    give_back,
    heartbeat,
    postpone,
    record_batch,
    record_issue,
    results_of,
    retry,
)

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
    with _Session(engine, run_id, None, deadline) as session:
        while time.monotonic() < deadline and (limit is None or done < limit):
            items = claim(engine, stage, run_id=run_id, limit=min(CHUNK, limit - done) if limit else CHUNK)
            if not items:
                return
            outcomes = session.work_off(stage, items, keep_follow_ups_forced=True)
            done, failed = done + len(outcomes), failed + sum(one.error is not None for one in outcomes)
            yield from outcomes
            if on_chunk is not None:
                on_chunk(Chunk(done, failed, time.monotonic() - started))


def drain_named(stage: Stage, work_ids: Sequence[UUID], *, run_id: str, time_box: float) -> Iterator[Outcome]:
    """Do exactly these pieces of work, due or not, each once; what another run holds, or time ends before, is left."""
    engine, deadline = catalogue_engine(), time.monotonic() + time_box
    with _Session(engine, run_id, Priority.INTERACTIVE, deadline) as session:
        for start in range(0, len(work_ids), CHUNK):
            if time.monotonic() >= deadline:
                return
            items = claim(engine, stage, run_id=run_id, limit=CHUNK, work_ids=work_ids[start : start + CHUNK])
            yield from session.work_off(stage, items, keep_follow_ups_forced=True)


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
    with _Session(engine, run_id, Priority.INTERACTIVE, None) as session:
        for start in range(0, len(artist_keys), CHUNK):
            keys = artist_keys[start : start + CHUNK]
            items, refused, narrowed = _claim_named(engine, stage, keys, run_id, cutoff, sources)
            try:
                outcomes += refused + session.work_off(stage, items, keep_follow_ups_forced=False)
            finally:
                _widen(engine, stage, narrowed)
            if on_chunk is not None:
                failed = sum(one.error is not None for one in outcomes)
                on_chunk(Chunk(len(outcomes), failed, time.monotonic() - started))
    return outcomes


def _claim_named(
    engine: sa.Engine,
    stage: Stage,
    keys: Sequence[str],
    run_id: str,
    cutoff: datetime,
    sources: Sequence[str] | None,
) -> tuple[list[WorkItem], list[Outcome], list[WorkItem]]:
    """What was claimed, who was refused, and of the claimed what was open for all sources and is now for some."""
    with engine.begin() as connection:
        artists = {key: one for key, one in artists_by_key(connection, keys).items() if one.spotify_id is not None}
        enqueued = {
            key: _enqueue_named(connection, stage, key, artists[key], run_id, cutoff, sources) for key in artists
        }
    work_ids = {key: one.work_id for key, one in enqueued.items()}
    items = claim(engine, stage, run_id=run_id, limit=len(keys), work_ids=list(work_ids.values()))
    claimed = {item.work_id for item in items}
    refused = [
        _refused(key, "The catalogue has no artist with this key and a Spotify id.")
        for key in keys
        if key not in artists
    ]
    refused += [
        _refused(key, "Another run is working on this artist; run it again when that has ended.")
        for key, work_id in work_ids.items()
        if work_id not in claimed
    ]
    joined = {one.work_id for one in enqueued.values() if one.answer == "already_enqueued"}
    return items, refused, [item for item in items if sources is not None and item.work_id in joined]


def _widen(engine: sa.Engine, stage: Stage, narrowed: Sequence[WorkItem]) -> None:
    """Ask again for all sources where the work that was open is done for some only."""
    with engine.begin() as connection:
        for item in narrowed:
            enqueue(
                connection,
                stage,
                {name: value for name, value in item.payload.items() if name != "sources"},
                subject=item.subject,
                idempotency_key=f"{item.idempotency_key}:all",
                partition_key=item.partition_key,
                origin="batch",
                correlation_id=item.correlation_id,
            )


def _enqueue_named(
    connection: sa.Connection,
    stage: Stage,
    key: str,
    artist: Artist,
    run_id: str,
    cutoff: datetime,
    sources: Sequence[str] | None,
) -> Enqueued:
    is_first = stage is Stage.ARTIST_DISCOVERY
    artist_id = artist.spotify_id if is_first else str(artist.artist_id)
    payload: dict[str, Any] = {"artistId": artist_id, "artistName": artist.name}
    if sources is not None:
        payload["sources"] = list(sources)
    return enqueue(
        connection,
        stage,
        payload,
        subject=str(artist_id),
        idempotency_key=f"{stage}:{artist.artist_id}:{run_id}",
        partition_key=key,
        force=True,
        correlation_id=run_id,
        cutoff=cutoff,
    )


def _refused(key: str, error: str) -> Outcome:
    return Outcome(key, key, 0, "", changed=False, error=error, waiting=False, buried=False, text=f"{key}: {error}")


class _Session:
    """One event loop and one gateway for all chunks of a run."""

    def __init__(self, engine: sa.Engine, run_id: str, priority: Priority | None, deadline: float | None) -> None:
        """`priority`: of all calls; None: each piece of work has that of its origin."""
        self._engine = engine
        self._run_id = run_id
        self._priority = priority
        self._gateway = Gateway(engine, priority=Priority.ENRICHMENT if priority is None else priority, run_id=run_id)
        self._providers = {one: providers_on(Turns(self._gateway, deadline, one)) for one in Priority}
        self._runner = asyncio.Runner()

    def __enter__(self) -> "_Session":
        self._runner.run(self._gateway.__aenter__())
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._gateway.__aexit__(None, None, None))
        self._runner.close()

    def work_off(self, stage: Stage, items: Sequence[WorkItem], *, keep_follow_ups_forced: bool) -> list[Outcome]:
        """Read and settle claimed work; what an interruption leaves over is given back."""
        if not items:
            return []
        started, unsettled = time.monotonic(), {item.work_id: item for item in items}
        try:
            outcomes = self._runner.run(self._work_off(stage, items, unsettled, keep_follow_ups_forced))
        finally:
            give_back(self._engine, list(unsettled.values()))
        self._record(stage, outcomes, time.monotonic() - started)
        return outcomes

    async def _work_off(
        self, stage: Stage, items: Sequence[WorkItem], unsettled: dict[UUID, WorkItem], keep_forced: bool
    ) -> list[Outcome]:
        outcomes: list[Outcome] = []
        async with heartbeat(self._engine, lambda: list(unsettled.values())):
            for priority, group in self._by_urgency(items):
                context = StageContext(self._engine, self._providers[priority], self._run_id)
                readings = [await self._judged(context, one) for one in await _read(stage, context, group)]
                for item, reading in zip(group, readings, strict=True):
                    outcomes.append(await asyncio.to_thread(self._settle, item, reading, keep_forced))
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

    def _settle(self, item: WorkItem, reading: ReadResult, keep_forced: bool) -> Outcome:
        try:
            with self._engine.begin() as connection:
                if isinstance(reading, Reading):
                    return self._settle_reading(connection, item, reading, keep_forced)
                return self._settle_failure(connection, item, reading)
        except LeaseLost as lost:
            return _not_done(item, str(lost))
        except Exception as error:
            log.exception("stage.failed", stage=item.stage.value, subject=item.subject)
            return self._settle_defect(item, error)

    def _settle_defect(self, item: WorkItem, error: Exception) -> Outcome:
        """End the attempt whose results could not be written; after a lost reply to a commit, there is none to end."""
        try:
            with self._engine.begin() as connection:
                return self._settle_failure(connection, item, error)
        except LeaseLost as lost:
            return _not_done(item, f"{error} {lost}")

    def _settle_reading(
        self, connection: sa.Connection, item: WorkItem, reading: Reading, keep_forced: bool
    ) -> Outcome:
        why = f"{ASSET_OF_STAGE[item.stage]} of {item.partition_key or item.subject}, asked for by {item.origin}"
        explain(connection, why=why, run_id=self._run_id, correlation_id=item.correlation_id)
        result = reading.write(connection)
        follow_ups = [
            one if keep_forced else replace(one, force=False, fresh_for=None if result.changed else FRESH_FOR)
            for one in result.follow_ups
        ]
        enqueue_many(connection, follow_ups)
        for provider, text in result.notes:
            record_issue(connection, item, run_id=self._run_id, provider=provider, error=text)
        if reading.trouble is None:
            outcome = _done(item, result)
            finish(connection, item, run_id=self._run_id, result=asdict(outcome))
            return outcome
        return self._put_off(connection, item, reading.trouble, result, reading.payload)

    def _settle_failure(self, connection: sa.Connection, item: WorkItem, error: Exception) -> Outcome:
        if isinstance(error, ProviderError | OutOfTime):
            return self._put_off(connection, item, error, None, None)
        if isinstance(error, Impossible):
            bury(connection, item, run_id=self._run_id, stop_reason=StopReason.NON_RETRYABLE, error=str(error))
            return _not_done(item, str(error), buried=True)
        text = f"{type(error).__name__}: {error}"
        ended = retry(connection, item, run_id=self._run_id, error=text, provider=None)
        return _not_done(item, text, buried=ended == "buried")

    def _put_off(
        self,
        connection: sa.Connection,
        item: WorkItem,
        trouble: Trouble,
        result: Result | None,
        payload: dict[str, object] | None,
    ) -> Outcome:
        """Put the work back: without an error for lack of time, without an attempt where a provider is away."""
        if isinstance(trouble, OutOfTime):
            postpone(connection, item, run_id=self._run_id)
            return _not_done(item, str(trouble), result, waiting=True)
        waits = isinstance(trouble, ProviderUnavailable)
        ended = retry(
            connection,
            item,
            run_id=self._run_id,
            error=str(trouble),
            provider=trouble.provider,
            available_at=trouble.until if isinstance(trouble, ProviderUnavailable) else None,
            uses_attempt=not waits,
            payload=payload,
        )
        return _not_done(item, str(trouble), result, waiting=waits, buried=ended == "buried")

    def _record(self, stage: Stage, outcomes: Sequence[Outcome], seconds: float) -> None:
        failed = [one for one in outcomes if one.error is not None]
        with self._engine.begin() as connection:
            record_batch(
                connection,
                stage=stage,
                run_id=self._run_id,
                claimed=len(outcomes),
                succeeded=len(outcomes) - len(failed),
                failed=len(failed),
                retried=sum(not one.buried for one in failed),
                buried=sum(one.buried for one in failed),
                seconds=seconds,
            )


async def _read(stage: Stage, context: StageContext, items: Sequence[WorkItem]) -> list[ReadResult]:
    """What the stage read of each; a defect that hit the whole chunk counts as an attempt of each."""
    try:
        return await READER_OF_STAGE[stage](context, items)
    except Exception as error:
        log.exception("stage.failed", stage=stage.value, run_id=context.run_id)
        return [error for _ in items]


def _done(item: WorkItem, result: Result) -> Outcome:
    return Outcome(
        subject=item.subject,
        artist_key=result.artist_key,
        rows=result.version.rows,
        content_hash=result.version.hash,
        changed=result.changed,
        error=None,
        waiting=False,
        buried=False,
        text=result.text,
        detail=result.detail,
    )


def _not_done(
    item: WorkItem, error: str, result: Result | None = None, *, waiting: bool = False, buried: bool = False
) -> Outcome:
    return Outcome(
        subject=item.subject,
        artist_key=result.artist_key if result else item.partition_key,
        rows=result.version.rows if result else 0,
        content_hash=result.version.hash if result else "",
        changed=result.changed if result else False,
        error=error,
        waiting=waiting,
        buried=buried,
        text=f"{item.partition_key or item.subject}: {error}",
        detail=result.detail if result else {},
    )
