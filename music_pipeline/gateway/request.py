"""Requests, responses and their urgency: the gateway's vocabulary. `gateway` says how requests are sent."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from functools import cached_property, partial
from typing import Generic, Protocol, TypeVar
from urllib.parse import quote, urlencode

from music_pipeline.gateway.provider import Provider

Body = TypeVar("Body")

ATTEMPTS = 6


class Priority(IntEnum):
    """Classes of calls: a lower one is served first."""

    TOKENS = 0
    WRITES = 1
    INTERACTIVE = 2
    WATCHLIST = 3
    ENRICHMENT = 4


@dataclass(frozen=True, slots=True)
class Urgency:
    """When a call gets its permit.

    `order`: calls of one class with a lower order go first, so that artists are completed one after another.
    `deadline`: no call is made after it (of time.monotonic, in seconds); None for no deadline.
    """

    priority: Priority
    order: int = 0
    deadline: float | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One of a provider's endpoints. `path`: below the provider's base address, with `{}` for each value.

    At Spotify, `name` is also spotipy's method and the parameters are that method's; `direct`: spotipy is not used.
    `of_one`: a parameter names the one thing that is requested, as a value in the path does.
    """

    provider: Provider
    name: str
    path: str
    direct: bool = False
    of_one: bool = False

    @property
    def asks_for_one(self) -> bool:
        """Whether the request names one thing by its id, which may not exist. A list or a search always exists."""
        return self.of_one or "{}" in self.path


@dataclass(frozen=True)  # without slots: path, text and digest are needed several times for each call, and kept
class Request:
    """A GET of an endpoint, or with `fields` a POST of a JSON object of them.

    No parameter and no field holds a credential: requests are stored and logged.
    """

    endpoint: Endpoint
    values: tuple[str, ...] = ()
    params: tuple[tuple[str, str], ...] = ()
    fields: tuple[tuple[str, str], ...] = ()

    @classmethod
    def get(cls, endpoint: Endpoint, *values: str, **params: str | int) -> "Request":
        """A GET with parameters by name, each given once."""
        return cls(endpoint, values, tuple(sorted([(name, str(value)) for name, value in params.items()])))

    @classmethod
    def post(cls, endpoint: Endpoint, **fields: str) -> "Request":
        """A POST of a JSON object."""
        return cls(endpoint, fields=tuple(sorted(fields.items())))

    @cached_property
    def path(self) -> str:
        """The path with its values filled in."""
        return self.endpoint.path.format(*map(partial(quote, safe=""), self.values))

    @cached_property
    def text(self) -> str:
        """The request as text, the same for equal requests."""
        if self.fields:
            return f"POST {self.path} {json.dumps(dict(self.fields), ensure_ascii=False)}"
        query = urlencode(sorted(self.params))
        return f"GET {self.path}?{query}" if query else f"GET {self.path}"

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the text."""
        return hashlib.sha256(self.text.encode()).digest()


@dataclass(frozen=True, slots=True)
class Response(Generic[Body]):
    """`body` None: the provider says that there is no such thing.

    `fetched_at`: when the request was sent, in the database's time.
    """

    body: Body | None
    from_cache: bool
    fetched_at: datetime


class Sender(Protocol):
    """What a provider's client needs: the gateway, or a sender of one priority on it."""

    async def send(
        self,
        request: Request,
        parse: Callable[[object], Body],
        *,
        fresh_since: datetime | None = None,
        attempts: int = ...,
    ) -> Response[Body]:
        """Return the parsed response: see `Gateway.send`."""

    async def capability(self, provider: Provider, name: str) -> str | None:
        """What was learnt about our account there: see `Gateway.capability`."""

    async def learn(self, provider: Provider, name: str, value: str, reason: str) -> None:
        """Store a lesson about our account there."""
