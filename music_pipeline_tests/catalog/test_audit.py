"""The audit of a change: each row before and after, by key, with author and reason."""

from collections.abc import Sequence
from typing import Any

import pytest
import sqlalchemy as sa

from music_pipeline.catalog.audit import set_audit_reason

PRODUCER = "00000000-0000-0000-0000-0000000000d1"
OTHER = "00000000-0000-0000-0000-0000000000d2"
ADDED = (
    "INSERT INTO producers (producer_id, name, name_normalised, kind, content_hash) VALUES"
    f" ('{PRODUCER}', 'Benny \u0001 \"B.\" Andersson', 'benny', 'person', 'h'),"
    f" ('{OTHER}', 'Björn', 'bjorn', 'person', 'h')"
)


def changed(engine: sa.Engine, statement: str, *, why: str = "a test") -> None:
    with engine.begin() as connection:
        set_audit_reason(connection, why=why, run_id="run 1", correlation_id="c 1")
        connection.execute(sa.text(statement))


def lines(engine: sa.Engine) -> Sequence[sa.Row[Any]]:
    with engine.connect() as connection:
        return connection.execute(sa.text("SELECT * FROM audit ORDER BY audit_id")).all()


def stored(engine: sa.Engine, table: str) -> dict[str, Any]:
    """The rows of a table as JSON, by their first column."""
    with engine.connect() as connection:
        rows = connection.execute(sa.text(f"SELECT to_jsonb(t) FROM {table} t")).scalars()
        return {next(iter(row.values())) if len(row) == 1 else row["producer_id"]: row for row in rows}


def test_new_row_has_nothing_before_it(engine: sa.Engine) -> None:
    changed(engine, ADDED)
    rows = stored(engine, "producers")
    found = lines(engine)
    assert {line.row_key: line.after for line in found} == rows
    assert [(line.entity, line.before, line.why, line.run_id, line.correlation_id) for line in found] == [
        ("producers", None, "a test", "run 1", "c 1")
    ] * 2


def test_change_is_recorded_before_and_after(engine: sa.Engine) -> None:
    changed(engine, ADDED)
    before = stored(engine, "producers")[PRODUCER]
    changed(engine, "UPDATE producers SET name = CASE WHEN name = 'Björn' THEN name ELSE 'Stig' END", why="renamed")
    *_, line = found = lines(engine)
    assert len(found) == 3
    assert (line.entity, line.row_key, line.before, line.why) == ("producers", PRODUCER, before, "renamed")
    assert line.after == before | {"name": "Stig"}


def test_row_seen_again_is_no_change(engine: sa.Engine) -> None:
    changed(engine, ADDED)
    changed(engine, "UPDATE producers SET last_seen_at = now() + interval '1 day'")
    assert len(lines(engine)) == 2


def test_deleted_row_has_nothing_after_it(engine: sa.Engine) -> None:
    changed(engine, ADDED)
    before = stored(engine, "producers")[OTHER]
    changed(engine, f"DELETE FROM producers WHERE producer_id = '{OTHER}'")
    line = lines(engine)[-1]
    assert (line.entity, line.row_key, line.before, line.after) == ("producers", OTHER, before, None)


def test_upsert_records_additions_and_changes(engine: sa.Engine) -> None:
    changed(engine, f"INSERT INTO producers (producer_id, name, name_normalised, kind, content_hash)"
                    f" VALUES ('{PRODUCER}', 'Benny', 'benny', 'person', 'h')")  # fmt: skip
    changed(engine, ADDED + " ON CONFLICT (producer_id) DO UPDATE SET name = excluded.name")
    assert [(line.row_key, line.before is None) for line in lines(engine)[1:]] in (
        [(OTHER, True), (PRODUCER, False)],
        [(PRODUCER, False), (OTHER, True)],
    )


def test_a_change_outside_a_run_has_no_reason(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text(ADDED))
    assert {(line.why, line.run_id, line.correlation_id) for line in lines(engine)} == {(None, None, None)}


@pytest.mark.parametrize(
    ("entity", "added", "key"),
    [
        ("external_ids", "INSERT INTO external_ids (entity, provider, id, entity_id, source, confidence)"
         f" VALUES ('producer', 'discogs', '7:x', '{PRODUCER}', 'discogs', 1)", "producer:discogs:7:x"),
        ("field_precedence", "INSERT INTO field_precedence (field, source, place, minimum_confidence)"
         " VALUES ('tempo', 'somebody', 9, 0.5)", "tempo:somebody"),
        ("credit_sources", "INSERT INTO credit_sources (credit_id, provider, level, provider_entity, provider_id, role,"
         f" credited_as, match_confidence, field_confidence) VALUES ('{OTHER}', 'discogs', 'track', 'release', '1',"
         " 'Mix', 'B.', 1, 1)", f"{OTHER}:discogs:track:1:Mix"),
    ],
)  # fmt: skip
def test_a_key_of_several_columns_is_joined_by_colons(engine: sa.Engine, entity: str, added: str, key: str) -> None:
    if entity == "credit_sources":
        changed(engine, ADDED)
        changed(engine, "INSERT INTO recordings (recording_id, title, title_normalised, artist_names, content_hash)"
                        f" VALUES ('{OTHER}', 'Tiger', 'tiger', '{{abba}}', 'h')")  # fmt: skip
        changed(engine, "INSERT INTO credits (credit_id, recording_id, producer_id, role, role_class, credited_as,"
                        f" confidence, content_hash) VALUES ('{OTHER}', '{OTHER}', '{OTHER}', 'Mix', 'other', 'B.', 1,"
                        " 'h')")  # fmt: skip
    changed(engine, added)
    line = lines(engine)[-1]
    assert (line.entity, line.row_key) == (entity, key)


def test_track_is_recorded_under_its_public_name(engine: sa.Engine) -> None:
    changed(engine, f"INSERT INTO releases (release_id, title, title_normalised, content_hash)"
                    f" VALUES ('{OTHER}', 'Arrival', 'arrival', 'h')")  # fmt: skip
    changed(engine, "INSERT INTO recordings (recording_id, title, title_normalised, artist_names, content_hash)"
                    f" VALUES ('{OTHER}', 'Tiger', 'tiger', '{{abba}}', 'h')")  # fmt: skip
    changed(engine, "INSERT INTO release_tracks (track_id, release_id, recording_id, disc_number, position, title,"
                    f" content_hash) VALUES ('{PRODUCER}', '{OTHER}', '{OTHER}', 1, 1, 'Tiger', 'h')")  # fmt: skip
    line = lines(engine)[-1]
    assert (line.entity, line.row_key, line.after["title"]) == ("tracks", PRODUCER, "Tiger")
