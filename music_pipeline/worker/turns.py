"""Taking turns at a provider, so that a sweep whose time is over stops asking at once.

A chunk may want thousands of answers. Were all of them asked for together, each would long have passed the look at the
clock while it waits for its permit.
"""

import asyncio
import heapq
import itertools
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TypeVar

from music_pipeline.gateway.errors import OutOfTime
from music_pipeline.gateway.gateway import ATTEMPTS, Gateway
from music_pipeline.gateway.request import TURN, Answer, Priority, Question
from music_pipeline.work.model import Origin

AT_ONCE = 16
# The class of the calls for queued work. What somebody names and waits for is interactive, whatever its origin.
CLASS_OF_ORIGIN: Mapping[Origin, Priority] = {
    "manual": Priority.INTERACTIVE,
    "watchlist": Priority.WATCHLIST,
    "batch": Priority.ENRICHMENT,
}
Body = TypeVar("Body")


class Line:
    """So many places; a free one goes to whose TURN is the earliest, so that artists are done one after the other.

    Were it first come, first served, all artists of a chunk would be done at its end, and nothing could follow before.
    """

    def __init__(self, places: int) -> None:
        self._free = places
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._arrivals = itertools.count()

    @property
    def waiting(self) -> int:
        """How many wait for a place."""
        return sum(not future.done() for *_, future in self._waiting)

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """A place, for as long as the block runs."""
        if self._free:
            self._free -= 1
        else:
            await self._called()
        try:
            yield
        finally:
            self._leave()

    async def _called(self) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (TURN.get(), next(self._arrivals), future))
        try:
            await future
        except asyncio.CancelledError:
            if not future.cancelled():  # called and cancelled at once: the place goes on
                self._leave()
            raise

    def _leave(self) -> None:
        while self._waiting:
            _, _, future = heapq.heappop(self._waiting)
            if not future.done():
                future.set_result(None)
                return
        self._free += 1


class Turns:
    """The gateway, asked by at most 16 at once for each provider, and by nobody after the deadline."""

    def __init__(self, gateway: Gateway, deadline: float | None, priority: Priority) -> None:
        """`deadline`: on the monotonic clock, in seconds; None where somebody waits for the answers. `priority`: the
        class of the calls.
        """
        self._gateway = gateway
        self._deadline = deadline
        self._priority = priority
        self._lines: defaultdict[str, Line] = defaultdict(lambda: Line(AT_ONCE))

    async def ask(
        self,
        question: Question,
        parse: Callable[[object], Body],
        *,
        fresh_since: datetime | None = None,
        attempts: int = ATTEMPTS,
    ) -> Answer[Body]:
        """`Gateway.ask`, in turn. Raises OutOfTime once the time is over."""
        async with self._lines[question.endpoint.provider].place():
            if self._deadline is not None and time.monotonic() > self._deadline:
                raise OutOfTime("The sweep's time is over.")
            return await self._gateway.ask(
                question, parse, fresh_since=fresh_since, attempts=attempts, priority=self._priority
            )

    async def capability(self, provider: str, name: str) -> str | None:
        """`Gateway.capability`."""
        return await self._gateway.capability(provider, name)

    async def learn(self, provider: str, name: str, value: str, reason: str) -> None:
        """`Gateway.learn`."""
        await self._gateway.learn(provider, name, value, reason)
