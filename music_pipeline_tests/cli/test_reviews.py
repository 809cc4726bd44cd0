"""Reviews, held losses, exports and digests: through the command line, on a small catalogue in a real database."""

import json
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa

from music_pipeline.catalog.csv_export import UnknownView
from music_pipeline.catalog.export import read_view
from music_pipeline.catalog.fingerprint import digest
from music_pipeline.catalog.provider_answers import ask_for_review, decision_on
from music_pipeline.catalog.shrink_guard import Loss, hold
from music_pipeline.cli import main
from music_pipeline.database.engine import url_with_search_path
from music_pipeline.database.migrations import migrate
from music_pipeline.matching.artists import ArtistCandidate, ArtistChoice
from music_pipeline.matching.evidence import Fact, Verdict
from music_pipeline.settings import SCHEMA
from music_pipeline.work.claim import claim
from music_pipeline.work.model import Stage
from music_pipeline_tests.support.ledger import rows, value
from music_pipeline_tests.support.rows import SmallCatalogue, write_small_catalogue

CANDIDATES = (
    ArtistCandidate(provider_id="A" * 22, name="Nina", popularity=70),
    ArtistCandidate(provider_id="B" * 22, name="Nina", popularity=10),
)
CHOICE = ArtistChoice(Verdict.AMBIGUOUS, None, CANDIDATES, (Fact("equal names", "two artists are called Nina"),))


def review(engine: sa.Engine, kind: str = "artist", subject: str = "nina") -> str:
    with engine.begin() as connection:
        ask_for_review(connection, kind=kind, subject=subject, question="Which artist is “Nina”?", choice=CHOICE)
    return str(value(engine, "SELECT review_id FROM reviews WHERE kind = :kind", kind=kind))


def test_an_accepted_candidate_is_the_lock_and_the_work_goes_on_at_once(
    engine: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    review_id = review(engine)
    assert main.run(["review", "list"]) == 0
    assert "Which artist is “Nina”?" in capsys.readouterr().out
    assert main.run(["review", "show", review_id[:8]]) == 0
    shown = capsys.readouterr().out
    assert "B" * 22 in shown
    assert "two artists are called Nina" in shown
    assert main.run(["review", "accept", review_id[:8], "2", "--why", "the German one"]) == 0
    with engine.connect() as connection:
        decision = decision_on(connection, "artist", "nina")
    assert decision is not None
    assert decision.chosen_id == "B" * 22
    (item,) = claim(engine, Stage.ARTIST_DISCOVERY, run_id="run", limit=9)
    assert item.payload == {"artistId": "B" * 22, "artistName": "Nina"}
    audited = rows(engine, "SELECT why, after FROM audit WHERE entity = 'reviews' ORDER BY audit_id")[-1]
    assert audited["after"]["decided_why"] == "the German one"
    assert "accepted" in audited["why"]


def test_a_rejected_review_locks_the_subject_to_nobody(engine: sa.Engine, capsys: pytest.CaptureFixture[str]) -> None:
    review_id = review(engine)
    assert main.run(["review", "reject", review_id]) == 0
    with engine.connect() as connection:
        decision = decision_on(connection, "artist", "nina")
    assert decision is not None
    assert decision.chosen_id is None
    assert claim(engine, Stage.ARTIST_DISCOVERY, run_id="run", limit=9) == []
    assert main.run(["review", "list"]) == 0
    assert "Nothing is ambiguous." in capsys.readouterr().out


def test_an_accepted_identity_at_another_provider_lets_the_producers_be_asked_again(engine: sa.Engine) -> None:
    catalogue = write_small_catalogue(engine)
    review_id = review(engine, "genius_artist", str(catalogue.artist_id))
    assert main.run(["review", "accept", review_id, "A" * 22]) == 0
    (item,) = claim(engine, Stage.PRODUCER_IDENTIFICATION, run_id="run", limit=9)
    assert (item.subject, item.partition_key) == (str(catalogue.artist_id), "nina-simone")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("review", "accept", "ffffffff", "1"), "No review has an id"),
        (("review", "accept", "%", "1"), "is no id"),
        (("review", "show", "abc"), "is no id"),
        (("held", "accept", "ffffffff"), "No held change has an id"),
    ],
)
def test_what_cannot_be_decided_is_one_line(
    engine: sa.Engine, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], complaint: str
) -> None:
    assert main.run(arguments) == 1
    error = capsys.readouterr().err
    assert complaint in error
    assert error.count("\n") == 1


def test_a_candidate_has_to_be_one_of_the_list_and_nothing_is_decided_otherwise(
    engine: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    review_id = review(engine)
    for choice in ("0", "3", "C" * 22):
        assert main.run(["review", "accept", review_id, choice]) == 1
    assert "no candidate" in capsys.readouterr().err
    assert value(engine, "SELECT status FROM reviews") == "open"


def held(engine: sa.Engine, catalogue: SmallCatalogue, entity: str) -> str:
    lost = {
        "artist_releases": [{"release_id": catalogue.release_id}],
        "tracks": [{"track_id": catalogue.track_ids["Sinnerman"]}, {"track_id": catalogue.track_ids["Lilac Wine"]}],
        "credits": [
            {
                "credit_id": catalogue.credit_ids["Sinnerman"], "provider": "discogs", "level": "release",
                "provider_id": "d1", "role": "Producer",
            }
        ],
    }[entity]  # fmt: skip
    with engine.begin() as connection:
        loss = Loss(catalogue.artist_id, entity, lost, known=10, answered=5, reason="Half of it is gone.")
        hold(connection, loss)
    return str(value(engine, "SELECT held_id FROM held_changes WHERE entity = :entity", entity=entity))


@pytest.mark.parametrize(
    ("entity", "inactive"),
    [
        ("artist_releases", {"artist_releases": 1, "releases": 1, "tracks": 0, "credits": 0}),
        ("tracks", {"artist_releases": 0, "releases": 0, "tracks": 2, "credits": 0}),
        ("credits", {"artist_releases": 0, "releases": 0, "tracks": 0, "credits": 1}),
    ],
)
def test_an_accepted_loss_sets_its_rows_inactive_with_the_reason_and_an_audit(
    engine: sa.Engine, capsys: pytest.CaptureFixture[str], entity: str, inactive: dict[str, int]
) -> None:
    held_id = held(engine, write_small_catalogue(engine), entity)
    assert main.run(["held", "list"]) == 0
    assert "Half of it is gone." in capsys.readouterr().out
    assert main.run(["held", "accept", held_id[:8], "--why", "it was withdrawn"]) == 0
    counts = {
        table: value(engine, f"SELECT count(*) FROM {table} WHERE inactive_reason LIKE '%it was withdrawn'")
        for table in inactive
    }
    assert counts == inactive
    audited = rows(engine, "SELECT why FROM audit WHERE entity = :entity AND before IS NOT NULL", entity=entity)
    assert audited
    assert all("accepted" in row["why"] for row in audited)
    assert main.run(["held", "accept", held_id]) == 1
    assert "nothing left to decide" in capsys.readouterr().err


def test_a_rejected_loss_changes_nothing_but_the_decision(engine: sa.Engine) -> None:
    held_id = held(engine, write_small_catalogue(engine), "tracks")
    assert main.run(["held", "reject", held_id]) == 0
    assert value(engine, "SELECT count(*) FROM tracks WHERE inactive_at IS NOT NULL") == 0
    assert value(engine, "SELECT status FROM held_changes") == "rejected"


def test_a_view_is_exported_as_csv_and_parquet_with_equal_contents(
    engine: sa.Engine, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write_small_catalogue(engine)
    frame = read_view(engine, "credit_view")
    assert sorted(frame["track"]) == ["Feeling Good", "Lilac Wine", "Sinnerman"]
    assert list(frame["sources"]) == [["discogs"]] * 3
    for format_ in ("csv", "parquet"):
        assert main.run(["export", "credit_view", "--format", format_, "--out", str(tmp_path / format_)]) == 0
    capfd.readouterr()
    assert main.run(["export", "credit_view"]) == 0
    printed = capfd.readouterr().out
    assert printed == (tmp_path / "csv").read_text()
    parquet = pd.read_parquet(tmp_path / "parquet")
    csv = pd.read_csv(tmp_path / "csv")
    assert list(parquet.columns) == list(csv.columns) == list(frame.columns)
    assert list(parquet["track_id"]) == list(csv["track_id"]) == list(frame["track_id"])
    assert [json.loads(text) for text in csv["sources"]] == [["discogs"]] * 3


@pytest.mark.parametrize("view", ["nowhere", "credentials", 'artists"; DROP TABLE artists;--', "pg_catalog.pg_user"])
def test_only_tables_and_views_of_the_catalogue_are_exported(
    engine: sa.Engine, capsys: pytest.CaptureFixture[str], view: str
) -> None:
    assert main.run(["export", view]) == 1
    assert "credit_view" in capsys.readouterr().err
    with pytest.raises(UnknownView):
        read_view(engine, view)
    assert value(engine, "SELECT count(*) FROM artists") == 0


@pytest.fixture
def other_engine(empty_database_url: str) -> Iterator[sa.Engine]:
    made = sa.create_engine(url_with_search_path(empty_database_url, SCHEMA, driver="psycopg"))
    migrate(made)
    yield made
    made.dispose()


def hashes(engine: sa.Engine) -> dict[str, str]:
    return {one.table: one.digest for one in digest(engine)}


def test_two_catalogues_of_the_same_facts_have_one_digest_whatever_their_ids_and_order(
    engine: sa.Engine, other_engine: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    catalogue = write_small_catalogue(engine)
    other = write_small_catalogue(other_engine, titles=("Feeling Good", "Sinnerman", "Lilac Wine"))
    for one, where in ((catalogue, engine), (other, other_engine)):
        held(where, one, "tracks")
        review(where, "genius_artist", str(one.artist_id))
    assert hashes(engine) == hashes(other_engine)
    assert {one.table: one.rows for one in digest(engine)} == {
        "artists": 1, "releases": 1, "artist_releases": 1, "recordings": 3, "isrcs": 0, "tracks": 3, "producers": 1,
        "credits": 3, "credit_sources": 3, "external_ids": 3, "reviews": 1, "held": 1,
        "recording_sources": 0, "producer_profiles": 0, "profile_followers": 0,
    }  # fmt: skip
    assert main.run(["digest", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == hashes(engine)


@pytest.mark.parametrize(
    ("change", "tables"),
    [
        ("UPDATE artists SET name = 'Nina'", {"artists"}),
        ("UPDATE release_tracks SET title = 'Sinner Man' WHERE title = 'Sinnerman'", {"tracks"}),
        ("UPDATE credits SET confidence = 0.8 WHERE credited_as = 'Hal Mooney'", {"credits"}),
        ("UPDATE credit_sources SET credited_as = 'Harold Mooney'", {"credit_sources"}),
        ("INSERT INTO recording_isrcs SELECT recording_id, 'USAAA0000001', 'spotify' FROM recordings", {"isrcs"}),
        ("UPDATE release_tracks SET last_seen_at = now() + interval '1 day', track_id = gen_random_uuid()", set()),
        ("UPDATE producers SET name = 'H. Mooney'", {"producers"}),
        (
            "UPDATE external_ids SET id = 'p2' WHERE entity = 'producer'",
            {"producers", "credits", "credit_sources", "external_ids"},
        ),
    ],
)
def test_a_changed_fact_shows_in_its_table_and_a_changed_id_of_ours_nowhere(
    engine: sa.Engine, change: str, tables: set[str]
) -> None:
    write_small_catalogue(engine)
    before = hashes(engine)
    with engine.begin() as connection:
        connection.execute(sa.text(change))
    after = hashes(engine)
    assert {table for table in before if before[table] != after[table]} == tables
