"""Asking for artists: `discover`."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import click
import httpx
import sqlalchemy as sa

from music_pipeline.actions.request_artist import Requested, request_artist
from music_pipeline.cli.terminal import open_database, spoken
from music_pipeline.database.queries import query
from music_pipeline.gateway.addresses import sandbox_speed
from music_pipeline.gateway.provider import with_configured_quotas
from music_pipeline.ops.estimate import ASSUMED_ARTIST, TypicalArtist, estimate, requests_of_artist
from music_pipeline.providers.registry import PROVIDERS
from music_pipeline.settings import settings
from music_pipeline.work.model import CATALOG_STAGES, Stage
from music_pipeline.work.status import standing

NAME_COLUMNS = ("artist", "name", "artist_name", "artists", "spotify_id", "spotify_url")
# A reservation keeps this share of a quota free, see the providers' quotas.
USED_SHARE = 0.97
SAID = {
    "created": "enqueued",
    "already_enqueued": "already enqueued",
    "already_done": "already done (--force asks again)",
}


@click.command()
@click.argument("artists", nargs=-1, metavar="[NAME|SPOTIFY_ID|URL|URI]...")
@click.option(
    "--file", "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Names in a CSV file."
)
@click.option("--force", is_flag=True, help="Ask again for what was done lately.")
def discover(artists: tuple[str, ...], file: Path | None, force: bool) -> None:
    """Ask for artists by name, Spotify id, link or URI; say what became of each, and how long what is due will take."""
    wanted = [*artists, *(names_in(file) if file else ())]
    if not wanted:
        raise click.UsageError("Name an artist, or a --file of names.")
    engine = open_database()
    requested = [request_artist(engine, text, force=force) for text in wanted]
    for one in requested:
        click.echo(said_of(one))
    click.echo(estimate_text(engine))
    if any(one.refused for one in requested):
        raise click.exceptions.Exit(1)


def said_of(requested: Requested) -> str:
    """A line on what became of a request."""
    text = requested.text if len(requested.text) <= 80 else f"{requested.text[:77]}…"
    shown = " ".join(text.split()) or repr(text)
    if requested.answer is None:
        return f"{shown}: refused, {requested.refused}"
    return f"{shown}: {SAID[requested.answer.answer]} ({requested.answer.work_id})"


def names_in(file: Path) -> list[str]:
    """The names in a CSV file: of its column `artist`, `name` or `spotify_id`, else of its first; no blank lines."""
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
    """How long what is due will take at the providers' quotas, for a person."""
    due = {row.stage: row.due for row in standing(engine)}
    all_stages = sum(due[stage] for stage in CATALOG_STAGES)
    if all_stages == 0:
        return "Nothing is due."
    before_producers = all_stages - due[Stage.PRODUCER_IDENTIFICATION]
    typical = typical_artist(engine)
    asked = requests_of_artist(typical)
    artists = {name: before_producers if name == "spotify" else all_stages for name in asked}
    result = estimate(artists, typical, calls_a_second())
    requests = ", ".join(f"{name} {count:,}" for name, count in result.requests.items())
    basis = "as in this catalogue" if typical.measured else "an assumption"
    return (
        f"An estimate for the {all_stages:,} due: {spoken(result.duration)}, the slowest being {result.slowest}. "
        f"Requests: {requests}; for {typical.releases:.0f} releases and {typical.tracks:.0f} tracks an artist, {basis}."
    )


def typical_artist(engine: sa.Engine) -> TypicalArtist:
    """The mean of the artists in the catalogue whose tracks are there, else an assumption."""
    with engine.connect() as connection:
        row = connection.execute(query("mean_artist")).one()
    if not row.artists:
        return ASSUMED_ARTIST
    return TypicalArtist(float(row.releases), float(row.tracks), measured=True)


def calls_a_second() -> dict[str, float]:
    """How many calls a second each provider allows, in the operator's time: a sandbox may be faster."""
    url = settings().sandbox_url
    try:
        speed = sandbox_speed(url) if url else 1.0
    except httpx.HTTPError:
        # An estimate need not fail with the sandbox; `doctor` says that it is away.
        speed = 1.0
    quotas = {name: with_configured_quotas(provider).quota for name, provider in PROVIDERS.items()}
    return {name: speed * USED_SHARE * quota.calls / quota.seconds for name, quota in quotas.items()}
