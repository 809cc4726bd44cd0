"""Enrichment that falls due by itself: expired answers, new credentials, recovered providers."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from music_pipeline import credentials
from music_pipeline.defs.runs.source_checks import source_last_run
from music_pipeline.defs.runs.source_events import source_outcomes
from music_pipeline.gateway import addresses
from music_pipeline.gateway.provider import Provider
from music_pipeline.ops.doctor import enrichment_findings
from music_pipeline.providers.registry import PROVIDERS
from music_pipeline.stages.enrichment.due import LAST_PRIORITY, enqueue_due, is_due
from music_pipeline.stages.enrichment.sources import SOURCES
from music_pipeline_tests.support.enriching import change, enrich, requests, rows_by_source
from music_pipeline_tests.support.pipeline import Pipeline
from music_pipeline_tests.support.providers import declared

ARTIST_WITH_OLD_ANSWER = """
WITH artist AS (
    INSERT INTO artists (artist_key, name, name_normalised, content_hash) VALUES (:key, :key, :key, 'h')
    RETURNING artist_id
), release AS (
    INSERT INTO releases (title, title_normalised, release_type, total_tracks, content_hash)
    VALUES (:key, :key, 'single', 1, 'h') RETURNING release_id
), recording AS (
    INSERT INTO recordings (title, title_normalised, artist_names, content_hash)
    VALUES (:key, :key, ARRAY[:key], 'h') RETURNING recording_id
), placed AS (
    INSERT INTO artist_releases (artist_id, release_id, credited_as, content_hash)
    SELECT artist_id, release_id, :key, 'h' FROM artist, release
), track AS (
    INSERT INTO release_tracks (release_id, recording_id, disc_number, position, title, content_hash)
    SELECT release_id, recording_id, 1, 1, :key, 'h' FROM release, recording
)
INSERT INTO recording_sources (recording_id, source, provider, status, fields, confidence, fetched_at, expires_at)
SELECT recording_id, source, source, 'found', '{"tempo": 100}', 0.9, now() - interval '100 days',
       CASE source WHEN 'lastfm' THEN now() - make_interval(days => :days) ELSE now() + interval '1 day' END
FROM recording, unnest(CAST(:sources AS text[])) AS source
"""


def let_answers_grow_old(pipeline: Pipeline, *sources: str) -> None:
    """Let the time pass for which these sources' answers are kept, in the rows and in the cache."""
    change(pipeline, "UPDATE recording_sources SET fetched_at = fetched_at - interval '91 days', "
                     "expires_at = expires_at - interval '91 days' WHERE source = ANY (:sources)",
           sources=list(sources))  # fmt: skip
    change(pipeline, "UPDATE cached_answers SET fetched_at = fetched_at - interval '91 days'")


def test_expired_answers_come_last(discovered: Pipeline) -> None:
    enrich(discovered)
    before = rows_by_source(discovered)
    assert not is_due(discovered.engine)
    let_answers_grow_old(discovered, "lastfm")
    discovered.sandbox.reset_stats()
    assert is_due(discovered.engine)
    assert enqueue_due(discovered.engine) == 1
    assert discovered.value("SELECT priority FROM work WHERE stage = 'enrichment'") == LAST_PRIORITY
    assert [one.error for one in enrich(discovered)] == [None]
    found = discovered.value("SELECT count(*) FROM recording_sources WHERE source = 'lastfm' AND status = 'found'")
    assert requests(discovered) == {"lastfm": found}
    assert rows_by_source(discovered) == before
    assert not is_due(discovered.engine)


def test_one_sweep_renews_every_old_answer(discovered: Pipeline) -> None:
    enrich(discovered)
    before = rows_by_source(discovered)
    let_answers_grow_old(discovered, *SOURCES)
    assert [one.error for one in enrich(discovered)] == [None]
    assert rows_by_source(discovered) == before
    old = (
        "SELECT source, count(*) AS n FROM recording_sources WHERE status = 'found' AND expires_at <= now() GROUP BY 1"
    )
    assert discovered.rows(old) == []
    assert enqueue_due(discovered.engine) == 0


def test_oldest_answers_are_renewed_first(engine: sa.Engine) -> None:
    ages = {"a": 3, "b": 9, "c": 1, "d": 8, "e": 0}
    with engine.begin() as connection:
        for key, days in ages.items():
            values = {"key": key, "days": days if days else -1, "sources": list(SOURCES)}
            connection.execute(sa.text(ARTIST_WITH_OLD_ANSWER), values)
    assert [taken(engine, old_answers=2) for _ in range(3)] == [{"b", "d"}, {"a", "c"}, set()]


def taken(engine: sa.Engine, *, old_answers: int) -> set[str]:
    """The artists that one look enqueues more."""
    before = keys_of_open_work(engine)
    enqueue_due(engine, old_answers=old_answers)
    return keys_of_open_work(engine) - before


def keys_of_open_work(engine: sa.Engine) -> set[str]:
    with engine.connect() as connection:
        return set(connection.execute(sa.text("SELECT partition_key FROM work")).scalars())


def test_inactive_recordings_never_fall_due(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        for key in ("recording", "release"):
            values = {"key": key, "days": 3, "sources": list(SOURCES)}
            connection.execute(sa.text(ARTIST_WITH_OLD_ANSWER), values)
        connection.execute(sa.text("UPDATE recording_sources SET next_attempt_at = now() WHERE source = 'deezer'"))
        assert connection.execute(sa.text("SELECT count(*) FROM artists")).scalar_one() == 2
        connection.execute(sa.text("UPDATE recordings SET inactive_at = now() WHERE title = 'recording'"))
        connection.execute(sa.text("UPDATE releases SET inactive_at = now() WHERE title = 'release'"))
    assert not is_due(engine)
    assert enqueue_due(engine) == 0


def test_rows_of_a_removed_source_never_fall_due(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        values = {"key": "somebody", "days": -1, "sources": [*SOURCES, "moodbank"]}
        connection.execute(sa.text(ARTIST_WITH_OLD_ANSWER), values)
        connection.execute(sa.text("UPDATE recording_sources SET next_attempt_at = now() WHERE source = 'moodbank'"))
    assert not is_due(engine)
    assert enqueue_due(engine) == 0


@contextmanager
def as_real(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """The sandbox at the place of the real providers, where nobody is let in without credentials of the operator's.

    What the block changes further of the environment has to go through the patch that is yielded.
    """

    def at_the_sandbox(one: Provider) -> dict[str, object]:
        address = pipeline.sandbox.url + one.sandbox_path
        return {"base_url": address, "quota": replace(one.quota, seconds=0.5)}

    with monkeypatch.context() as patch, declared(at_the_sandbox):
        patch.delenv("MUSIC_SANDBOX_URL")
        patch.setenv("MUSICBRAINZ_CONTACT", "somebody@example.org")
        for one in PROVIDERS.values():
            for name in one.credentials:
                patch.setenv(name, "sandbox")
        patch.setattr(addresses, "SPOTIFY_ACCOUNTS", pipeline.sandbox.url + addresses.SPOTIFY_ACCOUNTS_IN_SANDBOX)
        yield patch


def states_of(pipeline: Pipeline, source: str) -> set[tuple[Any, ...]]:
    states = pipeline.rows("SELECT DISTINCT status, error FROM recording_sources WHERE source = :one", one=source)
    return {tuple(row) for row in states}


def test_source_is_skipped_until_it_has_credentials(discovered: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    why = "lastfm is not asked: LASTFM_API_KEY is not set."
    with as_real(discovered, monkeypatch) as environment:
        environment.delenv("LASTFM_API_KEY")
        (outcome,) = enrich(discovered)
        assert states_of(discovered, "lastfm") == {("skipped", why)}
        check = source_last_run("lastfm", source_outcomes([outcome], "lastfm"))
        assert check.passed
        assert (check.metadata["attempted"], check.metadata["skipped"]) == (0, len(recordings(discovered)))
        assert check.metadata["sample"] == {outcome.artist_key: why}
        (finding,) = [one for one in enrichment_findings(discovered.engine) if one.subject == "source lastfm"]
        assert "music-pipeline credentials set LASTFM_API_KEY" in str(finding.advice)
        assert not is_due(discovered.engine)
        assert enqueue_due(discovered.engine) == 0
        credentials.store(discovered.engine, "LASTFM_API_KEY", "sandbox")
        discovered.sandbox.reset_stats()
        assert is_due(discovered.engine)
        enrich(discovered)
        assert requests(discovered).keys() == {"lastfm"}
        assert {status for status, _ in states_of(discovered, "lastfm")} == {"found", "absent"}
        assert not is_due(discovered.engine)


def recordings(pipeline: Pipeline) -> list[Any]:
    return pipeline.rows("SELECT recording_id FROM recordings")


def test_old_answers_are_renewed_once_credentials_are_set(
    discovered: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    with as_real(discovered, monkeypatch) as environment:
        enrich(discovered)
        let_answers_grow_old(discovered, "lastfm")
        environment.delenv("LASTFM_API_KEY")
        enrich(discovered)
        assert "found" in {status for status, _ in states_of(discovered, "lastfm")}
        assert not is_due(discovered.engine)
        environment.setenv("LASTFM_API_KEY", "sandbox")
        assert is_due(discovered.engine)
        enrich(discovered)
        assert {error for _, error in states_of(discovered, "lastfm")} == {None}
        assert not is_due(discovered.engine)


def test_lost_endpoint_is_tried_again_later(discovered: Pipeline) -> None:
    enrich(discovered)
    assert not is_due(discovered.engine)
    change(discovered, "UPDATE provider_capabilities SET learnt_at = learnt_at - interval '8 days'")
    discovered.sandbox.reset_stats()
    assert is_due(discovered.engine)
    enrich(discovered)
    assert requests(discovered).get("spotify") == 1
    assert not is_due(discovered.engine)


def test_closed_breaker_makes_rows_due(discovered: Pipeline) -> None:
    discovered.sandbox.add_fault("deezer", "outage")
    enrich(discovered)
    held_back = "FROM recording_sources WHERE source = 'deezer' AND is_retriable"
    assert discovered.value(f"SELECT count(*) {held_back}") > 0
    assert discovered.value(f"SELECT count(*) {held_back} AND next_attempt_at > now() + interval '10 minutes'") == 0
    discovered.sandbox.clear_faults()
    change(discovered, "UPDATE provider_breakers SET state = 'closed', changed_at = now() - interval '1 hour'")
    pass_ten_minutes(discovered)
    assert is_due(discovered.engine)
    enrich(discovered)
    assert discovered.value(f"SELECT count(*) {held_back}") == 0


def pass_ten_minutes(pipeline: Pipeline) -> None:
    change(pipeline, "UPDATE recording_sources SET next_attempt_at = next_attempt_at - interval '10 minutes'")


def test_due_statements_read_no_whole_table(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        values = {"key": str(uuid4()), "days": -1, "sources": list(SOURCES)}
        connection.execute(sa.text(ARTIST_WITH_OLD_ANSWER), values)
        connection.execute(sa.text(MANY_ROWS), {"sources": list(SOURCES)})
        connection.execute(sa.text("ANALYZE recording_sources"))
        plan = "\n".join(
            connection.execute(
                sa.text("EXPLAIN SELECT recording_id FROM recording_sources WHERE status = 'found' "
                        "AND next_attempt_at IS NULL AND expires_at <= now() ORDER BY expires_at LIMIT 500")
            ).scalars()
        )  # fmt: skip
    assert "recording_sources_old" in plan


MANY_ROWS = """
WITH many AS (
    INSERT INTO recordings (title, title_normalised, artist_names, content_hash)
    SELECT 't', 't', '{a}', 'h' FROM generate_series(1, 3000) RETURNING recording_id
)
INSERT INTO recording_sources (recording_id, source, provider, status, fields, confidence, fetched_at, expires_at)
SELECT recording_id, source, source, 'found', '{"tempo": 100}', 0.9, now(), now() + interval '30 days'
FROM many, unnest(CAST(:sources AS text[])) AS source
"""
