"""What HTTP answers mean, in the exact bodies that the providers send."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from music_pipeline.gateway.classify import ClassifiedResponse, RawResponse, ResponseKind, classify, retry_after
from music_pipeline.providers.registry import PROVIDERS
from music_pipeline_tests.support.recorded import recordings

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PREMIUM = b"Active premium subscription required for the owner of the app. When the subscription status changes, it can take a few hours before requests are allowed again."  # noqa: E501
NOT_REGISTERED = b"Check settings on developer.spotify.com/dashboard, the user may not be registered."
MUSICBRAINZ_LIMIT = b'{"error":"Your requests are exceeding the allowable rate limit. Please see http://wiki.musicbrainz.org/XMLWebService for more information."}'  # noqa: E501
CLOUDFLARE = b"<!DOCTYPE html><html><head><title>Attention Required!</title></head></html>"


LASTFM_LIMIT = (
    b'{"message":"Rate Limit Exceeded - This application has made too many requests in a short period.","error":29}'
)


def deezer_error(message: str, code: int) -> bytes:
    return json.dumps({"error": {"type": "Exception", "message": message, "code": code}}).encode()


def instagram_error(code: int, subcode: int | None = None) -> bytes:
    error = {"message": "m", "type": "OAuthException", "code": code, "error_subcode": subcode, "fbtrace_id": "A"}
    return json.dumps({"error": error}).encode()


def classified(provider: str, status: int, body: bytes, **headers: str) -> ClassifiedResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return classify(RawResponse(status, named, body), PROVIDERS[provider], asked_for_one=True, now=NOW)


@pytest.mark.parametrize(
    ("provider", "status", "body", "meaning"),
    [
        ("spotify", 200, b'{"id":"x"}', ResponseKind.ANSWERED),
        ("spotify", 304, b"", ResponseKind.UNCHANGED),
        ("spotify", 200, b'{"id":"x', ResponseKind.BROKEN),
        ("spotify", 200, b"", ResponseKind.BROKEN),
        ("spotify", 200, CLOUDFLARE, ResponseKind.BROKEN),
        ("spotify", 200, b"\xff\xfe", ResponseKind.BROKEN),
        ("spotify", 200, b"[" * 100_000, ResponseKind.BROKEN),
        ("spotify", 404, b'{"error":{"status":404,"message":"Resource not found"}}', ResponseKind.ABSENT),
        ("spotify", 200, b'{"error":{"status":404,"message":"Resource not found"}}', ResponseKind.ABSENT),
        ("spotify", 400, b"", ResponseKind.REFUSED),
        ("spotify", 400, b'{"error":{"status":400,"message":"Invalid limit"}}', ResponseKind.REFUSED),
        ("spotify", 401, b'{"error":{"status":401,"message":"The access token expired"}}', ResponseKind.UNAUTHORISED),
        ("spotify", 403, b'{"error":{"status":403,"message":"Forbidden"}}', ResponseKind.GONE),
        ("spotify", 403, b'{"error":{"status":403}}', ResponseKind.GONE),
        ("spotify", 403, b'{"error":{"status":403,"message":"Insufficient client scope"}}', ResponseKind.REFUSED),
        ("spotify", 403, PREMIUM, ResponseKind.CREDENTIALS_REFUSED),
        ("spotify", 403, NOT_REGISTERED, ResponseKind.CREDENTIALS_REFUSED),
        ("spotify", 429, b'{"error":{"status":429,"message":"API rate limit exceeded"}}', ResponseKind.RATE_LIMITED),
        ("spotify", 429, b"", ResponseKind.RATE_LIMITED),
        ("spotify", 429, b'{"error":{"status":429,"reason":"QUOTA_EXCEEDED"}}', ResponseKind.QUOTA_EXCEEDED),
        ("spotify", 400, b'{"error":"invalid_client","error_description":"x"}', ResponseKind.CREDENTIALS_REFUSED),
        ("spotify", 502, CLOUDFLARE, ResponseKind.SERVER_ERROR),
        ("musicbrainz", 503, MUSICBRAINZ_LIMIT, ResponseKind.RATE_LIMITED),
        ("musicbrainz", 503, b"", ResponseKind.SERVER_ERROR),
        ("musicbrainz", 403, b'{"error":"no user agent"}', ResponseKind.CREDENTIALS_REFUSED),
        ("musicbrainz", 404, b'{"error":"Not Found","help":"see there"}', ResponseKind.ABSENT),
        ("musicbrainz", 414, CLOUDFLARE, ResponseKind.BROKEN),
        ("discogs", 401, b'{"message":"You must authenticate to access this resource."}', ResponseKind.UNAUTHORISED),
        ("discogs", 429, b'{"message":"You are making requests too quickly."}', ResponseKind.RATE_LIMITED),
        ("genius", 200, b'{"meta":{"status":404,"message":"Not found"}}', ResponseKind.ABSENT),
        ("genius", 401, b'{"error":"invalid_token","error_description":"x"}', ResponseKind.UNAUTHORISED),
        ("genius", 403, CLOUDFLARE, ResponseKind.BROKEN),
        ("genius", 410, b"{}", ResponseKind.GONE),
        ("lastfm", 200, b'{"error":6,"message":"Track not found","links":[]}', ResponseKind.ABSENT),
        ("lastfm", 404, b'{"error":6,"message":"Track not found"}', ResponseKind.ABSENT),
        ("lastfm", 404, b"{}", ResponseKind.REFUSED),
        ("lastfm", 200, LASTFM_LIMIT, ResponseKind.RATE_LIMITED),
        ("lastfm", 429, LASTFM_LIMIT, ResponseKind.RATE_LIMITED),
        ("lastfm", 200, b'{"error":11,"message":"Service Offline"}', ResponseKind.SERVER_ERROR),
        ("lastfm", 500, b'{"error":8,"message":"Operation failed"}', ResponseKind.SERVER_ERROR),
        ("lastfm", 200, b'{"error":16,"message":"Temporarily unavailable"}', ResponseKind.SERVER_ERROR),
        ("lastfm", 403, b'{"error":10,"message":"Invalid API key"}', ResponseKind.CREDENTIALS_REFUSED),
        ("lastfm", 200, b'{"error":26,"message":"Suspended API key"}', ResponseKind.CREDENTIALS_REFUSED),
        ("lastfm", 200, b'{"error":4,"message":"Authentication Failed"}', ResponseKind.CREDENTIALS_REFUSED),
        ("lastfm", 200, b'{"error":3,"message":"Invalid Method"}', ResponseKind.REFUSED),
        ("lastfm", 200, b'{"error":null,"track":{}}', ResponseKind.ANSWERED),
        ("deezer", 200, deezer_error("Quota limit exceeded", 4), ResponseKind.RATE_LIMITED),
        ("deezer", 200, deezer_error("no data", 800), ResponseKind.ABSENT),
        ("deezer", 404, deezer_error("no data", 800), ResponseKind.ABSENT),
        ("deezer", 200, deezer_error("Service busy", 700), ResponseKind.SERVER_ERROR),
        ("deezer", 200, deezer_error("Wrong parameter", 500), ResponseKind.REFUSED),
        ("deezer", 200, b'{"error":{"type":"Exception","message":"An error has occured"}}', ResponseKind.SERVER_ERROR),
        ("deezer", 404, b'{"error":"Not Found"}', ResponseKind.REFUSED),
        ("deezer", 403, b"Forbidden", ResponseKind.RATE_LIMITED),
        ("deezer", 429, b"", ResponseKind.RATE_LIMITED),
        ("deezer", 403, CLOUDFLARE, ResponseKind.BROKEN),
        ("getsongbpm", 200, b'{"search":{"error":"no result"}}', ResponseKind.ANSWERED),
        ("getsongbpm", 200, b'{"error":"Bad query."}', ResponseKind.REFUSED),
        ("getsongbpm", 401, b'{"error":"Invalid API Key"}', ResponseKind.UNAUTHORISED),
        ("getsongbpm", 404, CLOUDFLARE, ResponseKind.BROKEN),
        ("sonoteller", 200, b'{"moods":["Sad"]}', ResponseKind.ANSWERED),
        ("sonoteller", 200, b'{"error":"no such file"}', ResponseKind.REFUSED),
        ("sonoteller", 401, b'{"message":"Invalid API key."}', ResponseKind.UNAUTHORISED),
        ("sonoteller", 403, b'{"message":"You are not subscribed to this API."}', ResponseKind.CREDENTIALS_REFUSED),
        ("sonoteller", 404, b'{"message":"API doesn\'t exists"}', ResponseKind.REFUSED),
        ("sonoteller", 429, b'{"message":"You have exceeded the MONTHLY quota for"}', ResponseKind.QUOTA_EXCEEDED),
        ("sonoteller", 429, b'{"message":"Too many requests"}', ResponseKind.RATE_LIMITED),
        ("sonoteller", 504, b'{"message":"The request to the API has timed out"}', ResponseKind.SERVER_ERROR),
        ("discogs", 429, b'{"message":"You have exceeded the MONTHLY quota for"}', ResponseKind.RATE_LIMITED),
        ("reccobeats", 200, b'{"content":[]}', ResponseKind.ANSWERED),
        ("reccobeats", 404, b'{"status":4042}', ResponseKind.REFUSED),
        ("acousticbrainz", 200, b'{"mbid_mapping":{}}', ResponseKind.ANSWERED),
        ("acousticbrainz", 400, b'{"message":"\'x\' is not a valid UUID"}', ResponseKind.REFUSED),
        ("acousticbrainz", 404, b'{"message":"Not found"}', ResponseKind.REFUSED),
        ("instagram", 400, instagram_error(110, 2207013), ResponseKind.ABSENT),
        ("instagram", 400, instagram_error(110), ResponseKind.REFUSED),
        ("instagram", 400, instagram_error(110, 2207013)[:30], ResponseKind.BROKEN),
        ("instagram", 400, instagram_error(190, 463), ResponseKind.CREDENTIALS_REFUSED),
        ("instagram", 401, instagram_error(190), ResponseKind.CREDENTIALS_REFUSED),
        ("instagram", 400, instagram_error(10), ResponseKind.CREDENTIALS_REFUSED),
        ("instagram", 403, instagram_error(200), ResponseKind.CREDENTIALS_REFUSED),
        ("instagram", 400, instagram_error(100), ResponseKind.REFUSED),
        ("instagram", 500, instagram_error(2), ResponseKind.SERVER_ERROR),
        ("instagram", 400, instagram_error(4), ResponseKind.RATE_LIMITED),
        ("instagram", 400, instagram_error(17), ResponseKind.RATE_LIMITED),
        ("instagram", 400, instagram_error(32), ResponseKind.RATE_LIMITED),
        ("instagram", 400, instagram_error(613), ResponseKind.RATE_LIMITED),
        ("instagram", 400, instagram_error(80002), ResponseKind.RATE_LIMITED),
    ],
)
def test_each_answer_has_its_meaning(provider: str, status: int, body: bytes, meaning: ResponseKind) -> None:
    assert classified(provider, status, body).kind is meaning


@pytest.mark.parametrize("provider", ["spotify", "musicbrainz", "discogs", "genius"])
def test_a_list_or_a_search_that_is_not_found_is_broken_and_no_absence(provider: str) -> None:
    answer = RawResponse(404, {}, b'{"message":"Not found"}')
    found = classify(answer, PROVIDERS[provider], asked_for_one=False, now=NOW)
    assert found.kind is ResponseKind.BROKEN
    assert classify(answer, PROVIDERS[provider], asked_for_one=True, now=NOW).kind is ResponseKind.ABSENT


def test_the_providers_own_words_are_kept() -> None:
    assert classified("spotify", 403, PREMIUM).text == f"HTTP 403: {PREMIUM.decode()}"
    assert classified("discogs", 429, b'{"message":"too quickly"}').text == "HTTP 429: too quickly"
    assert classified("genius", 200, b"<html>").text == "HTTP 200 with a body that is no JSON"


def test_recorded_errors_are_refusals_and_no_answers(shared_folder: Path) -> None:
    recorded = shared_folder / "recordings" / "spotify"
    assert classified("spotify", 429, (recorded / "rate_limit.json").read_bytes()).kind is ResponseKind.RATE_LIMITED
    assert classified("spotify", 404, (recorded / "playlist_not_found.json").read_bytes()).kind is ResponseKind.ABSENT
    refused = classified("spotify", 400, (recorded / "auth-invalid-client.json").read_bytes())
    assert (refused.kind, refused.text) == (ResponseKind.CREDENTIALS_REFUSED, "HTTP 400: Invalid client")


def test_recorded_errors_of_enrichment_are_what_their_codes_say(shared_folder: Path) -> None:
    errors = [
        each for each in recordings(shared_folder) if each.parser is None and PROVIDERS[each.provider].error_codes
    ]
    meanings = {
        (each.provider, classified(each.provider, each.status or 200, each.body.encode()).kind) for each in errors
    }
    assert meanings == {
        ("lastfm", ResponseKind.ABSENT),
        ("deezer", ResponseKind.ABSENT),
        ("instagram", ResponseKind.REFUSED),
    }


def test_a_text_never_shows_what_is_confidential_even_where_a_provider_repeats_it() -> None:
    token = "EAAB/long|token" * 20
    message = f"Malformed access token {token} and {quote(token, safe='')}"
    body = json.dumps({"error": {"message": message, "code": 190}}).encode()
    found = classify(
        RawResponse(400, {}, body), PROVIDERS["instagram"], asked_for_one=True, now=NOW, confidential=(token,)
    )
    assert found.text == "HTTP 400: Malformed access token [hidden] and [hidden]"
    plain = classify(
        RawResponse(403, {}, token.encode()), PROVIDERS["spotify"], asked_for_one=True, now=NOW, confidential=(token,)
    )
    assert plain.text == "HTTP 403: [hidden]"


def test_how_long_to_wait_is_said_in_the_providers_own_headers() -> None:
    assert classified("acousticbrainz", 429, b"{}", x_ratelimit_reset_in="7").retry_after == 7
    usage = json.dumps({"1": [{"type": "instagram", "call_count": 100, "estimated_time_to_regain_access": 19}]})
    limited = instagram_error(80002)
    assert classified("instagram", 400, limited, x_business_use_case_usage=usage).retry_after == 19 * 60


def test_the_rest_of_a_plans_month_is_a_wait_only_where_it_is_used_up() -> None:
    used_up, hasty = b'{"message":"You have exceeded the MONTHLY quota"}', b'{"message":"Too many requests"}'
    assert classified("sonoteller", 429, used_up, x_ratelimit_requests_reset="2163603").retry_after == 2_163_603
    assert classified("sonoteller", 429, hasty, x_ratelimit_requests_reset="2163603").retry_after is None
    assert classified("sonoteller", 429, used_up).retry_after is None


@pytest.mark.parametrize(
    "usage", ["", "[]", '{"1": 5}', '{"1": [5, {}]}', '{"1": [{"estimated_time_to_regain_access": 0}]}']
)
def test_where_a_provider_does_not_say_how_long_it_is_what_is_known_of_it(usage: str) -> None:
    assert classified("instagram", 400, instagram_error(4), x_business_use_case_usage=usage).retry_after == 3600
    assert classified("getsongbpm", 429, b"{}").retry_after == 3600
    assert classified("deezer", 200, deezer_error("Quota limit exceeded", 4)).retry_after is None


def test_retry_after_is_seconds_or_a_date() -> None:
    assert retry_after("86400", now=NOW) == 86_400
    assert retry_after(format_datetime(NOW + timedelta(minutes=2), usegmt=True), now=NOW) == 120
    assert retry_after(format_datetime(NOW - timedelta(minutes=2), usegmt=True), now=NOW) == 0
    assert retry_after("soon", now=NOW) is None
    assert retry_after("nan", now=NOW) is None
    assert retry_after(None, now=NOW) is None


@given(st.sampled_from(sorted(PROVIDERS)), st.integers(100, 599), st.binary(max_size=200), st.text(max_size=20))
def test_no_answer_whatsoever_breaks_the_reading(provider: str, status: int, body: bytes, header: str) -> None:
    found = classify(
        RawResponse(status, {"retry-after": header}, body), PROVIDERS[provider], asked_for_one=True, now=NOW
    )
    assert found.retry_after is None or found.retry_after >= 0
