"""What an HTTP response means, whatever the provider: JSON or not, errors inside a 200, the providers' own codes.

Pure. The gateway decides what follows from it: a retry, a block, an open breaker.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import Any
from urllib.parse import quote

from music_pipeline.gateway.breaker import Health
from music_pipeline.gateway.provider import Provider, Quirk, ResponseKind

LONGEST_TEXT = 300
LONGEST_RETRY_AFTER = 366 * 86_400.0
OAUTH_REFUSALS = ("invalid_client", "invalid_grant", "invalid_token", "unauthorized_client")
NO_REASON = ("", "forbidden")
# Seconds to wait. The second is AcousticBrainz's.
WAIT_HEADERS = ("retry-after", "x-ratelimit-reset-in")
USAGE_HEADER = "x-business-use-case-usage"
# RapidAPI sends it with every response: seconds left of the plan's month. It is a wait only once the plan is used up.
PLAN_HEADER = "x-ratelimit-requests-reset"


RETRIED = (
    ResponseKind.RATE_LIMITED,
    ResponseKind.BROKEN,
    ResponseKind.SERVER_ERROR,
    ResponseKind.TIMEOUT,
    ResponseKind.UNREACHABLE,
)
HEALTH: Mapping[ResponseKind, Health] = {
    ResponseKind.ANSWERED: "success",
    ResponseKind.UNCHANGED: "success",
    ResponseKind.ABSENT: "success",
    ResponseKind.REFUSED: "success",
    ResponseKind.GONE: "success",
    ResponseKind.UNAUTHORISED: "success",
    ResponseKind.CREDENTIALS_REFUSED: "success",
    ResponseKind.RATE_LIMITED: "neutral",
    ResponseKind.QUOTA_EXCEEDED: "neutral",
    ResponseKind.BROKEN: "neutral",
    ResponseKind.SERVER_ERROR: "failure",
    ResponseKind.TIMEOUT: "failure",
    ResponseKind.UNREACHABLE: "failure",
}


@dataclass(frozen=True, slots=True)
class RawResponse:
    """An HTTP response. Headers are found by their names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class ClassifiedResponse:
    """What a response means. `payload`: its JSON if it is an answer. `text`: the refusal or failure, for people.

    `retry_after`: seconds of the provider's clock that it asked us to wait; None if it did not say.
    """

    kind: ResponseKind
    status: int | None
    payload: object
    text: str
    retry_after: float | None


@dataclass(frozen=True, slots=True)
class StatedError:
    """The error that a body states.

    `status`: an HTTP status in it. `reason`: a word, or OAuth's code. `codes`: the provider's own, the narrowest first;
    (None,) for an error without a code, () for no error.
    """

    status: int | None
    text: str
    reason: str | None
    codes: tuple[int | None, ...]


NO_ERROR = StatedError(None, "", None, ())


def classify(
    response: RawResponse,
    provider: Provider,
    *,
    asked_for_one: bool,
    now: datetime,
    confidential: Sequence[str] = (),
) -> ClassifiedResponse:
    """Return what the response means.

    `asked_for_one`: the request named one thing by its id, which may not exist; a list or a search always exists.
    `confidential`: what the text must not show, even if the provider repeats it.
    """
    readable, payload = _decoded(response.body)
    error = _stated_error(payload) if readable else StatedError(None, _plain_text(response.body), None, ())
    if response.status == 200 and readable and error is NO_ERROR:
        return ClassifiedResponse(ResponseKind.ANSWERED, 200, payload, "", None)
    # An error inside a 200 means what its own status says.
    effective = error.status if response.status == 200 and error.status is not None else response.status
    coded = _kind_of_codes(provider, response.status, error.codes)
    kind = coded or _kind(effective, response, provider, error, readable=readable)
    if kind is ResponseKind.ABSENT and coded is None and not asked_for_one:
        kind = ResponseKind.BROKEN
    return ClassifiedResponse(
        kind=kind,
        status=effective,
        payload=payload if kind is ResponseKind.ANSWERED else None,
        text=_sentence(effective, _hidden(error.text, confidential), readable=readable),
        retry_after=_requested_wait(response.headers, provider, kind, now=now),
    )


def _requested_wait(
    headers: Mapping[str, str], provider: Provider, kind: ResponseKind, *, now: datetime
) -> float | None:
    """Seconds to wait after a refusal: as the headers say, else as is known of the provider."""
    names = (*WAIT_HEADERS, PLAN_HEADER) if kind is ResponseKind.QUOTA_EXCEEDED else WAIT_HEADERS
    stated = (retry_after(headers.get(name), now=now) for name in names)
    seconds = next((each for each in stated if each is not None), None)
    if seconds is None:
        seconds = regain_seconds(headers.get(USAGE_HEADER))
    return provider.refused_seconds if seconds is None else seconds


def regain_seconds(header: str | None) -> float | None:
    """Seconds until Instagram answers again. Its usage header holds minutes for each business and use case.

    None if the header does not say, or says 0.
    """
    readable, usage = _decoded((header or "").encode())
    if not readable or not isinstance(usage, dict):
        return None
    cases = [case for entries in usage.values() if isinstance(entries, list) for case in entries]
    minutes = [case.get("estimated_time_to_regain_access") for case in cases if isinstance(case, dict)]
    longest = max((each for each in minutes if isinstance(each, int | float) and each == each), default=0)
    return min(60.0 * min(longest, LONGEST_RETRY_AFTER), LONGEST_RETRY_AFTER) if longest > 0 else None


def retry_after(header: str | None, *, now: datetime) -> float | None:
    """Seconds to wait. The header holds seconds or a date; None if it is missing or neither."""
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
    except (ValueError, TypeError, IndexError, OverflowError):  # parsing a header that is no date can raise any of them
        return None


def _kind_of_codes(provider: Provider, status: int, codes: tuple[int | None, ...]) -> ResponseKind | None:
    """What the provider's own codes mean; None if they mean nothing and the status decides."""
    kinds = provider.error_codes
    if not kinds or not codes:
        return None
    known = (kinds[code] for code in codes if code in kinds and (code is not None or status < 300))
    return next(known, ResponseKind.REFUSED if status < 300 else None)


def _kind(
    status: int, response: RawResponse, provider: Provider, error: StatedError, *, readable: bool
) -> ResponseKind:
    if status == 304:
        return ResponseKind.UNCHANGED
    if status == 429:
        is_used_up = error.reason == "QUOTA_EXCEEDED" or (
            provider.monthly_quota is not None and "quota" in error.text.lower()
        )
        return ResponseKind.QUOTA_EXCEEDED if is_used_up else ResponseKind.RATE_LIMITED
    if status >= 500 or status == 408:
        return ResponseKind.RATE_LIMITED if "rate limit" in error.text.lower() else ResponseKind.SERVER_ERROR
    if status < 300:
        return ResponseKind.ANSWERED if readable else ResponseKind.BROKEN
    if response.body.lstrip()[:1] == b"<":
        return ResponseKind.BROKEN
    return _kind_of_refusal(status, provider, error, readable=readable)


def _kind_of_refusal(status: int, provider: Provider, error: StatedError, *, readable: bool) -> ResponseKind:
    if error.reason in OAUTH_REFUSALS and error.reason != "invalid_token":
        return ResponseKind.CREDENTIALS_REFUSED
    if status == 401 or error.reason == "invalid_token":
        return ResponseKind.UNAUTHORISED
    if status == 403:
        return _kind_of_forbidden(provider, error.text, readable=readable)
    if not readable and provider.error_codes:
        return ResponseKind.BROKEN  # only the body could have said whether it refuses, and what
    if status == 404 and Quirk.NOT_FOUND_MEANS_ABSENT in provider.quirks:
        return ResponseKind.ABSENT
    return ResponseKind.GONE if status == 410 else ResponseKind.REFUSED


def _kind_of_forbidden(provider: Provider, text: str, *, readable: bool) -> ResponseKind:
    """Spotify sends plain text if it refuses the whole app, and JSON without a reason if it refuses an endpoint."""
    if Quirk.FORBIDDEN_MEANS_RATE_LIMITED in provider.quirks:
        return ResponseKind.RATE_LIMITED
    if Quirk.FORBIDDEN_MEANS_GONE not in provider.quirks or not readable:
        return ResponseKind.CREDENTIALS_REFUSED
    return ResponseKind.GONE if text.lower() in NO_REASON else ResponseKind.REFUSED


def text_of(body: bytes) -> str:
    """The body as text. JSON is always sent as UTF-8. Raises UnicodeDecodeError."""
    return body.decode("utf-8-sig")


def _decoded(body: bytes) -> tuple[bool, object]:
    """(whether it is JSON, the JSON)."""
    try:
        return True, json.loads(text_of(body))
    except (ValueError, RecursionError):  # half a body, HTML, bytes that are no UTF-8, nesting without end
        return False, None


def _stated_error(payload: object) -> StatedError:
    """The error that the JSON states, in any of the providers' forms; NO_ERROR if it states none."""
    if not isinstance(payload, dict):
        return NO_ERROR
    error = payload.get("error")
    if isinstance(error, dict):
        reason = _text(error.get("reason")) or None
        codes = _codes(error.get("error_subcode"), error.get("code"))
        return StatedError(_status(error.get("status")), _text(error.get("message")), reason, codes)
    if isinstance(error, str):
        text = _text(payload.get("error_description")) or _text(error)
        return StatedError(401 if error in OAUTH_REFUSALS else None, text, error, (None,))
    meta = payload.get("meta")
    if isinstance(meta, dict) and (_status(meta.get("status")) or 0) >= 400:
        return StatedError(_status(meta.get("status")), _text(meta.get("message")), None, ())
    if error is None and "message" not in payload:
        return NO_ERROR
    return StatedError(None, _text(payload.get("message")), None, () if error is None else _codes(error))


def _codes(*found: object) -> tuple[int | None, ...]:
    """The integer codes in `found`, or (None,) if there are none."""
    codes = tuple(code for code in found if isinstance(code, int) and not isinstance(code, bool))
    return codes or (None,)


def _hidden(text: str, confidential: Sequence[str]) -> str:
    """The text without what it must not show, plain or escaped as in an address."""
    for secret in confidential:
        text = text.replace(secret, "[hidden]").replace(quote(secret, safe=""), "[hidden]")
    return text


def _status(value: Any) -> int | None:
    return value if isinstance(value, int) and 400 <= value < 600 else None


def _text(value: object) -> str:
    return " ".join(value.split()) if isinstance(value, str) else ""


def _plain_text(body: bytes) -> str:
    text = body.decode("utf-8", errors="replace").strip()
    return "" if text[:1] in "<{[" else _text(text)


def _sentence(status: int, text: str, *, readable: bool) -> str:
    if text:
        return f"HTTP {status}: {text[:LONGEST_TEXT]}"
    return f"HTTP {status}" if readable else f"HTTP {status} with a body that is no JSON"
