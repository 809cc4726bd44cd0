"""Each check over the catalogue passes on a sound one, and counts what is broken."""

from datetime import timedelta

import dagster as dg
import pytest
import sqlalchemy as sa

from music_pipeline.defs.checks import CATALOG_CHECKS
from music_pipeline.defs.keys import asset_of
from music_pipeline.defs.runs import stage_checks as checks
from music_pipeline.work.model import Stage
from music_pipeline.work.stages import catalog_stages
from music_pipeline_tests.defs.conftest import outcome_of

SOUND = """
INSERT INTO artists (artist_id, artist_key, name, name_normalised, content_hash)
VALUES ('00000000-0000-0000-0000-0000000000a1', 'abba', 'ABBA', 'abba', 'h');
INSERT INTO releases (release_id, title, title_normalised, release_type, release_date, total_tracks, content_hash)
VALUES ('00000000-0000-0000-0000-0000000000b1', 'Arrival', 'arrival', 'album', '1976-10-11', 1, 'h');
INSERT INTO artist_releases (artist_id, release_id, credited_as, content_hash)
VALUES ('00000000-0000-0000-0000-0000000000a1', '00000000-0000-0000-0000-0000000000b1', 'ABBA', 'h');
INSERT INTO recordings (recording_id, title, title_normalised, artist_names, duration_ms, content_hash)
VALUES ('00000000-0000-0000-0000-0000000000c1', 'Tiger', 'tiger', '{abba}', 175000, 'h');
INSERT INTO recording_isrcs (recording_id, isrc, source)
VALUES ('00000000-0000-0000-0000-0000000000c1', 'SEAYD7601020', 'spotify');
INSERT INTO release_tracks (release_id, recording_id, disc_number, position, title, content_hash)
VALUES ('00000000-0000-0000-0000-0000000000b1', '00000000-0000-0000-0000-0000000000c1', 1, 1, 'Tiger', 'h');
INSERT INTO producers (producer_id, name, name_normalised, kind, content_hash)
VALUES ('00000000-0000-0000-0000-0000000000d1', 'Benny Andersson', 'benny andersson', 'person', 'h');
INSERT INTO credits (credit_id, recording_id, producer_id, role, role_class, credited_as, confidence, content_hash)
VALUES ('00000000-0000-0000-0000-0000000000e1', '00000000-0000-0000-0000-0000000000c1',
        '00000000-0000-0000-0000-0000000000d1', 'Producer', 'producer', 'Benny', 0.9, 'h');
INSERT INTO credit_sources (credit_id, provider, level, provider_entity, provider_id, role, credited_as,
                            match_confidence, field_confidence)
VALUES ('00000000-0000-0000-0000-0000000000e1', 'discogs', 'release', 'release', '1', 'Producer', 'Benny', 0.9, 0.9);
INSERT INTO external_ids (entity, provider, id, entity_id, source, confidence)
VALUES ('artist', 'spotify', 'x1', '00000000-0000-0000-0000-0000000000a1', 'spotify', 1);
INSERT INTO provider_answers (artist_id, provider, question, outcome)
VALUES ('00000000-0000-0000-0000-0000000000a1', 'discogs', 'releases', 'found');
"""
SECOND_RECORDING = """
INSERT INTO recordings (recording_id, title, title_normalised, artist_names, duration_ms, content_hash)
VALUES ('00000000-0000-0000-0000-0000000000c2', 'Tiger', 'tiger', '{abba}', 175900, 'h');
"""
BROKEN = [
    ("artists", "coverage", "INSERT INTO reviews (kind, subject, question, candidates, evidence)"
     " VALUES ('artist', 'can', 'Which Can?', '[]', '{}')"),
    ("artists", "uniqueness", "INSERT INTO external_ids (entity, provider, id, entity_id, source, confidence)"
     " VALUES ('artist', 'spotify', 'x2', '00000000-0000-0000-0000-0000000000a1', 'spotify', 1)"),
    ("artists", "uniqueness", "INSERT INTO artists (artist_key, name, name_normalised, content_hash)"
     " VALUES ('abba-2', 'Abba', 'abba', 'h')"),
    ("artists", "orphans", "INSERT INTO external_ids (entity, provider, id, entity_id, source, confidence)"
     " VALUES ('artist', 'spotify', 'x2', gen_random_uuid(), 'spotify', 1)"),
    ("releases", "coverage", "INSERT INTO artists (artist_key, name, name_normalised, content_hash)"
     " VALUES ('can', 'Can', 'can', 'h')"),
    ("releases", "uniqueness", "WITH twin AS (INSERT INTO releases (title, title_normalised, release_type,"
     " release_date, total_tracks, content_hash)"
     " VALUES ('Arrival', 'arrival', 'album', '1976-10-11', 1, 'h') RETURNING release_id)"
     " INSERT INTO artist_releases (artist_id, release_id, credited_as, content_hash)"
     " SELECT '00000000-0000-0000-0000-0000000000a1', release_id, 'ABBA', 'h' FROM twin"),
    ("releases", "orphans", "UPDATE artist_releases SET inactive_at = now()"),
    ("releases", "incomplete_answers", "INSERT INTO held_changes (artist_id, entity, row_keys, known, answered, reason)"
     " VALUES ('00000000-0000-0000-0000-0000000000a1', 'artist_releases', '[]', 10, 2, 'shrank')"),
    ("tracks", "coverage", "UPDATE releases SET total_tracks = 10"),
    ("tracks", "uniqueness", SECOND_RECORDING + "INSERT INTO recording_isrcs (recording_id, isrc, source)"
     " VALUES ('00000000-0000-0000-0000-0000000000c2', 'SEAYD7601020', 'spotify')"),
    ("tracks", "orphans", SECOND_RECORDING),
    ("tracks", "orphans", "UPDATE recordings SET inactive_at = now()"),
    ("tracks", "releases_without_tracks", "UPDATE release_tracks SET inactive_at = now()"),
    ("tracks", "incomplete_answers", "INSERT INTO provider_answers (artist_id, provider, question, outcome, items,"
     " expected) VALUES ('00000000-0000-0000-0000-0000000000a1', 'spotify', 'tracks', 'partial', 3, 10)"),
    ("producers", "coverage", "UPDATE provider_answers SET outcome = 'failed'"),
    ("producers", "uniqueness", "WITH twin AS (INSERT INTO producers (name, name_normalised, kind, content_hash)"
     " VALUES ('Benny Andersson', 'benny andersson', 'person', 'h') RETURNING producer_id)"
     " INSERT INTO credits (recording_id, producer_id, role, role_class, credited_as, confidence, content_hash)"
     " SELECT '00000000-0000-0000-0000-0000000000c1', producer_id, 'Producer', 'producer', 'B.', 0.9, 'h' FROM twin"),
    ("producers", "orphans", "UPDATE credit_sources SET inactive_at = now()"),
    ("producers", "orphans", "INSERT INTO producers (name, name_normalised, kind, content_hash)"
     " VALUES ('Nobody', 'nobody', 'person', 'h')"),
    ("producers", "recordings_with_a_producer", "UPDATE credits SET inactive_at = now()"),
    ("producers", "incomplete_answers", "UPDATE provider_answers SET outcome = 'partial'"),
]  # fmt: skip


def verdicts(engine: sa.Engine) -> dict[tuple[str, str], bool]:
    """All checks over the catalogue and whether they pass."""
    return {
        (found.asset.to_user_string(), found.name): found.passed
        for stage in catalog_stages()
        for found in checks.stage_results(engine, stage, [])
    }


def run(engine: sa.Engine, statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements.split(";"):
            if statement.strip():
                connection.exec_driver_sql(statement)


def test_a_sound_catalogue_and_an_empty_one_pass_every_check(engine: sa.Engine) -> None:
    assert all(verdicts(engine).values())
    run(engine, SOUND)
    assert {key for key, passed in verdicts(engine).items() if not passed} == set()


@pytest.mark.parametrize(("asset", "name", "statements"), BROKEN)
def test_what_is_broken_fails_its_check(engine: sa.Engine, asset: str, name: str, statements: str) -> None:
    run(engine, SOUND)
    run(engine, statements)
    assert verdicts(engine)[asset, name] is False


def test_every_check_over_the_catalogue_has_a_case_in_which_it_fails() -> None:
    assert {(asset, name) for asset, name, _ in BROKEN} == {
        (asset_of(check.stage).to_user_string(), check.name) for check in CATALOG_CHECKS
    }


def test_dead_work_fails_its_queues_check_unless_it_was_cancelled(engine: sa.Engine) -> None:
    bury = (
        "INSERT INTO dead_work (work_id, stage, subject, payload, origin, priority, force, correlation_id,"
        " idempotency_key, cutoff, attempts, enqueued_at, stop_reason, error)"
        " VALUES (gen_random_uuid(), 'album_discovery', 'x', '{}',"
        " 'manual', 2, false, 'c', 'k', now(), 1, now(), '%s', 'no')"
    )
    run(engine, bury % "cancelled")
    assert checks.dead_work(engine, Stage.ALBUM_DISCOVERY).passed
    run(engine, bury % "non_retryable")
    assert not checks.dead_work(engine, Stage.ALBUM_DISCOVERY).passed
    assert checks.dead_work(engine, Stage.TRACK_DISCOVERY).passed


@pytest.mark.parametrize(
    ("oldest", "passed"), [(None, True), (timedelta(minutes=29), True), (timedelta(minutes=31), False)]
)
def test_overdue_fails_when_the_oldest_due_work_is_too_old(oldest: timedelta | None, passed: bool) -> None:
    assert checks.overdue(Stage.ALBUM_DISCOVERY, oldest, {}).passed is passed


def test_last_run_names_who_failed_and_who_waits() -> None:
    found = checks.last_run(
        asset_of(Stage.ALBUM_DISCOVERY),
        [
            outcome_of("abba"),
            outcome_of("can", error="cut off"),
            outcome_of("devo", waiting=True),
            outcome_of(None, error="?"),
        ],
    )
    assert not found.passed
    assert found.metadata["sample"] == {"can": "cut off", "devo": "3 rows", "somebody": "?"}
    assert found.result().asset_key == dg.AssetKey("releases")
