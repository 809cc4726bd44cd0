"""When a source is asked, and what its answer makes of the row: rules without a database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from music_pipeline.catalog.source_rows import EnrichableRecording, KnownRow
from music_pipeline.gateway.errors import (
    CircuitBreakerOpenException,
    CredentialsMissing,
    ProviderFailure,
    ProviderGatewayRateLimitedError,
    ProviderRefused,
)
from music_pipeline.stages.enrichment.fetch import FETCH
from music_pipeline.stages.enrichment.plan import Decision, awaited_source, decide
from music_pipeline.stages.enrichment.rows import ATTEMPTS, SourceValues, row_of_answer, row_unasked
from music_pipeline.stages.enrichment.sources import SOURCES

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=20)
RECORDING = EnrichableRecording(
    recording_id=UUID(int=1),
    title="Song",
    artist_names=("Somebody",),
    duration_ms=200_000,
    explicit=None,
    isrcs=("USABC2600001",),
    spotify_ids=("a" * 22,),
    mbids=("8f3471b5-7e6a-48da-86a9-c1c07a0f47ae",),
    discogs_release_ids=(),
)
DEEZER = SOURCES["deezer"]


def known(status: str, **facts: object) -> KnownRow:
    row = KnownRow(
        status="pending", fields={}, confidence=None, fetched_at=None, expires_at=None, attempts=0, next_attempt_at=None
    )
    return replace(row, status=status, **facts)


def test_every_declared_source_has_a_function_that_asks() -> None:
    assert SOURCES.keys() == FETCH.keys()


def test_a_source_is_asked_once_and_then_left_alone() -> None:
    assert decide(DEEZER, RECORDING, None, {}, now=NOW, force=False) is Decision.ASK
    found = known("found", expires_at=LATER)
    assert decide(DEEZER, RECORDING, found, {}, now=NOW, force=False) is Decision.LEAVE
    assert decide(DEEZER, RECORDING, found, {}, now=LATER, force=False) is Decision.ASK
    assert decide(DEEZER, RECORDING, found, {}, now=NOW, force=True) is Decision.ASK


def test_source_waits_for_the_id_it_needs() -> None:
    without = replace(RECORDING, isrcs=())
    assert decide(DEEZER, without, None, {}, now=NOW, force=True) is Decision.WAIT
    row = row_unasked(DEEZER, without, None, Decision.WAIT, None, now=NOW)
    assert row is not None
    assert (row.status, row.next_attempt_at) == ("waiting", None)


def test_source_on_demand_ignores_recordings_without_its_value() -> None:
    listening = SOURCES["sonoteller"]
    assert decide(listening, RECORDING, None, {}, now=NOW, force=True) is Decision.LEAVE
    told = replace(RECORDING, audio_urls=("https://audio.example.org/1.mp3",))
    assert decide(listening, told, None, {}, now=NOW, force=False) is Decision.ASK


def test_slow_source_is_asked_only_for_missing_fields() -> None:
    slow = SOURCES["getsongbpm"]
    assert decide(slow, RECORDING, None, {"tempo": 0.9, "key": 0.9}, now=NOW, force=False) is Decision.UNNEEDED
    assert decide(slow, RECORDING, None, {"tempo": 0.9}, now=NOW, force=False) is Decision.ASK
    assert decide(slow, RECORDING, None, {"tempo": 0.9, "key": 0.4}, now=NOW, force=False) is Decision.ASK


@pytest.mark.parametrize("status", ["failed", "absent"])
def test_failed_and_absent_are_asked_again_when_due(status: str) -> None:
    row = known(status, attempts=1, next_attempt_at=LATER)
    assert decide(DEEZER, RECORDING, row, {}, now=NOW, force=False) is Decision.LEAVE
    assert decide(DEEZER, RECORDING, row, {}, now=LATER, force=False) is Decision.ASK
    never = known(status, attempts=ATTEMPTS)
    assert decide(DEEZER, RECORDING, never, {}, now=LATER, force=False) is Decision.LEAVE


def test_absence_is_asked_again_after_30_60_90_days() -> None:
    days, row = [], None
    for _ in range(4):
        absent = row_of_answer(DEEZER, RECORDING, row, None, now=NOW)
        assert (absent.status, absent.error, absent.is_retriable) == ("absent", None, False)
        assert absent.next_attempt_at is not None
        days.append((absent.next_attempt_at - NOW).days)
        row = known("absent", attempts=absent.attempts)
    assert days == [30, 60, 90, 90]


def test_unavailable_provider_uses_no_attempt() -> None:
    for error in (
        CircuitBreakerOpenException("deezer", None, until=LATER),
        ProviderGatewayRateLimitedError("deezer", None, "blocked for a day", until=LATER),
    ):
        row = row_of_answer(DEEZER, RECORDING, known("failed", attempts=2), error, now=NOW)
        assert (row.status, row.is_retriable, row.attempts, row.next_attempt_at) == ("failed", True, 2, LATER)
    assert (
        row_of_answer(DEEZER, RECORDING, None, CircuitBreakerOpenException("deezer", None, until=LATER), now=NOW).error
        == "Deezer enrichment error: Circuit breaker 'deezer' is OPEN"
    )


def test_failures_wait_longer_and_longer_and_end() -> None:
    row, waits, now = None, [], NOW
    for _ in range(ATTEMPTS):
        failed = row_of_answer(DEEZER, RECORDING, row, ProviderFailure("deezer", "track", "HTTP 500"), now=now)
        waits.append(failed.next_attempt_at and failed.next_attempt_at - now)
        now = failed.next_attempt_at or now
        row = known("failed", attempts=failed.attempts, next_attempt_at=failed.next_attempt_at)
    assert waits[:-1] == sorted(waits[:-1], key=lambda wait: wait or timedelta.max)
    assert waits[-1] is None


def test_refusal_is_asked_only_once_more() -> None:
    refusal = ProviderRefused("deezer", "track", "HTTP 400")
    first = row_of_answer(DEEZER, RECORDING, None, refusal, now=NOW)
    assert (first.status, first.next_attempt_at, first.is_retriable) == ("failed", NOW + timedelta(hours=6), False)
    before = known("failed", attempts=first.attempts, next_attempt_at=first.next_attempt_at)
    second = row_of_answer(DEEZER, RECORDING, before, refusal, now=LATER)
    assert (second.status, second.next_attempt_at) == ("failed", None)


def test_early_request_uses_no_attempt() -> None:
    failure = ProviderFailure("deezer", "track", "HTTP 500")
    row = row_of_answer(DEEZER, RECORDING, None, failure, now=NOW)
    for _ in range(2 * ATTEMPTS):
        before = known("failed", attempts=row.attempts, next_attempt_at=row.next_attempt_at)
        row = row_of_answer(DEEZER, RECORDING, before, failure, now=NOW + timedelta(minutes=1))
    assert (row.attempts, row.next_attempt_at) == (1, NOW + timedelta(minutes=10))


def test_a_source_without_credentials_is_skipped_and_no_failure() -> None:
    missing = CredentialsMissing("lastfm", None, "Set LASTFM_API_KEY.", until=LATER)
    row = row_of_answer(SOURCES["lastfm"], RECORDING, None, missing, now=NOW)
    assert (row.status, row.error, row.is_retriable) == ("skipped", "Set LASTFM_API_KEY.", False)


def test_what_a_source_found_stays_while_it_fails() -> None:
    before = known("found", fields={"rank": 5}, confidence=0.95, fetched_at=NOW, expires_at=NOW)
    row = row_of_answer(DEEZER, RECORDING, before, ProviderFailure("deezer", "track", "HTTP 500"), now=LATER)
    assert (row.status, row.fields, row.fetched_at) == ("found", {"rank": 5}, NOW)
    assert row.error is not None
    assert row.next_attempt_at is not None


def test_a_later_answer_replaces_what_was_said() -> None:
    before = known("found", fields={"rank": 5}, confidence=0.95, fetched_at=NOW, expires_at=NOW)
    row = row_of_answer(DEEZER, RECORDING, before, SourceValues({"rank": 6}, 0.95), now=LATER)
    assert (row.fields, row.fetched_at, row.error) == ({"rank": 6}, LATER, None)


GETSONGBPM = SOURCES["getsongbpm"]
OLD = known("found", fields={"tempo": 90}, confidence=0.75, fetched_at=NOW - timedelta(days=31), expires_at=NOW)


@pytest.mark.parametrize("decision", [Decision.UNNEEDED, Decision.WAIT])
def test_unneeded_old_answer_stands_for_another_term(decision: Decision) -> None:
    row = row_unasked(GETSONGBPM, RECORDING, OLD, decision, None, now=LATER)
    assert row is not None
    assert (row.status, row.fields, row.fetched_at) == ("found", {"tempo": 90}, OLD.fetched_at)
    assert row.expires_at == LATER + GETSONGBPM.keeps
    fresh = replace(OLD, expires_at=LATER + timedelta(days=1))
    assert row_unasked(GETSONGBPM, RECORDING, fresh, decision, None, now=LATER) is None


def test_found_answer_is_never_replaced_by_waiting() -> None:
    troubled = [SOURCES["reccobeats"]]
    assert awaited_source(GETSONGBPM, None, {}, troubled, now=LATER) is SOURCES["reccobeats"]
    assert awaited_source(GETSONGBPM, OLD, {}, troubled, now=LATER) is None
