"""How what was read of a piece of work is settled: the artist's rows, what follows, the end of the work, its Outcome.

All of that is one transaction. What is claimed, and how it is read, is in `runner` and the stages.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import sqlalchemy as sa
import structlog

from music_pipeline.catalog.audit import explain
from music_pipeline.gateway.errors import OutOfTime, ProviderError, ProviderUnavailable
from music_pipeline.work.enqueue import enqueue_many
from music_pipeline.work.finish import bury, finish, postpone, record_issue, retry
from music_pipeline.work.model import EnqueueRequest, LeaseLost, Stage, StopReason, WorkItem
from music_pipeline.work.stages import STAGES
from music_pipeline.work.sweeps import record_batch
from music_pipeline.worker.outcomes import Outcome
from music_pipeline.worker.stage import FRESH_FOR, Impossible, Reading, ReadResult, Result, Trouble

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Settling:
    """Settles the work of a run. `keep_follow_ups_forced`: what follows of forced work is asked afresh too."""

    engine: sa.Engine
    run_id: str
    keep_follow_ups_forced: bool

    def settle(self, item: WorkItem, reading: ReadResult) -> Outcome:
        """Write what was read and end the attempt; work whose lease another run took is left to that."""
        try:
            with self.engine.begin() as connection:
                if isinstance(reading, Reading):
                    return self._settle_reading(connection, item, reading)
                return self._settle_failure(connection, item, reading)
        except LeaseLost as lost:
            return _not_done(item, str(lost))
        except Exception as error:
            log.exception("stage.failed", stage=item.stage.value, subject=item.subject)
            return self._settle_defect(item, error)

    def record(self, stage: Stage, outcomes: Sequence[Outcome], seconds: float) -> None:
        """Keep how a chunk of work ended."""
        failed = [one for one in outcomes if one.error is not None]
        with self.engine.begin() as connection:
            record_batch(
                connection,
                stage=stage,
                run_id=self.run_id,
                claimed=len(outcomes),
                succeeded=len(outcomes) - len(failed),
                failed=len(failed),
                retried=sum(not one.buried for one in failed),
                buried=sum(one.buried for one in failed),
                seconds=seconds,
            )

    def _settle_defect(self, item: WorkItem, error: Exception) -> Outcome:
        """End the attempt whose results could not be written; after a lost reply to a commit, there is none to end."""
        try:
            with self.engine.begin() as connection:
                return self._settle_failure(connection, item, error)
        except LeaseLost as lost:
            return _not_done(item, f"{error} {lost}")

    def _settle_reading(self, connection: sa.Connection, item: WorkItem, reading: Reading) -> Outcome:
        result = self._write(connection, item, reading)
        if reading.trouble is not None:
            return self._put_off(connection, item, reading.trouble, result, reading.payload)
        outcome = _done(item, result)
        finish(connection, item, run_id=self.run_id, result=asdict(outcome))
        return outcome

    def _write(self, connection: sa.Connection, item: WorkItem, reading: Reading) -> Result:
        why = f"{STAGES[item.stage].asset} of {item.partition_key or item.subject}, asked for by {item.origin}"
        explain(connection, why=why, run_id=self.run_id, correlation_id=item.correlation_id)
        result = reading.write(connection)
        enqueue_many(connection, self._follow_ups(result))
        for provider, text in result.notes:
            record_issue(connection, item, run_id=self.run_id, provider=provider, error=text)
        return result

    def _follow_ups(self, result: Result) -> list[EnqueueRequest]:
        if self.keep_follow_ups_forced:
            return list(result.follow_ups)
        fresh_for = None if result.changed else FRESH_FOR
        return [replace(one, force=False, fresh_for=fresh_for) for one in result.follow_ups]

    def _settle_failure(self, connection: sa.Connection, item: WorkItem, error: Exception) -> Outcome:
        if isinstance(error, ProviderError | OutOfTime):
            return self._put_off(connection, item, error, None, None)
        if isinstance(error, Impossible):
            bury(connection, item, run_id=self.run_id, stop_reason=StopReason.NON_RETRYABLE, error=str(error))
            return _not_done(item, str(error), buried=True)
        text = f"{type(error).__name__}: {error}"
        ended = retry(connection, item, run_id=self.run_id, error=text, provider=None)
        return _not_done(item, text, buried=ended == "buried")

    def _put_off(
        self,
        connection: sa.Connection,
        item: WorkItem,
        trouble: Trouble,
        result: Result | None,
        payload: dict[str, object] | None,
    ) -> Outcome:
        """Put the work back: without an error for lack of time, without an attempt where a provider is away."""
        if isinstance(trouble, OutOfTime):
            postpone(connection, item, run_id=self.run_id)
            return _not_done(item, str(trouble), result, waiting=True)
        waits = isinstance(trouble, ProviderUnavailable)
        ended = retry(
            connection,
            item,
            run_id=self.run_id,
            error=str(trouble),
            provider=trouble.provider,
            available_at=trouble.until if isinstance(trouble, ProviderUnavailable) else None,
            uses_attempt=not waits,
            payload=payload,
        )
        return _not_done(item, str(trouble), result, waiting=waits, buried=ended == "buried")


def _done(item: WorkItem, result: Result) -> Outcome:
    return Outcome(
        subject=item.subject,
        artist_key=result.artist_key,
        rows=result.version.rows,
        content_hash=result.version.hash,
        changed=result.changed,
        error=None,
        waiting=False,
        buried=False,
        text=result.text,
        detail=result.detail,
    )


def _not_done(
    item: WorkItem, error: str, result: Result | None = None, *, waiting: bool = False, buried: bool = False
) -> Outcome:
    return Outcome(
        subject=item.subject,
        artist_key=result.artist_key if result else item.partition_key,
        rows=result.version.rows if result else 0,
        content_hash=result.version.hash if result else "",
        changed=result.changed if result else False,
        error=error,
        waiting=waiting,
        buried=buried,
        text=f"{item.partition_key or item.subject}: {error}",
        detail=result.detail if result else {},
    )
