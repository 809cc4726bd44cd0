"""Hand rate-limit permits to this process's callers, most urgent first. Permits are reserved slightly ahead.

`quota` says how often anyone may call; `limiter` whether the provider may be called at all.
"""

import asyncio
import heapq
import itertools
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple
from uuid import UUID

from music_pipeline.gateway.breaker import Health
from music_pipeline.gateway.errors import OutOfTime
from music_pipeline.gateway.quota import QuotaPlan, Reservation, Returned
from music_pipeline.gateway.request import Priority, Urgency

MOST_AT_ONCE = 16
LONGEST_NAP = 1.0
SHORTEST_NAP = 0.01
LONGEST_PAUSE_SECONDS = 1.0
# An answered request's place is free a window later: until this long after the answer nobody needs to know.
LONGEST_REPORT_SECONDS = 0.25


@dataclass(slots=True)
class Permit:
    """Permission for one request, from `due` to `expires` (of time.monotonic).

    `slot`: `due` in the database's seconds. `used`: a request was sent. `health`: what its outcome tells the breaker.
    `probe`: this call finds out whether the provider is back.
    """

    due: float
    expires: float
    slot: float
    sequence: int
    used: bool = False
    health: Health = "neutral"
    probe: UUID | None = None


class _Waiting(NamedTuple):
    """A caller that waits; they compare by urgency, then by arrival."""

    priority: Priority
    order: int
    arrival: int
    deadline: float | None
    future: "asyncio.Future[Permit]"


class PermitQueue:
    """Permits of one plan, for the callers of this process: at most 16 at once."""

    def __init__(
        self,
        plan: QuotaPlan,
        reserve: Callable[[Priority, int, Sequence[Returned]], Awaitable[Reservation]],
        give_back: Callable[[Sequence[Returned]], Awaitable[None]],
    ) -> None:
        """Take the two functions that reserve and give back permits in the database.

        If `reserve(priority, wanted, answered)` raises, callers waiting in that class and below get the error
        (ProviderUnavailable, a broken database).
        """
        self._plan = plan
        self._reserve = reserve
        self._give_back = give_back
        self._waiting: list[_Waiting] = []
        self._arrivals = itertools.count()
        self._permits: deque[Permit] = deque()
        self._in_use = 0
        self._returned: list[Returned] = []
        self._some_unused = False
        self._work = asyncio.Event()
        self._permit_reserved = asyncio.Event()
        self._report_at = 0.0
        self._report_timer: asyncio.TimerHandle | None = None
        self._paused_until = 0.0
        self._ahead = 0.0
        self._tasks = [asyncio.create_task(self._reserve_always()), asyncio.create_task(self._hand_out_always())]

    @property
    def waiting(self) -> int:
        """How many callers wait for a permit."""
        return len(self._waiting)

    async def take(self, urgency: Urgency) -> Permit:
        """Wait for a permit that is due now. Raises OutOfTime after the deadline, and what `reserve` raises."""
        future: asyncio.Future[Permit] = asyncio.get_running_loop().create_future()
        waiting = _Waiting(urgency.priority, urgency.order, next(self._arrivals), urgency.deadline, future)
        heapq.heappush(self._waiting, waiting)
        self._work.set()
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.exception() is None:
                self.put_back(future.result())  # handed out and cancelled at once
            raise

    def is_void(self, permit: Permit) -> bool:
        """Whether using the permit now could crowd the window, or would ignore a refusal that just came."""
        now = time.monotonic()
        return now > permit.expires or now < self._paused_until

    def put_back(self, permit: Permit) -> None:
        """End the use of a permit.

        If places are counted, the place of an answered request is free a window from now.
        """
        self._in_use -= 1
        if self._waiting:
            self._work.set()
        if permit.used and not self._plan.places:
            return
        now = time.monotonic()
        if not self._returned:
            delay = min(LONGEST_REPORT_SECONDS, self._plan.windows[0] / 4)
            self._report_at = now + delay
            self._report_timer = asyncio.get_running_loop().call_later(delay, self._work.set)
        free_at = now + self._ahead + self._plan.windows[0] if permit.used else permit.slot
        self._returned.append(Returned(permit.sequence, free_at, None if permit.used else permit.slot))
        self._some_unused = self._some_unused or not permit.used

    def pause(self) -> None:
        """Stop this process's callers until `resume`.

        A limit applies, in case the pauser died.
        """
        self._paused_until = time.monotonic() + LONGEST_PAUSE_SECONDS

    def resume(self) -> None:
        """Let callers go on."""
        self._paused_until = 0.0

    async def aclose(self) -> None:
        """Stop, and give back what is not used."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._report_timer is not None:
            self._report_timer.cancel()
        unused = [Returned(permit.sequence, permit.slot, permit.slot) for permit in self._permits]
        self._permits.clear()
        if self._returned or unused:
            await self._give_back([*self._returned, *unused])

    async def _reserve_always(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            nap = await self._reserve_once()
            if nap > 0:
                await asyncio.sleep(min(nap, LONGEST_NAP))
                self._work.set()

    async def _reserve_once(self) -> float:
        """Report returned permits, reserve for the most urgent waiting class, and return the next wait."""
        self._drop_done()
        uncovered = sorted(map(attrgetter("priority"), self._waiting))[len(self._permits) :]
        room = MOST_AT_ONCE - self._in_use - len(self._permits)
        priority = uncovered[0] if uncovered and room > 0 else None
        is_unused, self._some_unused = self._some_unused, False
        if priority is None and not is_unused and time.monotonic() < self._report_at:
            return 0.0  # the next reservation, or the timer, reports the returned permits
        returned, self._returned = self._returned, []
        try:
            if is_unused or (returned and priority is None):
                await self._give_back(returned)
                returned = []
            if priority is None:
                return 0.0
            wanted = min(uncovered.count(priority), room)
            started = time.monotonic()
            reservation = await self._reserve(priority, wanted, returned)
        except Exception as error:  # noqa: BLE001 - the waiting callers get it
            self._refuse(error, priority)
            return 0.0
        self._add(reservation, started)
        if len(reservation.slots) < wanted:
            return max(reservation.wait, SHORTEST_NAP)
        self._work.set()  # the next class may want some
        return 0.0

    def _add(self, reservation: Reservation, started: float) -> None:
        now = time.monotonic()
        self._ahead = reservation.database_now - started
        for place, slot in enumerate(reservation.slots):
            due = now + (slot - reservation.database_now)
            self._permits.append(Permit(due, due + self._plan.tolerance, slot, reservation.first_sequence + place))
        if reservation.slots:
            self._permit_reserved.set()

    async def _hand_out_always(self) -> None:
        while True:
            while not self._permits:
                self._permit_reserved.clear()
                await self._permit_reserved.wait()
            wait = self._permits[0].due - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            permit = self._permits.popleft()
            self._in_use += 1
            self._drop_done()
            if not self._waiting or self.is_void(permit):
                self.put_back(permit)
            else:
                heapq.heappop(self._waiting).future.set_result(permit)

    def _drop_done(self) -> None:
        """Drop callers that were cancelled; tell those whose time is over."""
        now, left = time.monotonic(), []
        for waiting in self._waiting:
            if waiting.deadline is not None and now > waiting.deadline and not waiting.future.done():
                waiting.future.set_exception(OutOfTime("The sweep's time is over."))
            if not waiting.future.done():
                left.append(waiting)
        if len(left) < len(self._waiting):
            heapq.heapify(left)
            self._waiting = left

    def _refuse(self, error: Exception, priority: Priority | None) -> None:
        """Give the error to the callers of a class and of those below; to all, if a return failed."""
        for waiting in self._waiting:
            if (priority is None or waiting.priority >= priority) and not waiting.future.done():
                waiting.future.set_exception(error)
        self._drop_done()
        if self._waiting:
            self._work.set()
