"""The view `tracks`, the statement that exports it, and the CSV that Postgres writes."""

import csv
import io
import json

import pytest
import sqlalchemy as sa

from music_pipeline.catalog.csv_export import UnknownView, write_csv
from music_pipeline.catalog.export import flat, read_view
from music_pipeline.database.queries import query
from music_pipeline_tests.support.rows import write_small_catalogue

STATED = """
INSERT INTO recording_sources (recording_id, source, provider, status, fields, confidence, fetched_at)
SELECT recording_id, source, provider, status, CAST(fields AS jsonb), confidence, now()
FROM recordings CROSS JOIN (VALUES
    ('reccobeats', 'reccobeats', 'found', '{"tempo": 120.5, "key": 3, "energy": 0.5}', 0.9),
    ('deezer', 'deezer', 'found', '{"tempo": 121, "energy": 0.7}', 0.99),
    ('getsongbpm', 'getsongbpm', 'found', '{"tempo": 99, "camelot_key": "5A", "valence": null}', 0.4),
    ('lastfm', 'lastfm', 'found', '{"tags": ["dub", null]}', NULL),
    ('spotify', 'spotify', 'absent', '{}', NULL)
) AS stated (source, provider, status, fields, confidence)
"""
# What the view showed for one field at a time, before it did so for all in one pass.
SHOWN = """
SELECT t.track_id, named.field, v.value AS chosen, t.audio_features -> named.field AS shown
FROM tracks t CROSS JOIN unnest(ARRAY[
    'danceability', 'energy', 'key', 'loudness', 'mode', 'speechiness', 'acousticness', 'instrumentalness', 'liveness',
    'valence', 'tempo', 'time_signature'
]) AS named (field)
LEFT JOIN enriched_values v ON v.recording_id = t.recording_id AND v.field = named.field
"""


@pytest.fixture
def enriched(engine: sa.Engine) -> sa.Engine:
    """A small catalog with sources that disagree, and one operator's value."""
    write_small_catalogue(engine)
    with engine.begin() as connection:
        connection.execute(sa.text(STATED))
        connection.execute(
            sa.text(
                "INSERT INTO operator_values SELECT 'recording', recording_id, 'key', '7', 'heard', 'me'"
                " FROM recordings ORDER BY title LIMIT 1"
            )
        )
    return engine


def test_features_are_the_chosen_values(enriched: sa.Engine) -> None:
    with enriched.connect() as connection:
        rows = connection.execute(sa.text(SHOWN)).all()
    assert {row.field for row in rows if row.chosen is not None} == {"tempo", "key", "energy"}
    assert len({row.track_id for row in rows if row.chosen == 7}) >= 1
    assert [row for row in rows if row.chosen != row.shown] == []


def test_metadata_names_providers_and_keeps_only_what_is_known(enriched: sa.Engine) -> None:
    with enriched.connect() as connection:
        metadata = connection.execute(sa.text("SELECT metadata FROM tracks LIMIT 1")).scalar_one()
    assert metadata["enrichment_sources"] == ["deezer", "getsongbpm", "lastfm", "reccobeats"]
    assert set(metadata) == {"enrichment_sources", "enriched_at", "camelot_key"}


def test_exported_tracks_are_those_of_the_view(enriched: sa.Engine) -> None:
    with enriched.connect() as connection:
        exported = connection.execute(query("all_tracks")).mappings().all()
        viewed = connection.execute(sa.text("SELECT * FROM tracks")).mappings().all()
    assert list(exported[0]) == list(viewed[0])
    assert sorted(map(str, exported)) == sorted(map(str, viewed))


@pytest.mark.parametrize("name", ["tracks", "recordings", "recording_sources", "credit_view", "held_changes"])
def test_csv_is_what_a_frame_would_write(enriched: sa.Engine, name: str) -> None:
    written = io.BytesIO()
    rows = write_csv(enriched, name, written)
    frame = flat(read_view(enriched, name))
    expected = frame.to_csv(index=False)
    assert rows == len(frame)
    assert sorted(map(comparable, csv.reader(io.StringIO(written.getvalue().decode())))) == sorted(
        map(comparable, csv.reader(io.StringIO(expected)))
    )


def comparable(row: list[str]) -> list[str]:
    """JSON and numbers by their value: pandas writes integers beside a NULL as 1.0."""
    return [_by_value(text) for text in row]


def _by_value(text: str) -> str:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return str(float(value)) if isinstance(value, int | float) else json.dumps(value, sort_keys=True)


def test_unknown_view_is_named(engine: sa.Engine) -> None:
    with pytest.raises(UnknownView, match=r"no table or view 'traks'; there are: .*tracks"):
        write_csv(engine, "traks", io.BytesIO())
