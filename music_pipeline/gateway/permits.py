"""Who in this process sends next:

permits are reserved a little ahead, and go to the most urgent caller when they are due.

How often anyone may send is arithmetic of `quotas`; whether the provider may be called at all is known to `channel`.
"""

import asyncio
import heapq
import itertools
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from music_pipeline.gateway.quota import QuotaPlan, Reservation, Returned
from music_pipeline.gateway.request import TURN, Priority

MOST_AT_ONCE = 64
LONGEST_NAP = 1.0
SHORTEST_NAP = 0.01
LONGEST_CLOSED_SECONDS = 1.0


class Gate:
    """Closed for a moment when a provider refuses, until everyone can read in the database for how long."""

    def __init__(self) -> None:
        self._closed_until = 0.0

    def close(self) -> None:
        """Let nobody of this process through, but not for ever: whoever closed it may be gone."""
        self._closed_until = time.monotonic() + LONGEST_CLOSED_SECONDS

    def open(self) -> None:
        """Let everyone through."""
        self._closed_until = 0.0

    def is_closed(self) -> bool:
        """Whether nobody may send."""
        return time.monotonic() < self._closed_until


@dataclass(frozen=True, slots=True)
class Permit:
    """May be used from `due` to `expires` (of time.monotonic), for one request.

    `slot`: `due` in the database's seconds.
    """

    due: float
    expires: float
    slot: float
    sequence: int
    gate: Gate

    def is_void(self) -> bool:
        """Whether using it now could crowd the window, or would disregard a refusal that just came."""
        return time.monotonic() > self.expires or self.gate.is_closed()


class Dispenser:
    """Permits of one plan, for the callers of this process."""

    def __init__(
        self,
        plan: QuotaPlan,
        reserve: Callable[[Priority, int], Awaitable[Reservation]],
        give_back: Callable[[list[Returned]], Awaitable[None]],
    ) -> None:
        """`reserve(priority, wanted)` raises what the waiting callers of that class, and of those below, are to get
        (ProviderUnavailable, a broken database).
        """
        self.gate = Gate()
        self._plan = plan
        self._reserve = reserve
        self._give_back = give_back
        self._waiting: list[tuple[Priority, int, int, asyncio.Future[Permit]]] = []
        self._order = itertools.count()
        self._permits: deque[Permit] = deque()
        self._returned: list[Returned] = []
        self._work = asyncio.Event()
        self._permit_there = asyncio.Event()
        self._ahead = 0.0
        self._tasks = [asyncio.create_task(self._reserve_always()), asyncio.create_task(self._hand_out_always())]

    async def permit(self, priority: Priority) -> Permit:
        """A permit that is due now; the most urgent class first, then the lowest TURN, then who came first."""
        future: asyncio.Future[Permit] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (priority, TURN.get(), next(self._order), future))
        self._work.set()
        return await future

    def answered(self, permit: Permit) -> None:
        """The request of this permit is over: where places are counted, its place is free a window from now."""
        if self._plan.places:
            self._return(permit, free_at=time.monotonic() + self._ahead + self._plan.windows[0], unused=False)

    def unused(self, permit: Permit) -> None:
        """Nothing was sent with this permit."""
        self._return(permit, free_at=permit.slot, unused=True)

    async def aclose(self) -> None:
        """Stop; what is not used goes back."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for permit in self._permits:
            self.unused(permit)
        self._permits.clear()
        if self._returned:
            await self._give_back(self._returned)

    def _return(self, permit: Permit, *, free_at: float, unused: bool) -> None:
        self._returned.append(Returned(permit.sequence, free_at, permit.slot if unused else None))
        self._work.set()

    async def _reserve_always(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            nap = await self._reserve_once()
            if nap > 0:
                await asyncio.sleep(min(nap, LONGEST_NAP))
                self._work.set()

    async def _reserve_once(self) -> float:
        """Give back, then reserve for those who wait, the most urgent class first; answer how long to wait before
        trying again.
        """
        self._drop_cancelled()
        priority, missing = self._not_covered()
        try:
            if self._returned:
                returned, self._returned = self._returned, []
                await self._give_back(returned)
            if priority is None:
                return 0.0
            asked_at = time.monotonic()
            reservation = await self._reserve(priority, min(missing, MOST_AT_ONCE))
        except Exception as error:  # noqa: BLE001 - it is the callers', who all get it
            self._refuse(error, priority)
            return 0.0
        self._take(reservation, asked_at)
        if len(reservation.slots) < missing:
            return max(reservation.wait, SHORTEST_NAP)
        self._work.set()  # the next class may want some
        return 0.0

    def _not_covered(self) -> tuple[Priority | None, int]:
        """The most urgent class with callers for whom there is no permit yet, and how many they are."""
        uncovered = sorted(priority for priority, *_ in self._waiting)[len(self._permits) :]
        return (uncovered[0], uncovered.count(uncovered[0])) if uncovered else (None, 0)

    def _take(self, reservation: Reservation, asked_at: float) -> None:
        got_at = time.monotonic()
        self._ahead = reservation.database_now - asked_at
        for place, slot in enumerate(reservation.slots):
            due = got_at + (slot - reservation.database_now)
            permit = Permit(due, due + self._plan.tolerance, slot, reservation.first_sequence + place, self.gate)
            self._permits.append(permit)
        if reservation.slots:
            self._permit_there.set()

    async def _hand_out_always(self) -> None:
        while True:
            while not self._permits:
                self._permit_there.clear()
                await self._permit_there.wait()
            await asyncio.sleep(self._permits[0].due - time.monotonic())
            self._hand_out(self._permits.popleft())

    def _hand_out(self, permit: Permit) -> None:
        self._drop_cancelled()
        if not self._waiting or permit.is_void():
            self.unused(permit)
            return
        *_, future = heapq.heappop(self._waiting)
        future.set_result(permit)

    def _drop_cancelled(self) -> None:
        kept = [entry for entry in self._waiting if not entry[-1].done()]
        if len(kept) < len(self._waiting):
            heapq.heapify(kept)
            self._waiting = kept

    def _refuse(self, error: Exception, priority: Priority | None) -> None:
        """Let the callers of a class and of those below have the error; of a broken give-back, all."""
        waiting, self._waiting = sorted(self._waiting), []
        refused = [entry for entry in waiting if priority is None or entry[0] >= priority]
        self._waiting = waiting[: len(waiting) - len(refused)]  # sorted, it is a heap
        for *_, future in refused:
            if not future.done():
                future.set_exception(error)
        if self._waiting:
            self._work.set()
