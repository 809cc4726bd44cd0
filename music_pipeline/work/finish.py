"""End a claim, in the transaction that writes the results.

Each compares the lease's token first, and raises LeaseLost if another run has the work. The caller lets it pass, so
that its transaction is rolled back with all results.
"""

import json
import random
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
import structlog

from music_pipeline.database.queries import query
from music_pipeline.work.enqueue import enqueue_many
from music_pipeline.work.model import EnqueueRequest, LeaseLost, StopReason, WorkItem
from music_pipeline.work.retry_policy import FailedAttempt, Rescheduled, after_failure, provider_wait, retry_policy
from music_pipeline.work.stages import checked_payload

log = structlog.get_logger()


def finish(connection: sa.Connection, item: WorkItem, *, run_id: str, result: Mapping[str, Any]) -> None:
    """Move the work to the archive as succeeded, with its result.

    If it was requested again while it ran, it is enqueued again, since this result is older. Raises LeaseLost.
    """
    row = connection.execute(
        query("finish_work"), _key(item) | {"run_id": run_id, "result": json.dumps(dict(result))}
    ).one_or_none()
    if row is None:
        raise LeaseLost(_lost_text(item))
    if row.asked_again:
        enqueue_many(connection, [_once_more(item, row)])
    _log_job("succeeded", item, run_id)
    _log_commit("succeeded", item, run_id)


def _once_more(item: WorkItem, row: sa.Row[Any]) -> EnqueueRequest:
    return EnqueueRequest(
        stage=item.stage, payload=row.payload, subject=item.subject, idempotency_key=f"{item.idempotency_key}:again",
        partition_key=item.partition_key, origin=item.origin, priority=row.priority, force=row.force,
        correlation_id=item.correlation_id, cutoff=row.cutoff,
    )  # fmt: skip


def retry(
    connection: sa.Connection,
    item: WorkItem,
    *,
    run_id: str,
    error: str,
    provider: str | None,
    available_at: datetime | None = None,
    uses_attempt: bool = True,
    payload: Mapping[str, Any] | None = None,
) -> Literal["retried", "buried"]:
    """Put failed work back, due at `available_at` or after its backoff, or bury it.

    `uses_attempt=False`: no call was made, and the work waits for `provider`. `payload`: the advanced cursor. Progress
    resets the attempts. Work is buried if it is out of attempts or has waited longer than PROVIDER_WAIT_DAYS.

    Raises LeaseLost and InvalidPayload.
    """
    row = _leased(connection, item)
    kept = _payload_to_keep(item, row, payload)
    failed = FailedAttempt(
        attempts=item.attempts, max_attempts=row.max_attempts, uses_attempt=uses_attempt,
        progress=kept != item.payload, provider=provider, waiting_since=row.waiting_since, available_at=available_at,
        at=row.looked_at,
    )  # fmt: skip
    decision = after_failure(failed, retry_policy(item.stage), provider_wait(), random.random())  # noqa: S311
    if isinstance(decision, StopReason):
        bury(connection, item, run_id=run_id, stop_reason=decision, error=error, provider=provider)
        return "buried"
    record_issue(connection, item, run_id=run_id, provider=provider, error=error)
    _reschedule(connection, item, decision, kept, error, provider)
    _log_job("retried", item, run_id, error=error, provider=provider, available_at=decision.available_at.isoformat())
    _log_commit("retried", item, run_id)
    return "retried"


def postpone(
    connection: sa.Connection,
    item: WorkItem,
    *,
    run_id: str,
    payload: Mapping[str, Any] | None = None,
    available_at: datetime | None = None,
) -> None:
    """Put unfinished work back without an error when the run's time is over.

    `payload`: where it stopped.

    Raises LeaseLost and InvalidPayload.
    """
    row = _leased(connection, item)
    kept = _payload_to_keep(item, row, payload)
    again = Rescheduled(0 if kept != item.payload else item.attempts, available_at or row.looked_at, None)
    _reschedule(connection, item, again, kept, None, None)
    _log_commit("postponed", item, run_id)


def bury(
    connection: sa.Connection,
    item: WorkItem,
    *,
    run_id: str,
    stop_reason: StopReason | str,
    error: str,
    provider: str | None = None,
) -> None:
    """Move the work to dead_work and record the error in worker_issues.

    Raises LeaseLost.
    """
    reason = StopReason(stop_reason)
    used = reason in (StopReason.MAX_RETRIES_EXHAUSTED, StopReason.NON_RETRYABLE)
    buried = connection.execute(
        query("bury_leased_work"),
        _key(item)
        | {
            "attempts": item.attempts + used,
            "stop_reason": reason.value,
            "error": error,
            "provider": provider,
            "run_id": run_id,
        },
    ).one_or_none()
    if buried is None:
        raise LeaseLost(_lost_text(item))
    record_issue(connection, item, run_id=run_id, provider=provider, error=error)
    _log_job("dead-lettered", item, run_id, stop_reason=reason.value, error=error, provider=provider)
    _log_commit("buried", item, run_id)


def record_issue(connection: sa.Connection, item: WorkItem, *, run_id: str, provider: str | None, error: str) -> None:
    """Write an error that did not end the attempt. retry() and bury() write their own."""
    connection.execute(
        query("record_issue"),
        {
            "work_id": item.work_id,
            "stage": item.stage.value,
            "subject": item.subject,
            "provider": provider,
            "error": error,
            "attempt": item.attempts + 1,
            "run_id": run_id,
            "correlation_id": item.correlation_id,
        },
    )


def _leased(connection: sa.Connection, item: WorkItem) -> sa.Row[Any]:
    row = connection.execute(query("leased_work"), _key(item)).one_or_none()
    if row is None:
        raise LeaseLost(_lost_text(item))
    return row


def _payload_to_keep(item: WorkItem, row: sa.Row[Any], advanced: Mapping[str, Any] | None) -> dict[str, Any]:
    """The advanced cursor, unless the whole was requested by force in the meantime."""
    forced_meanwhile = row.force and not item.force
    if advanced is None or forced_meanwhile:
        return dict(row.payload)
    return checked_payload(item.stage, advanced)


def _reschedule(
    connection: sa.Connection,
    item: WorkItem,
    again: Rescheduled,
    payload: Mapping[str, Any],
    error: str | None,
    provider: str | None,
) -> None:
    connection.execute(
        query("reschedule_work"),
        {
            "work_id": item.work_id,
            "attempts": again.attempts,
            "available_at": again.available_at,
            "payload": json.dumps(dict(payload)),
            "error": error,
            "waiting_provider": provider if again.waiting_since else None,
            "waiting_since": again.waiting_since,
        },
    )


def _key(item: WorkItem) -> dict[str, Any]:
    return {"work_id": item.work_id, "lease_token": item.lease_token}


def _lost_text(item: WorkItem) -> str:
    return f"The lease on {item.stage} of {item.subject!r} ({item.work_id}) is no longer this run's."


def _log_job(status: str, item: WorkItem, run_id: str, **more: Any) -> None:
    log.info("worker.job", status=status, **_facts(item, run_id), **more)


def _log_commit(status: str, item: WorkItem, run_id: str) -> None:
    log.info("orchestrator.commit", status=status, **_facts(item, run_id))


def _facts(item: WorkItem, run_id: str) -> dict[str, Any]:
    return {
        "work_id": str(item.work_id),
        "stage": item.stage.value,
        "subject": item.subject,
        "attempt": item.attempts + 1,
        "run_id": run_id,
        "correlation_id": item.correlation_id,
    }
