"""What is asked of the catalogue for one artist is found by index, however many others there are."""

import json
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from music_pipeline import database

RECORDINGS = 100_000


@pytest.fixture
def large_catalogue(engine: sa.Engine) -> sa.Engine:
    """Many recordings with ISRCs; two of the artist that is asked about."""
    with engine.begin() as connection:
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        connection.execute(
            sa.text(
                "INSERT INTO recordings (recording_id, title, title_normalised, artist_names, content_hash)"
                " SELECT md5('S' || n)::uuid, 'Song ' || n, 'song ' || n, ARRAY['Artist ' || n / 2], 'h'"
                " FROM generate_series(1, :recordings) AS n"
            ),
            {"recordings": RECORDINGS},
        )
        connection.execute(
            sa.text(
                "INSERT INTO recording_isrcs (recording_id, isrc, source)"
                " SELECT md5('S' || n)::uuid, 'XX' || lpad(n::text, 10, '0'), 'spotify'"
                " FROM generate_series(1, :recordings) AS n"
            ),
            {"recordings": RECORDINGS},
        )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("VACUUM ANALYZE recordings, recording_isrcs"))
    return engine


ASKED: dict[str, Any] = {
    "isrcs": ["XX0000000010"],
    "titles": ["song 20", "song 21"],
    "artist_names": ["Artist 10"],
    "artist_id": uuid4(),
}


def test_the_recordings_that_a_track_may_be_are_found_by_isrc_and_by_title(large_catalogue: sa.Engine) -> None:
    with large_catalogue.connect() as connection:
        found = connection.execute(database.query("candidate_recordings"), ASKED).all()
    assert sorted(row.title for row in found) == ["Song 10", "Song 20", "Song 21"]


def test_the_recordings_that_a_track_may_be_are_sought_without_reading_all(large_catalogue: sa.Engine) -> None:
    explain = sa.text(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {database.statement('candidate_recordings')}")
    with large_catalogue.connect() as connection:
        explained = connection.execute(explain, ASKED).scalar_one()
    scanned = {node["Relation Name"] for node in _nodes(explained[0]["Plan"]) if node["Node Type"] == "Seq Scan"}
    assert scanned.isdisjoint({"recordings", "recording_isrcs"}), json.dumps(explained)
    # The table has some 1,500 pages.
    assert explained[0]["Plan"]["Shared Hit Blocks"] + explained[0]["Plan"]["Shared Read Blocks"] < 200


def test_a_title_that_artists_everywhere_use_is_sought_among_the_artists_own(large_catalogue: sa.Engine) -> None:
    with large_catalogue.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("UPDATE recordings SET title_normalised = 'intro' WHERE duration_ms IS NULL"
                                   " AND title LIKE '%0'"))  # fmt: skip
        connection.execute(sa.text("VACUUM ANALYZE recordings"))
    explain = sa.text(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {database.statement('candidate_recordings')}")
    asked = ASKED | {"titles": ["intro"]}
    with large_catalogue.connect() as connection:
        found = connection.execute(database.query("candidate_recordings"), asked).all()
        explained = connection.execute(explain, asked).scalar_one()
    assert sorted(row.title for row in found) == ["Song 10", "Song 20"]
    assert explained[0]["Plan"]["Shared Hit Blocks"] + explained[0]["Plan"]["Shared Read Blocks"] < 100, json.dumps(
        explained
    )


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", []) for node in _nodes(child))]
