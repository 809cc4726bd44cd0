"""How the queue stands: what is due and how late, who waits for whom, which sweep is in progress; its housekeeping."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from music_pipeline.database.queries import query
from music_pipeline.work.model import Stage
from music_pipeline.work.stages import STAGES

DUE_COUNTED_TO = 1_000


@dataclass(frozen=True, slots=True)
class StageStanding:
    """Open work of a stage: all, due now, under a lease; dead; and since when the oldest is due."""

    stage: str
    open: int
    due: int
    leased: int
    dead: int
    oldest_due: datetime | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """Work of a stage that waits for a provider: how many pieces, until when the first, since when the longest."""

    stage: str
    provider: str
    items: int
    until: datetime
    since: datetime


def due(engine: sa.Engine, stages: Sequence[Stage]) -> dict[Stage, int]:
    """How many pieces of work are due, per stage; DUE_COUNTED_TO stands for as many or more."""
    values = {"stages": [stage.value for stage in stages], "at_most": DUE_COUNTED_TO}
    with engine.connect() as connection:
        rows = connection.execute(query("due_work"), values).all()
    return {Stage(row.stage): row.due for row in rows}


def overdue(engine: sa.Engine, stage: Stage) -> timedelta | None:
    """For how long the oldest due work of the stage is due; None if nothing is."""
    with engine.connect() as connection:
        age: timedelta | None = connection.execute(query("oldest_due_work"), {"stage": stage.value}).scalar_one()
    return age


def standing(engine: sa.Engine) -> list[StageStanding]:
    """The exact counts of every stage: for people; it reads the whole queue."""
    with engine.connect() as connection:
        work = {row.stage: row for row in connection.execute(query("work_by_stage"))}
        dead = {row.stage: row.dead for row in connection.execute(query("dead_by_stage"))}
    known = [stage.value for stage in STAGES]
    others = sorted((work.keys() | dead.keys()) - set(known))
    return [_standing_of(stage, work.get(stage), dead.get(stage, 0)) for stage in known + others]


def _standing_of(stage: str, row: sa.Row[tuple[object, ...]] | None, dead: int) -> StageStanding:
    if row is None:
        return StageStanding(stage, open=0, due=0, leased=0, dead=dead, oldest_due=None)
    return StageStanding(stage, open=row.open, due=row.due, leased=row.leased, dead=dead, oldest_due=row.oldest_due)


def waiting_for(engine: sa.Engine) -> list[Waiting]:
    """What waits for which provider, by stage."""
    with engine.connect() as connection:
        rows = connection.execute(query("waiting_work")).all()
    return [Waiting(row.stage, row.provider, row.items, row.until, row.since) for row in rows]
