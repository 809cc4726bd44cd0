"""Sources that fail, recover, or are asked alone, against the sandbox: no other source is affected."""

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
def test_outage_leaves_no_trace_after_recovery(discovered: Pipeline, down: str) -> None:
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


def test_defect_in_one_source_costs_no_other_answers(discovered: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_open_breaker_leaves_rows_retriable(
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


def test_hopeless_source_is_given_up(discovered: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_found_values_stay_while_later_attempts_fail(discovered: Pipeline) -> None:
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
def test_subset_leaves_work_for_all_sources_open(discovered: Pipeline, source: str, provider: str) -> None:
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


def test_never_asked_source_falls_due(discovered: Pipeline) -> None:
    enrich(discovered)
    change(discovered, "DELETE FROM recording_sources WHERE source = 'lastfm'")
    assert enqueue_due(discovered.engine) == 1
    enrich(discovered)
    assert discovered.value("SELECT count(*) FROM recording_sources WHERE source = 'lastfm'") > 0


def test_status_follows_from_providers_with_values(discovered: Pipeline) -> None:
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


def test_partial_and_failed_reach_enrichment_status(discovered: Pipeline) -> None:
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


def test_outweighed_failure_is_found_by_its_source(discovered: Pipeline) -> None:
    discovered.sandbox.add_fault("lastfm", "outage")
    enrich(discovered)
    hidden = discovered.rows(
        "SELECT e.status, s.error FROM recording_sources s JOIN recording_enrichment e USING (recording_id) "
        "WHERE s.source = 'lastfm' AND s.status = 'failed'"
    )
    assert "completed" in {row.status for row in hidden}
    assert all(row.error.startswith("Last.fm enrichment error: ") for row in hidden)


def test_precedence_decides_between_kept_values(
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


def test_forbidden_source_is_skipped(discovered: Pipeline) -> None:
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
def test_only_what_was_asked_is_logged(discovered: Pipeline) -> None:
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


def test_error_of_many_recordings_is_one_issue(discovered: Pipeline) -> None:
    discovered.sandbox.add_fault("lastfm", "outage")
    enrich(discovered)
    issues = discovered.rows(
        "SELECT provider, error, count(*) AS n FROM worker_issues WHERE stage = 'enrichment' GROUP BY 1, 2"
    )
    stated = {row.error for row in discovered.rows("SELECT error FROM recording_sources WHERE source = 'lastfm'")}
    assert {(row.provider, row.n) for row in issues} == {("lastfm", 1)}
    assert {row.error for row in issues} == stated


def test_waiting_rows_are_due_when_their_provider_is_back(discovered: Pipeline) -> None:
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


def test_absence_has_its_own_next_date(discovered: Pipeline) -> None:
    enrich(discovered)
    absent = discovered.rows(
        "SELECT attempts, next_attempt_at - fetched_at AS after FROM recording_sources WHERE status = 'absent'"
    )
    assert {(row.attempts, row.after) for row in absent} == {(1, timedelta(days=30))}
