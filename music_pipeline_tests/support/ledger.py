"""Steps for tests of the ledger: enqueue, claim, let time pass, read rows."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from music_pipeline.work import claim as work_claim
from music_pipeline.work.enqueue import enqueue
from music_pipeline.work.model import Enqueued, Stage, WorkItem

ARTIST = UUID("11111111-1111-4111-8111-111111111111")


def ask(engine: sa.Engine, subject: str = "Nina", **options: Any) -> Enqueued:
    """Enqueue the discovery of an artist, with a fresh idempotency key by default."""
    values = {"idempotency_key": f"key:{uuid4()}"} | options
    with engine.begin() as connection:
        return enqueue(connection, Stage.ARTIST_DISCOVERY, {"artistName": subject}, subject=subject, **values)


def claim(engine: sa.Engine, *, run_id: str = "run", limit: int = 10, **options: Any) -> list[WorkItem]:
    return work_claim.claim(engine, Stage.ARTIST_DISCOVERY, run_id=run_id, limit=limit, **options)


def pass_time(engine: sa.Engine, passed: timedelta) -> None:
    """Make all rows of the ledger older, as if the time had passed."""
    with engine.begin() as connection:
        for statement in (
            "UPDATE work SET available_at = available_at - :passed, lease_until = lease_until - :passed, "
            "waiting_since = waiting_since - :passed, enqueued_at = enqueued_at - :passed",
            "UPDATE work_archive SET finished_at = finished_at - :passed",
            "UPDATE worker_issues SET at = at - :passed",
            "UPDATE queue_metrics SET at = at - :passed",
            "UPDATE sweeps SET started_at = started_at - :passed, heartbeat_at = heartbeat_at - :passed, "
            "ended_at = ended_at - :passed",
        ):
            connection.execute(sa.text(statement), {"passed": passed})


def rows(engine: sa.Engine, statement: str, **values: Any) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(sa.text(statement), values).mappings()]


def value(engine: sa.Engine, statement: str, **values: Any) -> Any:
    (row,) = rows(engine, statement, **values)
    (only,) = row.values()
    return only
