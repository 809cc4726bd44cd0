"""The ASGI application: stamp, count and judge each request, then let its provider answer.

What all providers share belongs here: routing by prefix, quota, faults, statistics. Each provider's module says what it
answers.
"""

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, unquote

from music_pipeline.sandbox.clock import SandboxClock
from music_pipeline.sandbox.faults import Effect, Faults
from music_pipeline.sandbox.http import SandboxEndpoint, SandboxRequest, SandboxResponse, json_response
from music_pipeline.sandbox.providers.base import Emulator
from music_pipeline.sandbox.quota import GRACE_REAL_SECONDS, QuotaSetting, QuotaVerdict, Rule, make_rule
from music_pipeline.sandbox.statistics import ProviderStatistics
from music_pipeline.sandbox.transport import Transport

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

CONTROL_PREFIX = "_sandbox"
LONGEST_URL = 8_192
UNKNOWN_ENDPOINT = "unknown path"


@dataclass(slots=True)
class Mount:
    """A provider under its prefix, with its quota and its counts."""

    name: str
    provider: Emulator
    setting: QuotaSetting
    rule: Rule
    statistics: ProviderStatistics
    over_day: Callable[[float], SandboxResponse] | None

    def reset(self, speed: float) -> None:
        """Reset the counts. The quota keeps its memory."""
        self.statistics = ProviderStatistics(self.setting, speed)


def mount(
    name: str,
    provider: Emulator,
    setting: QuotaSetting,
    speed: float,
    over_day: Callable[[float], SandboxResponse] | None = None,
) -> Mount:
    """Mount a provider. `over_day`: its refusal once the day's quota is used up, if it has its own."""
    return Mount(name, provider, setting, make_rule(setting), ProviderStatistics(setting, speed), over_day)


@dataclass(slots=True)
class SandboxApp:
    """All providers at `/<provider>/…`, and the control interface at `/_sandbox/…`."""

    mounts: dict[str, Mount]
    control: Sequence[SandboxEndpoint]
    clock: SandboxClock
    faults: Faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request of ASGI."""
        if scope["type"] == "lifespan":
            await _acknowledge_lifespan(receive, send)
            return
        moment = self.clock.now()
        _, _, rest = scope["path"].partition("/")
        prefix, _, below = rest.partition("/")
        if prefix == CONTROL_PREFIX:
            request = await _read_request(scope, receive, "/" + below)
            await send_response(send, _answer_control(self.control, request))
            return
        mounted = self.mounts.get(prefix)
        if mounted is None:
            known = ", ".join(f"/{name}/" for name in self.mounts)
            await send_response(send, json_response({"error": f"no provider at /{prefix}/; there are {known}"}, 404))
            return
        request = await _read_request(scope, receive, "/" + below)
        answer, effect = self._serve(mounted, request, moment)
        await Transport(send, scope.get("close_connection", _no_connection)).deliver(answer, effect)
        mounted.statistics.count_delivery(moment, self.clock.now(), answer)

    def _serve(self, mounted: Mount, request: SandboxRequest, moment: float) -> tuple[SandboxResponse, Effect]:
        limit = mounted.provider.quota_limit(request, mounted.setting.limit)
        verdict = mounted.rule.arrive(moment, limit, GRACE_REAL_SECONDS * self.clock.speed)
        mounted.statistics.count_arrival(moment, verdict)
        found, groups = _find_endpoint(mounted.provider.endpoints, request)
        name = found.name if found else UNKNOWN_ENDPOINT
        effect = self.faults.choose(mounted.name, mounted.provider, name, request)
        answer = effect.answer or self._answer(mounted, request, verdict, found, groups)
        answer = effect.change(answer)
        repeatable = mounted.provider.is_repeatable(name)
        mounted.statistics.count_answer(moment, request, name, answer, repeatable=repeatable)
        headers = mounted.provider.quota_headers(limit, verdict)
        if headers:
            answer = replace(answer, headers=answer.headers + headers)
        return answer, effect

    def _answer(
        self,
        mounted: Mount,
        request: SandboxRequest,
        verdict: QuotaVerdict,
        found: SandboxEndpoint | None,
        groups: dict[str, str],
    ) -> SandboxResponse:
        if len(request.path) + len(request.query_string) > LONGEST_URL:
            return SandboxResponse(414, b"<html><h1>414 Request-URI Too Large</h1></html>", "text/html")
        if verdict.refused:
            if verdict.of_day and mounted.over_day is not None:
                return mounted.over_day(verdict.wait)
            return mounted.provider.over_quota(request, verdict.wait)
        refusal = mounted.provider.admit(request)
        if refusal is not None:
            return refusal
        if found is None:
            return mounted.provider.unknown_path(request)
        return found.handle(request, **groups)


def _answer_control(endpoints: Sequence[SandboxEndpoint], request: SandboxRequest) -> SandboxResponse:
    found, groups = _find_endpoint(endpoints, request)
    if found is None:
        known = ", ".join(f"{each.method} {each.name}" for each in endpoints)
        return json_response(
            {"error": f"no {request.method} {request.path} at /{CONTROL_PREFIX}; there are {known}"}, 404
        )
    return found.handle(request, **groups)


def _find_endpoint(
    endpoints: Sequence[SandboxEndpoint], request: SandboxRequest
) -> tuple[SandboxEndpoint | None, dict[str, str]]:
    for candidate in endpoints:
        if candidate.method == request.method:
            match = candidate.pattern.fullmatch(request.path)
            if match is not None:
                return candidate, match.groupdict()
    return None, {}


async def _read_request(scope: Scope, receive: Receive, path: str) -> SandboxRequest:
    query_string = scope["query_string"].decode("latin-1")
    return SandboxRequest(
        method=scope["method"],
        path=unquote(path),
        query_string=query_string,
        headers={name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
        body=b"" if scope["method"] == "GET" else await _read_body(receive),
        query=parse_qsl(query_string, keep_blank_values=True),
    )


async def _read_body(receive: Receive) -> bytes:
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


async def send_response(send: Send, answer: SandboxResponse) -> None:
    """Send an answer whole."""
    await Transport.send_whole(send, answer)


def _no_connection() -> None:
    """Close nothing: a test of the application alone has no connection."""


async def _acknowledge_lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        else:
            await send({"type": "lifespan.shutdown.complete"})
            return
