"""The two doors to the stages: a sweep that drains what is due, and a refresh of exactly the artists that are named.

Both claim through the ledger, so that no artist is done twice at once. How what is claimed is worked off is in
`session`.
"""

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from music_pipeline.database.engine import get_engine
from music_pipeline.database.queries import query
from music_pipeline.gateway.request import Priority
from music_pipeline.work.claim import claim
from music_pipeline.work.model import Stage, WorkItem
from music_pipeline.work.sweeps import Sweep, results_of
from music_pipeline.worker.outcomes import Chunk, ChunkReport, Outcome
from music_pipeline.worker.refresh import ask_all_sources, claim_named
from music_pipeline.worker.session import Claim, Session

CHUNK = 50


def database_now(engine: sa.Engine) -> datetime:
    """The database's time, in which leases, caches and cut-offs are kept."""
    with engine.connect() as connection:
        now: datetime = connection.execute(query("database_now")).scalar_one()
    return now


def drain(
    stage: Stage, *, run_id: str, time_box: float, limit: int | None = None, on_chunk: ChunkReport | None = None
) -> Generator[Outcome, None, None]:
    """Do what is due of a stage, until nothing is due, `time_box` seconds are over or `limit` pieces are done.

    To be closed by who does not take all: the work that is under way is given back then.
    """
    engine, started = get_engine(), time.monotonic()
    deadline, done, failed = started + time_box, 0, 0
    claiming = _Claiming(engine, stage, run_id, deadline, limit)
    with (
        Session(engine, run_id, None, deadline, keep_follow_ups_forced=True) as session,
        closing(session.work_off(stage, claiming.next)) as outcomes,
    ):
        for outcome in outcomes:
            yield outcome
            done, failed = done + 1, failed + (outcome.error is not None)
            if on_chunk is not None and done % CHUNK == 0:
                on_chunk(Chunk(done, failed, time.monotonic() - started))
    if on_chunk is not None and done % CHUNK:
        on_chunk(Chunk(done, failed, time.monotonic() - started))


@dataclass(slots=True)
class _Claiming:
    """Claims what is due, chunk by chunk, until the time is over or as much is claimed as may be."""

    engine: sa.Engine
    stage: Stage
    run_id: str
    deadline: float
    left: int | None

    def next(self) -> Sequence[WorkItem]:
        most = CHUNK if self.left is None else min(CHUNK, self.left)
        if most == 0 or time.monotonic() >= self.deadline:
            return []
        items = claim(self.engine, self.stage, run_id=self.run_id, limit=most)
        if self.left is not None:
            self.left -= len(items)
        return items


def drain_named(stage: Stage, work_ids: Sequence[UUID], *, run_id: str, time_box: float) -> Iterator[Outcome]:
    """Do exactly these pieces of work, due or not, each once; what another run holds, or time ends before, is left."""
    engine, deadline = get_engine(), time.monotonic() + time_box
    chunks = iter([work_ids[start : start + CHUNK] for start in range(0, len(work_ids), CHUNK)])

    def claim_next() -> Sequence[WorkItem]:
        for chunk in chunks:
            if time.monotonic() >= deadline:
                return []
            if items := claim(engine, stage, run_id=run_id, limit=CHUNK, work_ids=chunk):
                return items
        return []

    with (
        Session(engine, run_id, Priority.INTERACTIVE, deadline, keep_follow_ups_forced=True) as session,
        closing(session.work_off(stage, claim_next)) as outcomes,
    ):
        yield from outcomes


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
    engine, started = get_engine(), time.monotonic()
    outcomes: list[Outcome] = []
    with Session(engine, run_id, Priority.INTERACTIVE, None, keep_follow_ups_forced=False) as session:
        for start in range(0, len(artist_keys), CHUNK):
            keys = artist_keys[start : start + CHUNK]
            named = claim_named(engine, stage, keys, run_id=run_id, cutoff=cutoff, sources=sources)
            try:
                outcomes += [*named.refused, *session.work_off(stage, _once(named.items))]
            finally:
                ask_all_sources(engine, stage, named.narrowed)
            if on_chunk is not None:
                failed = sum(one.error is not None for one in outcomes)
                on_chunk(Chunk(len(outcomes), failed, time.monotonic() - started))
    return outcomes


def _once(items: Sequence[WorkItem]) -> Claim:
    """A claim of what was claimed already."""
    chunks = iter([items])
    return lambda: next(chunks, [])
