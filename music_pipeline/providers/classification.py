"""What an HTTP answer means, whatever the provider: JSON or not, and errors inside a 200.

Pure: what follows from it (a retry, a block, an open breaker) is the gateway's.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from math import isfinite
from typing import Any

from music_pipeline.providers.breaker import Health
from music_pipeline.providers.registry import Provider

LONGEST_TEXT = 300
LONGEST_RETRY_AFTER = 366 * 86_400.0
OAUTH_REFUSALS = ("invalid_client", "invalid_grant", "invalid_token", "unauthorized_client")
NO_REASON = ("", "forbidden")


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


def read_response(response: RawResponse, provider: Provider, *, now: datetime) -> Reading:
    """What the answer means."""
    readable, payload = _decoded(response.body)
    status, error_text, reason = _error_of(payload) if readable else (None, _plain_text(response.body), None)
    # An error inside a 200 is what its own status says.
    effective = status if response.status == 200 and status is not None else response.status
    meaning = _meaning(effective, response, provider, readable=readable, text=error_text, reason=reason)
    return Reading(
        meaning=meaning,
        status=effective,
        payload=payload if meaning is Meaning.ANSWERED else None,
        text=_sentence(effective, error_text, readable=readable),
        retry_after=retry_after(response.headers.get("retry-after"), now=now),
    )


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


def _meaning(
    status: int, response: RawResponse, provider: Provider, *, readable: bool, text: str, reason: str | None
) -> Meaning:
    if status == 304:
        return Meaning.UNCHANGED
    if status == 429:
        return Meaning.QUOTA_EXCEEDED if reason == "QUOTA_EXCEEDED" else Meaning.RATE_LIMITED
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
    if status == 404:
        return Meaning.ABSENT
    return Meaning.GONE if status == 410 else Meaning.REFUSED


def _meaning_of_forbidden(provider: Provider, *, readable: bool, text: str) -> Meaning:
    """Spotify writes plain text where the whole app is refused, and JSON without a reason where an endpoint is."""
    if not provider.forbidden_is_gone or not readable:
        return Meaning.CREDENTIALS_REFUSED
    return Meaning.GONE if text.lower() in NO_REASON else Meaning.REFUSED


def _decoded(body: bytes) -> tuple[bool, object]:
    """(whether it is JSON, the JSON)."""
    try:
        return True, json.loads(body)
    except (ValueError, RecursionError):  # half a body, HTML, bytes that are no UTF-8, nesting without end
        return False, None


def _error_of(payload: object) -> tuple[int | None, str, str | None]:
    """(status, text, reason or OAuth code) of the error that the JSON states, in any of the providers' forms."""
    if not isinstance(payload, dict):
        return None, "", None
    error = payload.get("error")
    if isinstance(error, dict):
        return _status(error.get("status")), _text(error.get("message")), _text(error.get("reason")) or None
    if isinstance(error, str):
        return _status_of_code(error), _text(payload.get("error_description")) or _text(error), error
    meta = payload.get("meta")
    if isinstance(meta, dict) and (_status(meta.get("status")) or 0) >= 400:
        return _status(meta.get("status")), _text(meta.get("message")), None
    return None, _text(payload.get("message")), None


def _status_of_code(code: str) -> int | None:
    return 401 if code in OAUTH_REFUSALS else None


def _status(value: Any) -> int | None:
    return value if isinstance(value, int) and 400 <= value < 600 else None


def _text(value: object) -> str:
    return " ".join(value.split())[:LONGEST_TEXT] if isinstance(value, str) else ""


def _plain_text(body: bytes) -> str:
    text = body[: 4 * LONGEST_TEXT].decode("utf-8", errors="replace").strip()
    return "" if text[:1] in "<{[" else _text(text)


def _is_html(response: RawResponse) -> bool:
    return response.body.lstrip()[:1] == b"<"


def _sentence(status: int, text: str, *, readable: bool) -> str:
    if text:
        return f"HTTP {status}: {text}"
    return f"HTTP {status}" if readable else f"HTTP {status} with a body that is no JSON"
