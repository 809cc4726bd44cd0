"""What the job `reprocess_failed_enrichments` does.

Which rows are reset is decided in `actions/reprocess.py`.
"""

from datetime import UTC, datetime

import dagster as dg

from music_pipeline.actions.reprocess import InvalidFilters, Reprocessed, ReprocessFilters, RowToReset, reprocess
from music_pipeline.defs.config import ReprocessConfig, SweepConfig
from music_pipeline.defs.runs.opening import open_database
from music_pipeline.defs.runs.reporters import reporter_of
from music_pipeline.defs.runs.sweep import sweep_stage
from music_pipeline.work.model import Stage

LOGGED_ROWS = 200


def reset(context: dg.OpExecutionContext, config: ReprocessConfig) -> None:
    """Reset the rows, and fetch at once if the config says so.

    Invalid filters fail the run with the reason.
    """
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
        fetch_now(context)


def filters_of(config: ReprocessConfig) -> ReprocessFilters:
    """Convert the config to filters. Raises InvalidFilters."""
    if config.retriable_only and config.non_retriable_only:
        raise InvalidFilters("retriable_only and non_retriable_only exclude each other. Leave both out to mean both.")
    one_kind = config.retriable_only or config.non_retriable_only
    return ReprocessFilters(
        days=config.days,
        start_date=_day(config.start_date),
        end_date=_day(config.end_date),
        track_ids=tuple(config.track_id),
        retriable=config.retriable_only if one_kind else None,
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


def fetch_now(context: dg.OpExecutionContext) -> None:
    """Sweep enrichment in this run, with its events and checks."""
    engine = open_database()
    outcomes = sweep_stage(context, engine, Stage.ENRICHMENT, SweepConfig())
    for result in reporter_of(Stage.ENRICHMENT).checks(engine, Stage.ENRICHMENT, outcomes) if outcomes else ():
        # Dagster accepts it, as in an asset's context. Only the annotation lacks it.
        context.log_event(result.evaluation())  # type: ignore[arg-type]


def _line(row: RowToReset) -> str:
    artists = ", ".join(row.artist_names)
    return f"{artists}: {row.title}: {row.source} ({row.status}, {row.attempts} attempts): {row.error or 'no error'}"


def _counts(done: Reprocessed) -> dict[str, int | bool | str]:
    return {
        "recordings": done.recordings,
        "answers": len(done.rows),
        "artists": len(done.artist_keys),
        "dry_run": done.is_dry_run,
        "correlation_id": done.correlation_id,
    }
