"""The `set`, `unset` and `precedence` commands: override values, rank sources."""

import click

from music_pipeline.actions import override
from music_pipeline.catalog.overrides import InvalidValue
from music_pipeline.catalog.precedence import InvalidPlace
from music_pipeline.catalog.precedence import precedence as order_of
from music_pipeline.cli.terminal import current_user, errors_as_messages, open_database, show_table
from music_pipeline.stages.enrichment.sources import SOURCES

WHY = click.option("--why", required=True, help="The reason, for the record.")


@click.command("set")
@click.argument("entity")
@click.argument("field")
@click.argument("value")
@WHY
def set_field(entity: str, field: str, value: str, why: str) -> None:
    """Set your own VALUE of a FIELD. It wins over every source until it is unset.

    ENTITY is an artist's key, an id of an artist, release, track, recording or producer (ours or a provider's), or a
    link to Spotify. If several match, put artist:, release:, track:, recording: or producer: in front. VALUE is JSON or
    text.
    """
    _check_why(why)
    with errors_as_messages(InvalidValue):
        done = override.set_override(open_database(), entity, field, value, why=why, by=current_user())
    values = ", ".join(f"{name} = {one}" for name, one in done.values.items())
    click.echo(f"{done.entity.kind} {done.entity.name} ({done.entity.entity_id}): {values}")


@click.command("unset")
@click.argument("entity")
@click.argument("field")
@WHY
def unset_field(entity: str, field: str, why: str) -> None:
    """Unset your own value of a FIELD. The sources' value is shown again."""
    _check_why(why)
    with errors_as_messages(InvalidValue):
        found = override.unset_override(open_database(), entity, field, why=why, by=current_user())
    click.echo(f"{found.kind} {found.name} ({found.entity_id}): {field} is the sources' value.")


def _check_why(why: str) -> None:
    if not why.strip():
        raise click.UsageError("Give a --why. It is kept with the value.")


@click.group()
def precedence() -> None:
    """Which source wins a field. A change counts from the next read on, and calls no provider."""


@precedence.command("list")
@click.argument("field", required=False)
def list_precedence(field: str | None) -> None:
    """List the order of the sources, for one FIELD or for all."""
    if field is not None:
        _check_field(field)
    with open_database().connect() as connection:
        found = order_of(connection, field)
    rows = [(one.field, one.place, one.source, f"{one.minimum_confidence:g}") for one in found]
    show_table("Precedence", ("field", "place", "source", "minimum confidence"), rows)
    if not found:
        click.echo(f"{field} has no order: the source with the highest confidence wins.")


@precedence.command("set")
@click.argument("field")
@click.argument("source", type=click.Choice(list(SOURCES)))
@click.argument("place", type=click.IntRange(min=1))
@click.option("--minimum-confidence", type=click.FloatRange(0, 1), help="Values below it are not shown.")
def set_precedence(field: str, source: str, place: int, minimum_confidence: float | None) -> None:
    """Put a SOURCE at a PLACE (1 wins) for a FIELD. The others keep their order."""
    _check_field(field)
    if field not in SOURCES[source].gives:
        raise click.UsageError(f"{source} does not give {field}; it gives {', '.join(sorted(SOURCES[source].gives))}.")
    with errors_as_messages(InvalidPlace):
        order = override.set_precedence(open_database(), field, source, place, minimum_confidence, by=current_user())
    click.echo(f"{field}: " + ", ".join(f"{one.place} {one.source} (≥ {one.minimum_confidence:g})" for one in order))


def _check_field(field: str) -> None:
    given = sorted({name for source in SOURCES.values() for name in source.gives})
    if field not in given:
        raise click.UsageError(f"No source gives {field!r}; they give: {', '.join(given)}.")
