"""Asking sources again: which rows are meant, and, with the sandbox, that they are really asked."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from music_pipeline.actions.reprocess import InvalidFilters, Reprocessed, ReprocessFilters, reprocess
from music_pipeline.catalog.source_rows import SourceRow, known_rows, write_source_rows
from music_pipeline.cli import main
from music_pipeline.work.model import Stage
from music_pipeline.work.stages import catalog_stages
from music_pipeline.worker.runner import run_now, sweep
from music_pipeline_tests.support.ledger import value
from music_pipeline_tests.support.pipeline import Pipeline
from music_pipeline_tests.support.rows import write_small_catalogue

BY = "the operator"


@dataclass
class OneRecording:
    """A catalogue with one active recording, whose sources' rows are made as a test needs them."""

    engine: sa.Engine
    recording_id: Any
    track_id: Any
    mbid: str | None = None

    def write(self, source: str, status: str, **facts: Any) -> None:
        values = {"recording_id": self.recording_id, "source": source, "provider": source, "status": status, **facts}
        columns, places = ", ".join(values), ", ".join(f":{name}" for name in values)
        change(self.engine, f"INSERT INTO recording_sources ({columns}) VALUES ({places})", **values)

    def row(self, source: str) -> Any:
        (row,) = read(self.engine, "SELECT * FROM recording_sources WHERE source = :source", source=source)
        return row

    def reprocess(self, *, dry_run: bool = False, **filters: Any) -> Reprocessed:
        return reprocess(self.engine, ReprocessFilters(**filters), by=BY, dry_run=dry_run)

    def sweep(self) -> None:
        outcomes = list(sweep(Stage.ENRICHMENT, run_id="sweep", time_box=60))
        assert [one.error for one in outcomes] == [None]


def read(engine: sa.Engine, statement: str, **values: Any) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(sa.text(statement), values))


def change(engine: sa.Engine, statement: str, **values: Any) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text(statement), values)


@pytest.fixture
def one(engine: sa.Engine) -> OneRecording:
    track_id = write_small_catalogue(engine, ["Sinnerman"]).track_ids["Sinnerman"]
    change(
        engine,
        "INSERT INTO external_ids (entity, provider, id, entity_id, source, confidence) "
        "VALUES ('track', 'spotify', 'sinnerman', :track_id, 'spotify', 1)",
        track_id=track_id,
    )
    return OneRecording(engine, value(engine, "SELECT recording_id FROM recordings"), track_id)


@pytest.fixture
def discovered(pipeline: Pipeline, small_artists: list[str]) -> OneRecording:
    """A recording whose MBID the sandbox's MusicBrainz knows by its ISRC, and the catalogue does not."""
    pipeline.discover(small_artists[0])
    for stage in catalog_stages():
        list(sweep(stage, run_id="sweep", time_box=60))
    (row,) = pipeline.rows(
        "SELECT t.recording_id, t.track_id, x.id AS mbid FROM tracks t JOIN external_ids x ON x.entity = 'recording' "
        "AND x.provider = 'musicbrainz' AND x.entity_id = t.recording_id "
        "JOIN recording_isrcs i ON i.recording_id = t.recording_id ORDER BY t.track_id LIMIT 1"
    )
    change(pipeline.engine, "DELETE FROM work")
    change(
        pipeline.engine, "DELETE FROM external_ids WHERE entity = 'recording' AND entity_id = :id", id=row.recording_id
    )
    change(pipeline.engine, "UPDATE recordings SET inactive_at = now() WHERE recording_id <> :id", id=row.recording_id)
    return OneRecording(pipeline.engine, row.recording_id, row.track_id, row.mbid)


def failed(**facts: Any) -> dict[str, Any]:
    return {"attempts": 5, "error": "MusicBrainz enrichment error: HTTP 503"} | facts


def test_a_dry_run_shows_reasons_and_counts_and_changes_nothing(one: OneRecording) -> None:
    one.write("musicbrainz", "failed", **failed())
    before = one.row("musicbrainz")
    shown = one.reprocess(dry_run=True)
    (row,) = shown.rows
    assert (row.source, row.attempts, row.error) == ("musicbrainz", 5, "MusicBrainz enrichment error: HTTP 503")
    assert shown.artist_keys == (value(one.engine, "SELECT artist_key FROM artists"),)
    assert one.row("musicbrainz") == before
    assert value(one.engine, "SELECT count(*) FROM work") == 0


def test_what_failed_is_pending_at_once_with_an_audit_and_a_repeat_finds_nothing(one: OneRecording) -> None:
    one.write("musicbrainz", "failed", **failed())
    done = one.reprocess()
    row = one.row("musicbrainz")
    assert (row.status, row.attempts, row.error, row.is_retriable) == ("pending", 0, None, False)
    assert row.next_attempt_at == row.requested_at
    assert value(one.engine, "SELECT count(*) FROM work WHERE stage = 'enrichment'") == 1
    (act,) = read(one.engine, "SELECT * FROM audit WHERE entity = 'reprocess'")
    assert act.why == f"reprocess by {BY}: all failures"
    assert act.after["rows"] == 1
    (change,) = read(
        one.engine, "SELECT * FROM audit WHERE entity = 'recording_sources' AND before ->> 'status' = 'failed'"
    )
    assert change.correlation_id == act.correlation_id == done.correlation_id
    assert one.reprocess().rows == ()
    assert value(one.engine, "SELECT count(*) FROM audit WHERE entity = 'reprocess'") == 1


def test_a_request_really_asks_though_an_answer_is_kept_and_silence_would_do(
    discovered: OneRecording, pipeline: Pipeline
) -> None:
    """MusicBrainz named all the releases, so its silence is an answer; and the search is in the cache by then."""
    assert value(pipeline.engine, "SELECT outcome FROM provider_answers WHERE provider = 'musicbrainz'") == "found"
    for _ in range(2):
        change(pipeline.engine, "DELETE FROM recording_sources")
        discovered.write("musicbrainz", "failed", **failed())
        discovered.reprocess(sources=("musicbrainz",))
        pipeline.sandbox.reset_stats()
        discovered.sweep()
        assert pipeline.sandbox.stats()["musicbrainz"]["requests"] == 1
        row = discovered.row("musicbrainz")
        assert row.status == "found"
        assert row.fields == {"musicbrainz_id": discovered.mbid}
        assert row.requested_at is None


def test_only_the_named_source_is_reset(one: OneRecording) -> None:
    one.write("musicbrainz", "failed", **failed())
    one.write("deezer", "failed", **failed(error="Deezer enrichment error: HTTP 500"))
    assert [row.source for row in one.reprocess(sources=("deezer",)).rows] == ["deezer"]
    assert one.row("deezer").status == "pending"
    assert one.row("musicbrainz").status == "failed"


def test_retriable_and_other_failures_are_told_apart(one: OneRecording) -> None:
    one.write("musicbrainz", "failed", **failed())
    one.write("deezer", "failed", error="Circuit breaker 'deezer' is OPEN", is_retriable=True)
    assert [row.source for row in one.reprocess(dry_run=True, retriable=True).rows] == ["deezer"]
    assert [row.source for row in one.reprocess(dry_run=True, retriable=False).rows] == ["musicbrainz"]


def test_dates_and_the_limit_bound_what_is_asked_again(one: OneRecording) -> None:
    now = datetime.now(UTC)
    one.write("musicbrainz", "failed", **failed(updated_at=now - timedelta(days=3)))
    assert one.reprocess(dry_run=True, days=2).rows == ()
    assert one.reprocess(dry_run=True, days=4).recordings == 1
    assert one.reprocess(dry_run=True, start_date=now - timedelta(days=2)).rows == ()
    assert one.reprocess(dry_run=True, end_date=now - timedelta(days=2)).recordings == 1
    assert one.reprocess(dry_run=True, end_date=now - timedelta(days=4)).rows == ()
    assert one.reprocess(dry_run=True, limit=1).recordings == 1


def test_a_failure_beside_what_was_found_is_found_though_the_recording_is_enriched(one: OneRecording) -> None:
    """What was found before stays shown while it is asked again."""
    fields = '{"tempo": 120}'
    one.write("deezer", "found", fields=fields, confidence=0.9, error="Deezer enrichment error: HTTP 500")
    (row,) = one.reprocess(sources=("deezer",)).rows
    assert row.enrichment == "partial"
    kept = one.row("deezer")
    assert (kept.status, kept.fields, kept.error) == ("found", {"tempo": 120}, None)
    assert one.reprocess(sources=("deezer",)).rows == ()


def test_recordings_of_a_status_are_asked_again_with_what_their_sources_did_not_know(one: OneRecording) -> None:
    one.write("deezer", "found", fields='{"tempo": 120}', confidence=0.9)
    one.write("lastfm", "absent", attempts=1)
    assert one.reprocess(dry_run=True, statuses=("completed",)).rows == ()
    assert [row.source for row in one.reprocess(dry_run=True, statuses=("partial",)).rows] == ["lastfm"]
    assert one.reprocess(dry_run=True).rows == ()


def test_a_named_track_is_asked_again_at_all_its_sources_by_any_of_its_ids(one: OneRecording) -> None:
    one.write("deezer", "found", fields='{"tempo": 120}', confidence=0.9)
    one.write("lastfm", "absent", attempts=1)
    spotify_id = value(
        one.engine, "SELECT id FROM external_ids WHERE entity = 'track' AND entity_id = :id", id=one.track_id
    )
    for named in (str(one.track_id), str(one.recording_id), spotify_id):
        rows = one.reprocess(dry_run=True, track_ids=(named,)).rows
        assert [row.source for row in rows] == ["deezer", "lastfm"]
    one.reprocess(track_ids=(spotify_id,))
    assert one.reprocess(track_ids=(spotify_id,)).rows == ()


def test_what_is_asked_for_during_a_run_is_not_lost_to_the_runs_older_answer(one: OneRecording) -> None:
    one.write("deezer", "failed", **failed())
    with one.engine.connect() as connection:
        known = known_rows(connection, [one.recording_id])
    one.reprocess()
    answer = SourceRow(
        one.recording_id, "deezer", "deezer", "absent", {}, None, datetime.now(UTC), None, 1, None, None, False
    )
    with one.engine.begin() as connection:
        write_source_rows(connection, [answer], known, run_id="older")
    assert one.row("deezer").status == "pending"
    with one.engine.begin() as connection:
        known = known_rows(connection, [one.recording_id])
        write_source_rows(connection, [answer], known, run_id="younger")
    assert one.row("deezer").status == "absent"


def test_exactly_the_enqueued_work_is_done_at_once(discovered: OneRecording) -> None:
    discovered.write("musicbrainz", "failed", **failed())
    done = discovered.reprocess(sources=("musicbrainz",))
    (outcome,) = run_now(Stage.ENRICHMENT, done.work_ids, run_id="now", time_box=60)
    assert outcome.error is None
    assert discovered.row("musicbrainz").status == "found"


def test_the_command_asks_at_once_and_says_what_came(
    discovered: OneRecording, capsys: pytest.CaptureFixture[str]
) -> None:
    discovered.write("musicbrainz", "failed", **failed())
    assert main.run(["reprocess", "--source", "musicbrainz", "--trigger-now"]) == 0
    said = capsys.readouterr().out
    assert "1 rows of 1 recordings are reset, of 1 artists." in said
    assert "answers of" in said
    assert "left to the next sweep" not in said
    assert discovered.row("musicbrainz").status == "found"


def test_filters_that_mean_nothing_are_refused(one: OneRecording) -> None:
    for filters, said in (
        ({"sources": ("spotfy",)}, "no source 'spotfy'"),
        ({"statuses": ("done",)}, "'done' is no status"),
        ({"days": 0}, "at least 1"),
        ({"track_ids": ("nothing",)}, "no track 'nothing'"),
    ):
        with pytest.raises(InvalidFilters, match=said):
            one.reprocess(**filters)
