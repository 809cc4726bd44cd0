"""The state of the queue: what is due, how late, and what waits. Read only."""

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
    """The work of a stage. `oldest_due`: since when the oldest is due."""

    stage: str
    open: int
    due: int
    leased: int
    dead: int
    oldest_due: datetime | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """The work of a stage that waits for a provider.

    `until`: when the first is due. `since`: when the first began to wait.
    """

    stage: str
    provider: str
    items: int
    until: datetime
    since: datetime


def due(engine: sa.Engine, stages: Sequence[Stage]) -> dict[Stage, int]:
    """The number of due items per stage. DUE_COUNTED_TO stands for that number or more."""
    values = {"stages": [stage.value for stage in stages], "at_most": DUE_COUNTED_TO}
    with engine.connect() as connection:
        rows = connection.execute(query("due_work"), values).all()
    return {Stage(row.stage): row.due for row in rows}


def overdue(engine: sa.Engine, stage: Stage) -> timedelta | None:
    """How long the oldest due work of the stage has been due. None if nothing is due."""
    with engine.connect() as connection:
        age: timedelta | None = connection.execute(query("oldest_due_work"), {"stage": stage.value}).scalar_one()
    return age


def standing(engine: sa.Engine) -> list[StageStanding]:
    """The exact counts of every stage, for people: reads the whole queue."""
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
    """The work that waits for providers, by stage."""
    with engine.connect() as connection:
        rows = connection.execute(query("waiting_work")).all()
    return [Waiting(row.stage, row.provider, row.items, row.until, row.since) for row in rows]
