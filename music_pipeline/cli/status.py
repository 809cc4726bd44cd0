"""The `status` command: show the state of the pipeline."""

from datetime import UTC, datetime

import click
import sqlalchemy as sa

from music_pipeline.cli.enrichment import show_skipped
from music_pipeline.cli.terminal import human_duration, open_database, show_table, utc_time
from music_pipeline.database.queries import query
from music_pipeline.ops.quotas import daily_quota_status
from music_pipeline.settings import settings
from music_pipeline.work.stages import STAGES
from music_pipeline.work.status import standing, waiting_for
from music_pipeline.work.sweeps import sweeps_in_progress


@click.command()
def status() -> None:
    """Show open, waiting and dead work, its obstacles, the sweeps in progress, and the catalogue with its age."""
    engine = open_database()
    now = datetime.now(UTC)
    _show_stages(engine, now)
    _show_waiting(engine)
    _show_obstacles(engine)
    _show_days(engine)
    _show_sweeps(engine)
    _show_enrichment(engine)
    _show_catalogue(engine)
    _show_ages(engine, now)


def _show_stages(engine: sa.Engine, now: datetime) -> None:
    rows = [
        (
            row.stage,
            row.open,
            row.due,
            row.leased,
            row.dead,
            human_duration(now - row.oldest_due) if row.oldest_due else None,
        )
        for row in standing(engine)
    ]
    show_table("Work", ("stage", "open", "due", "under a lease", "dead", "oldest due since"), rows)


def _show_waiting(engine: sa.Engine) -> None:
    rows = [
        (one.stage, one.provider, one.items, utc_time(one.until), utc_time(one.since)) for one in waiting_for(engine)
    ]
    if rows:
        show_table("Waiting for providers (UTC)", ("stage", "provider", "items", "next try", "longest since"), rows)


def _show_obstacles(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        rows = [
            (row.provider, row.kind, utc_time(row.until), row.reason)
            for row in connection.execute(query("provider_obstacles"))
        ]
    if rows:
        show_table("Providers not called (UTC)", ("provider", "what", "until", "why"), rows)


def _show_days(engine: sa.Engine) -> None:
    days = daily_quota_status(engine, settings())
    if days is None:
        click.echo("The calls left are unknown while the sandbox is away.")
    elif days:
        rows = [
            (
                one.provider,
                f"{one.left:,} of {one.quota.limit:,} a {one.quota.period}",
                one.who_waits if one.paused else None,
            )
            for one in days
        ]
        show_table("Calls left", ("provider", "left", "who waits"), rows)


def _show_sweeps(engine: sa.Engine) -> None:
    sweeps = sweeps_in_progress(engine)
    for sweep in sweeps:
        click.echo(
            f"A sweep of {sweep.kind} is in progress since {utc_time(sweep.started_at)} UTC (run {sweep.run_id})."
        )
    if not sweeps:
        click.echo("No sweep is in progress.")


def _show_enrichment(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        counts = connection.execute(query("enrichment_counts")).mappings().one()
        show_skipped(engine, list(connection.execute(query("skipped_sources"))))
    held = ", ".join(f"{counts[name]:,} {name}" for name in ("completed", "partial", "failed", "pending"))
    click.echo(f"Recordings by enrichment: {held}.")
    if counts["failed"] or counts["partial"]:
        click.echo("Why: music-pipeline errors. To fetch again: music-pipeline reprocess --dry-run")


def _show_ages(engine: sa.Engine, now: datetime) -> None:
    with engine.connect() as connection:
        ages = connection.execute(query("catalogue_ages"), {"assets": [spec.asset for spec in STAGES.values()]}).all()
    rows = [
        (row.asset, row.source, f"{row.rows:,}", human_duration(now - row.newest), human_duration(now - row.oldest))
        for row in ages
    ]
    if rows:
        show_table("Age of the shown values by source", ("asset", "source", "rows", "newest", "oldest"), rows)


def _show_catalogue(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        counts = connection.execute(query("catalogue_counts")).mappings().one()
    held = ", ".join(f"{counts[name]:,} {name}" for name in counts if name not in ("open_reviews", "held_changes"))
    click.echo(f"The catalogue has {held}.")
    if counts["open_reviews"]:
        click.echo(f"{counts['open_reviews']} ambiguous: music-pipeline review list")
    if counts["held_changes"]:
        click.echo(f"{counts['held_changes']} implausible losses are held: music-pipeline held list")
