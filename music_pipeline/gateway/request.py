"""What is asked of a provider and what comes back: the gateway's words. How it is asked is in `gateway`."""

import json
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from functools import cached_property
from typing import Generic, Protocol, TypeVar
from urllib.parse import quote, urlencode

Body = TypeVar("Body")


class Priority(IntEnum):
    """Classes of calls: a lower one is served first."""

    TOKENS = 0
    WRITES = 1
    INTERACTIVE = 2
    WATCHLIST = 3
    ENRICHMENT = 4


TURN: ContextVar[int] = ContextVar("TURN", default=0)
"""Of calls of one class, those of the lower turn go first, so that what was begun first is done first."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One of a provider's endpoints. `path`: below the provider's base address, with `{}` for each value.

    At Spotify, `name` is also what spotipy calls the method, and the parameters are that method's; `direct`: spotipy
    is left out. `of_one`: a parameter names the one thing that is asked about, as a value in the path does.
    """

    provider: str
    name: str
    path: str
    direct: bool = False
    of_one: bool = False

    @property
    def asks_for_one(self) -> bool:
        """Whether one thing is asked for by its id, which may not be there; a list or a search always is."""
        return self.of_one or "{}" in self.path


@dataclass(frozen=True)  # without slots: path and request are wanted several times for each call, and kept
class Question:
    """A GET of an endpoint, or with `fields` a POST of a JSON object of them.

    No parameter and no field holds a credential: what is asked is kept and logged.
    """

    endpoint: Endpoint
    values: tuple[str, ...] = ()
    params: tuple[tuple[str, str], ...] = ()
    fields: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, endpoint: Endpoint, *values: str, **params: str | int) -> "Question":
        """A question with parameters by name, each given once."""
        return cls(endpoint, values, tuple(sorted((name, str(value)) for name, value in params.items())))

    @classmethod
    def posting(cls, endpoint: Endpoint, **fields: str) -> "Question":
        """A POST of a JSON object."""
        return cls(endpoint, fields=tuple(sorted(fields.items())))

    @cached_property
    def path(self) -> str:
        """The path with its values filled in."""
        return self.endpoint.path.format(*(quote(value, safe="") for value in self.values))

    @cached_property
    def request(self) -> str:
        """The request as text, the same for equal questions."""
        if self.fields:
            return f"POST {self.path} {json.dumps(dict(self.fields), ensure_ascii=False)}"
        query = urlencode(sorted(self.params))
        return f"GET {self.path}?{query}" if query else f"GET {self.path}"


@dataclass(frozen=True, slots=True)
class Answer(Generic[Body]):
    """`body` None: the provider says that there is no such thing.

    `fetched_at`: when it was asked, in the database's time.
    """

    body: Body | None
    from_cache: bool
    fetched_at: datetime


class Asking(Protocol):
    """What a provider's client needs of the gateway, or of whoever stands before it."""

    async def ask(
        self,
        question: Question,
        parse: Callable[[object], Body],
        *,
        fresh_since: datetime | None = None,
        attempts: int = ...,
    ) -> Answer[Body]:
        """The answer, parsed: see `Gateway.ask`."""

    async def capability(self, provider: str, name: str) -> str | None:
        """What was learnt about our account there: see `Gateway.capability`."""

    async def learn(self, provider: str, name: str, value: str, reason: str) -> None:
        """Keep what was learnt about our account there."""
