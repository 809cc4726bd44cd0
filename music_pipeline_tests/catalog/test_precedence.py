"""The rank of sources: how it is reordered, and which values it shows."""

import json
from dataclasses import dataclass
from uuid import UUID

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from music_pipeline.catalog.precedence import InvalidPlace, Precedence, reordered
from music_pipeline_tests.support.rows import write_small_catalogue

FIELD = "mood"  # of which no source is placed to begin with
SOURCES = ("ours", "theirs", "somebody's", "nobody's")
CONFIDENCES = st.sampled_from([0.25, 0.5, 0.75, 1.0])


@dataclass(frozen=True)
class Said:
    """What a source says, and where it is placed; `place` None: nowhere."""

    source: str
    confidence: float
    is_found: bool
    place: int | None
    minimum: float


@st.composite
def said_by_all(draw: st.DrawFn) -> list[Said]:
    order = draw(st.permutations(range(1, len(SOURCES) + 1)))
    return [
        Said(source, draw(CONFIDENCES), draw(st.booleans()), place if draw(st.booleans()) else None, draw(CONFIDENCES))
        for source, place in zip(SOURCES, order, strict=True)
    ]


def shown_by_the_rule(said: list[Said], operators: str | None) -> tuple[str, str] | None:
    """(value, source): the operator's, else the first in place that is sure enough, else the surest of no place."""
    if operators is not None:
        return operators, "operator"
    believed = [one for one in said if one.is_found and (one.place is None or one.confidence >= one.minimum)]
    ordered = sorted(believed, key=lambda one: (one.place or len(SOURCES) + 1, -one.confidence, one.source))
    return (f"said by {ordered[0].source}", ordered[0].source) if ordered else None


@pytest.fixture
def recording_id(engine: sa.Engine) -> UUID:
    write_small_catalogue(engine, ["Sinnerman"])
    with engine.connect() as connection:
        found: UUID = connection.execute(sa.text("SELECT recording_id FROM recordings")).scalar_one()
    return found


SAID = (
    "INSERT INTO recording_sources (recording_id, source, provider, status, fields, confidence) "
    "VALUES (:id, :source, :source, :status, CAST(:fields AS jsonb), :confidence)"
)
PLACED = "INSERT INTO field_precedence VALUES (:field, :source, :place, :minimum)"
OPERATORS = (
    "INSERT INTO operator_values (entity, entity_id, field, value, why, set_by) "
    "VALUES ('recording', :id, :field, CAST(:value AS jsonb), 'heard it', 'a person')"
)


def write(connection: sa.Connection, recording_id: UUID, said: list[Said], operators: str | None) -> None:
    for one in said:
        fields = {FIELD: f"said by {one.source}"} if one.is_found else {}
        values = {
            "id": recording_id, "source": one.source, "status": "found" if one.is_found else "absent",
            "fields": json.dumps(fields), "confidence": one.confidence, "field": FIELD, "place": one.place,
            "minimum": one.minimum,
        }  # fmt: skip
        connection.execute(sa.text(SAID), values)
        if one.place is not None:
            connection.execute(sa.text(PLACED), values)
    if operators is not None:
        own = {"id": recording_id, "field": FIELD, "value": json.dumps(operators)}
        connection.execute(sa.text(OPERATORS), own)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=said_by_all(), operators=st.none() | st.just("calm"))
def test_first_source_that_is_sure_enough_is_shown(
    engine: sa.Engine, recording_id: UUID, said: list[Said], operators: str | None
) -> None:
    with engine.connect() as connection:
        write(connection, recording_id, said, operators)
        rows = connection.execute(sa.text("SELECT value #>> '{}' AS value, source FROM enriched_values")).all()
        connection.rollback()
    expected = shown_by_the_rule(said, operators)
    assert [tuple(row) for row in rows] == ([expected] if expected else [])


ORDERS = st.lists(st.sampled_from("abcdef"), unique=True, max_size=6).map(
    lambda names: [Precedence(FIELD, name, place, place / 10) for place, name in enumerate(names, start=1)]
)


@given(ORDERS, st.sampled_from("abcdefg"), st.integers(-1, 9), st.none() | CONFIDENCES)
def test_reordering_keeps_the_order_of_the_others(
    known: list[Precedence], source: str, place: int, confidence: float | None
) -> None:
    others = [one for one in known if one.source != source]
    before = next((one.minimum_confidence for one in known if one.source == source), 0.0)
    if not 1 <= place <= len(others) + 1:
        with pytest.raises(InvalidPlace):
            reordered(known, FIELD, source, place, confidence)
        return
    order = reordered(known, FIELD, source, place, confidence)
    assert [one.place for one in order] == list(range(1, len(others) + 2))
    assert order[place - 1].source == source
    assert order[place - 1].minimum_confidence == (before if confidence is None else confidence)
    rest = [(one.source, one.minimum_confidence) for one in order if one.source != source]
    assert rest == [(one.source, one.minimum_confidence) for one in others]
