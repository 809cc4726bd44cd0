"""The catalog for others: `export` and `digest`."""

import json
import sys
from pathlib import Path

import click

from music_pipeline.catalog.fingerprint import digest as digest_of
from music_pipeline.cli.terminal import errors_as_messages, open_database


@click.command()
@click.argument("view")
@click.option("--format", "format_", type=click.Choice(["csv", "parquet"]), default="csv", show_default=True)
@click.option(
    "--out", type=click.Path(dir_okay=False, writable=True, path_type=Path), help="A file. Otherwise it is printed."
)
def export(view: str, format_: str, out: Path | None) -> None:
    """Export a table or view: export credit_view --format parquet --out credits.parquet."""
    from music_pipeline.catalog.export import UnknownView, flat, read_view  # pandas is slow to load

    if format_ == "parquet" and out is None and sys.stdout.isatty():
        raise click.UsageError("Parquet is not for a terminal. Name a file with --out.")
    engine = open_database()
    with errors_as_messages(UnknownView):
        frame = flat(read_view(engine, view))
    target = out or sys.stdout.buffer
    with errors_as_messages(OSError):
        if format_ == "csv":
            frame.to_csv(target, index=False)
        else:
            frame.to_parquet(target, index=False)
    if out is not None:
        click.echo(f"{len(frame):,} rows in {out}", err=True)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def digest(as_json: bool) -> None:
    """Print one hash per table over its facts, without ids and times."""
    found = digest_of(open_database())
    if as_json:
        click.echo(json.dumps({one.table: one.digest for one in found}))
        return
    for one in found:
        click.echo(f"{one.table:<16} {one.rows:>9}  {one.digest}")
