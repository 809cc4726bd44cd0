"""Faults on request: what a provider can be made to do wrong.

This module says which kinds there are, when one applies, and what it does to an answer. `transport` sends the answer.
"""

import json
import re
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from music_pipeline.sandbox.clock import SandboxClock
from music_pipeline.sandbox.http import Json, SandboxRequest, SandboxResponse, json_response, text_response
from music_pipeline.sandbox.providers.base import Emulator
from music_pipeline.sandbox.providers.spotify import quota_exceeded
from music_pipeline.sandbox.world.hashing import fraction

PREMIUM_TEXT = (
    "Active premium subscription required for the owner of the app. When the subscription status changes, "
    "it can take a few hours before requests are allowed again."
)
CLOUDFLARE_PAGE = (
    "<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title></head>"
    "<body><h1>Sorry, you have been blocked</h1></body></html>"
)
LONG_BLOCK_SECONDS = 86_400.0
WRONG_TOKENS = {"discogs": "Discogs token=wrong", "genius": "Bearer wrong", "instagram": "Bearer wrong"}
WRONG_KEYS = {"lastfm": "api_key", "getsongbpm": "api_key", "instagram": "access_token"}
WRONG_HEADERS = {"sonoteller": "x-rapidapi-key"}
WITH_TOKEN = ("spotify", *dict.fromkeys([*WRONG_TOKENS, *WRONG_KEYS, *WRONG_HEADERS]))
TOTAL_KEYS = ("total", "items", "count", "release-count", "recording-count", "artist-count")
PAGE_KEYS = {
    "spotify": ("items",),
    "musicbrainz": ("releases", "recordings", "artists", "urls"),
    "discogs": ("results", "releases", "versions"),
    "genius": ("hits", "songs"),
    "lastfm": ("tag", "track", "artist"),
    "deezer": ("data",),
    "reccobeats": ("content",),
    "getsongbpm": ("search",),
}
PLACES_IN_LISTS = ("offset", "page", "index")
ListKey = tuple[str, tuple[tuple[str, str], ...]]
"""A path, and the parameters of a list that are the same for all its pages."""


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

    def concerns(self, provider: str, endpoint: str, request: SandboxRequest) -> bool:
        """Whether the fault applies to a request."""
        if self.provider != provider or self.endpoint not in {None, endpoint}:
            return False
        return self.path_regex is None or re.search(self.path_regex, request.path) is not None


@dataclass(frozen=True, slots=True)
class Effect:
    """What becomes of one request: an answer instead of the provider's, a change to it, or a broken connection."""

    answer: SandboxResponse | None = None
    change: Callable[[SandboxResponse], SandboxResponse] = lambda answer: answer
    delay: float = 0.0
    drip_seconds: float = 0.0
    cut_body: bool = False
    drop_connection: bool = False

    @property
    def is_more_than_a_change(self) -> bool:
        """Whether the fault does more than change the content of the answer."""
        return bool(self.answer or self.delay or self.drip_seconds or self.cut_body or self.drop_connection)


NO_EFFECT = Effect()


@dataclass(slots=True)
class Faults:
    """The faults in force, and the pages that a `duplicate_page` repeats.

    `served` counts the requests that each fault applied to, `harmed` the answers that it changed.
    """

    clock: SandboxClock
    providers: Collection[str]
    active: list[Fault] = field(default_factory=list)
    served: dict[int, int] = field(default_factory=dict)
    harmed: dict[int, int] = field(default_factory=dict)
    drawn: int = 0
    last_identity: int = 0
    pages: dict[tuple[int, ListKey], Any] = field(default_factory=dict)

    def add(self, description: Json) -> Fault:
        """Add a fault. Raises ValueError, in a sentence, for an invalid description."""
        fault = parse_fault(description, self.last_identity + 1, self.clock.source(), self.providers)
        self.last_identity = fault.identity
        self.active.append(fault)
        return fault

    def clear(self) -> None:
        """End all faults."""
        self.active.clear()

    def choose(self, name: str, provider: Emulator, endpoint: str, request: SandboxRequest) -> Effect:
        """The effect of the first fault that applies to the request."""
        for fault in self.active:
            if fault.concerns(name, endpoint, request) and self._is_due(fault):
                self.served[fault.identity] = self.served.get(fault.identity, 0) + 1
                return self._counted(fault, self._effect(fault, provider, request))
        return NO_EFFECT

    def report(self) -> list[Json]:
        """The faults in force, with how many answers each has harmed."""
        return [asdict(fault) | {"harmed": self.harmed.get(fault.identity, 0)} for fault in self.active]

    def _counted(self, fault: Fault, effect: Effect) -> Effect:
        def change(answer: SandboxResponse) -> SandboxResponse:
            changed = effect.change(answer)
            if effect.is_more_than_a_change or changed is not answer:
                self.harmed[fault.identity] = self.harmed.get(fault.identity, 0) + 1
            return changed

        return replace(effect, change=change)

    def _is_due(self, fault: Fault) -> bool:
        if fault.count is not None and self.served.get(fault.identity, 0) >= fault.count:
            return False
        if fault.until is not None and self.clock.source() > fault.until:
            return False
        if fault.probability is None:
            return True
        self.drawn += 1
        return fraction("fault", fault.identity, self.drawn) < fault.probability

    def _effect(self, fault: Fault, provider: Emulator, request: SandboxRequest) -> Effect:
        if fault.kind == "duplicate_page":
            return Effect(change=_change_json(lambda data: self._repeat_first_page(fault, request, data)))
        if fault.kind == "total_changes":
            lost = self.served[fault.identity] - 1
            return Effect(change=_change_json(lambda data: _shift_totals(data, lost)))
        return EFFECTS[fault.kind](fault, provider, request)

    def _repeat_first_page(self, fault: Fault, request: SandboxRequest, data: Any) -> Any:
        keys = PAGE_KEYS.get(fault.provider, ())
        return _with_entries_of(self.pages.setdefault((fault.identity, _list_of(request)), data), data, keys)


def _list_of(request: SandboxRequest) -> ListKey:
    """The list that a request reads a page of."""
    return request.path, tuple(sorted(pair for pair in request.query if pair[0] not in PLACES_IN_LISTS))


def parse_fault(description: Json, identity: int, now: float, providers: Collection[str]) -> Fault:
    """Read a fault. `until` is given in real seconds from now. Raises ValueError."""
    if description.get("provider") not in providers:
        raise ValueError(f"a fault needs its provider, one of {', '.join(providers)}")
    known = {*Fault.__slots__} - {"identity"}
    unknown = sorted(set(description) - known)
    if unknown:
        raise ValueError(f"a fault has no field {', '.join(unknown)}; it has {', '.join(sorted(known))}")
    kind = description.get("kind")
    if kind not in KINDS:
        raise ValueError(f"there is no fault {kind!r}; there are {', '.join(sorted(KINDS))}")
    if kind == "expired_token" and description.get("provider") not in WITH_TOKEN:
        raise ValueError(f"a token can expire at {', '.join(WITH_TOKEN)} only")
    _check_values(description)
    fault = Fault(identity=identity, **description)
    return replace(fault, until=None if fault.until is None else now + fault.until)


def _check_values(description: Json) -> None:
    for name in ("count", "probability", "until", "seconds", "status", "retry_after"):
        if not isinstance(description.get(name, 0), int | float):
            raise TypeError(f"{name} of a fault is a number, not {description[name]!r}")
    try:
        re.compile(description.get("path_regex") or "")
    except re.error as refusal:
        raise ValueError(f"the path_regex of a fault cannot be read: {refusal}") from refusal


def _rate_limited(fault: Fault, provider: Emulator, request: SandboxRequest) -> Effect:
    """Refuse as the provider does; a Retry-After is added where the fault has one."""
    answer = provider.over_quota(request, fault.retry_after or 1.0)
    if fault.retry_after is not None:
        answer = replace(
            answer, headers=(("retry-after", str(round(fault.retry_after))),), retry_after=fault.retry_after
        )
    return Effect(answer=answer if fault.status is None else replace(answer, status=fault.status))


def _quota_exceeded(fault: Fault, provider: Emulator, request: SandboxRequest) -> Effect:
    return Effect(answer=quota_exceeded(LONG_BLOCK_SECONDS if fault.retry_after is None else fault.retry_after))


def _server_error(fault: Fault, provider: Emulator, request: SandboxRequest) -> Effect:
    status = fault.status or 503
    return Effect(answer=json_response({"error": {"status": status, "message": "Service unavailable"}}, status))


def _html(fault: Fault, provider: Emulator, request: SandboxRequest) -> Effect:
    return Effect(answer=text_response(CLOUDFLARE_PAGE, fault.status or 403, "text/html; charset=UTF-8"))


def _expired_token(fault: Fault, provider: Emulator, request: SandboxRequest) -> Effect:
    """Refuse like Spotify with an expired token, and like the others with a wrong one."""
    if fault.provider == "spotify":
        return Effect(answer=json_response({"error": {"status": 401, "message": "The access token expired"}}, 401))
    headers = {"authorization": WRONG_TOKENS[fault.provider]} if fault.provider in WRONG_TOKENS else {}
    if fault.provider in WRONG_HEADERS:
        headers = {WRONG_HEADERS[fault.provider]: "wrong"}
    key = WRONG_KEYS.get(fault.provider)
    query = [*((name, value) for name, value in request.query if name != key), *([(key, "wrong")] if key else [])]
    return Effect(answer=provider.admit(replace(request, headers={**request.headers, **headers}, query=query)))


def _vanished(fault: Fault, provider: Emulator, request: SandboxRequest) -> Effect:
    if fault.provider == "spotify":
        return Effect(answer=json_response({"error": {"status": 403, "message": "Forbidden"}}, 403))
    return Effect(answer=provider.unknown_path(request))


def _truncate(answer: SandboxResponse) -> SandboxResponse:
    return replace(answer, body=answer.body[: len(answer.body) * 2 // 3])


def _change_json(change: Callable[[Any], Any]) -> Callable[[SandboxResponse], SandboxResponse]:
    def changed(answer: SandboxResponse) -> SandboxResponse:
        if not answer.body.startswith((b"{", b"[")):  # the type says little: GetSongBPM calls its JSON HTML
            return answer
        data = json.loads(answer.body)
        other = change(data)
        if other == data:
            return answer
        return replace(answer, body=json.dumps(other, ensure_ascii=False, separators=(",", ":")).encode())

    return changed


def _null_items(fault: Fault, provider: Emulator, request: SandboxRequest) -> Effect:
    keys = PAGE_KEYS.get(fault.provider, ())
    return Effect(change=_change_json(lambda data: _null_first_item(data, keys)))


def _null_first_item(data: Any, keys: Collection[str]) -> Any:
    """The data with the first entry of each page replaced by null."""
    if not isinstance(data, dict):
        return data
    return {
        key: [None, *value[1:]] if key in keys and isinstance(value, list) and value else _null_first_item(value, keys)
        for key, value in data.items()
    }


def _shift_totals(data: Any, lost: int) -> Any:
    """The data with every count of a list lower than it was."""
    if isinstance(data, list):
        return [_shift_totals(entry, lost) for entry in data]
    if not isinstance(data, dict):
        return data
    return {
        key: max(0, value - lost) if key in TOTAL_KEYS and isinstance(value, int) else _shift_totals(value, lost)
        for key, value in data.items()
    }


def _with_entries_of(first: Any, data: Any, keys: Collection[str]) -> Any:
    """The data with the entries of an earlier page instead of its own.

    Its paging stays.
    """
    if not isinstance(data, dict) or not isinstance(first, dict):
        return data
    return {
        key: first[key]
        if key in keys and isinstance(value, list) and key in first
        else _with_entries_of(first.get(key), value, keys)
        for key, value in data.items()
    }


EFFECTS: dict[str, Callable[[Fault, Emulator, SandboxRequest], Effect]] = {
    "latency": lambda fault, *_: Effect(delay=fault.seconds),
    "429": _rate_limited,
    "5xx": _server_error,
    "reset": lambda *_: Effect(cut_body=True),
    "truncated_json": lambda *_: Effect(change=_truncate),
    "html": _html,
    "drip": lambda fault, *_: Effect(drip_seconds=fault.seconds),
    "expired_token": _expired_token,
    "vanished_endpoint": _vanished,
    "outage": lambda *_: Effect(drop_connection=True),
    "quota_exceeded": _quota_exceeded,
    "premium_403": lambda *_: Effect(answer=text_response(PREMIUM_TEXT, 403)),
    "empty_400": lambda *_: Effect(answer=SandboxResponse(400, b"")),
    "null_items": _null_items,
}
KINDS = frozenset({*EFFECTS, "duplicate_page", "total_changes"})
