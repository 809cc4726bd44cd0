"""The `source`, `errors` and `reprocess` commands: look after enrichment."""

from datetime import UTC, datetime
from uuid import uuid4

import click
import sqlalchemy as sa

from music_pipeline.actions.reprocess import (
    ENRICHMENT_STATUSES,
    InvalidFilters,
    Reprocessed,
    ReprocessFilters,
    reprocess,
)
from music_pipeline.actions.undo_source import undo_source
from music_pipeline.cli.terminal import current_user, errors_as_messages, open_database, show_table, utc_time
from music_pipeline.database.queries import query
from music_pipeline.ops.doctor import advice_on_skipped
from music_pipeline.providers.availability import missing_settings
from music_pipeline.providers.registry import PROVIDERS
from music_pipeline.settings import settings
from music_pipeline.stages.enrichment.sources import SOURCES, Source
from music_pipeline.work.model import Stage

DAY = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])
SOURCE = click.Choice(list(SOURCES))
COVERAGE = ("attempted", "found", "absent", "failed", "waiting", "unneeded", "skipped", "pending", "undone")
SHOWN_ROWS = 200


@click.group("source")
def source_group() -> None:
    """List the sources of enrichment, or undo what one gave."""


@source_group.command("list")
def list_sources() -> None:
    """List each source with its fields, needs, credentials and coverage."""
    engine = open_database()
    with engine.connect() as connection:
        coverage = {row["source"]: row for row in connection.execute(query("coverage_by_source")).mappings()}
    rows = [
        (one.name, ", ".join(sorted(one.gives)), one.needs, credentials_of(engine, one)) for one in SOURCES.values()
    ]
    show_table("Sources", ("source", "gives", "needs", "credentials"), rows)
    counts = [(name, *(coverage[name][column] if name in coverage else 0 for column in COVERAGE)) for name in SOURCES]
    show_table("Recordings", ("source", *COVERAGE), counts)


def credentials_of(engine: sa.Engine, source: Source) -> str:
    """Whether the source's provider has its credentials, or what to set."""
    provider = PROVIDERS[source.provider]
    if missing := missing_settings(engine, provider):
        return f"missing: {', '.join(missing)}"
    if not provider.credentials:
        return "none needed"
    return "there" if settings().sandbox_url is None else "the sandbox's"


@source_group.command("undo")
@click.argument("source", type=SOURCE)
@click.option("--since", type=DAY, help="Only what it gave from this day on (UTC).")
@click.option("--why", required=True, help="For the record.")
def undo(source: str, since: datetime | None, why: str) -> None:
    """Undo all that a SOURCE gave. The catalogue shows at once what remains.

    It is not fetched again by itself, but by `reprocess --source SOURCE`.
    """
    undone = undo_source(open_database(), source, since=_utc(since), why=why, by=current_user())
    click.echo(f"What {source} gave for {undone:,} recordings is undone.")
    click.echo(f"To fetch it again: music-pipeline reprocess --source {source}")


@click.command()
@click.option("--source", type=SOURCE, help="Failures of this source.")
def errors(source: str | None) -> None:
    """Show the failures by source and cause, and the skipped sources."""
    engine = open_database()
    with engine.connect() as connection:
        found = connection.execute(query("failures_by_cause"), {"source": source}).all()
        skipped = [row for row in connection.execute(query("skipped_sources")) if source in (None, row.source)]
    if not found and not skipped:
        click.echo("Nothing failed.")
    if found:
        columns = ("source", "recordings", "cause", "retriable", "given up", "attempts", "next try", "last", "example")
        rows = [
            (row.source, row.recordings, row.cause, row.retriable, row.given_up, row.attempts,
             utc_time(row.next_attempt_at), utc_time(row.last_at), row.example)
            for row in found
        ]  # fmt: skip
        show_table("Failures by cause (UTC)", columns, rows)
    show_skipped(engine, skipped)


def show_skipped(engine: sa.Engine, skipped: list[sa.Row[tuple[object, ...]]]) -> None:
    """Print the skipped sources and what to set, if there are any."""
    if skipped:
        rows = [(row.source, row.recordings, row.error, advice_on_skipped(engine, row.source)) for row in skipped]
        show_table("Skipped sources", ("source", "recordings", "why", "what to do"), rows)


@click.command("reprocess")
@click.option("--dry-run", is_flag=True, help="Show what would be fetched again, and change nothing.")
@click.option("--days", type=int, help="What failed within this many days.")
@click.option("--start-date", type=DAY, help="What failed from this day on (UTC).")
@click.option("--end-date", type=DAY, help="What failed before this day (UTC).")
@click.option("--track-id", "track_ids", multiple=True, help="Every source of this track. Repeatable.")
@click.option("--retriable-only", is_flag=True, help="What was not fetched: breaker open, quota used up.")
@click.option("--non-retriable-only", is_flag=True, help="What was fetched and failed.")
@click.option("--source", "sources", type=SOURCE, multiple=True, help="This source only. Repeatable.")
@click.option("--status", "statuses", type=click.Choice(ENRICHMENT_STATUSES), multiple=True,
              help="Recordings with this status, also what their sources lack. Repeatable.")  # fmt: skip
@click.option("--limit", type=int, help="The most recordings to reprocess, the latest failure first.")
@click.option("--trigger-now", is_flag=True, help="Fetch now, not in the next sweep.")
@click.option("--time-box", type=float, default=300.0, show_default=True, help="The most seconds of --trigger-now.")
def reprocess_command(
    dry_run: bool,
    days: int | None,
    start_date: datetime | None,
    end_date: datetime | None,
    track_ids: tuple[str, ...],
    retriable_only: bool,
    non_retriable_only: bool,
    sources: tuple[str, ...],
    statuses: tuple[str, ...],
    limit: int | None,
    trigger_now: bool,
    time_box: float,
) -> None:
    """Fetch again what failed: reset its rows in one transaction, and enqueue its artists."""
    if retriable_only and non_retriable_only:
        raise click.UsageError("Give --retriable-only or --non-retriable-only.")
    filters = ReprocessFilters(
        days=days,
        start_date=_utc(start_date),
        end_date=_utc(end_date),
        track_ids=track_ids,
        retriable=retriable_only if retriable_only or non_retriable_only else None,
        sources=sources,
        statuses=statuses,
        limit=limit,
    )
    with errors_as_messages(InvalidFilters):
        done = reprocess(open_database(), filters, by=current_user(), dry_run=dry_run)
    _show(done)
    if trigger_now and not dry_run:
        _trigger(done, time_box)


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=UTC)


def _show(done: Reprocessed) -> None:
    if not done.rows:
        click.echo("Nothing to fetch again.")
        return
    rows = [
        (", ".join(row.artist_names), row.title, row.enrichment, row.source, row.status, row.attempts,
         "yes" if row.is_retriable else "no", row.error)
        for row in done.rows[:SHOWN_ROWS]
    ]  # fmt: skip
    columns = ("artist", "recording", "enrichment", "source", "status", "attempts", "retriable", "Error")
    show_table("To fetch again", columns, rows)
    if len(done.rows) > SHOWN_ROWS:
        click.echo(f"… and {len(done.rows) - SHOWN_ROWS:,} more.")
    verb = "would be reset" if done.is_dry_run else "are reset"
    artists = f"{len(done.artist_keys):,} artists"
    click.echo(f"{len(done.rows):,} rows of {done.recordings:,} recordings {verb}, of {artists}.")


def _trigger(done: Reprocessed, time_box: float) -> None:
    from music_pipeline.worker.runner import run_now  # the clients take their time to load

    run_id = f"reprocess-{uuid4()}"
    finished = 0
    for outcome in run_now(Stage.ENRICHMENT, done.work_ids, run_id=run_id, time_box=time_box):
        click.echo(outcome.text)
        finished += outcome.is_done
    if finished < len(done.work_ids):
        click.echo(f"{len(done.work_ids) - finished} artists are left to the next sweep.")
