"""Losses: a small one is accepted, a large one is held for a person."""

from collections.abc import Callable
from functools import partial
from uuid import uuid4

import pytest
import sqlalchemy as sa

from music_pipeline.catalog.credits import write_credits
from music_pipeline.catalog.releases import ListedRelease, write_release_list
from music_pipeline.catalog.tracks import ReadTrack, TrackList, write_track_lists
from music_pipeline_tests.support.ledger import rows, value
from music_pipeline_tests.support.rows import SmallCatalogue, write_small_catalogue

TITLES = ("Feeling Good", "Lilac Wine", "Sinnerman")
Answer = Callable[[sa.Connection, SmallCatalogue, bool], None]
"""Writes a complete answer about the catalogue: one that holds all rows of the table, or none of them."""


def answer_releases(connection: sa.Connection, catalogue: SmallCatalogue, holds_all: bool) -> None:
    listed = [
        ListedRelease(
            spotify_id=f"release-{number}", title=title, release_type="album", release_date=None, total_tracks=3,
            credited_as="Nina Simone",
        )
        for number, title in enumerate(catalogue.track_ids, 1)
    ]  # fmt: skip
    write_release_list(connection, catalogue.artist_id, listed if holds_all else [], complete=True)


def answer_tracks(connection: sa.Connection, catalogue: SmallCatalogue, holds_all: bool) -> None:
    tracks = [
        ReadTrack(
            spotify_id=uuid4().hex[:22], disc_number=1, position=position, title=title, artist_names=("Nina Simone",),
            duration_ms=200_000, explicit=False, isrc=None,
        )
        for position, title in enumerate(catalogue.track_ids, 1)
    ]  # fmt: skip
    read = TrackList(catalogue.release_id, tuple(tracks) if holds_all else (), complete=True)
    write_track_lists(connection, catalogue.artist_id, [read])


def answer_credits(connection: sa.Connection, catalogue: SmallCatalogue, holds_all: bool) -> None:
    recording_ids = connection.execute(sa.text("SELECT recording_id FROM recordings")).scalars().all()
    stated = connection.execute(sa.text("SELECT DISTINCT provider, provider_id FROM credit_sources"))
    places_read = [] if holds_all else [(row.provider, row.provider_id) for row in stated]
    write_credits(connection, catalogue.artist_id, [], [], recording_ids=recording_ids, places_read=places_read)


ANSWERS: dict[str, Answer] = {
    "artist_releases": answer_releases,
    "tracks": answer_tracks,
    "credits": answer_credits,
}
by_table = pytest.mark.parametrize("table", ANSWERS)


def known(engine: sa.Engine, table: str, count: int) -> partial[None]:
    """So many rows of the table, and what answers about them."""
    catalogue = write_small_catalogue(engine, TITLES[:count])

    def answered(answer: Answer, holds_all: bool) -> None:
        with engine.begin() as connection:
            answer(connection, catalogue, holds_all)

    if table == "artist_releases":
        answered(answer_releases, holds_all=True)
    assert value(engine, f"SELECT count(*) FROM {table} WHERE inactive_at IS NULL") == count
    return partial(answered, ANSWERS[table])


def inactive(engine: sa.Engine, table: str) -> list[str]:
    found = rows(engine, f"SELECT inactive_reason FROM {table} WHERE inactive_at IS NOT NULL")
    return [row["inactive_reason"] for row in found]


def held(engine: sa.Engine) -> list[tuple[str, int, int, int, str]]:
    found = rows(
        engine, "SELECT entity, jsonb_array_length(row_keys) AS lost, known, answered, status FROM held_changes"
    )
    return [(row["entity"], row["lost"], row["known"], row["answered"], row["status"]) for row in found]


@by_table
def test_small_loss_is_deactivated_with_a_reason(engine: sa.Engine, table: str) -> None:
    known(engine, table, 2)(holds_all=False)
    reasons = inactive(engine, table)
    assert len(reasons) == 2
    assert all(reasons)
    assert held(engine) == []


@by_table
def test_large_loss_is_held(engine: sa.Engine, table: str) -> None:
    known(engine, table, 3)(holds_all=False)
    assert inactive(engine, table) == []
    assert held(engine) == [(table, 3, 3, 0, "held")]


@by_table
def test_returned_rows_supersede_the_held_loss(engine: sa.Engine, table: str) -> None:
    answer = known(engine, table, 3)
    answer(holds_all=False)
    answer(holds_all=True)
    assert inactive(engine, table) == []
    assert [status for *_, status in held(engine)] == ["superseded"]
