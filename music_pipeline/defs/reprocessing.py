"""Asking again, from the UI and once a week: a job with the flags of `music-pipeline reprocess` as its config.

What the job does is in `defs/runs/reprocess.py`; the asking itself is done by the queue.
"""

import dagster as dg
from pydantic import Field

from music_pipeline.defs.keys import SWEEP_TAG
from music_pipeline.defs.schedules import are_on
from music_pipeline.work.model import Stage

JOB = "reprocess_failed_enrichments"
WEEKLY = "0 5 * * 0"


class Reprocess(dg.Config):
    """Which rows are asked again; without any filter, all that went wrong."""

    dry_run: bool = Field(default=False, description="Only show what would be asked again.")
    days: int | None = Field(default=None, gt=0, description="What went wrong in the last days.")
    start_date: str | None = Field(default=None, description="What went wrong from this day on (2026-01-31, UTC).")
    end_date: str | None = Field(default=None, description="What went wrong before this day (2026-01-31, UTC).")
    track_id: list[str] = Field(default=[], description="Of these tracks or recordings, by our id or a provider's.")
    retriable_only: bool = Field(default=False, description="What could not be asked: breaker open, quota used up.")
    non_retriable_only: bool = Field(default=False, description="What was asked and failed.")
    source: list[str] = Field(default=[], description="Of these sources only.")
    status: list[str] = Field(default=[], description="Of recordings that are completed, partial, failed or pending.")
    limit: int | None = Field(default=None, gt=0, description="At most so many recordings, the latest trouble first.")
    trigger_now: bool = Field(default=False, description="Ask in this run, and not in the next sweep.")


@dg.op(description="Resets the rows that are meant, so that their sources are asked again.")
def reset_enrichments(context: dg.OpExecutionContext, config: Reprocess) -> None:
    """Reset, and ask at once if the config says so. A run whose filters mean nothing fails with the reason."""
    from music_pipeline.defs.runs.reprocess import reset

    reset(context, config)


@dg.job(
    name=JOB,
    description="Asks again what failed, or what the config means: the flags of `music-pipeline reprocess`.",
    tags={SWEEP_TAG: Stage.ENRICHMENT.value},
    executor_def=dg.in_process_executor,
)
def reprocess_failed_enrichments() -> None:
    reset_enrichments()


def reprocess_weekly(status: dg.DefaultScheduleStatus) -> dg.ScheduleDefinition:
    """The schedule that asks again, once a week, what failed and is not retried any more."""

    @dg.schedule(
        name=f"{JOB}_schedule",
        job=reprocess_failed_enrichments,
        cron_schedule=WEEKLY,
        execution_timezone="UTC",
        default_status=status,
        description="Asks again what failed, if anything did.",
    )
    def tick(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        from music_pipeline.defs.runs.ticks import reprocessing_request

        return reprocessing_request()

    return tick


def reprocessing_schedules() -> list[dg.ScheduleDefinition]:
    """The weekly schedule; it begins on where the others do."""
    return [reprocess_weekly(dg.DefaultScheduleStatus.RUNNING if are_on() else dg.DefaultScheduleStatus.STOPPED)]
