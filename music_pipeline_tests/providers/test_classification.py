"""What HTTP answers mean, in the exact bodies that the providers send."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from music_pipeline.providers.classification import Meaning, RawResponse, Reading, read_response, retry_after
from music_pipeline.providers.registry import PROVIDERS

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PREMIUM = b"Active premium subscription required for the owner of the app. When the subscription status changes, it can take a few hours before requests are allowed again."  # noqa: E501
NOT_REGISTERED = b"Check settings on developer.spotify.com/dashboard, the user may not be registered."
MUSICBRAINZ_LIMIT = b'{"error":"Your requests are exceeding the allowable rate limit. Please see http://wiki.musicbrainz.org/XMLWebService for more information."}'  # noqa: E501
CLOUDFLARE = b"<!DOCTYPE html><html><head><title>Attention Required!</title></head></html>"


def reading(provider: str, status: int, body: bytes, **headers: str) -> Reading:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return read_response(RawResponse(status, named, body), PROVIDERS[provider], now=NOW)


@pytest.mark.parametrize(
    ("provider", "status", "body", "meaning"),
    [
        ("spotify", 200, b'{"id":"x"}', Meaning.ANSWERED),
        ("spotify", 304, b"", Meaning.UNCHANGED),
        ("spotify", 200, b'{"id":"x', Meaning.BROKEN),
        ("spotify", 200, b"", Meaning.BROKEN),
        ("spotify", 200, CLOUDFLARE, Meaning.BROKEN),
        ("spotify", 200, b"\xff\xfe", Meaning.BROKEN),
        ("spotify", 200, b"[" * 100_000, Meaning.BROKEN),
        ("spotify", 404, b'{"error":{"status":404,"message":"Resource not found"}}', Meaning.ABSENT),
        ("spotify", 200, b'{"error":{"status":404,"message":"Resource not found"}}', Meaning.ABSENT),
        ("spotify", 400, b"", Meaning.REFUSED),
        ("spotify", 400, b'{"error":{"status":400,"message":"Invalid limit"}}', Meaning.REFUSED),
        ("spotify", 401, b'{"error":{"status":401,"message":"The access token expired"}}', Meaning.UNAUTHORISED),
        ("spotify", 403, b'{"error":{"status":403,"message":"Forbidden"}}', Meaning.GONE),
        ("spotify", 403, b'{"error":{"status":403}}', Meaning.GONE),
        ("spotify", 403, b'{"error":{"status":403,"message":"Insufficient client scope"}}', Meaning.REFUSED),
        ("spotify", 403, PREMIUM, Meaning.CREDENTIALS_REFUSED),
        ("spotify", 403, NOT_REGISTERED, Meaning.CREDENTIALS_REFUSED),
        ("spotify", 429, b'{"error":{"status":429,"message":"API rate limit exceeded"}}', Meaning.RATE_LIMITED),
        ("spotify", 429, b"", Meaning.RATE_LIMITED),
        ("spotify", 429, b'{"error":{"status":429,"reason":"QUOTA_EXCEEDED"}}', Meaning.QUOTA_EXCEEDED),
        ("spotify", 400, b'{"error":"invalid_client","error_description":"x"}', Meaning.CREDENTIALS_REFUSED),
        ("spotify", 502, CLOUDFLARE, Meaning.SERVER_ERROR),
        ("musicbrainz", 503, MUSICBRAINZ_LIMIT, Meaning.RATE_LIMITED),
        ("musicbrainz", 503, b"", Meaning.SERVER_ERROR),
        ("musicbrainz", 403, b'{"error":"no user agent"}', Meaning.CREDENTIALS_REFUSED),
        ("musicbrainz", 404, b'{"error":"Not Found","help":"see there"}', Meaning.ABSENT),
        ("musicbrainz", 414, CLOUDFLARE, Meaning.BROKEN),
        ("discogs", 401, b'{"message":"You must authenticate to access this resource."}', Meaning.UNAUTHORISED),
        ("discogs", 429, b'{"message":"You are making requests too quickly."}', Meaning.RATE_LIMITED),
        ("genius", 200, b'{"meta":{"status":404,"message":"Not found"}}', Meaning.ABSENT),
        ("genius", 401, b'{"error":"invalid_token","error_description":"x"}', Meaning.UNAUTHORISED),
        ("genius", 403, CLOUDFLARE, Meaning.BROKEN),
        ("genius", 410, b"{}", Meaning.GONE),
    ],
)
def test_each_answer_has_its_meaning(provider: str, status: int, body: bytes, meaning: Meaning) -> None:
    assert reading(provider, status, body).meaning is meaning


def test_the_providers_own_words_are_kept() -> None:
    assert reading("spotify", 403, PREMIUM).text == f"HTTP 403: {PREMIUM.decode()}"
    assert reading("discogs", 429, b'{"message":"too quickly"}').text == "HTTP 429: too quickly"
    assert reading("genius", 200, b"<html>").text == "HTTP 200 with a body that is no JSON"


def test_recorded_errors_are_refusals_and_no_answers(shared_folder: Path) -> None:
    recorded = shared_folder / "recordings" / "spotify"
    assert reading("spotify", 429, (recorded / "rate_limit.json").read_bytes()).meaning is Meaning.RATE_LIMITED
    assert reading("spotify", 404, (recorded / "playlist_not_found.json").read_bytes()).meaning is Meaning.ABSENT
    refused = reading("spotify", 400, (recorded / "auth-invalid-client.json").read_bytes())
    assert (refused.meaning, refused.text) == (Meaning.CREDENTIALS_REFUSED, "HTTP 400: Invalid client")


def test_retry_after_is_seconds_or_a_date() -> None:
    assert retry_after("86400", now=NOW) == 86_400
    assert retry_after(format_datetime(NOW + timedelta(minutes=2), usegmt=True), now=NOW) == 120
    assert retry_after(format_datetime(NOW - timedelta(minutes=2), usegmt=True), now=NOW) == 0
    assert retry_after("soon", now=NOW) is None
    assert retry_after("nan", now=NOW) is None
    assert retry_after(None, now=NOW) is None


@given(st.sampled_from(sorted(PROVIDERS)), st.integers(100, 599), st.binary(max_size=200), st.text(max_size=20))
def test_no_answer_whatsoever_breaks_the_reading(provider: str, status: int, body: bytes, header: str) -> None:
    found = read_response(RawResponse(status, {"retry-after": header}, body), PROVIDERS[provider], now=NOW)
    assert found.retry_after is None or found.retry_after >= 0
