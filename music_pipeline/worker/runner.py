"""Entry points: `sweep` everything due, `refresh` named artists, or `run_now` chosen items.

All claim through the ledger, so that no artist is worked on twice at once. How claimed items are worked on is in
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
from music_pipeline.worker.concurrency import batches
from music_pipeline.worker.outcomes import Outcome, Progress, ProgressReport
from music_pipeline.worker.refresh import ask_all_sources, claim_named
from music_pipeline.worker.session import Claim, Session

CHUNK = 50


def database_now(engine: sa.Engine) -> datetime:
    """The database's time, by which leases, caches and cut-offs are kept."""
    with engine.connect() as connection:
        now: datetime = connection.execute(query("database_now")).scalar_one()
    return now


def sweep(
    stage: Stage, *, run_id: str, time_box: float, limit: int | None = None, on_chunk: ProgressReport | None = None
) -> Generator[Outcome, None, None]:
    """Work on a stage until nothing is due, `time_box` seconds are over, or `limit` items are done.

    Close the iterator if you do not exhaust it: that gives back the items that are under way.
    """
    engine, started = get_engine(), time.monotonic()
    deadline, done, failed = started + time_box, 0, 0
    due = _DueItems(engine, stage, run_id, deadline, limit)
    with (
        Session(engine, run_id, None, deadline, keep_follow_ups_forced=True) as session,
        closing(session.work_off(stage, due.claim_next)) as outcomes,
    ):
        for outcome in outcomes:
            yield outcome
            done, failed = done + 1, failed + (not outcome.is_done)
            if on_chunk is not None and done % CHUNK == 0:
                on_chunk(Progress(done, failed, time.monotonic() - started))
    if on_chunk is not None and done % CHUNK:
        on_chunk(Progress(done, failed, time.monotonic() - started))


@dataclass(slots=True)
class _DueItems:
    """Claims what is due, chunk by chunk, until the time is over or the limit is reached."""

    engine: sa.Engine
    stage: Stage
    run_id: str
    deadline: float
    left: int | None

    def claim_next(self) -> Sequence[WorkItem]:
        most = CHUNK if self.left is None else min(CHUNK, self.left)
        if most == 0 or time.monotonic() >= self.deadline:
            return []
        items = claim(self.engine, self.stage, run_id=self.run_id, limit=most)
        if self.left is not None:
            self.left -= len(items)
        return items


def run_now(stage: Stage, work_ids: Sequence[UUID], *, run_id: str, time_box: float) -> Iterator[Outcome]:
    """Work on exactly these items once, due or not. Skip those that another run holds or the time does not reach."""
    engine, deadline = get_engine(), time.monotonic() + time_box
    chunks = batches(work_ids, CHUNK)

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
    """Read from the archive what a dead sweep finished, so that another run can report it."""
    return [Outcome.from_archive(result) for result in results_of(engine, stage, sweep)]


def refresh(
    stage: Stage,
    artist_keys: Sequence[str],
    *,
    run_id: str,
    cutoff: datetime,
    sources: Sequence[str] | None = None,
    on_chunk: ProgressReport | None = None,
) -> list[Outcome]:
    """Work on a stage for exactly these artists, afresh: no answer older than `cutoff` (database's time) counts.

    `sources`: of enrichment, those to ask; None: all. An unknown key, and an artist that another run is working on, get
    an outcome that says so.
    """
    engine, started = get_engine(), time.monotonic()
    outcomes: list[Outcome] = []
    with Session(engine, run_id, Priority.INTERACTIVE, None, keep_follow_ups_forced=False) as session:
        for keys in batches(artist_keys, CHUNK):
            named = claim_named(engine, stage, keys, run_id=run_id, cutoff=cutoff, sources=sources)
            try:
                outcomes += [*named.refused, *session.work_off(stage, _once(named.items))]
            finally:
                ask_all_sources(engine, stage, named.narrowed)
            if on_chunk is not None:
                failed = sum(not outcome.is_done for outcome in outcomes)
                on_chunk(Progress(len(outcomes), failed, time.monotonic() - started))
    return outcomes


def _once(items: Sequence[WorkItem]) -> Claim:
    """A claim that returns these items once, then nothing."""
    chunks = iter([items])
    return lambda: next(chunks, [])
