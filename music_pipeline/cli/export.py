"""The `export` and `digest` commands."""

import contextlib
import json
import sys
from pathlib import Path
from typing import IO

import click
import sqlalchemy as sa

from music_pipeline.catalog.csv_export import UnknownView, check_view, write_csv
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
    if format_ == "parquet" and out is None and sys.stdout.isatty():
        raise click.UsageError("Parquet is not for a terminal. Name a file with --out.")
    engine = open_database()
    with errors_as_messages(UnknownView, OSError):
        check_view(engine, view)
        with contextlib.nullcontext(sys.stdout.buffer) if out is None else out.open("wb") as file:
            rows = write_csv(engine, view, file) if format_ == "csv" else _write_parquet(engine, view, file)
    if out is not None:
        click.echo(f"{rows:,} rows in {out}", err=True)


def _write_parquet(engine: sa.Engine, view: str, file: IO[bytes]) -> int:
    from music_pipeline.catalog.export import flat, read_view  # pandas takes its time to load

    frame = flat(read_view(engine, view))
    frame.to_parquet(file, index=False)
    return len(frame)


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
