"""The ids of new rows: UUIDs of version 7, unique and ordered, the same from Postgres."""

import time
from uuid import RFC_4122, UUID

import pytest
import sqlalchemy as sa

from music_pipeline.database.uuid7 import new_id

MILLISECONDS_AT = 80


def _milliseconds(made: UUID) -> int:
    return made.int >> MILLISECONDS_AT


def test_id_is_a_uuid_of_version_7() -> None:
    before = time.time_ns() // 1_000_000
    made = new_id()
    assert (made.version, made.variant) == (7, RFC_4122)
    assert before <= _milliseconds(made) <= time.time_ns() // 1_000_000


def test_ids_are_unique_and_ordered() -> None:
    made = [new_id() for _ in range(10_000)]
    assert len(set(made)) == len(made)
    assert sorted(map(_milliseconds, made)) == list(map(_milliseconds, made))


def test_postgres_makes_the_same_kind_of_id(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        made = connection.execute(
            sa.text(
                "SELECT ordered_id() AS id, extract(epoch FROM clock_timestamp()) * 1000 AS now"
                " FROM generate_series(1, 1000)"
            )
        ).all()
    assert len({row.id for row in made}) == len(made)
    assert {(row.id.version, row.id.variant) for row in made} == {(7, RFC_4122)}
    assert all(_milliseconds(row.id) == pytest.approx(float(row.now), abs=1000) for row in made)
