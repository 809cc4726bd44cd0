"""The `doctor` command: find what is wrong."""

from collections.abc import Iterator

import click

from music_pipeline.cli.terminal import open_database
from music_pipeline.database.embedded import EmbeddedPostgresError
from music_pipeline.database.errors import DatabaseUnreachable, MigrationError
from music_pipeline.ops.doctor import (
    Finding,
    dagster_findings,
    data_folder,
    database_findings,
    disk_finding,
    enrichment_findings,
    provider_findings,
    sandbox_finding,
)
from music_pipeline.settings import settings

SIGNS = {"ok": "ok   ", "note": "note ", "wrong": "WRONG"}


@click.command()
def doctor() -> None:
    """Check database, daemon, schedules, providers and disk. Say what is wrong and what to do (exit code 1)."""
    findings = []
    for finding in examine():
        findings.append(finding)
        click.echo(f"{SIGNS[finding.state]} {finding.subject}: {finding.text}")
        if finding.advice:
            click.echo(f"      → {finding.advice}")
    if any(finding.state == "wrong" for finding in findings):
        raise click.exceptions.Exit(1)


def examine() -> Iterator[Finding]:
    """Yield each finding as it is made. Without a database, yield only those that need none."""
    configured = settings()
    try:
        engine = open_database()
    except (DatabaseUnreachable, EmbeddedPostgresError, MigrationError) as error:
        yield Finding("database", "wrong", str(error), "nothing else works without it")
    else:
        from music_pipeline.definitions import definitions  # Dagster is slow to load
        from music_pipeline.defs.instance.health import dagster_health

        yield from database_findings(engine, configured)
        yield from dagster_findings(dagster_health(definitions()))
        yield from provider_findings(engine, configured)
        yield from enrichment_findings(engine)
    yield sandbox_finding(configured)
    yield disk_finding(data_folder(configured))
