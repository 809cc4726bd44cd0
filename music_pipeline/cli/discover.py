"""The `discover` command: request artists."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import click
import httpx
import sqlalchemy as sa

from music_pipeline.actions.request_artist import Requested, request_artist
from music_pipeline.cli.terminal import human_duration, open_database
from music_pipeline.gateway.addresses import sandbox_speed
from music_pipeline.ops.forecast import forecast
from music_pipeline.settings import settings

NAME_COLUMNS = ("artist", "name", "artist_name", "artists", "spotify_id", "spotify_url")
ANSWERS = {
    "created": "enqueued",
    "already_enqueued": "already enqueued",
    "already_done": "already done (--force does it again)",
}


@click.command()
@click.argument("artists", nargs=-1, metavar="[NAME|SPOTIFY_ID|URL|URI]...")
@click.option(
    "--file", "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A CSV file of names."
)
@click.option("--force", is_flag=True, help="Discover them again even if that was just done.")
def discover(artists: tuple[str, ...], file: Path | None, force: bool) -> None:
    """Request artists by name, Spotify id, link or URI. Print each answer, and how long the open work will take."""
    wanted = [*artists, *(names_in(file) if file else ())]
    if not wanted:
        raise click.UsageError("Name an artist, or a --file of names.")
    engine = open_database()
    requested = [request_artist(engine, text, force=force) for text in wanted]
    for one in requested:
        click.echo(answer_line(one))
    click.echo(estimate_text(engine))
    if any(one.refused for one in requested):
        raise click.exceptions.Exit(1)


def answer_line(requested: Requested) -> str:
    """The line about one request."""
    text = requested.text if len(requested.text) <= 80 else f"{requested.text[:77]}…"
    shown = " ".join(text.split()) or repr(text)
    if requested.answer is None:
        return f"{shown}: refused, {requested.refused}"
    return f"{shown}: {ANSWERS[requested.answer.answer]} ({requested.answer.work_id})"


def names_in(file: Path) -> list[str]:
    """The names in a CSV file: from a column of NAME_COLUMNS, else from the first."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            rows = [row for row in csv.reader(lines) if any(cell.strip() for cell in row)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise click.ClickException(f"{file} is not a CSV file in UTF-8: {error}.") from error
    if not rows:
        return []
    header = [cell.strip().casefold() for cell in rows[0]]
    known = [column for column in NAME_COLUMNS if column in header]
    column = header.index(known[0]) if known else 0
    return _cells(rows[1:] if known else rows, column)


def _cells(rows: Iterable[Sequence[str]], column: int) -> list[str]:
    return [row[column] if len(row) > column else "" for row in rows]


def estimate_text(engine: sa.Engine) -> str:
    """How long the open work will take at the providers' quotas."""
    url = settings().sandbox_url
    try:
        speed = sandbox_speed(url) if url else 1.0
    except httpx.HTTPError:
        speed = 1.0  # `doctor` says that the sandbox is away
    ahead = forecast(engine, sandboxed=url is not None, speed=speed)
    if ahead.slowest is None:
        return "No work is open."
    duration = human_duration(ahead.slowest.done_at - ahead.at)
    calls = ", ".join(f"{one.provider} {one.calls:,}" for one in ahead.providers if one.calls)
    basis = "as in this catalogue" if ahead.typical.measured else "an assumption"
    size = f"{ahead.typical.releases:.0f} releases and {ahead.typical.tracks:.0f} tracks"
    return (
        f"An estimate for the {ahead.known + ahead.assumed:,} open: {duration}, the slowest being "
        f"{ahead.slowest.provider}. Calls: {calls}. An artist of unknown size counts as {size}, {basis}."
    )
