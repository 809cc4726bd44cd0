"""The operator's hand in enrichment, at the command line: own values, precedence, taking back, asking again."""

import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from music_pipeline.catalog.overrides import FIELDS
from music_pipeline.stages.enrichment.sources import SOURCES
from music_pipeline_tests.cli.test_cli import Terminal
from music_pipeline_tests.support.ledger import rows, value
from music_pipeline_tests.support.rows import SPOTIFY_ID, SmallCatalogue, write_small_catalogue

SONG = "Sinnerman"


class Catalogue:
    """One recording of the small catalogue, with what sources say of it."""

    def __init__(self, engine: sa.Engine, written: SmallCatalogue) -> None:
        self.engine = engine
        self.ids = written
        self.track = str(written.track_ids[SONG])
        self.recording = value(engine, "SELECT recording_id FROM tracks WHERE title = :title", title=SONG)

    def says(self, source: str, fields: dict[str, Any], confidence: float = 0.9, **facts: Any) -> None:
        said = {
            "recording_id": self.recording, "source": source, "provider": SOURCES[source].provider, "status": "found",
            "fields": json.dumps(fields), "confidence": confidence, "fetched_at": "2026-01-01T00:00Z",
        } | facts  # fmt: skip
        columns, places = ", ".join(said), ", ".join(f":{name}" for name in said)
        with self.engine.begin() as connection:
            connection.execute(sa.text(f"INSERT INTO recording_sources ({columns}) VALUES ({places})"), said)

    def fails(self, source: str, error: str, **facts: Any) -> None:
        self.says(source, {}, status="failed", error=error, **{"confidence": None, "attempts": 1} | facts)

    def shown(self, field: str) -> tuple[Any, str] | None:
        found = rows(
            self.engine, "SELECT value, source FROM enriched_values WHERE recording_id = :id AND field = :field",
            id=self.recording, field=field,
        )  # fmt: skip
        return (found[0]["value"], found[0]["source"]) if found else None

    def features(self) -> dict[str, Any]:
        found: dict[str, Any] = value(
            self.engine, "SELECT audio_features FROM tracks WHERE track_id = :id", id=self.track
        )
        return found


@pytest.fixture
def catalogue(engine: sa.Engine) -> Catalogue:
    return Catalogue(engine, write_small_catalogue(engine))


@pytest.fixture
def terminal(capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(capsys)


def test_every_field_that_a_source_gives_can_be_set() -> None:
    assert {field for source in SOURCES.values() for field in source.gives} <= FIELDS["recording"].keys()


def test_an_own_value_wins_and_survives_a_refresh_until_it_is_unset(catalogue: Catalogue, terminal: Terminal) -> None:
    catalogue.says("deezer", {"tempo": 120.0}, confidence=1.0)
    assert terminal.run("set", catalogue.track, "tempo", "128.5", "--why", "counted by hand") == 0
    assert catalogue.shown("tempo") == (128.5, "operator")
    assert catalogue.features()["tempo"] == 128.5
    with catalogue.engine.begin() as connection:
        connection.execute(sa.text("UPDATE recording_sources SET fields = '{\"tempo\": 121}'"))
    assert catalogue.shown("tempo") == (128.5, "operator")
    assert terminal.run("unset", catalogue.track, "tempo", "--why", "was wrong") == 0
    assert catalogue.shown("tempo") == (121, "deezer")
    assert terminal.run("unset", catalogue.track, "tempo", "--why", "again") == 1
    whys = [row["why"] for row in rows(catalogue.engine, "SELECT why FROM audit WHERE entity = 'operator_values'")]
    assert [why.split(": ")[1] for why in whys] == ["counted by hand", "was wrong"]


def test_a_key_is_set_in_all_its_forms(catalogue: Catalogue, terminal: Terminal) -> None:
    catalogue.says("reccobeats", {"key": 0, "mode": 1, "key_name": "C major", "camelot_key": "8B"})
    recording = f"recording:{catalogue.recording}"
    assert terminal.run("set", recording, "camelot_key", "8A", "--why", "heard") == 0
    shown = [catalogue.shown(field) for field in ("key", "mode", "key_name", "camelot_key")]
    assert shown == [(9, "operator"), (0, "operator"), ("A minor", "operator"), ("8A", "operator")]
    assert terminal.run("set", recording, "key", "0", "--why", "heard again") == 0
    assert catalogue.shown("key_name") == ("C minor", "operator")
    assert terminal.run("unset", recording, "mode", "--why", "not so") == 0
    assert catalogue.shown("key_name") == ("C major", "reccobeats")


@pytest.mark.parametrize(
    ("entity", "field", "text", "view", "column"),
    [
        ("nina-simone", "name", "Nina", "artist_view", "name"),
        (f"spotify:artist:{SPOTIFY_ID}", "name", "1975", "artist_view", "name"),
        ("release:release-1", "release_date", "1966", "release_view", "release_date"),
        ("producer:p1", "kind", "company", "producer_view", "kind"),
    ],
)
def test_values_of_artists_releases_and_producers_show_in_their_views(
    catalogue: Catalogue, terminal: Terminal, entity: str, field: str, text: str, view: str, column: str
) -> None:
    assert terminal.run("set", entity, field, text, "--why", "known") == 0
    (row,) = rows(catalogue.engine, f"SELECT {column}, operator_fields FROM {view}")
    assert row == {column: text, "operator_fields": [field]}


def test_own_names_show_in_the_credits(catalogue: Catalogue, terminal: Terminal) -> None:
    assert terminal.run("set", "nina-simone", "name", "Nina", "--why", "short") == 0, terminal.err
    assert terminal.run("set", "p1", "name", "H. Mooney", "--why", "short") == 0
    (row,) = rows(catalogue.engine, "SELECT DISTINCT artist, producer FROM credit_view")
    assert row == {"artist": "Nina", "producer": "H. Mooney"}
    assert value(catalogue.engine, "SELECT name FROM artists") == "Nina Simone"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nobody", "name", "x"), "nothing that is called 'nobody'"),
        (("nina-simone", "tempo", "120"), "no field of an artist; there are: name"),
        (("release:release-1", "release_type", "LP"), "album, single, ep or compilation"),
        (("release:release-1", "release_date", "soon"), "as far as it is known"),
        (("producer:nina-simone", "name", "x"), "nothing that is called"),
        (("nina-simone", "name", "null"), "unset"),
    ],
)
def test_what_cannot_stand_there_is_refused(
    catalogue: Catalogue, terminal: Terminal, arguments: tuple[str, ...], said: str
) -> None:
    assert terminal.run("set", *arguments, "--why", "trying") == 1
    assert said in terminal.err
    assert value(catalogue.engine, "SELECT count(*) FROM operator_values") == 0


def test_a_value_out_of_its_range_is_refused(catalogue: Catalogue, terminal: Terminal) -> None:
    for field, text in (("tempo", "0"), ("tempo", "fast"), ("danceability", "1.5"), ("key", "12"), ("tags", "dub"),
                        ("explicit", "1"), ("key_name", "H sharp")):  # fmt: skip
        assert terminal.run("set", catalogue.track, field, text, "--why", "trying") == 1, field
    assert value(catalogue.engine, "SELECT count(*) FROM operator_values") == 0


def test_a_reference_that_means_several_is_refused_with_the_choice(catalogue: Catalogue, terminal: Terminal) -> None:
    with catalogue.engine.begin() as connection:
        connection.execute(sa.text("UPDATE external_ids SET id = '7' WHERE entity IN ('release', 'producer')"))
    assert terminal.run("set", "7", "name", "x", "--why", "trying") == 1
    assert f"release:{catalogue.ids.release_id}" in terminal.err
    assert terminal.run("set", "producer:7", "name", "x", "--why", "chosen") == 0


def test_a_changed_precedence_counts_at_the_next_read(catalogue: Catalogue, terminal: Terminal) -> None:
    catalogue.says("deezer", {"tempo": 120})
    catalogue.says("reccobeats", {"tempo": 121})
    assert catalogue.shown("tempo") == (121, "reccobeats")
    assert terminal.run("precedence", "set", "tempo", "deezer", "1") == 0
    assert catalogue.shown("tempo") == (120, "deezer")
    assert terminal.run("precedence", "list", "tempo") == 0
    order = [line.split("│")[3].strip() for line in terminal.out.splitlines() if line.startswith("│")]
    assert order == ["deezer", "spotify_audio_features", "reccobeats", "acousticbrainz", "getsongbpm"]
    assert terminal.run("precedence", "set", "tempo", "deezer", "5", "--minimum-confidence", "0.95") == 0
    assert terminal.run("precedence", "set", "tempo", "reccobeats", "1", "--minimum-confidence", "0.95") == 0
    assert catalogue.shown("tempo") is None
    assert value(catalogue.engine, "SELECT count(*) FROM audit WHERE entity = 'field_precedence'") > 0


def test_an_address_of_the_audio_makes_the_source_that_listens_due_until_it_is_unset(
    catalogue: Catalogue, terminal: Terminal
) -> None:
    recording, address = f"recording:{catalogue.recording}", "https://audio.example.org/sinnerman.mp3"
    assert terminal.run("set", recording, "audio_url", "sinnerman.mp3", "--why", "x") == 1
    assert terminal.err == (
        "Error: audio_url has to be a public http or https address, without user and password, and 'sinnerman.mp3' is "
        "none.\n"
    )
    assert terminal.run("set", recording, "audio_url", address, "--why", "our own copy") == 0
    assert terminal.out.endswith(f": audio_url = {address}\n")
    catalogue.says("sonoteller", {"moods": ["Dark"], "explicit": True}, confidence=0.6)
    catalogue.says("spotify", {"explicit": False}, confidence=0.99)
    assert (catalogue.shown("moods"), catalogue.shown("explicit")) == ((["Dark"], "sonoteller"), (False, "spotify"))
    assert terminal.run("unset", recording, "audio_url", "--why", "another song") == 0
    assert (catalogue.shown("moods"), catalogue.shown("explicit")) == (None, (False, "spotify"))
    assert terminal.run("unset", recording, "audio_url", "--why", "again") == 1


def test_the_forms_of_a_key_are_preferred_together(catalogue: Catalogue, terminal: Terminal) -> None:
    catalogue.says("reccobeats", {"key": 0, "mode": 1, "key_name": "C major", "camelot_key": "8B"}, confidence=0.9)
    catalogue.says("getsongbpm", {"key": 9, "mode": 0, "key_name": "A minor", "camelot_key": "8A"}, confidence=0.75)
    assert terminal.run("precedence", "set", "key", "getsongbpm", "1") == 0
    shown = [catalogue.shown(field) for field in ("key", "mode", "key_name", "camelot_key")]
    assert shown == [(9, "getsongbpm"), (0, "getsongbpm"), ("A minor", "getsongbpm"), ("8A", "getsongbpm")]


def test_a_place_or_source_that_is_none_is_refused(catalogue: Catalogue, terminal: Terminal) -> None:
    assert terminal.run("precedence", "set", "tempo", "lastfm", "1") == 2
    assert "does not give tempo" in terminal.err
    assert terminal.run("precedence", "set", "tempi", "deezer", "1") == 2
    assert terminal.run("precedence", "set", "tempo", "deezer", "9") == 1
    assert "from 1 to 5" in terminal.err


def test_what_a_source_said_is_taken_back_and_the_rest_is_shown(catalogue: Catalogue, terminal: Terminal) -> None:
    catalogue.says("reccobeats", {"tempo": 121})
    catalogue.says("deezer", {"tempo": 120})
    assert terminal.run("source", "undo", "reccobeats", "--since", "2026-02-01", "--why", "a bad day") == 0
    assert catalogue.shown("tempo") == (121, "reccobeats")
    assert terminal.run("source", "undo", "reccobeats", "--why", "all wrong") == 0
    assert catalogue.shown("tempo") == (120, "deezer")
    (row,) = rows(catalogue.engine, "SELECT * FROM recording_sources WHERE source = 'reccobeats'")
    assert (row["status"], row["fields"], row["next_attempt_at"]) == ("pending", {}, None)
    (change,) = rows(
        catalogue.engine, "SELECT before, why FROM audit WHERE entity = 'recording_sources' AND before IS NOT NULL"
    )
    assert change["before"]["fields"] == {"tempo": 121}
    assert change["why"].endswith("all wrong")
    assert value(catalogue.engine, "SELECT count(*) FROM audit WHERE entity = 'source_undo'") == 2
    assert terminal.run("reprocess", "--dry-run") == 0
    assert "Nothing to fetch again" in terminal.out
    assert terminal.run("reprocess", "--source", "reccobeats") == 0
    assert "1 rows of 1 recordings are reset" in terminal.out


def test_reprocess_shows_recording_source_reason_and_count(catalogue: Catalogue, terminal: Terminal) -> None:
    catalogue.fails("deezer", "Deezer enrichment error: HTTP 500", attempts=3)
    assert terminal.run("reprocess", "--dry-run") == 0
    (line,) = [line for line in terminal.out.splitlines() if SONG in line]
    cells = [cell.strip() for cell in line.strip("│").split("│")]
    assert cells == [
        "Nina Simone", SONG, "failed", "deezer", "failed", "3", "no", "Deezer enrichment error: HTTP 500",
    ]  # fmt: skip
    assert "would be reset" in terminal.out
    assert value(catalogue.engine, "SELECT status FROM recording_sources") == "failed"
    assert terminal.run("reprocess", "--retriable-only", "--non-retriable-only") == 2
    assert terminal.run("reprocess", "--track-id", "nothing") == 1
    assert terminal.run("reprocess", "--days", "7", "--non-retriable-only", "--limit", "5") == 0
    assert value(catalogue.engine, "SELECT status FROM recording_sources") == "pending"


def test_failures_are_grouped_by_source_and_cause(catalogue: Catalogue, terminal: Terminal) -> None:
    catalogue.fails("deezer", "Deezer enrichment error: blocked until 2026-11-22 10:00 UTC", is_retriable=True)
    catalogue.recording = value(catalogue.engine, "SELECT recording_id FROM tracks WHERE title = 'Lilac Wine'")
    catalogue.fails("deezer", "Deezer enrichment error: blocked until 2026-11-23 11:30 UTC", is_retriable=True)
    catalogue.fails("reccobeats", "ReccoBeats enrichment error: HTTP 500")
    assert terminal.run("errors") == 0
    lines = [line for line in terminal.out.splitlines() if "enrichment error" in line]
    assert [line.split("│")[1:3] for line in lines] == [
        [" deezer     ", " 2          "],
        [" reccobeats ", " 1          "],
    ]
    assert terminal.run("errors", "--source", "lastfm") == 0
    assert terminal.out == "Nothing failed.\n"


def test_a_source_without_credentials_shows_as_skipped_with_what_to_set(
    catalogue: Catalogue, terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MUSIC_SANDBOX_URL", raising=False)
    missing = "lastfm has no LASTFM_API_KEY"
    catalogue.says("lastfm", {}, status="skipped", error=missing, confidence=None, fetched_at=None)
    for command in ("status", "errors", "doctor"):
        terminal.run(command)
        said = " ".join(terminal.out.split())
        assert missing in said, command
        assert "credentials set LASTFM_API_KEY" in said, command
        assert "reprocess --source lastfm" in said, command


def test_the_sources_are_listed_with_what_they_give_and_how_they_do(catalogue: Catalogue, terminal: Terminal) -> None:
    catalogue.says("deezer", {"tempo": 120})
    assert terminal.run("source", "list") == 0
    assert set(SOURCES) <= set(terminal.out.split())
    (deezer,) = [line for line in terminal.out.splitlines() if "deezer" in line and "tempo" not in line]
    assert [cell.strip() for cell in deezer.strip("│").split("│")][:4] == ["deezer", "1", "1", "0"]
    assert "missing: LASTFM_API_KEY" in " ".join(terminal.out.split())
