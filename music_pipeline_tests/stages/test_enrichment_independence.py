"""Sources that fail, come back, or are asked alone, against the sandbox: none costs another anything."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
import structlog

from music_pipeline.database.queries import query
from music_pipeline.providers.deezer import DeezerClient
from music_pipeline.stages.enrichment.due import enqueue_due, is_due
from music_pipeline.stages.enrichment.rows import ATTEMPTS
from music_pipeline.stages.enrichment.sources import SOURCES, asked_about_all
from music_pipeline.work.enqueue import enqueue
from music_pipeline.work.model import Stage
from music_pipeline.worker.runner import database_now, refresh
from music_pipeline_tests.support.enriching import (
    PROVIDERS,
    change,
    enrich,
    enrich_until_settled,
    forget,
    let_everybody_be_asked,
    let_time_pass,
    requests,
    rows_by_source,
)
from music_pipeline_tests.support.pipeline import Pipeline

# Which sources need another's answer: an id, or to know whether their own question is needless.
TAKES_FROM = {
    "spotify": {"getsongbpm"},
    "musicbrainz": {"acousticbrainz", "getsongbpm"},
    "deezer": {"getsongbpm"},
    "reccobeats": {"getsongbpm"},
    "acousticbrainz": {"getsongbpm"},
}


@pytest.mark.parametrize("down", PROVIDERS)
def test_a_provider_that_is_down_changes_nothing_at_the_others_and_its_return_leaves_nothing_to_see(
    discovered: Pipeline, down: str
) -> None:
    let_everybody_be_asked(discovered)
    discovered.sandbox.add_fault(down, "outage")
    assert [one.error for one in enrich(discovered)] == [None]
    disturbed = rows_by_source(discovered)
    assert requests(discovered)[down] > 0
    discovered.sandbox.clear_faults()
    enrich_until_settled(discovered)
    recovered = rows_by_source(discovered)
    forget(discovered)
    assert [one.error for one in enrich(discovered)] == [None]
    faultless = rows_by_source(discovered)
    its_own = {name for name, source in SOURCES.items() if source.provider == down}
    waiting = TAKES_FROM.get(down, set())
    untouched = SOURCES.keys() - its_own - waiting
    assert {name: disturbed[name] for name in untouched} == {name: faultless[name] for name in untouched}
    assert any(disturbed[name] != faultless[name] for name in its_own)
    different = {row for name in waiting for row in set(disturbed[name]) - set(faultless[name])}
    assert {status for _, status, _, _ in different} <= {"waiting"}
    assert recovered == faultless


def test_a_source_whose_reading_is_broken_costs_no_other_its_answers(
    discovered: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any, **__: Any) -> None:
        raise KeyError("tags")

    monkeypatch.setattr(DeezerClient, "track_by_isrc", broken)
    (outcome,) = enrich(discovered)
    assert outcome.error is None
    assert outcome.detail["sources"]["deezer"]["found"] == 0
    assert outcome.detail["sources"]["deezer"]["failed"] > 0
    assert outcome.detail["sources"]["lastfm"]["found"] > 0
    assert discovered.value(
        "SELECT min(error) FROM recording_sources WHERE source = 'deezer' AND status = 'failed'"
    ) == ("Deezer enrichment error: 'tags'")


def test_a_breaker_that_is_open_marks_rows_retriable_uses_no_attempt_and_they_are_taken_up_by_themselves(
    discovered: Pipeline,
) -> None:
    discovered.sandbox.add_fault("lastfm", "outage")
    enrich(discovered)
    retriable = discovered.rows("SELECT attempts, error, next_attempt_at FROM recording_sources WHERE is_retriable")
    assert retriable
    assert {row.attempts for row in retriable} == {0}
    assert {row.error for row in retriable} == {"Last.fm enrichment error: Circuit breaker 'lastfm' is OPEN"}
    assert all(row.next_attempt_at is not None for row in retriable)
    assert discovered.value("SELECT count(*) FROM enrichment_status WHERE is_retriable") > 0
    discovered.sandbox.clear_faults()
    enrich_until_settled(discovered)
    assert discovered.value("SELECT count(*) FROM recording_sources WHERE is_retriable OR status = 'failed'") == 0


def test_attempts_end_and_what_cannot_succeed_is_not_asked_for_ever(
    discovered: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BREAKER_FAILURES", "1000000")
    discovered.sandbox.add_fault("deezer", "outage")
    for _ in range(ATTEMPTS):
        enrich(discovered)
        let_time_pass(discovered)
    ended = discovered.rows("SELECT DISTINCT attempts, next_attempt_at FROM recording_sources WHERE status = 'failed'")
    assert [tuple(row) for row in ended] == [(ATTEMPTS, None)]
    discovered.sandbox.reset_stats()
    enrich(discovered)
    assert "deezer" not in requests(discovered)


def test_what_was_found_stays_while_a_later_question_fails_and_its_attempts_end_too(discovered: Pipeline) -> None:
    enrich(discovered)
    found = discovered.value("SELECT count(*) FROM recording_sources WHERE source = 'deezer' AND status = 'found'")
    discovered.sandbox.add_fault("deezer", "outage")
    key = discovered.value("SELECT artist_key FROM artists")
    (outcome,) = refresh(
        Stage.ENRICHMENT, [key], run_id="again", cutoff=database_now(discovered.engine), sources=["deezer"]
    )
    told = outcome.detail["sources"]["deezer"]
    assert (told["found"], told["changed"]) == (0, False)
    assert told["failed"] > 0
    assert str(told["error"]).startswith("Deezer enrichment error:")
    assert (
        discovered.value("SELECT count(*) FROM recording_sources WHERE source = 'deezer' AND status = 'found'") == found
    )


def test_a_second_enrichment_asks_nobody_and_writes_no_row(discovered: Pipeline) -> None:
    enrich(discovered)
    before = discovered.rows("SELECT * FROM recording_sources ORDER BY recording_id, source")
    audited = discovered.value("SELECT count(*) FROM audit")
    discovered.sandbox.reset_stats()
    assert enrich(discovered) == []
    enqueue_again(discovered)
    (outcome,) = enrich(discovered)
    assert not outcome.has_changed
    assert requests(discovered) == {}
    assert discovered.rows("SELECT * FROM recording_sources ORDER BY recording_id, source") == before
    assert discovered.value("SELECT count(*) FROM audit") == audited


def enqueue_again(pipeline: Pipeline) -> None:
    """Let the artist be due for one source, which then has nothing new to say."""
    change(pipeline, "UPDATE work_archive SET finished_at = finished_at - interval '2 days' WHERE stage = 'enrichment'")
    (row,) = pipeline.rows("SELECT artist_id, artist_key, name FROM artists")
    with pipeline.engine.begin() as connection:
        enqueue(
            connection, Stage.ENRICHMENT, {"artistId": str(row.artist_id), "artistName": row.name},
            subject=str(row.artist_id), idempotency_key="again", partition_key=row.artist_key,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("source", "provider"),
    [("lastfm", "lastfm"), ("deezer", "deezer"), ("reccobeats", "reccobeats"), ("getsongbpm", "getsongbpm")],
)
def test_a_subset_asks_only_its_provider_and_leaves_the_open_work_for_all_sources(
    discovered: Pipeline, source: str, provider: str
) -> None:
    key = discovered.value("SELECT artist_key FROM artists")
    (outcome,) = refresh(
        Stage.ENRICHMENT, [key], run_id="alone", cutoff=database_now(discovered.engine), sources=[source]
    )
    assert outcome.error is None
    assert requests(discovered).keys() == {provider}
    assert {row.source for row in discovered.rows("SELECT DISTINCT source FROM recording_sources")} == {source}
    enrich(discovered)
    asked = {row.source for row in discovered.rows("SELECT DISTINCT source FROM recording_sources")}
    assert asked == set(asked_about_all())


def test_a_source_that_was_never_asked_falls_due_by_itself(discovered: Pipeline) -> None:
    enrich(discovered)
    change(discovered, "DELETE FROM recording_sources WHERE source = 'lastfm'")
    assert enqueue_due(discovered.engine) == 1
    enrich(discovered)
    assert discovered.value("SELECT count(*) FROM recording_sources WHERE source = 'lastfm'") > 0


def test_the_status_of_a_recording_follows_from_how_many_providers_gave_values(discovered: Pipeline) -> None:
    counts = "SELECT status, count(*) AS n FROM recording_enrichment GROUP BY 1"
    recordings = discovered.value("SELECT count(*) FROM recordings")
    assert {row.status: row.n for row in discovered.rows(counts)} == {"pending": recordings}
    enrich(discovered)
    for row in discovered.rows(
        "SELECT e.status, e.sources_enriched, (SELECT count(DISTINCT provider) FROM recording_sources s "
        "WHERE s.recording_id = r.recording_id AND s.status = 'found' AND s.fields <> '{}') AS providers "
        "FROM recordings r JOIN recording_enrichment e USING (recording_id)"
    ):
        assert row.sources_enriched == row.providers
        assert row.status == ("completed" if row.providers > 1 else "partial" if row.providers else "failed")


def test_partial_and_failed_reach_the_table_with_the_seeds_words(discovered: Pipeline) -> None:
    enrich(discovered)
    one, two = (row[0] for row in discovered.rows("SELECT recording_id FROM recordings ORDER BY 1 LIMIT 2"))
    change(discovered, "UPDATE recording_sources SET status = 'absent', fields = '{}' WHERE recording_id = :one OR "
                       "(recording_id = :two AND source <> 'spotify')", one=one, two=two)  # fmt: skip
    said = {
        row.recording_id: (row.status, row.sources_enriched, row.error_message)
        for row in discovered.rows(
            "SELECT t.recording_id, s.status, s.sources_enriched, s.error_message FROM enrichment_status s "
            "JOIN release_tracks t USING (track_id)"
        )
    }
    assert said[one][:2] == ("failed", 0)
    assert str(said[one][2]).endswith("No metadata sources returned data")
    assert said[two][:2] == ("partial", 1)


def test_a_failure_that_others_outweigh_is_still_found_by_its_source(discovered: Pipeline) -> None:
    discovered.sandbox.add_fault("lastfm", "outage")
    enrich(discovered)
    hidden = discovered.rows(
        "SELECT e.status, s.error FROM recording_sources s JOIN recording_enrichment e USING (recording_id) "
        "WHERE s.source = 'lastfm' AND s.status = 'failed'"
    )
    assert "completed" in {row.status for row in hidden}
    assert all(row.error.startswith("Last.fm enrichment error: ") for row in hidden)


def test_two_sources_that_disagree_are_both_kept_and_the_precedence_decides_at_the_next_read(
    discovered: Pipeline,
) -> None:
    enrich(discovered)
    (row,) = discovered.rows(
        "SELECT a.recording_id, a.fields ->> 'tempo' AS reccobeats, b.fields ->> 'tempo' AS deezer "
        "FROM recording_sources a JOIN recording_sources b USING (recording_id) WHERE a.source = 'reccobeats' "
        "AND b.source = 'deezer' AND a.fields ? 'tempo' AND b.fields ? 'tempo' "
        "AND a.fields -> 'tempo' <> b.fields -> 'tempo' LIMIT 1"
    )
    shown = "SELECT value #>> '{}' FROM enriched_values WHERE recording_id = :one AND field = 'tempo'"
    assert discovered.value(shown, one=row.recording_id) == row.reccobeats
    change(discovered, "UPDATE field_precedence SET place = place + 10 WHERE field = 'tempo' AND source <> 'deezer'")
    change(discovered, "UPDATE field_precedence SET place = 1 WHERE field = 'tempo' AND source = 'deezer'")
    assert discovered.value(shown, one=row.recording_id) == row.deezer


def test_the_tracks_carry_metadata_and_all_twelve_audio_features(discovered: Pipeline) -> None:
    enrich(discovered)
    rows = discovered.rows("SELECT metadata, audio_features FROM tracks")
    assert all(len(row.audio_features) == 12 for row in rows)
    known = [row.metadata for row in rows if "camelot_key" in row.metadata and "lastfm_tags" in row.metadata]
    assert known
    assert {"enrichment_sources", "enriched_at"} <= known[0].keys()
    assert {"spotify", "lastfm"} <= set(known[0]["enrichment_sources"])


def test_a_source_that_this_app_may_not_ask_is_skipped_and_is_no_failure(discovered: Pipeline) -> None:
    enrich(discovered)
    (gone,) = discovered.rows(
        "SELECT DISTINCT status, error FROM recording_sources WHERE source = 'spotify_audio_features'"
    )
    assert tuple(gone) == ("skipped", "Spotify audio features: this app may not ask for it.")
    statuses = {row.status for row in discovered.rows("SELECT status FROM recording_enrichment")}
    assert statuses <= {"completed", "partial"}


@pytest.fixture
def every_level() -> Iterator[None]:
    """Log events of every level, whatever an earlier test configured."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG))
    yield
    structlog.configure(**before)


@pytest.mark.usefixtures("every_level")
def test_failures_are_warnings_and_skips_are_for_debugging(discovered: Pipeline) -> None:
    discovered.sandbox.add_fault("lastfm", "outage")
    with structlog.testing.capture_logs() as logs:
        enrich(discovered)
    failures = [one for one in logs if one["event"] == "enrichment.source_failed"]
    assert {(one["source"], one["log_level"]) for one in failures} == {("lastfm", "warning")}
    assert all(one["error"].startswith("Last.fm enrichment error: ") for one in failures)
    skipped = [one for one in logs if one["event"] == "enrichment.source_skipped"]
    assert {(one["source"], one["log_level"]) for one in skipped} == {("spotify_audio_features", "debug")}
    assert not [one for one in logs if one["log_level"] in ("error", "critical")]
    enriched = [one for one in logs if one["event"] == "Track enrichment completed"]
    assert len(enriched) == discovered.value("SELECT count(*) FROM tracks")
    wanted = {"track_id", "correlation_id", "status", "sources_used", "duration", "errors"}
    assert all(wanted <= one.keys() for one in enriched)
    assert any(one["errors"] for one in enriched)


@pytest.mark.usefixtures("every_level")
def test_a_sweep_that_asks_one_source_about_one_recording_tells_of_that_only(discovered: Pipeline) -> None:
    enrich(discovered)
    (first, *_) = discovered.rows("SELECT recording_id FROM recordings ORDER BY 1")
    change(
        discovered,
        "UPDATE recording_sources SET status = 'failed', fields = '{}', next_attempt_at = now() "
        "WHERE source = 'lastfm' AND recording_id = :one",
        one=first.recording_id,
    )
    with structlog.testing.capture_logs() as logs:
        enrich(discovered)
    told = {one["track_id"] for one in logs if one["event"] == "Track enrichment completed"}
    places = discovered.rows("SELECT track_id FROM release_tracks WHERE recording_id = :one", one=first.recording_id)
    assert told == {str(row.track_id) for row in places}
    assert not [one for one in logs if one["event"].startswith("enrichment.source")]


def test_an_error_that_many_recordings_met_is_one_issue_of_the_provider(discovered: Pipeline) -> None:
    discovered.sandbox.add_fault("lastfm", "outage")
    enrich(discovered)
    issues = discovered.rows(
        "SELECT provider, error, count(*) AS n FROM worker_issues WHERE stage = 'enrichment' GROUP BY 1, 2"
    )
    stated = {row.error for row in discovered.rows("SELECT error FROM recording_sources WHERE source = 'lastfm'")}
    assert {(row.provider, row.n) for row in issues} == {("lastfm", 1)}
    assert {row.error for row in issues} == stated


def test_a_provider_that_is_back_is_seen_and_what_waits_for_it_is_due_at_once(discovered: Pipeline) -> None:
    discovered.sandbox.add_fault("lastfm", "outage")
    enrich(discovered)
    change(discovered, "UPDATE recording_sources SET next_attempt_at = now() + interval '3 hours' WHERE is_retriable")
    with discovered.engine.begin() as connection:
        assert connection.execute(query("providers_that_are_back")).all() == []
        connection.execute(sa.text("UPDATE provider_breakers SET state = 'closed' WHERE provider = 'lastfm'"))
        (back,) = connection.execute(query("providers_that_are_back")).all()
        assert (back.provider, back.waiting > 0) == ("lastfm", True)
    assert not is_due(discovered.engine)
    with discovered.engine.begin() as connection:
        connection.execute(query("take_up_waiting_rows"), {"providers": ["lastfm"]})
    assert is_due(discovered.engine)


def test_absent_is_an_answer_with_its_own_date_of_asking_again(discovered: Pipeline) -> None:
    enrich(discovered)
    absent = discovered.rows(
        "SELECT attempts, next_attempt_at - fetched_at AS after FROM recording_sources WHERE status = 'absent'"
    )
    assert {(row.attempts, row.after) for row in absent} == {(1, timedelta(days=30))}
