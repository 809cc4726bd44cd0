"""What an operator does to open work and to dead work."""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
import structlog

from music_pipeline.database.queries import query
from music_pipeline.work.model import Enqueued, Selector

log = structlog.get_logger()


class NothingSelected(Exception):
    """The selector is empty. To change everything, select by stage or reason."""


@dataclass(frozen=True, slots=True)
class OpenWork:
    """Open work, as an operator sees it."""

    work_id: UUID
    stage: str
    subject: str
    partition_key: str | None
    payload: dict[str, Any]
    origin: str
    priority: int
    force: bool
    attempts: int
    available_at: datetime
    lease_until: datetime | None
    lease_run_id: str | None
    last_error: str | None
    waiting_provider: str | None
    waiting_since: datetime | None
    enqueued_at: datetime
    claimable_at: datetime


@dataclass(frozen=True, slots=True)
class DeadWork:
    """Work that was given up, and why."""

    work_id: UUID
    stage: str
    subject: str
    partition_key: str | None
    attempts: int
    stop_reason: str
    error: str
    provider: str | None
    run_id: str | None
    buried_at: datetime
    enqueued_at: datetime
    correlation_id: str


def open_work(engine: sa.Engine, selector: Selector, *, limit: int = 1_000) -> list[OpenWork]:
    """List the selected open work, in the order in which it will be done.

    An empty selector selects all.
    """
    with engine.connect() as connection:
        rows = connection.execute(query("open_work"), _values(selector) | {"limit": limit}).mappings()
        return [OpenWork(**row) for row in rows]


def cancel(engine: sa.Engine, selector: Selector, *, why: str) -> list[DeadWork]:
    """Move open work to dead_work as cancelled.

    A run that is working on it loses its lease and does not commit.

    Raises NothingSelected for an empty selector. Open work has no stop reason to select by.
    """
    _refuse_empty(replace(selector, stop_reason=None))
    with engine.begin() as connection:
        rows = connection.execute(query("cancel_work"), _values(selector) | {"why": why}).mappings()
        cancelled = [DeadWork(**row) for row in rows]
    for dead in cancelled:
        log.info(
            "worker.job", status="dead-lettered", stop_reason=dead.stop_reason, error=dead.error, stage=dead.stage,
            work_id=str(dead.work_id), subject=dead.subject, run_id=dead.run_id, correlation_id=dead.correlation_id,
        )  # fmt: skip
    return cancelled


def list_dead(engine: sa.Engine, selector: Selector, *, limit: int = 1_000) -> list[DeadWork]:
    """List the selected dead work, latest first. An empty selector selects all."""
    with engine.connect() as connection:
        rows = connection.execute(query("list_dead_work"), _values(selector) | {"limit": limit}).mappings()
        return [DeadWork(**row) for row in rows]


def requeue(engine: sa.Engine, selector: Selector) -> list[Enqueued]:
    """Open dead work again under its id, with its attempts reset.

    `already_enqueued` if its subject is open already.

    Raises NothingSelected for an empty selector.
    """
    _refuse_empty(selector)
    with engine.begin() as connection:
        taken = connection.execute(query("take_dead_work"), _values(selector)).mappings().all()
        return [_reopen(connection, dict(row)) for row in taken]


def _reopen(connection: sa.Connection, dead: dict[str, Any]) -> Enqueued:
    opened = connection.execute(query("reopen_work"), dead | {"payload": json.dumps(dead["payload"])}).first()
    enqueued = Enqueued(dead["work_id"], "created" if opened else "already_enqueued")
    log.info(
        "worker.job", status="enqueued", answer=enqueued.answer, stage=dead["stage"], subject=dead["subject"],
        work_id=str(enqueued.work_id), correlation_id=dead["correlation_id"],
    )  # fmt: skip
    return enqueued


def purge(engine: sa.Engine, selector: Selector) -> int:
    """Delete dead work for good, and return how many items.

    Raises NothingSelected for an empty selector.
    """
    _refuse_empty(selector)
    with engine.begin() as connection:
        return len(connection.execute(query("take_dead_work"), _values(selector)).all())


def _refuse_empty(selector: Selector) -> None:
    if selector.is_empty:
        raise NothingSelected("Select work by id, stage, artist or reason.")


def _values(selector: Selector) -> dict[str, Any]:
    return {
        "work_ids": None if selector.work_ids is None else list(selector.work_ids),
        "stage": selector.stage and selector.stage.value,
        "artist": selector.artist,
        "stop_reason": selector.stop_reason and selector.stop_reason.value,
    }
