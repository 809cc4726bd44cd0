"""The source that listens: asked only where the operator says where the audio is, and to nobody else's cost."""

from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from music_pipeline.actions.override import set_own_value, unset_own_value
from music_pipeline.catalog.overrides import InvalidValue, entity_of
from music_pipeline.gateway.daily_quota import period_uses
from music_pipeline.ops.doctor import advice_on_skipped
from music_pipeline.providers.sonoteller import SonotellerClient
from music_pipeline.sandbox.providers.sonoteller import analysis
from music_pipeline.sandbox.world.coverage import covered
from music_pipeline.stages.enrichment.due import enqueue_due, is_due
from music_pipeline.stages.enrichment.sources import SOURCES
from music_pipeline.work.model import Stage
from music_pipeline.worker.outcomes import Outcome
from music_pipeline.worker.runner import database_now, refresh
from music_pipeline_tests.support.enriching import change, enrich, let_time_pass, requests, rows_by_source
from music_pipeline_tests.support.pipeline import SPEED, Pipeline
from music_pipeline_tests.support.rows import write_small_catalogue

SHARES = ("sonoteller fetched", "sonoteller sung")
SONGS = [one for one in (f"https://audio.example.org/{place}.mp3" for place in range(100))
         if all(covered(share, one) for share in SHARES)]  # fmt: skip
ROWS = "SELECT * FROM recording_sources WHERE source = 'sonoteller'"


def recordings(pipeline: Pipeline) -> list[UUID]:
    return [row.recording_id for row in pipeline.rows("SELECT recording_id FROM recordings ORDER BY 1")]


def tell(pipeline: Pipeline, recording: UUID, address: str) -> None:
    with pipeline.engine.begin() as connection:
        entity = entity_of(connection, f"recording:{recording}")
        set_own_value(connection, entity, "audio_url", address, why="a test", by="a test")


def take_back(pipeline: Pipeline, recording: UUID) -> None:
    with pipeline.engine.begin() as connection:
        assert unset_own_value(connection, entity_of(connection, f"recording:{recording}"), "audio_url") == 1


def asked_alone(pipeline: Pipeline) -> Outcome:
    """The artist asked about afresh at this source alone."""
    key = pipeline.value("SELECT artist_key FROM artists")
    cutoff = database_now(pipeline.engine)
    (outcome,) = refresh(Stage.ENRICHMENT, [key], run_id="alone", cutoff=cutoff, sources=["sonoteller"])
    return outcome


def used(pipeline: Pipeline) -> int:
    uses = period_uses(pipeline.engine, sandboxed=True, speed=SPEED)
    return next(one.used for one in uses if one.provider == "sonoteller")


def of_others(pipeline: Pipeline) -> dict[str, list[Any]]:
    return {name: rows for name, rows in rows_by_source(pipeline).items() if name != "sonoteller"}


def test_without_an_address_nobody_is_asked_there_is_no_row_and_nothing_is_due(discovered: Pipeline) -> None:
    (outcome,) = enrich(discovered)
    assert "sonoteller" not in requests(discovered)
    assert discovered.rows(ROWS) == []
    counted = outcome.detail["sources"]["sonoteller"]
    assert {name: counted[name] for name in ("rows", "found", "failed", "waiting", "skipped", "error")} == {
        "rows": 0, "found": 0, "failed": 0, "waiting": 0, "skipped": 0, "error": None,
    }  # fmt: skip
    assert not is_due(discovered.engine)
    assert enqueue_due(discovered.engine) == 0
    asked_alone(discovered)
    assert "sonoteller" not in requests(discovered)
    assert discovered.rows(ROWS) == []


def test_an_address_makes_one_question_due_and_changes_nothing_at_the_others(discovered: Pipeline) -> None:
    enrich(discovered)
    before, first = of_others(discovered), recordings(discovered)[0]
    discovered.sandbox.reset_stats()
    tell(discovered, first, SONGS[0])
    assert is_due(discovered.engine)
    assert [one.error for one in enrich(discovered)] == [None]
    assert requests(discovered) == {"sonoteller": 1}
    assert of_others(discovered) == before
    (row,) = discovered.rows(ROWS)
    assert (row.recording_id, row.status, row.fields) == (first, "found", analysis(SONGS[0]))
    assert row.confidence == pytest.approx(0.6)
    assert (row.expires_at - row.fetched_at).days == 365
    assert not is_due(discovered.engine)
    assert enqueue_due(discovered.engine) == 0


def test_what_was_heard_is_shown_but_explicit_is_whoever_sells_the_recordings_word(discovered: Pipeline) -> None:
    enrich(discovered)
    first = discovered.value("SELECT recording_id FROM recordings WHERE explicit IS NOT NULL ORDER BY 1")
    sold = discovered.value("SELECT explicit FROM recordings WHERE recording_id = :one", one=first)
    tell(discovered, first, next(one for one in SONGS if analysis(one)["explicit"] != sold))
    enrich(discovered)
    shown = {
        row.field: (row.value, row.source)
        for row in discovered.rows("SELECT * FROM enriched_values WHERE recording_id = :one", one=first)
    }
    assert shown["explicit"] == (sold, "spotify")
    assert {field for field, (_, source) in shown.items() if source == "sonoteller"} == {
        "moods", "themes", "keywords", "language", "summary",
    }  # fmt: skip
    metadata = discovered.value("SELECT metadata FROM tracks WHERE recording_id = :one LIMIT 1", one=first)
    assert "sonoteller" in metadata["enrichment_sources"]


def test_asked_alone_it_is_the_only_one_that_is_called(discovered: Pipeline) -> None:
    tell(discovered, recordings(discovered)[0], SONGS[0])
    assert asked_alone(discovered).detail["sources"].keys() == {"sonoteller"}
    assert requests(discovered) == {"sonoteller": 1}
    assert {row.source for row in discovered.rows("SELECT source FROM recording_sources")} == {"sonoteller"}


def test_while_it_is_down_the_others_answer_as_ever_and_its_own_question_waits(discovered: Pipeline) -> None:
    enrich(discovered)
    faultless = of_others(discovered)
    change(discovered, "DELETE FROM recording_sources")
    tell(discovered, recordings(discovered)[0], SONGS[0])
    discovered.sandbox.add_fault("sonoteller", "outage")
    assert [one.error for one in enrich(discovered)] == [None]
    assert of_others(discovered) == faultless
    (row,) = discovered.rows(ROWS)
    assert (row.status, row.attempts) == ("failed", 1)
    assert row.error.startswith("Sonoteller enrichment error: ")
    discovered.sandbox.clear_faults()
    let_time_pass(discovered)
    enrich(discovered)
    assert [row.status for row in discovered.rows(ROWS)] == ["found"]
    assert of_others(discovered) == faultless


def test_an_answer_that_breaks_off_is_paid_for_and_asked_again_only_when_the_row_is_due(discovered: Pipeline) -> None:
    enrich(discovered)
    discovered.sandbox.reset_stats()
    discovered.sandbox.add_fault("sonoteller", "reset", count=1)
    tell(discovered, recordings(discovered)[0], SONGS[0])
    enrich(discovered)
    assert requests(discovered) == {"sonoteller": 1}
    assert used(discovered) == 1
    (row,) = discovered.rows(ROWS)
    assert (row.status, row.attempts, row.is_retriable) == ("failed", 1, False)
    assert enqueue_due(discovered.engine) == 0
    let_time_pass(discovered)
    enrich(discovered)
    assert [row.status for row in discovered.rows(ROWS)] == ["found"]
    assert (requests(discovered), used(discovered)) == ({"sonoteller": 2}, 2)


def test_what_the_month_does_not_allow_waits_without_using_an_attempt_and_is_taken_up_later(
    discovered: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUOTA_KEPT_FROM_BATCH", "0")
    monkeypatch.setenv("SONOTELLER_MONTHLY_QUOTA", "1")
    enrich(discovered)
    discovered.sandbox.reset_stats()
    for recording, address in zip(recordings(discovered)[:3], SONGS, strict=False):
        tell(discovered, recording, address)
    enrich(discovered)
    assert requests(discovered) == {"sonoteller": 1}
    waiting = [row for row in discovered.rows(ROWS) if row.status != "found"]
    assert {(row.status, row.attempts, row.is_retriable) for row in waiting} == {("failed", 0, True)}
    assert all("the 1 calls of the month are used up" in row.error for row in waiting)
    assert enqueue_due(discovered.engine) == 0
    assert discovered.value("SELECT min(next_attempt_at - now()) > interval '12 hours' FROM recording_sources "
                            "WHERE is_retriable")  # fmt: skip
    monkeypatch.setenv("SONOTELLER_MONTHLY_QUOTA", "3")
    let_time_pass(discovered)
    enrich(discovered)
    assert [row.status for row in discovered.rows(ROWS)] == ["found"] * 3
    assert (requests(discovered), used(discovered)) == ({"sonoteller": 3}, 3)


def test_of_ten_calls_a_month_sweeps_leave_two_to_the_operator(discovered: Pipeline) -> None:
    enrich(discovered)
    discovered.sandbox.reset_stats()
    told = recordings(discovered)[:9]
    assert len(told) == 9
    for recording, address in zip(told, SONGS, strict=False):
        tell(discovered, recording, address)
    enrich(discovered)
    assert requests(discovered) == {"sonoteller": 8}
    (waiting,) = [row for row in discovered.rows(ROWS) if row.status != "found"]
    assert "of the 10 calls of the month 2 are kept for more urgent work" in waiting.error


def test_a_question_that_failed_is_taken_back_with_its_address(discovered: Pipeline) -> None:
    enrich(discovered)
    discovered.sandbox.add_fault("sonoteller", "5xx")
    first = recordings(discovered)[0]
    tell(discovered, first, SONGS[0])
    enrich(discovered)
    discovered.sandbox.clear_faults()
    discovered.sandbox.reset_stats()
    let_time_pass(discovered)
    assert is_due(discovered.engine)
    take_back(discovered, first)
    assert discovered.rows(ROWS) == []
    assert not is_due(discovered.engine)
    assert enrich(discovered) == []
    asked_alone(discovered)
    assert requests(discovered) == {}
    assert discovered.rows(ROWS) == []


def test_what_was_heard_goes_with_its_address_and_another_is_listened_to(discovered: Pipeline) -> None:
    enrich(discovered)
    first = recordings(discovered)[0]
    tell(discovered, first, SONGS[0])
    enrich(discovered)
    tell(discovered, first, SONGS[0])  # the same again
    assert [row.fields for row in discovered.rows(ROWS)] == [analysis(SONGS[0])]
    assert not is_due(discovered.engine)
    tell(discovered, first, SONGS[1])
    assert discovered.rows(ROWS) == []
    enrich(discovered)
    assert [row.fields for row in discovered.rows(ROWS)] == [analysis(SONGS[1])]
    take_back(discovered, first)
    assert discovered.value("SELECT count(*) FROM enriched_values WHERE source = 'sonoteller'") == 0
    audited = "SELECT count(*) FROM audit WHERE entity = 'recording_sources' AND before ->> 'source' = 'sonoteller'"
    assert discovered.value(f"{audited} AND after IS NULL") == 2


@pytest.mark.parametrize("meanwhile", ["another address", "none"])
def test_an_answer_about_an_address_that_was_changed_meanwhile_is_not_kept(
    discovered: Pipeline, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    enrich(discovered)
    first, listen = recordings(discovered)[0], SonotellerClient.lyrics
    tell(discovered, first, SONGS[0])

    async def slow(self: SonotellerClient, address: str, **details: Any) -> Any:
        found = await listen(self, address, **details)
        if address == SONGS[0]:
            if meanwhile == "none":
                take_back(discovered, first)
            else:
                tell(discovered, first, SONGS[1])
        return found

    monkeypatch.setattr(SonotellerClient, "lyrics", slow)
    (outcome,) = enrich(discovered)
    assert outcome.error is None
    assert discovered.rows(ROWS) == []
    enrich(discovered)
    expected = [analysis(SONGS[1])] if meanwhile == "another address" else []
    assert [row.fields for row in discovered.rows(ROWS)] == expected


def test_without_a_key_the_source_is_skipped_where_an_address_stands_and_says_what_to_set(
    discovered: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(discovered, recordings(discovered)[0], SONGS[0])
    monkeypatch.delenv("MUSIC_SANDBOX_URL")
    assert asked_alone(discovered).detail["sources"]["sonoteller"]["skipped"] == 1
    (row,) = discovered.rows(ROWS)
    assert (row.status, row.error) == ("skipped", "sonoteller is not asked: SONOTELLER_API_KEY is not set.")
    advice = advice_on_skipped(discovered.engine, "sonoteller")
    assert advice is not None
    assert advice.startswith("music-pipeline credentials set SONOTELLER_API_KEY; ")


def test_nobody_sings_is_an_answer_that_is_asked_again_in_a_month_and_not_a_failure(discovered: Pipeline) -> None:
    silent = next(one for one in (f"https://audio.example.org/silent/{place}.mp3" for place in range(1_000))
                  if covered("sonoteller fetched", one) and not covered("sonoteller sung", one))  # fmt: skip
    tell(discovered, recordings(discovered)[0], silent)
    enrich(discovered)
    (row,) = discovered.rows(ROWS)
    assert (row.status, row.fields, (row.next_attempt_at - row.fetched_at).days) == ("absent", {}, 30)
    change(discovered, "UPDATE recording_sources SET next_attempt_at = now() WHERE source = 'sonoteller'")
    enrich(discovered)
    (row,) = discovered.rows(ROWS)
    assert (row.status, (row.next_attempt_at - row.fetched_at).days) == ("absent", 60)
    assert requests(discovered)["sonoteller"] == 1  # what was answered within the year is not paid for again


@pytest.mark.parametrize(
    "address",
    ["song.mp3", "ftp://audio.example.org/1.mp3", "https://", "https://me:secret@audio.example.org/1.mp3",
     "http://localhost/1.mp3", "http://192.168.1.5/1.mp3", "https://audio.example.org/a b.mp3", "7", '["https://a.b/c"]',
     "http://[::1]/1.mp3", "http://audio.example.org:port/1.mp3", f"https://audio.example.org/{'a' * 2_000}"],
)  # fmt: skip
def test_what_is_no_public_address_is_refused_with_a_sentence(engine: sa.Engine, address: str) -> None:
    write_small_catalogue(engine, ["Sinnerman"])
    with engine.begin() as connection:
        (recording,) = connection.execute(sa.text("SELECT recording_id FROM recordings")).scalars()
        entity = entity_of(connection, f"recording:{recording}")
        with pytest.raises(
            InvalidValue, match=r"^audio_url has to be a public http or https address, without user and"
        ):
            set_own_value(connection, entity, "audio_url", address, why="a test", by="a test")
        good = "https://audio.example.org:8443/a%20song.mp3?part=1#2"
        assert set_own_value(connection, entity, "audio_url", good, why="x", by="x") == {"audio_url": good}


def test_only_what_an_operator_gives_can_make_a_source_one_that_not_all_are_asked_about() -> None:
    assert {name for name, source in SOURCES.items() if source.needs == "audio_url"} == {"sonoteller"}
