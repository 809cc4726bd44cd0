"""Override what the sources give: own values, and which source wins a field."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from music_pipeline.actions.action import action
from music_pipeline.catalog.overrides import Entity, InvalidValue, entity_of, set_value, unset_value
from music_pipeline.catalog.precedence import Precedence, set_rank
from music_pipeline.database.queries import query
from music_pipeline.stages.enrichment.audio import FIELD, audio_addresses
from music_pipeline.stages.enrichment.sources import asked_on_demand


@dataclass(frozen=True, slots=True)
class Override:
    """The values that an operator set. A musical key is set in all its forms."""

    entity: Entity
    values: dict[str, Any]


def set_override(engine: sa.Engine, reference: str, field: str, text: str, *, why: str, by: str) -> Override:
    """Let the operator's value win over every source.

    Another audio URL removes what was heard at the old one.

    Raises InvalidValue.
    """
    with action(engine, "override_set", by=by, why=why) as act:
        entity = entity_of(act.connection, reference)
        before = audio_addresses(act.connection, [entity.entity_id]).get(entity.entity_id) if field == FIELD else None
        values = set_value(act.connection, entity, field, text, why=why, by=by)
        if field == FIELD and values[field] != before:
            _forget_what_was_heard(act.connection, entity.entity_id)
        act.facts(entity=entity.kind, id=entity.entity_id, values=values)
    return Override(entity, values)


def unset_override(engine: sa.Engine, reference: str, field: str, *, why: str, by: str) -> Entity:
    """Remove the operator's value.

    Without an audio URL, what was heard there is removed too. Raises InvalidValue.
    """
    with action(engine, "override_unset", by=by, why=why) as act:
        entity = entity_of(act.connection, reference)
        if unset_value(act.connection, entity, field) == 0:
            raise InvalidValue(f"{entity.kind} {entity.name} has no {field} of yours.")
        if field == FIELD:
            _forget_what_was_heard(act.connection, entity.entity_id)
        act.facts(entity=entity.kind, id=entity.entity_id, field=field)
    return entity


def set_precedence(
    engine: sa.Engine, field: str, source: str, place: int, minimum_confidence: float | None, *, by: str
) -> list[Precedence]:
    """Put a source at a place in the order of a field, and return the new order.

    Raises InvalidPlace.
    """
    with action(engine, "precedence_set", by=by, why=f"{field}: {source} at {place}") as act:
        order = set_rank(act.connection, field, source, place, minimum_confidence)
        act.facts(field=field, source=source, place=place, minimum_confidence=minimum_confidence)
    return order


def _forget_what_was_heard(connection: sa.Connection, recording_id: UUID) -> None:
    values = {"recording_id": recording_id, "sources": asked_on_demand()}
    connection.execute(query("forget_what_was_heard"), values)
