"""Faults on request: what the operator of the sandbox makes a provider do wrong.

Here belong the kinds of fault, when one applies, and what it does to an answer or to the connection.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field, replace
from typing import Any

from music_pipeline.sandbox.clock import SandboxClock
from music_pipeline.sandbox.http import Answer, Json, Request, json_answer, text_answer
from music_pipeline.sandbox.world.hashing import fraction

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

PREMIUM_TEXT = (
    "Active premium subscription required for the owner of the app. When the subscription status changes, "
    "it can take a few hours before requests are allowed again."
)
CLOUDFLARE_PAGE = (
    "<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title></head>"
    "<body><h1>Sorry, you have been blocked</h1></body></html>"
)
GONE_TEXT = json.dumps({"error": {"status": 403, "message": "Forbidden"}}).encode()
DRIP_PIECES = 10
CUT_AFTER_SECONDS = 0.02  # so that what was sent is on its way before the connection ends
PAGE_KEYS = ("items", "results", "hits", "releases", "recordings", "songs", "artists")


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault and where it applies. Times are real seconds except `retry_after`, which is the sandbox's."""

    identity: int
    provider: str
    kind: str
    endpoint: str | None = None
    path_regex: str | None = None
    count: int | None = None
    probability: float | None = None
    until: float | None = None  # real seconds of the clock's source
    seconds: float = 1.0
    status: int | None = None
    retry_after: float | None = None

    def concerns(self, provider: str, endpoint: str, request: Request) -> bool:
        """Tells whether a request is one of those that the fault is for."""
        if self.provider != provider or self.endpoint not in {None, endpoint}:
            return False
        return self.path_regex is None or re.search(self.path_regex, request.path) is not None


@dataclass(frozen=True, slots=True)
class Effect:
    """What becomes of one request: an answer instead of the provider's, a change to it, or a broken connection."""

    answer: Answer | None = None
    change: Callable[[Answer], Answer] = lambda answer: answer
    delay: float = 0.0
    drip_seconds: float = 0.0
    cut_body: bool = False
    drop_connection: bool = False


NO_EFFECT = Effect()


@dataclass(slots=True)
class Faults:
    """The faults in force, and the pages that a `duplicate_page` repeats."""

    clock: SandboxClock
    active: list[Fault] = field(default_factory=list)
    served: dict[int, int] = field(default_factory=dict)
    drawn: int = 0
    last_identity: int = 0
    pages: dict[int, Answer] = field(default_factory=dict)

    def add(self, description: Json) -> Fault:
        """Adds a fault. Raises ValueError, in a sentence, for a description that is none."""
        fault = parse_fault(description, self.last_identity + 1, self.clock.source())
        self.last_identity = fault.identity
        self.active.append(fault)
        return fault

    def clear(self) -> None:
        """Ends all faults."""
        self.active.clear()

    def choose(self, provider: str, endpoint: str, request: Request, moment: float) -> Effect:
        """Returns the effect of the first fault that applies to the request."""
        for fault in self.active:
            if fault.concerns(provider, endpoint, request) and self._is_due(fault):
                self.served[fault.identity] = self.served.get(fault.identity, 0) + 1
                return self._effect(fault, provider)
        return NO_EFFECT

    def _is_due(self, fault: Fault) -> bool:
        if fault.count is not None and self.served.get(fault.identity, 0) >= fault.count:
            return False
        if fault.until is not None and self.clock.source() > fault.until:
            return False
        if fault.probability is None:
            return True
        self.drawn += 1
        return fraction("fault", fault.identity, self.drawn) < fault.probability

    def _effect(self, fault: Fault, provider: str) -> Effect:
        if fault.kind == "duplicate_page":
            return Effect(change=lambda answer: self._first_page(fault, answer))
        return EFFECTS[fault.kind](fault, provider)

    def _first_page(self, fault: Fault, answer: Answer) -> Answer:
        return self.pages.setdefault(fault.identity, answer)


def parse_fault(description: Json, identity: int, now: float) -> Fault:
    """Reads a fault. `until` is given in real seconds from now."""
    known = {*Fault.__slots__} - {"identity"}
    unknown = sorted(set(description) - known)
    if unknown:
        raise ValueError(f"a fault has no field {', '.join(unknown)}; it has {', '.join(sorted(known))}")
    kind = description.get("kind")
    if kind not in KINDS:
        raise ValueError(f"there is no fault {kind!r}; there are {', '.join(sorted(KINDS))}")
    if not description.get("provider"):
        raise ValueError("a fault needs the name of its provider")
    fault = Fault(identity=identity, **description)
    return replace(fault, until=None if fault.until is None else now + fault.until)


def _rate_limited(fault: Fault, provider: str) -> Effect:
    seconds = fault.retry_after if fault.retry_after is not None else 1.0
    body = {"error": {"status": 429, "message": "API rate limit exceeded"}}
    answer = json_answer(body, fault.status or 429, (("retry-after", str(round(seconds))),))
    return Effect(answer=replace(answer, retry_after=seconds))


def _quota_exceeded(fault: Fault, provider: str) -> Effect:
    seconds = fault.retry_after if fault.retry_after is not None else 86_400.0
    body = {"error": {"status": 429, "message": "Too many requests", "reason": "QUOTA_EXCEEDED"}}
    return Effect(answer=replace(json_answer(body, 429, (("retry-after", str(round(seconds))),)), retry_after=seconds))


def _server_error(fault: Fault, provider: str) -> Effect:
    status = fault.status or 503
    return Effect(answer=json_answer({"error": {"status": status, "message": "Service unavailable"}}, status))


def _html(fault: Fault, provider: str) -> Effect:
    return Effect(answer=text_answer(CLOUDFLARE_PAGE, fault.status or 403, "text/html; charset=UTF-8"))


def _expired_token(fault: Fault, provider: str) -> Effect:
    return Effect(answer=json_answer({"error": {"status": 401, "message": "The access token expired"}}, 401))


def _vanished(fault: Fault, provider: str) -> Effect:
    if provider == "spotify":
        return Effect(answer=Answer(403, GONE_TEXT))
    return Effect(answer=json_answer({"message": "The requested resource was not found.", "error": "Not Found"}, 404))


def _truncate(answer: Answer) -> Answer:
    return replace(answer, body=answer.body[: len(answer.body) * 2 // 3])


def _change_json(change: Callable[[Any], Any]) -> Callable[[Answer], Answer]:
    def changed(answer: Answer) -> Answer:
        if not answer.content_type.startswith("application/json"):
            return answer
        body = json.dumps(change(json.loads(answer.body)), ensure_ascii=False, separators=(",", ":"))
        return replace(answer, body=body.encode())

    return changed


def _null_first_item(data: Any) -> Any:
    """Returns the data with the first entry of each page replaced by null."""
    if isinstance(data, list):
        return [_null_first_item(entry) for entry in data]
    if not isinstance(data, dict):
        return data
    return {
        key: [None, *value[1:]] if key in PAGE_KEYS and isinstance(value, list) and value else _null_first_item(value)
        for key, value in data.items()
    }


def _shift_totals(data: Any) -> Any:
    """Returns the data with every count of a list one lower than it was."""
    if isinstance(data, list):
        return [_shift_totals(entry) for entry in data]
    if not isinstance(data, dict):
        return data
    names = {"total", "count", "release-count", "recording-count", "artist-count"}
    return {
        key: max(0, value - 1) if key in names and isinstance(value, int) else _shift_totals(value)
        for key, value in data.items()
    }


EFFECTS: dict[str, Callable[[Fault, str], Effect]] = {
    "latency": lambda fault, provider: Effect(delay=fault.seconds),
    "429": _rate_limited,
    "5xx": _server_error,
    "reset": lambda fault, provider: Effect(cut_body=True),
    "truncated_json": lambda fault, provider: Effect(change=_truncate),
    "html": _html,
    "drip": lambda fault, provider: Effect(drip_seconds=fault.seconds),
    "total_changes": lambda fault, provider: Effect(change=_change_json(_shift_totals)),
    "expired_token": _expired_token,
    "vanished_endpoint": _vanished,
    "outage": lambda fault, provider: Effect(drop_connection=True),
    "quota_exceeded": _quota_exceeded,
    "premium_403": lambda fault, provider: Effect(answer=text_answer(PREMIUM_TEXT, 403)),
    "empty_400": lambda fault, provider: Effect(answer=Answer(400, b"")),
    "null_items": lambda fault, provider: Effect(change=_change_json(_null_first_item)),
}
KINDS = frozenset({*EFFECTS, "duplicate_page"})


@dataclass(frozen=True, slots=True)
class Transport:
    """Sends answers, in the way that an effect wants."""

    send: Send
    close_connection: Callable[[], None]

    async def deliver(self, answer: Answer, effect: Effect) -> None:
        """Sends the answer late, slowly, in part, or not at all."""
        if effect.delay:
            await asyncio.sleep(effect.delay)
        if effect.drop_connection:
            await self._close()
        elif effect.cut_body:
            await self._send_half(answer)
        elif effect.drip_seconds:
            await self._drip(answer, effect.drip_seconds)
        else:
            await self.send_whole(self.send, answer)

    @staticmethod
    async def send_whole(send: Send, answer: Answer) -> None:
        """Sends an answer whole."""
        await send({"type": "http.response.start", "status": answer.status, "headers": _headers(answer)})
        await send({"type": "http.response.body", "body": answer.body})

    async def _send_half(self, answer: Answer) -> None:
        await self.send({"type": "http.response.start", "status": answer.status, "headers": _headers(answer)})
        half = answer.body[: len(answer.body) // 2]
        await self.send({"type": "http.response.body", "body": half, "more_body": True})
        await asyncio.sleep(CUT_AFTER_SECONDS)
        await self._close()

    async def _close(self) -> None:
        """Closes the connection, and leaves the server a moment to notice, before it would answer 500."""
        self.close_connection()
        await asyncio.sleep(CUT_AFTER_SECONDS)

    async def _drip(self, answer: Answer, seconds: float) -> None:
        await self.send({"type": "http.response.start", "status": answer.status, "headers": _headers(answer)})
        size = max(1, -(-len(answer.body) // DRIP_PIECES))
        for start in range(0, len(answer.body), size):
            await asyncio.sleep(seconds / DRIP_PIECES)
            piece = answer.body[start : start + size]
            await self.send({"type": "http.response.body", "body": piece, "more_body": True})
        await self.send({"type": "http.response.body", "body": b""})


def _headers(answer: Answer) -> list[tuple[bytes, bytes]]:
    fields = [("content-type", answer.content_type), ("content-length", str(len(answer.body))), *answer.headers]
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields]
