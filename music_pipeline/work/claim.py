"""Claim work, renew its lease, and give back work not begun."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import sqlalchemy as sa
import structlog

from music_pipeline.database.queries import query
from music_pipeline.work.finish import bury
from music_pipeline.work.model import Stage, StopReason, WorkItem
from music_pipeline.work.payloads import InvalidPayload
from music_pipeline.work.retry_policy import lease_renew_seconds, lease_seconds, retry_policy
from music_pipeline.work.stages import read_payload

log = structlog.get_logger()


def claim(
    engine: sa.Engine, stage: Stage, *, run_id: str, limit: int, work_ids: Sequence[UUID] | None = None
) -> list[WorkItem]:
    """Claim up to `limit` due items, or exactly `work_ids`, due or not.

    No two runs hold the same work. Work whose lease ran out is due again. The lost lease uses no attempt, and is
    recorded in worker_issues. Work with a malformed payload is buried.
    """
    values = {
        "stage": stage.value,
        "run_id": run_id,
        "limit": limit,
        "lease_seconds": lease_seconds(),
        "max_attempts": retry_policy(stage).max_attempts,
        "work_ids": None if work_ids is None else list(work_ids),
    }
    with engine.begin() as connection:
        items = [_item(row) for row in connection.execute(query("claim_work"), values)]
        return [item for item in items if _well_formed(connection, item, run_id)]


def _item(row: sa.Row[Any]) -> WorkItem:
    return WorkItem(
        work_id=row.work_id,
        stage=Stage(row.stage),
        subject=row.subject,
        partition_key=row.partition_key,
        payload=row.payload,
        origin=row.origin,
        priority=row.priority,
        force=row.force,
        correlation_id=row.correlation_id,
        idempotency_key=row.idempotency_key,
        cutoff=row.cutoff,
        attempts=row.attempts,
        max_attempts=row.max_attempts,
        lease_token=row.lease_token,
        enqueued_at=row.enqueued_at,
    )


def _well_formed(connection: sa.Connection, item: WorkItem, run_id: str) -> bool:
    """Bury work with a malformed payload, which any SQL client may have written."""
    log.info(
        "orchestrator.dispatch",
        work_id=str(item.work_id),
        stage=item.stage.value,
        subject=item.subject,
        attempt=item.attempts + 1,
        run_id=run_id,
        correlation_id=item.correlation_id,
    )
    try:
        read_payload(item.stage, item.payload)
    except InvalidPayload as error:
        bury(connection, item, run_id=run_id, stop_reason=StopReason.INVALID_PAYLOAD, error=str(error))
        return False
    return True


def renew(engine: sa.Engine, items: Sequence[WorkItem]) -> set[UUID]:
    """Renew the leases of `items`, and return the ids of those that are still ours."""
    if not items:
        return set()
    with engine.begin() as connection:
        values = _tokens(items) | {"lease_seconds": lease_seconds()}
        return set(connection.execute(query("renew_leases"), values).scalars())


def give_back(engine: sa.Engine, items: Sequence[WorkItem]) -> None:
    """End the leases of work that was not begun.

    It is due as before, and no attempt is used.
    """
    if items:
        with engine.begin() as connection:
            connection.execute(query("give_back_work"), _tokens(items))


def _tokens(items: Sequence[WorkItem]) -> dict[str, Any]:
    return {"work_ids": [item.work_id for item in items], "lease_tokens": [item.lease_token for item in items]}


@dataclass(slots=True)
class Heartbeat:
    """`lost`: the ids of work that a renewal found to be another run's."""

    lost: set[UUID] = field(default_factory=set)


@contextlib.asynccontextmanager
async def heartbeat(engine: sa.Engine, items_provider: Callable[[], Sequence[WorkItem]]) -> AsyncIterator[Heartbeat]:
    """Renew the leases of `items_provider()` regularly while the block runs.

    A database that is away for a moment is logged and asked again: the lease outlives several renewals.
    """
    state = Heartbeat()
    beating = asyncio.create_task(_beat(engine, items_provider, state, lease_renew_seconds()))
    try:
        yield state
    finally:
        beating.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await beating


async def _beat(
    engine: sa.Engine, items_provider: Callable[[], Sequence[WorkItem]], state: Heartbeat, seconds: float
) -> None:
    while True:
        await asyncio.sleep(seconds)
        items = tuple(items_provider())
        try:
            held = await asyncio.to_thread(renew, engine, items)
        except (sa.exc.OperationalError, sa.exc.TimeoutError) as error:
            log.warning("orchestrator.heartbeat", status="failed", error=" ".join(str(error).split()))
            continue
        still_wanted = {item.work_id for item in items_provider()}
        state.lost |= ({item.work_id for item in items} - held) & still_wanted
