"""Commit one item in a single transaction: its rows, follow-up work, ledger entry and Outcome.

The caller of `session` decides what is claimed, and in which order. A stage's module decides what it stores.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import sqlalchemy as sa
import structlog

from music_pipeline.catalog.audit import set_audit_reason
from music_pipeline.gateway.errors import OutOfTime, ProviderError, ProviderUnavailable
from music_pipeline.work.enqueue import enqueue_many
from music_pipeline.work.finish import bury, finish, postpone, record_issue, retry
from music_pipeline.work.model import EnqueueRequest, LeaseLost, Stage, StopReason, WorkItem
from music_pipeline.work.stages import STAGES
from music_pipeline.work.sweeps import record_batch
from music_pipeline.worker.concurrency import Setback
from music_pipeline.worker.follow_ups import FRESH_FOR
from music_pipeline.worker.outcomes import Outcome, Status
from music_pipeline.worker.stage import Impossible, ReadResult, StageData, StageResult, Store

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Committer:
    """Commits the items of a run. `keep_follow_ups_forced`: what follows forced work is forced too."""

    engine: sa.Engine
    run_id: str
    keep_follow_ups_forced: bool

    def commit(self, item: WorkItem, store: Store, read: ReadResult) -> Outcome:
        """Store what was read and end the attempt. An item whose lease another run took is left to that run."""
        try:
            with self.engine.begin() as connection:
                if isinstance(read, StageData):
                    return self._commit_data(connection, item, store, read)
                return self._commit_error(connection, item, read)
        except LeaseLost as lost:
            return Outcome.not_done(item, Status.FAILED, str(lost))
        except Exception as error:
            log.exception("stage.failed", stage=item.stage.value, subject=item.subject)
            return self._commit_defect(item, error)

    def record(self, stage: Stage, outcomes: Sequence[Outcome], seconds: float) -> None:
        """Record how a chunk ended, in `queue_metrics`."""
        open_items = [outcome for outcome in outcomes if not outcome.is_done]
        dead = sum(outcome.is_dead for outcome in open_items)
        with self.engine.begin() as connection:
            record_batch(
                connection,
                stage=stage,
                run_id=self.run_id,
                claimed=len(outcomes),
                succeeded=len(outcomes) - len(open_items),
                failed=len(open_items),
                retried=len(open_items) - dead,
                buried=dead,
                seconds=seconds,
            )

    def _commit_defect(self, item: WorkItem, error: Exception) -> Outcome:
        """End an attempt whose results could not be stored. If only the reply to a commit was lost, it ended before."""
        try:
            with self.engine.begin() as connection:
                return self._commit_error(connection, item, error)
        except LeaseLost as lost:
            return Outcome.not_done(item, Status.FAILED, f"{error} {lost}")

    def _commit_data(self, connection: sa.Connection, item: WorkItem, store: Store, read: StageData[Any]) -> Outcome:
        why = f"{STAGES[item.stage].asset} of {item.partition_key or item.subject}, asked for by {item.origin}"
        set_audit_reason(connection, why=why, run_id=self.run_id, correlation_id=item.correlation_id)
        result = store(connection, item, read.data)
        enqueue_many(connection, self._follow_ups(result))
        for provider, text in result.notes:
            record_issue(connection, item, run_id=self.run_id, provider=provider, error=text)
        if read.setback is not None:
            return self._put_off(connection, item, read.setback, result, read.payload)
        outcome = Outcome.done(item, result)
        finish(connection, item, run_id=self.run_id, result=asdict(outcome))
        return outcome

    def _follow_ups(self, result: StageResult) -> list[EnqueueRequest]:
        if self.keep_follow_ups_forced:
            return list(result.follow_ups)
        fresh_for = None if result.status is Status.CHANGED else FRESH_FOR
        return [replace(request, force=False, fresh_for=fresh_for) for request in result.follow_ups]

    def _commit_error(self, connection: sa.Connection, item: WorkItem, error: Exception) -> Outcome:
        if isinstance(error, ProviderError | OutOfTime):
            return self._put_off(connection, item, error, None, None)
        if isinstance(error, Impossible):
            bury(connection, item, run_id=self.run_id, stop_reason=StopReason.NON_RETRYABLE, error=str(error))
            return Outcome.not_done(item, Status.DEAD, str(error))
        text = f"{type(error).__name__}: {error}"
        ended = retry(connection, item, run_id=self.run_id, error=text, provider=None)
        return Outcome.not_done(item, Status.DEAD if ended == "buried" else Status.FAILED, text)

    def _put_off(
        self,
        connection: sa.Connection,
        item: WorkItem,
        setback: Setback,
        result: StageResult | None,
        payload: dict[str, object] | None,
    ) -> Outcome:
        """Put the item back: without an error for lack of time, without an attempt where a provider is away."""
        if isinstance(setback, OutOfTime):
            postpone(connection, item, run_id=self.run_id)
            return Outcome.not_done(item, Status.WAITING, str(setback), result)
        is_away = isinstance(setback, ProviderUnavailable)
        ended = retry(
            connection,
            item,
            run_id=self.run_id,
            error=str(setback),
            provider=setback.provider,
            available_at=setback.until if isinstance(setback, ProviderUnavailable) else None,
            uses_attempt=not is_away,
            payload=payload,
        )
        put_back = Status.WAITING if is_away else Status.FAILED
        return Outcome.not_done(item, Status.DEAD if ended == "buried" else put_back, str(setback), result)
