"""The operator's own word: `set` and `unset`, and whose word comes first: `precedence`."""

from uuid import uuid4

import click
import sqlalchemy as sa

from music_pipeline.actions.override import set_own_value, unset_own_value
from music_pipeline.catalog.audit import set_audit_reason
from music_pipeline.catalog.overrides import InvalidValue, entity_of
from music_pipeline.catalog.precedence import InvalidPlace, set_rank
from music_pipeline.catalog.precedence import precedence as order_of
from music_pipeline.cli.terminal import one_line_for, open_database, show_table, who
from music_pipeline.stages.enrichment.sources import SOURCES

WHY = click.option("--why", required=True, help="For the record.")


@click.command("set")
@click.argument("entity")
@click.argument("field")
@click.argument("value")
@WHY
def set_field(entity: str, field: str, value: str, why: str) -> None:
    """Let your VALUE of a FIELD win over every source, until it is unset.

    ENTITY is an artist's key, our id or a provider's of an artist, release, track, recording or producer, or a link to
    Spotify; where several are called so, artist:, release:, track: or producer: before it says which. VALUE is JSON, or
    a text.
    """
    _check_why(why)
    with one_line_for(InvalidValue), open_database().begin() as connection:
        meant = entity_of(connection, entity)
        _explain(connection, f"Set by {who()}: {why}")
        values = set_own_value(connection, meant, field, value, why=why, by=who())
    said = ", ".join(f"{name} = {one}" for name, one in values.items())
    click.echo(f"{meant.kind} {meant.name} ({meant.entity_id}): {said}")


@click.command("unset")
@click.argument("entity")
@click.argument("field")
@WHY
def unset_field(entity: str, field: str, why: str) -> None:
    """Forget your own value of a FIELD: what the sources say is shown again."""
    _check_why(why)
    with one_line_for(InvalidValue), open_database().begin() as connection:
        meant = entity_of(connection, entity)
        _explain(connection, f"Unset by {who()}: {why}")
        unset = unset_own_value(connection, meant, field)
    if unset == 0:
        raise click.ClickException(f"{meant.kind} {meant.name} has no {field} of yours.")
    click.echo(f"{meant.kind} {meant.name} ({meant.entity_id}): {field} is what the sources say.")


def _check_why(why: str) -> None:
    if not why.strip():
        raise click.UsageError("Say --why: the reason is kept with the value.")


def _explain(connection: sa.Connection, why: str) -> None:
    set_audit_reason(connection, why=why, run_id="", correlation_id=str(uuid4()))


@click.group()
def precedence() -> None:
    """Which source is believed first for a field; a change counts from the next read on, and asks nobody."""


@precedence.command("list")
@click.argument("field", required=False)
def list_precedence(field: str | None) -> None:
    """List the order of the sources, of one FIELD or of all that have one."""
    if field is not None:
        _check_field(field)
    with open_database().connect() as connection:
        found = order_of(connection, field)
    rows = [(one.field, one.place, one.source, f"{one.minimum_confidence:g}") for one in found]
    show_table("Precedence", ("field", "place", "source", "minimum confidence"), rows)
    if not found:
        click.echo(f"{field} has no order: the surest source is believed.")


@precedence.command("set")
@click.argument("field")
@click.argument("source", type=click.Choice(list(SOURCES)))
@click.argument("place", type=click.IntRange(min=1))
@click.option("--minimum-confidence", type=click.FloatRange(0, 1), help="What is less sure is not shown at all.")
def set_precedence(field: str, source: str, place: int, minimum_confidence: float | None) -> None:
    """Put a SOURCE at a PLACE (1 is believed first) for a FIELD; the others keep their order."""
    _check_field(field)
    if field not in SOURCES[source].gives:
        raise click.UsageError(f"{source} does not give {field}; it gives {', '.join(sorted(SOURCES[source].gives))}.")
    with one_line_for(InvalidPlace), open_database().begin() as connection:
        _explain(connection, f"Precedence of {field} set by {who()}: {source} at {place}")
        order = set_rank(connection, field, source, place, minimum_confidence)
    click.echo(f"{field}: " + ", ".join(f"{one.place} {one.source} (≥ {one.minimum_confidence:g})" for one in order))


def _check_field(field: str) -> None:
    given = sorted({name for source in SOURCES.values() for name in source.gives})
    if field not in given:
        raise click.UsageError(f"No source gives {field!r}; they give: {', '.join(given)}.")
