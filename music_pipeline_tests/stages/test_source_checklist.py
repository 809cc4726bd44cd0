"""The independence of each source, point by point. No provider is asked: the tests set the answers."""

import ast
import inspect
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
import structlog

from music_pipeline.catalog.source_rows import EnrichableRecording
from music_pipeline.gateway.breaker import BreakerRules, admit, record
from music_pipeline.gateway.errors import CircuitBreakerOpenException, ProviderFailure
from music_pipeline.gateway.quota import quota_plan
from music_pipeline.providers.lastfm import LastfmTrack
from music_pipeline.providers.registry import PROVIDERS
from music_pipeline.stages.enrichment import fetch as enrichment_sources
from music_pipeline.stages.enrichment.due import enqueue_due
from music_pipeline.stages.enrichment.fetch import FETCH, FetchRequest, fetch_lastfm
from music_pipeline.stages.enrichment.rows import SourceAnswer, SourceValues, row_of_answer
from music_pipeline.stages.enrichment.sources import SOURCES
from music_pipeline.work.model import Stage
from music_pipeline.worker.outcomes import Outcome
from music_pipeline.worker.runner import sweep
from music_pipeline_tests.stages.test_enrichment_plan import DEEZER, LATER, NOW, RECORDING, known
from music_pipeline_tests.support.calls import OnPool
from music_pipeline_tests.support.rows import write_small_catalogue

IDS = """
INSERT INTO external_ids (entity, provider, id, entity_id, source, confidence)
SELECT 'track', 'spotify', 'sinnerman', track_id, 'spotify', 1 FROM release_tracks
UNION ALL
SELECT 'recording', 'musicbrainz', 'a-mbid', recording_id, 'musicbrainz', 1 FROM recordings
UNION ALL
SELECT 'release', 'discogs', '1', release_id, 'discogs', 1 FROM releases
"""
ISRC = """
INSERT INTO recording_isrcs (recording_id, isrc, source)
SELECT recording_id, 'USPR36500001', 'spotify' FROM recordings
"""
ADDRESS = """
INSERT INTO operator_values (entity, entity_id, field, value, why, set_by)
SELECT 'recording', recording_id, 'audio_url', '"https://audio.example.org/sinnerman.mp3"', 'a test', 'a test'
FROM recordings
"""
# These wait while one is in trouble that may make their question needless.
SPARED = {name for name, source in SOURCES.items() if source.only_without}
ASKED_OF = [one for one in PROVIDERS if one in {source.provider for source in SOURCES.values()}]


@dataclass
class OneRecording:
    """A catalogue of one recording with every id, and sources that answer as the test says."""

    engine: sa.Engine
    monkeypatch: pytest.MonkeyPatch

    def answer(self, source: str, answer: SourceAnswer | Exception) -> None:
        """Let a source answer so; an exception is raised, a ProviderError as its client would."""

        async def fetch(_: object, asked: Sequence[FetchRequest]) -> dict[UUID, SourceAnswer]:
            if isinstance(answer, Exception):
                raise answer
            return {one.recording.recording_id: answer for one in asked}

        self.monkeypatch.setitem(FETCH, source, fetch)  # type: ignore[arg-type]

    def enrich(self) -> Outcome:
        assert enqueue_due(self.engine) == 1
        (outcome,) = sweep(Stage.ENRICHMENT, run_id="sweep", time_box=60)
        return outcome

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.text(statement))]

    def statuses(self) -> dict[str, str]:
        return dict(self.rows("SELECT source, status FROM recording_sources"))  # type: ignore[arg-type]


@pytest.fixture
def one(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> OneRecording:
    """Every source has something to say."""
    write_small_catalogue(engine, ["Sinnerman"])
    with engine.begin() as connection:
        connection.execute(sa.text(IDS))
        connection.execute(sa.text(ISRC))
        connection.execute(sa.text(ADDRESS))
    made = OneRecording(engine, monkeypatch)
    for name, source in SOURCES.items():
        made.answer(name, SourceValues({sorted(source.gives)[0]: "said"}, source.confidence))
    return made


def failure(source: str) -> ProviderFailure:
    return ProviderFailure(SOURCES[source].provider, "track", f"{SOURCES[source].provider} track: HTTP 500")


@pytest.mark.parametrize("source", SOURCES)
def test_any_exception_fails_only_its_own_source(one: OneRecording, source: str) -> None:
    one.answer(source, KeyError("defect"))
    assert one.enrich().error is None
    said = {name: status for name, status in one.statuses().items() if name == source or name not in SPARED}
    assert said == {name: "failed" if name == source else "found" for name in said}
    assert said.keys() == SOURCES.keys() - SPARED | {source}


@pytest.fixture
def every_level() -> Iterator[None]:
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG))
    yield
    structlog.configure(**before)


@pytest.mark.usefixtures("every_level")
@pytest.mark.parametrize("source", SOURCES)
def test_failure_is_logged_and_listed_for_the_track(one: OneRecording, source: str) -> None:
    error = f"{SOURCES[source].label} enrichment error: {failure(source)}"
    one.answer(source, failure(source))
    with structlog.testing.capture_logs() as logs:
        one.enrich()
    told = [entry for entry in logs if entry["event"] == "enrichment.source_failed"]
    assert [(entry["source"], entry["log_level"], entry["error"]) for entry in told] == [(source, "warning", error)]
    assert {entry["log_level"] for entry in logs} <= {"debug", "info", "warning"}
    (track,) = [entry for entry in logs if entry["event"] == "Track enrichment completed"]
    assert track["errors"] == [error]
    [(message,)] = one.rows("SELECT error_message FROM enrichment_status")
    assert error in message


def test_no_source_raises_or_exits_by_itself() -> None:
    tree = ast.parse(inspect.getsource(enrichment_sources))
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Raise)]
    called = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    named = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert not {"exit", "_exit", "quit", "abort"} & (called | named)


@pytest.mark.parametrize("source", SOURCES)
def test_finding_counts_among_sources_used(one: OneRecording, source: str) -> None:
    for name in SOURCES:
        if name != source:
            one.answer(name, None)
    one.enrich()
    assert one.rows("SELECT status, sources_enriched FROM enrichment_status") == [("partial", 1)]
    assert one.rows("SELECT metadata ->> 'enrichment_sources' FROM tracks") == [(f'["{SOURCES[source].provider}"]',)]


@pytest.mark.parametrize("source", SOURCES)
def test_source_is_asked_though_all_others_fail(one: OneRecording, source: str) -> None:
    for name in SOURCES:
        if name != source:
            one.answer(name, failure(name))
    if SOURCES[source].only_without:
        one.enrich()  # it waits for those that may yet make its question needless, until these are given up
        assert one.statuses()[source] == "waiting"
        with one.engine.begin() as connection:
            connection.execute(sa.text("UPDATE recording_sources SET attempts = 4, next_attempt_at = now() "
                                       "WHERE status = 'failed'"))  # fmt: skip
    one.enrich()
    said = {name: status for name, status in one.statuses().items() if name == source or name not in SPARED}
    assert said == {name: "found" if name == source else "failed" for name in said}


@pytest.mark.parametrize("provider", ASKED_OF)
def test_a_provider_has_a_breaker_of_its_own(on_pool: OnPool, provider: str) -> None:
    rules = BreakerRules(failures=2, seconds=60, successes=2)
    for digest in ("one", "another"):
        on_pool(record, provider, "failure", request_digest=digest, probe=None, rules=rules)
    assert {name: on_pool(admit, name, lease=30).admitted for name in ASKED_OF} == {
        name: name != provider for name in ASKED_OF
    }


def test_a_provider_has_a_quota_of_its_own() -> None:
    buckets = {name: quota_plan(PROVIDERS[name], "default", "f", 1.0).buckets[0] for name in ASKED_OF}
    assert len(set(buckets.values())) == len(ASKED_OF)


def test_attempts_end_though_a_breaker_opens_between_them() -> None:
    """A count that a breaker sets back would never end."""
    row, asked, now = None, 0, NOW
    while row is None or row.next_attempt_at is not None:
        before = row and known("failed", attempts=row.attempts, next_attempt_at=row.next_attempt_at)
        held_back = CircuitBreakerOpenException("deezer", "track", until=now)
        row = row_of_answer(DEEZER, RECORDING, before, held_back if asked % 2 else failure("deezer"), now=now)
        now, asked = row.next_attempt_at or LATER, asked + 1
        assert asked <= 10


@pytest.mark.parametrize("version", ["Instrumental", "Acapella", "Dub Mix", "Live"])
async def test_another_version_is_no_answer(version: str) -> None:
    class Lastfm:
        async def track(self, artist: str, title: str, **_: object) -> LastfmTrack:
            return LastfmTrack("Sinnerman", artist, None, None, 5, 9, ("jazz",), None)

    providers: Any = SimpleNamespace(lastfm=Lastfm())
    song = EnrichableRecording(uuid4(), "Sinnerman", ("Nina Simone",), None, None, (), (), (), ())
    other = replace(song, recording_id=uuid4(), title=f"Sinnerman ({version})")
    answers = await fetch_lastfm(
        providers, [FetchRequest(song, None, frozenset()), FetchRequest(other, None, frozenset())]
    )
    assert isinstance(answers[song.recording_id], SourceValues)
    assert answers[other.recording_id] is None
