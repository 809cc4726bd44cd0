"""Asking again, from the UI and once a week: a job with the flags of `music-pipeline reprocess` as its config.

Which rows are meant, and their reset, is in `stages/reprocessing.py`; the asking itself is done by the queue.
"""

from datetime import UTC, datetime

import dagster as dg
from pydantic import Field

from music_pipeline import database
from music_pipeline.defs.enrichment_checks import enrichment_verdicts
from music_pipeline.defs.queues import SWEEP_TAG, Drain, swept
from music_pipeline.defs.schedules import are_on
from music_pipeline.stages.reprocessing import InvalidFilters, Reprocessed, ReprocessFilters, RowToReset, reprocess
from music_pipeline.work import Stage

JOB = "reprocess_failed_enrichments"
WEEKLY = "0 5 * * 0"
LOGGED_ROWS = 200


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


def filters_of(config: Reprocess) -> ReprocessFilters:
    """The filters that the config means. Raises InvalidFilters."""
    if config.retriable_only and config.non_retriable_only:
        raise InvalidFilters("retriable_only and non_retriable_only exclude each other; leave both out to mean both.")
    retriable = True if config.retriable_only else False if config.non_retriable_only else None
    return ReprocessFilters(
        days=config.days,
        start_date=_day(config.start_date),
        end_date=_day(config.end_date),
        track_ids=tuple(config.track_id),
        retriable=retriable,
        sources=tuple(config.source),
        statuses=tuple(config.status),
        limit=config.limit,
    )


def _day(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise InvalidFilters(f"{text!r} is no day: write it as 2026-01-31.") from None


@dg.op(description="Resets the rows that are meant, so that their sources are asked again.")
def reset_enrichments(context: dg.OpExecutionContext, config: Reprocess) -> None:
    """Reset, and ask at once if the config says so. A run whose filters mean nothing fails with the reason."""
    try:
        done = reprocess(
            database.engine(),
            filters_of(config),
            by=f"Dagster's run {context.run.run_id}",
            run_id=context.run.run_id,
            dry_run=config.dry_run,
        )
    except InvalidFilters as error:
        raise dg.Failure(str(error), allow_retries=False) from None
    for row in done.rows[:LOGGED_ROWS]:
        context.log.info(_line(row))
    context.add_output_metadata(_counts(done))
    if config.trigger_now and not config.dry_run:
        ask_now(context)


def ask_now(context: dg.OpExecutionContext) -> None:
    """Drain the queue of enrichment in this run, with its events and checks."""
    engine = database.engine()
    outcomes = swept(context, engine, Stage.ENRICHMENT, Drain())
    if outcomes:
        for verdict in enrichment_verdicts(engine, outcomes):
            # Dagster takes it, as it does from an asset's context; only its annotation does not know.
            context.log_event(verdict.evaluation())  # type: ignore[arg-type]


def _line(row: RowToReset) -> str:
    who = f"{', '.join(row.artist_names)}: {row.title}"
    return f"{who}: {row.source} ({row.status}, {row.attempts} attempts): {row.error or 'no error'}"


def _counts(done: Reprocessed) -> dict[str, int | bool | str]:
    return {
        "recordings": done.recordings,
        "answers": len(done.rows),
        "artists": len(done.artist_keys),
        "dry_run": done.is_dry_run,
        "correlation_id": done.correlation_id,
    }


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
        meant = reprocess(database.engine(), ReprocessFilters(limit=1), by="the weekly schedule", dry_run=True)
        return dg.RunRequest() if meant.rows else dg.SkipReason("No enrichment stands as failed.")

    return tick


def reprocessing_schedules() -> list[dg.ScheduleDefinition]:
    """The weekly schedule; it begins on where the others do."""
    return [reprocess_weekly(dg.DefaultScheduleStatus.RUNNING if are_on() else dg.DefaultScheduleStatus.STOPPED)]
