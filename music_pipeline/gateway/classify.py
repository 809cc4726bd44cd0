"""What an HTTP answer means, whatever the provider: JSON or not, errors inside a 200, the providers' own codes.

Pure: what follows from it (a retry, a block, an open breaker) is the gateway's.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from math import isfinite
from typing import Any
from urllib.parse import quote

from music_pipeline.gateway.breaker import Health
from music_pipeline.gateway.provider import Provider

LONGEST_TEXT = 300
LONGEST_RETRY_AFTER = 366 * 86_400.0
OAUTH_REFUSALS = ("invalid_client", "invalid_grant", "invalid_token", "unauthorized_client")
NO_REASON = ("", "forbidden")
# How long to wait, in seconds; the second is AcousticBrainz's.
WAIT_HEADERS = ("retry-after", "x-ratelimit-reset-in")
USAGE_HEADER = "x-business-use-case-usage"
# RapidAPI's, on every answer: how many seconds are left of the plan's month. It is no wait but where that is used up.
PLAN_HEADER = "x-ratelimit-requests-reset"


class Meaning(StrEnum):
    """What an answer means. The values are the outcomes in the account of the calls."""

    ANSWERED = "answered"
    UNCHANGED = "unchanged"  # 304: what is in the cache still holds
    ABSENT = "absent"
    RATE_LIMITED = "rate_limited"
    QUOTA_EXCEEDED = "quota_exceeded"
    UNAUTHORISED = "unauthorised"  # 401: the token may have expired
    CREDENTIALS_REFUSED = "credentials_refused"
    GONE = "gone"
    REFUSED = "refused"
    BROKEN = "broken"  # not JSON, or half of it
    SERVER_ERROR = "server_error"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"


RETRIED = (Meaning.RATE_LIMITED, Meaning.BROKEN, Meaning.SERVER_ERROR, Meaning.TIMEOUT, Meaning.UNREACHABLE)
HEALTH: Mapping[Meaning, Health] = {
    Meaning.ANSWERED: "success",
    Meaning.UNCHANGED: "success",
    Meaning.ABSENT: "success",
    Meaning.REFUSED: "success",
    Meaning.GONE: "success",
    Meaning.UNAUTHORISED: "success",
    Meaning.CREDENTIALS_REFUSED: "success",
    Meaning.RATE_LIMITED: "neutral",
    Meaning.QUOTA_EXCEEDED: "neutral",
    Meaning.BROKEN: "neutral",
    Meaning.SERVER_ERROR: "failure",
    Meaning.TIMEOUT: "failure",
    Meaning.UNREACHABLE: "failure",
}


# What a provider's own code in the body means, whatever the status. None: an error without a code. An error with
# another code is what the status says, and a refusal inside a 200.
CODES: Mapping[str, Mapping[int | None, Meaning]] = {
    "lastfm": {  # https://www.last.fm/api/errorcodes
        4: Meaning.CREDENTIALS_REFUSED,
        6: Meaning.ABSENT,
        8: Meaning.SERVER_ERROR,
        10: Meaning.CREDENTIALS_REFUSED,
        11: Meaning.SERVER_ERROR,
        16: Meaning.SERVER_ERROR,
        26: Meaning.CREDENTIALS_REFUSED,
        29: Meaning.RATE_LIMITED,
        None: Meaning.SERVER_ERROR,
    },
    "deezer": {  # https://developers.deezer.com/api/errors
        4: Meaning.RATE_LIMITED,
        700: Meaning.SERVER_ERROR,
        800: Meaning.ABSENT,
        None: Meaning.SERVER_ERROR,
    },
    "getsongbpm": {None: Meaning.REFUSED},
    "sonoteller": {None: Meaning.REFUSED},
    "instagram": {  # https://developers.facebook.com/docs/graph-api/guides/error-handling
        1: Meaning.SERVER_ERROR,
        2: Meaning.SERVER_ERROR,
        4: Meaning.RATE_LIMITED,
        10: Meaning.CREDENTIALS_REFUSED,
        17: Meaning.RATE_LIMITED,
        32: Meaning.RATE_LIMITED,
        190: Meaning.CREDENTIALS_REFUSED,
        613: Meaning.RATE_LIMITED,
        80002: Meaning.RATE_LIMITED,
        2207013: Meaning.ABSENT,  # a subcode of 110: nobody of that name, or a personal account
        **dict.fromkeys(range(200, 300), Meaning.CREDENTIALS_REFUSED),
    },
}


@dataclass(frozen=True, slots=True)
class RawResponse:
    """An HTTP answer, header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reading:
    """What an answer means. `payload`: its JSON, if it answers. `text`: for people, of a refusal or failure.

    `retry_after`: seconds of the provider's clock that it asked us to wait, None where it did not say.
    """

    meaning: Meaning
    status: int | None
    payload: object
    text: str
    retry_after: float | None


@dataclass(frozen=True, slots=True)
class StatedError:
    """What the body says of an error.

    `status`: an HTTP status in it; `reason`: a word, or OAuth's code; `codes`: the provider's own, the narrowest first,
    None for an error without one, nothing for no error.
    """

    status: int | None
    text: str
    reason: str | None
    codes: tuple[int | None, ...]


def read_response(
    response: RawResponse,
    provider: Provider,
    *,
    asked_for_one: bool,
    now: datetime,
    confidential: Sequence[str] = (),
) -> Reading:
    """What the answer means.

    `asked_for_one`: one thing was asked for by its id, which may not be there; a list or a search always is.
    `confidential`: what its text must not show, even where the provider repeats it.
    """
    readable, payload = _decoded(response.body)
    error = _error_of(payload) if readable else StatedError(None, _plain_text(response.body), None, ())
    # An error inside a 200 is what its own status says.
    effective = error.status if response.status == 200 and error.status is not None else response.status
    coded = _meaning_of_codes(provider, response.status, error.codes)
    meaning = coded or _meaning(effective, response, provider, readable=readable, text=error.text, reason=error.reason)
    if meaning is Meaning.ABSENT and coded is None and not asked_for_one:
        meaning = Meaning.BROKEN
    return Reading(
        meaning=meaning,
        status=effective,
        payload=payload if meaning is Meaning.ANSWERED else None,
        text=_sentence(effective, _hidden(error.text, confidential), readable=readable),
        retry_after=_asked_wait(response.headers, provider, meaning, now=now),
    )


def _asked_wait(headers: Mapping[str, str], provider: Provider, meaning: Meaning, *, now: datetime) -> float | None:
    """Seconds to wait after a refusal: as the headers say, else as is known of the provider."""
    names = (*WAIT_HEADERS, PLAN_HEADER) if meaning is Meaning.QUOTA_EXCEEDED else WAIT_HEADERS
    found = (retry_after(headers.get(name), now=now) for name in names)
    asked = next((seconds for seconds in found if seconds is not None), None)
    if asked is None:
        asked = regain_seconds(headers.get(USAGE_HEADER))
    return provider.refused_seconds if asked is None else asked


def regain_seconds(header: str | None) -> float | None:
    """When Instagram will answer again, in seconds: its usage header holds minutes, for each business and use case.

    None where it does not say, or says 0.
    """
    readable, usage = _decoded((header or "").encode())
    if not readable or not isinstance(usage, dict):
        return None
    cases = [case for entries in usage.values() if isinstance(entries, list) for case in entries]
    minutes = [case.get("estimated_time_to_regain_access") for case in cases if isinstance(case, dict)]
    longest = max((each for each in minutes if isinstance(each, int | float) and each == each), default=0)
    return min(60.0 * min(longest, LONGEST_RETRY_AFTER), LONGEST_RETRY_AFTER) if longest > 0 else None


def retry_after(header: str | None, *, now: datetime) -> float | None:
    """Seconds to wait: the header holds seconds or a date; None where it is missing or neither."""
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        return _seconds_until(header, now)
    return min(max(0.0, seconds), LONGEST_RETRY_AFTER) if isfinite(seconds) else None


def _seconds_until(date: str, now: datetime) -> float | None:
    try:
        until = parsedate_to_datetime(date)
        return max(0.0, ((until if until.tzinfo else until.replace(tzinfo=UTC)) - now).total_seconds())
    except (
        ValueError,
        TypeError,
        IndexError,
        OverflowError,
    ):  # all of which parsing a header that is no date can raise
        return None


def _meaning_of_codes(provider: Provider, status: int, codes: tuple[int | None, ...]) -> Meaning | None:
    """What the provider's own codes say; None where they say nothing and the status counts."""
    meanings = CODES.get(provider.name)
    if meanings is None or not codes:
        return None
    known = (meanings[code] for code in codes if code in meanings and (code is not None or status < 300))
    return next(known, Meaning.REFUSED if status < 300 else None)


def _meaning(
    status: int, response: RawResponse, provider: Provider, *, readable: bool, text: str, reason: str | None
) -> Meaning:
    if status == 304:
        return Meaning.UNCHANGED
    if status == 429:
        is_used_up = reason == "QUOTA_EXCEEDED" or (provider.monthly_quota is not None and "quota" in text.lower())
        return Meaning.QUOTA_EXCEEDED if is_used_up else Meaning.RATE_LIMITED
    if status >= 500 or status == 408:
        return Meaning.RATE_LIMITED if "rate limit" in text.lower() else Meaning.SERVER_ERROR
    if status < 300:
        return Meaning.ANSWERED if readable else Meaning.BROKEN
    if _is_html(response):
        return Meaning.BROKEN
    return _meaning_of_refusal(status, provider, readable=readable, text=text, reason=reason)


def _meaning_of_refusal(status: int, provider: Provider, *, readable: bool, text: str, reason: str | None) -> Meaning:
    if reason in OAUTH_REFUSALS and reason != "invalid_token":
        return Meaning.CREDENTIALS_REFUSED
    if status == 401 or reason == "invalid_token":
        return Meaning.UNAUTHORISED
    if status == 403:
        return _meaning_of_forbidden(provider, readable=readable, text=text)
    if not readable and provider.name in CODES:
        return Meaning.BROKEN  # what it refuses, and whether it does, would have been in the body
    if status == 404 and provider.not_found_is_absent:
        return Meaning.ABSENT
    return Meaning.GONE if status == 410 else Meaning.REFUSED


def _meaning_of_forbidden(provider: Provider, *, readable: bool, text: str) -> Meaning:
    """Spotify writes plain text where the whole app is refused, and JSON without a reason where an endpoint is."""
    if provider.forbidden_is_haste:
        return Meaning.RATE_LIMITED
    if not provider.forbidden_is_gone or not readable:
        return Meaning.CREDENTIALS_REFUSED
    return Meaning.GONE if text.lower() in NO_REASON else Meaning.REFUSED


def text_of(body: bytes) -> str:
    """The body as text: UTF-8, which JSON is always sent in. Raises UnicodeDecodeError."""
    return body.decode("utf-8-sig")


def _decoded(body: bytes) -> tuple[bool, object]:
    """(whether it is JSON, the JSON)."""
    try:
        return True, json.loads(text_of(body))
    except (ValueError, RecursionError):  # half a body, HTML, bytes that are no UTF-8, nesting without end
        return False, None


def _error_of(payload: object) -> StatedError:
    """The error that the JSON states, in any of the providers' forms."""
    if not isinstance(payload, dict):
        return StatedError(None, "", None, ())
    error = payload.get("error")
    if isinstance(error, dict):
        reason = _text(error.get("reason")) or None
        codes = _codes(error.get("error_subcode"), error.get("code"))
        return StatedError(_status(error.get("status")), _text(error.get("message")), reason, codes)
    if isinstance(error, str):
        text = _text(payload.get("error_description")) or _text(error)
        return StatedError(_status_of_code(error), text, error, (None,))
    meta = payload.get("meta")
    if isinstance(meta, dict) and (_status(meta.get("status")) or 0) >= 400:
        return StatedError(_status(meta.get("status")), _text(meta.get("message")), None, ())
    codes = _codes(error) if error is not None else ()
    return StatedError(None, _text(payload.get("message")), None, codes)


def _codes(*found: object) -> tuple[int | None, ...]:
    """The codes among what was found; one that is missing, if there is none."""
    codes = tuple(code for code in found if isinstance(code, int) and not isinstance(code, bool))
    return codes or (None,)


def _hidden(text: str, confidential: Sequence[str]) -> str:
    """The text without what it must not show, as it is or as in an address."""
    for secret in confidential:
        text = text.replace(secret, "[hidden]").replace(quote(secret, safe=""), "[hidden]")
    return text


def _status_of_code(code: str) -> int | None:
    return 401 if code in OAUTH_REFUSALS else None


def _status(value: Any) -> int | None:
    return value if isinstance(value, int) and 400 <= value < 600 else None


def _text(value: object) -> str:
    return " ".join(value.split()) if isinstance(value, str) else ""


def _plain_text(body: bytes) -> str:
    text = body.decode("utf-8", errors="replace").strip()
    return "" if text[:1] in "<{[" else _text(text)


def _is_html(response: RawResponse) -> bool:
    return response.body.lstrip()[:1] == b"<"


def _sentence(status: int, text: str, *, readable: bool) -> str:
    if text:
        return f"HTTP {status}: {text[:LONGEST_TEXT]}"
    return f"HTTP {status}" if readable else f"HTTP {status} with a body that is no JSON"
