"""Statements about one artist use indexes, however large the catalogue is."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from music_pipeline.database import queries
from music_pipeline.database.queries import query
from music_pipeline_tests.conftest import filled_database, fresh_engine

RECORDINGS = 100_000


@pytest.fixture(scope="session")
def large_database(postgres_url: str, template_database: str) -> str:
    """The name of a database with many recordings."""
    return filled_database(postgres_url, template_database, write_many_recordings)


@pytest.fixture
def large_catalogue(
    postgres_url: str, large_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[sa.Engine]:
    """Many recordings with ISRCs; two of the artist that is asked about."""
    with fresh_engine(postgres_url, large_database, tmp_path, monkeypatch) as engine:
        yield engine


def write_many_recordings(engine: sa.Engine) -> None:
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


ASKED: dict[str, Any] = {
    "isrcs": ["XX0000000010"],
    "titles": ["song 20", "song 21"],
    "artist_names": ["Artist 10"],
    "artist_id": uuid4(),
}


def test_candidates_are_found_by_isrc_and_title(large_catalogue: sa.Engine) -> None:
    with large_catalogue.connect() as connection:
        found = connection.execute(query("candidate_recordings"), ASKED).all()
    assert sorted(row.title for row in found) == ["Song 10", "Song 20", "Song 21"]


def test_candidates_are_found_by_index(large_catalogue: sa.Engine) -> None:
    explain = sa.text(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {queries.statement('candidate_recordings')}")
    with large_catalogue.connect() as connection:
        explained = connection.execute(explain, ASKED).scalar_one()
    scanned = {node["Relation Name"] for node in _nodes(explained[0]["Plan"]) if node["Node Type"] == "Seq Scan"}
    assert scanned.isdisjoint({"recordings", "recording_isrcs"}), json.dumps(explained)
    # The table has some 1,500 pages.
    assert explained[0]["Plan"]["Shared Hit Blocks"] + explained[0]["Plan"]["Shared Read Blocks"] < 200


def test_common_title_is_sought_among_own_recordings(large_catalogue: sa.Engine) -> None:
    with large_catalogue.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("UPDATE recordings SET title_normalised = 'intro' WHERE duration_ms IS NULL"
                                   " AND title LIKE '%0'"))  # fmt: skip
        connection.execute(sa.text("VACUUM ANALYZE recordings"))
    explain = sa.text(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {queries.statement('candidate_recordings')}")
    asked = ASKED | {"titles": ["intro"]}
    with large_catalogue.connect() as connection:
        found = connection.execute(query("candidate_recordings"), asked).all()
        explained = connection.execute(explain, asked).scalar_one()
    assert sorted(row.title for row in found) == ["Song 10", "Song 20"]
    assert explained[0]["Plan"]["Shared Hit Blocks"] + explained[0]["Plan"]["Shared Read Blocks"] < 100, json.dumps(
        explained
    )


ENRICHED_CATALOGUE = (
    """
    INSERT INTO artists (artist_id, artist_key, name, name_normalised, content_hash)
    SELECT md5('A' || n)::uuid, 'artist-' || n, 'Artist ' || n, 'artist ' || n, 'h'
    FROM generate_series(1, :artists) AS n
    """,
    """
    INSERT INTO releases (release_id, title, title_normalised, release_type, total_tracks, content_hash)
    SELECT md5('R' || n)::uuid, 'Release ' || n, 'release ' || n, 'single', 10, 'h'
    FROM generate_series(1, :artists) AS n
    """,
    """
    INSERT INTO artist_releases (artist_id, release_id, credited_as, content_hash)
    SELECT md5('A' || n)::uuid, md5('R' || n)::uuid, 'Artist ' || n, 'h' FROM generate_series(1, :artists) AS n
    """,
    """
    INSERT INTO recordings (recording_id, title, title_normalised, artist_names, content_hash)
    SELECT md5('S' || n)::uuid, 'Song ' || n, 'song ' || n, ARRAY['Artist ' || n / 10], 'h'
    FROM generate_series(10, 10 * :artists + 9) AS n
    """,
    """
    INSERT INTO release_tracks (release_id, recording_id, disc_number, position, title, content_hash)
    SELECT md5('R' || n / 10)::uuid, md5('S' || n)::uuid, 1, n % 10 + 1, 'Song ' || n, 'h'
    FROM generate_series(10, 10 * :artists + 9) AS n
    """,
    """
    INSERT INTO recording_sources (recording_id, source, provider, status, fields, confidence, fetched_at)
    SELECT md5('S' || n)::uuid, source, source, 'found', '{"tempo": 100, "tags": ["pop"]}', 0.9, now()
    FROM generate_series(10, 10 * :artists + 9) AS n, unnest(ARRAY['deezer', 'lastfm']) AS source
    """,
)


def test_shown_values_are_derived_for_one_artist_only(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        for statement in ENRICHED_CATALOGUE:
            connection.execute(sa.text(statement), {"artists": 2_000})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("VACUUM ANALYZE"))
    explain = sa.text(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {queries.statement('enriched_versions')}")
    with engine.connect() as connection:
        (shown,) = connection.execute(query("enriched_versions"), {"artist_keys": ["artist-7"]}).all()
        explained = connection.execute(explain, {"artist_keys": ["artist-7"]}).scalar_one()
    assert shown.rows == 10
    read = {node["Relation Name"]: node for node in _nodes(explained[0]["Plan"]) if "Relation Name" in node}
    assert read["recording_sources"]["Actual Rows"] * read["recording_sources"]["Actual Loops"] == 20
    assert explained[0]["Plan"]["Shared Hit Blocks"] + explained[0]["Plan"]["Shared Read Blocks"] < 1_000


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", []) for node in _nodes(child))]


def test_table_is_analysed_when_filled_and_again_when_doubled(engine: sa.Engine) -> None:
    assert _analysed_rows(engine, added=10) == 10
    assert _analysed_rows(engine, added=400) == 10
    assert _analysed_rows(engine, added=200) == 610


def _analysed_rows(engine: sa.Engine, *, added: int) -> int:
    """The rows of `artists` as the planner knows them, after this many more and a look at the new tables."""
    with engine.begin() as connection:
        connection.execute(
            sa.text("INSERT INTO artists (artist_id, artist_key, name, name_normalised, content_hash) "
                    "SELECT gen_random_uuid(), gen_random_uuid()::text, 'A', 'a', 'h' FROM generate_series(1, :added)"),
            {"added": added},
        )  # fmt: skip
        connection.execute(sa.text("SELECT pg_stat_force_next_flush()"))
    with engine.begin() as connection:
        connection.execute(query("analyze_new_tables"))
        return int(connection.execute(sa.text("SELECT reltuples FROM pg_class WHERE relname = 'artists'")).scalar_one())
