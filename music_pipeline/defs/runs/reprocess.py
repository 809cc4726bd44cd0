"""What the job that asks again does. Which rows are meant, and their reset, is in `actions/reprocess.py`."""

from datetime import UTC, datetime

import dagster as dg

from music_pipeline.actions.reprocess import InvalidFilters, Reprocessed, ReprocessFilters, RowToReset, reprocess
from music_pipeline.defs.assets.queues import Drain
from music_pipeline.defs.reprocessing import Reprocess
from music_pipeline.defs.runs.opening import open_database
from music_pipeline.defs.runs.source_checks import enrichment_verdicts
from music_pipeline.defs.runs.sweep import swept
from music_pipeline.work.model import Stage

LOGGED_ROWS = 200


def reset(context: dg.OpExecutionContext, config: Reprocess) -> None:
    """Reset, and ask at once if the config says so. A run whose filters mean nothing fails with the reason."""
    try:
        done = reprocess(
            open_database(),
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


def ask_now(context: dg.OpExecutionContext) -> None:
    """Drain the queue of enrichment in this run, with its events and checks."""
    engine = open_database()
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
