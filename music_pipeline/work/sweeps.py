"""Sweeps: begin, heartbeat and end. The end prunes old records."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from music_pipeline.database.queries import query
from music_pipeline.work.model import Stage
from music_pipeline.work.retry_policy import archive_retention_days

SWEEP_HEARTBEAT_YOUNG = timedelta(seconds=90)


@dataclass(frozen=True, slots=True)
class Sweep:
    """A sweep that has not ended properly, or not yet."""

    kind: str
    run_id: str
    started_at: datetime
    heartbeat_at: datetime


def record_batch(
    connection: sa.Connection,
    *,
    stage: Stage,
    run_id: str,
    claimed: int,
    succeeded: int,
    failed: int,
    retried: int,
    buried: int,
    seconds: float,
) -> None:
    """Write the counts of a batch to queue_metrics."""
    values = {
        "stage": stage.value, "run_id": run_id, "claimed": claimed, "succeeded": succeeded, "failed": failed,
        "retried": retried, "buried": buried, "seconds": seconds,
    }  # fmt: skip
    connection.execute(query("record_batch"), values)


def begin_sweep(engine: sa.Engine, kind: str, run_id: str) -> bool:
    """Begin the only sweep of its kind.

    Returns False while another has a young heartbeat.
    """
    values = {"kind": kind, "run_id": run_id, "young_seconds": SWEEP_HEARTBEAT_YOUNG.total_seconds()}
    with engine.begin() as connection:
        return connection.execute(query("begin_sweep"), values).first() is not None


def abandoned_sweep(engine: sa.Engine, kind: str) -> Sweep | None:
    """The last sweep of its kind if its run died, without an end or a young heartbeat."""
    values = {"kind": kind, "young_seconds": SWEEP_HEARTBEAT_YOUNG.total_seconds()}
    with engine.connect() as connection:
        row = connection.execute(query("abandoned_sweep"), values).one_or_none()
    return None if row is None else Sweep(row.kind, row.run_id, row.started_at, row.heartbeat_at)


def results_of(engine: sa.Engine, stage: Stage, sweep: Sweep) -> list[dict[str, Any]]:
    """The results of the work that a sweep finished, in that order."""
    values = {"stage": stage.value, "run_id": sweep.run_id, "since": sweep.started_at}
    with engine.connect() as connection:
        return [row.result for row in connection.execute(query("results_of_run"), values)]


def sweep_heartbeat(engine: sa.Engine, kind: str, run_id: str) -> bool:
    """Record that the sweep is alive.

    Returns False if it has ended, or another has taken its place.
    """
    with engine.begin() as connection:
        return connection.execute(query("sweep_heartbeat"), {"kind": kind, "run_id": run_id}).first() is not None


def end_sweep(engine: sa.Engine, kind: str, run_id: str) -> None:
    """End the sweep, and prune old records."""
    with engine.begin() as connection:
        connection.execute(query("end_sweep"), {"kind": kind, "run_id": run_id})
    prune(engine)


def sweeps_in_progress(engine: sa.Engine) -> list[Sweep]:
    """The sweeps with a young heartbeat."""
    with engine.connect() as connection:
        rows = connection.execute(
            query("sweeps_in_progress"), {"young_seconds": SWEEP_HEARTBEAT_YOUNG.total_seconds()}
        ).all()
    return [Sweep(row.kind, row.run_id, row.started_at, row.heartbeat_at) for row in rows]


def prune(engine: sa.Engine) -> int:
    """Delete records older than ARCHIVE_RETENTION_DAYS, at most 10,000 of each kind."""
    values = {"days": archive_retention_days()}
    with engine.begin() as connection:
        statements = ("prune_work_archive", "prune_worker_issues", "prune_queue_metrics")
        return sum(connection.execute(query(name), values).rowcount for name in statements)
