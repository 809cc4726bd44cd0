"""Enqueue work.

A request enters the queue, joins an open row, or was done already.

The rules are SQL functions, `enqueue_work` and `request_artist_discovery`, so that every SQL client has them too.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
import structlog

from music_pipeline.database.queries import query
from music_pipeline.work.model import PRIORITY_OF_ORIGIN, Enqueued, EnqueueRequest, Origin, Stage
from music_pipeline.work.stages import checked_payload

log = structlog.get_logger()


def enqueue(
    connection: sa.Connection,
    stage: Stage,
    payload: Mapping[str, Any],
    *,
    subject: str,
    idempotency_key: str,
    partition_key: str | None = None,
    origin: Origin = "manual",
    priority: int | None = None,
    force: bool = False,
    correlation_id: str | None = None,
    cutoff: datetime | None = None,
    fresh_for: timedelta | None = None,
) -> Enqueued:
    """Enqueue one item. It exists once the connection's transaction commits.

    `subject`: a stage has one open row for each. A second request joins it, and a forced one makes it forced.
    `idempotency_key`: unique per stage over open and archived rows. It includes its time window. `fresh_for`: what
    succeeded within that time is not done again. `force`: enqueue whatever the archive has. `cutoff`: when the chain
    was requested, by default now. `priority`: 0 first, 9 last, by default that of the origin.

    Raises InvalidPayload.
    """
    request = EnqueueRequest(
        stage=stage, payload=payload, subject=subject, idempotency_key=idempotency_key, partition_key=partition_key,
        origin=origin, priority=priority, force=force, correlation_id=correlation_id, cutoff=cutoff,
        fresh_for=fresh_for,
    )  # fmt: skip
    return enqueue_many(connection, [request])[0]


def enqueue_many(connection: sa.Connection, requests: Sequence[EnqueueRequest]) -> list[Enqueued]:
    """Enqueue many items in one statement.

    The answers have the order of the requests. Raises InvalidPayload.
    """
    if not requests:
        return []
    rows = [_row(request) for request in requests]
    answers = connection.execute(query("enqueue_work"), {"requests": json.dumps(rows)}).all()
    enqueued = [Enqueued(answer.enqueued_id, answer.answer) for answer in answers]
    for row, one in zip(rows, enqueued, strict=True):
        _log_enqueued(one, row["stage"], row["subject"], row["correlation_id"])
    return enqueued


def _row(request: EnqueueRequest) -> dict[str, Any]:
    """The request as the SQL type work_request."""
    priority = PRIORITY_OF_ORIGIN[request.origin] if request.priority is None else request.priority
    return {
        "stage": request.stage.value,
        "subject": request.subject,
        "partition_key": request.partition_key,
        "payload": checked_payload(request.stage, request.payload),
        "origin": request.origin,
        "priority": priority,
        "force": request.force,
        "correlation_id": request.correlation_id or str(uuid4()),
        "idempotency_key": request.idempotency_key,
        "cutoff": (request.cutoff or datetime.now(UTC)).isoformat(),
        "fresh_for": None if request.fresh_for is None else f"{request.fresh_for.total_seconds()} seconds",
    }


def request_artist_discovery(
    connection: sa.Connection,
    requested: str,
    *,
    fresh_for: timedelta,
    origin: Origin = "manual",
    force: bool = False,
    correlation_id: str | None = None,
) -> Enqueued:
    """Request an artist by name, Spotify id, URI or link.

    `start_artist_discovery(text)` does the same in SQL.

    The caller checks that the text can be a name (`matching.names.check_requested_name`).
    """
    correlation = correlation_id or str(uuid4())
    row = connection.execute(
        query("request_artist_discovery"),
        {
            "requested": requested,
            "origin": origin,
            "force": force,
            "correlation_id": correlation,
            "fresh_seconds": fresh_for.total_seconds(),
        },
    ).one()
    enqueued = Enqueued(row.enqueued_id, row.answer)
    _log_enqueued(enqueued, Stage.ARTIST_DISCOVERY, row.subject, correlation)
    return enqueued


def _log_enqueued(enqueued: Enqueued, stage: str, subject: str, correlation_id: str) -> None:
    log.info(
        "worker.job",
        status="enqueued",
        answer=enqueued.answer,
        work_id=str(enqueued.work_id),
        stage=str(stage),
        subject=subject,
        correlation_id=correlation_id,
    )
