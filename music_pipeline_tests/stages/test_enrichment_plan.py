"""When a source is asked, and what its answer makes of the row: rules without a database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from music_pipeline.catalog.recording_sources import EnrichableRecording, KnownRow
from music_pipeline.providers.errors import (
    CircuitBreakerOpenException,
    CredentialsMissing,
    ProviderFailure,
    ProviderGatewayRateLimitedError,
    ProviderRefused,
)
from music_pipeline.stages.enrichment_plan import ATTEMPTS, Decision, Said, decide, row_of_answer, row_without_asking
from music_pipeline.stages.enrichment_sources import FETCH, SOURCES

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


def test_a_source_waits_for_the_id_that_it_knows_recordings_by() -> None:
    without = replace(RECORDING, isrcs=())
    assert decide(DEEZER, without, None, {}, now=NOW, force=True) is Decision.WAIT
    row = row_without_asking(DEEZER, without, Decision.WAIT)
    assert (row.status, row.next_attempt_at) == ("waiting", None)


def test_a_slow_source_is_asked_only_for_what_is_still_missing() -> None:
    slow = SOURCES["getsongbpm"]
    assert decide(slow, RECORDING, None, {"tempo": 0.9, "key": 0.9}, now=NOW, force=False) is Decision.UNNEEDED
    assert decide(slow, RECORDING, None, {"tempo": 0.9}, now=NOW, force=False) is Decision.ASK
    assert decide(slow, RECORDING, None, {"tempo": 0.9, "key": 0.4}, now=NOW, force=False) is Decision.ASK


@pytest.mark.parametrize("status", ["failed", "absent"])
def test_what_failed_or_was_absent_is_asked_again_when_its_time_has_come(status: str) -> None:
    row = known(status, attempts=1, next_attempt_at=LATER)
    assert decide(DEEZER, RECORDING, row, {}, now=NOW, force=False) is Decision.LEAVE
    assert decide(DEEZER, RECORDING, row, {}, now=LATER, force=False) is Decision.ASK
    never = known(status, attempts=ATTEMPTS)
    assert decide(DEEZER, RECORDING, never, {}, now=LATER, force=False) is Decision.LEAVE


def test_absence_is_an_answer_that_is_asked_again_after_30_60_and_90_days() -> None:
    days, row = [], None
    for _ in range(4):
        absent = row_of_answer(DEEZER, RECORDING, row, None, now=NOW)
        assert (absent.status, absent.error, absent.is_retriable) == ("absent", None, False)
        assert absent.next_attempt_at is not None
        days.append((absent.next_attempt_at - NOW).days)
        row = known("absent", attempts=absent.attempts)
    assert days == [30, 60, 90, 90]


def test_an_open_breaker_or_a_used_up_quota_is_retriable_and_uses_no_attempt() -> None:
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
    row, waits = None, []
    for _ in range(ATTEMPTS):
        failed = row_of_answer(DEEZER, RECORDING, row, ProviderFailure("deezer", "track", "HTTP 500"), now=NOW)
        waits.append(failed.next_attempt_at and failed.next_attempt_at - NOW)
        row = known("failed", attempts=failed.attempts, next_attempt_at=failed.next_attempt_at)
    assert waits[:-1] == sorted(waits[:-1], key=lambda wait: wait or timedelta.max)
    assert waits[-1] is None


def test_what_the_provider_refuses_for_good_is_not_tried_again() -> None:
    row = row_of_answer(DEEZER, RECORDING, None, ProviderRefused("deezer", "track", "HTTP 400"), now=NOW)
    assert (row.status, row.next_attempt_at, row.is_retriable) == ("failed", None, False)


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
    row = row_of_answer(DEEZER, RECORDING, before, Said({"rank": 6}, 0.95), now=LATER)
    assert (row.fields, row.fetched_at, row.error) == ({"rank": 6}, LATER, None)
