"""The sandbox's application driven directly, with a clock that the test moves."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from music_pipeline.sandbox.app import SandboxApp
from music_pipeline.sandbox.clock import SandboxClock
from music_pipeline.sandbox.options import SandboxOptions
from music_pipeline.sandbox.server import build_app
from music_pipeline.sandbox.world.credits_served import Served, decide_served
from music_pipeline.sandbox.world.model import World

AGENT = "sandbox-tests/1.0 ( tests@example.org )"


@dataclass
class HandClock:
    """Real seconds that pass when the test says so."""

    seconds: float = 1_000.0

    def __call__(self) -> float:
        return self.seconds

    def advance(self, seconds: float) -> None:
        self.seconds += seconds


@dataclass
class Reply:
    """An answer as a client sees it."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Desk:
    """A sandbox without a socket. Every request names an application and has a token unless the test says otherwise."""

    app: SandboxApp
    clock: HandClock
    headers: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, parameters: Any = (), headers: dict[str, str] | None = None, pause: float = 60.0) -> Reply:
        """Asks, after a pause that keeps the test within any quota."""
        self.clock.advance(pause)
        return self.ask("GET", path, parameters, headers)

    def ask(
        self, method: str, path: str, parameters: Any = (), headers: dict[str, str] | None = None, body: bytes = b""
    ) -> Reply:
        chosen = self.headers if headers is None else headers
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": urlencode(parameters, doseq=True).encode(),
            "headers": [(name.lower().encode(), value.encode()) for name, value in chosen.items()],
        }
        return asyncio.run(self._run(scope, body))

    async def _run(self, scope: dict[str, Any], body: bytes) -> Reply:
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return Reply(sent[0]["status"], headers, b"".join(message.get("body", b"") for message in sent[1:]))

    def provider(self, name: str) -> Any:
        return self.app.mounts[name].provider

    def statistics(self, name: str) -> dict[str, Any]:
        return self.app.mounts[name].statistics.report()


_SERVED: list[tuple[World, Served]] = []


def served_of(world: World) -> Served:
    """Returns what is served of a world, decided once, as it depends on nothing else."""
    known = next((served for each, served in _SERVED if each is world), None)
    if known is None:
        known = decide_served(world)
        _SERVED.append((world, known))
    return known


def make_desk(world: World, speed: float = 1.0, **options: Any) -> Desk:
    clock = HandClock()
    chosen = SandboxOptions(speed=speed, **options)
    app = build_app(chosen, world, served_of(world), "http://sandbox", SandboxClock(speed, clock))
    return Desk(app, clock, {"User-Agent": AGENT, "Authorization": "Bearer token, Discogs token=token"})


def shape(value: Any) -> Any:
    """Returns the types of a JSON value: of a dict's values, and of a list's first entry."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value)


def misfits(ours: Any, theirs: Any, path: str = "") -> list[str]:
    """Returns where our JSON has a key that the recorded one lacks, or a value of another type; nulls fit anything."""
    if ours is None or theirs is None:
        return []
    if isinstance(ours, dict) and isinstance(theirs, dict):
        unknown = [f"{path}.{key}: not in the recording" for key in ours if key not in theirs]
        inner = [each for key in ours if key in theirs for each in misfits(ours[key], theirs[key], f"{path}.{key}")]
        return unknown + inner
    if isinstance(ours, list) and isinstance(theirs, list):
        return misfits(ours[0], theirs[0], f"{path}[]") if ours and theirs else []
    same = type(ours) is type(theirs) or {type(ours), type(theirs)} <= {int, float}
    return [] if same else [f"{path}: {type(ours).__name__}, recorded {type(theirs).__name__}"]


def missing_keys(ours: Any, theirs: Any, path: str = "") -> list[str]:
    """Returns the keys that the recorded JSON has and ours lacks."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        absent = [f"{path}.{key}" for key in theirs if key not in ours]
        inner = [
            each for key in theirs if key in ours for each in missing_keys(ours[key], theirs[key], f"{path}.{key}")
        ]
        return absent + inner
    if isinstance(ours, list) and isinstance(theirs, list) and ours and theirs:
        return missing_keys(ours[0], theirs[0], f"{path}[]")
    return []
