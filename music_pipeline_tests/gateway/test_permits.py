"""Who in this process gets a permit first, and who none: the queue without a database."""

import asyncio
import time
from collections.abc import Callable, Sequence

import pytest

from music_pipeline.gateway.errors import OutOfTime
from music_pipeline.gateway.permits import MOST_AT_ONCE, Permit, PermitQueue
from music_pipeline.gateway.quota import ProviderState, QuotaPlan, Reservation, Returned, quota_plan
from music_pipeline.gateway.request import Priority, Urgency
from music_pipeline.providers.discogs import DISCOGS

WELL = ProviderState(None, None, None, "closed", 0, None)


class Desk:
    """Grants permits that are due at once, as many as `stock` holds, and notes what comes back."""

    def __init__(self, stock: int = 1_000) -> None:
        self.stock = stock
        self.granted = 0
        self.returned: list[Returned] = []

    async def reserve(self, _: Priority, wanted: int, answered: Sequence[Returned]) -> Reservation:
        self.returned += answered
        now, count = time.time(), min(wanted, self.stock)
        self.stock -= count
        first, self.granted = self.granted, self.granted + count
        return Reservation(now, (now,) * count, first, 0.01, None, WELL)

    async def give_back(self, returned: Sequence[Returned]) -> None:
        self.returned += returned


def plan() -> QuotaPlan:
    return quota_plan(DISCOGS, "test", "secret", 1.0)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0)


async def test_permits_go_by_class_then_by_order_then_by_arrival() -> None:
    desk, served = Desk(stock=0), list[tuple[Priority, int]]()
    queue = PermitQueue(plan(), desk.reserve, desk.give_back)

    async def take(urgency: Urgency) -> None:
        permit = await queue.take(urgency)
        served.append((urgency.priority, urgency.order))
        queue.put_back(permit)

    urgencies = [
        Urgency(Priority.ENRICHMENT, 3), Urgency(Priority.ENRICHMENT, 1), Urgency(Priority.INTERACTIVE, 9),
        Urgency(Priority.ENRICHMENT, 2), Urgency(Priority.ENRICHMENT, 1),
    ]  # fmt: skip
    taking = [asyncio.create_task(take(urgency)) for urgency in urgencies]
    await until(lambda: queue.waiting == len(taking))
    desk.stock = 10
    await asyncio.gather(*taking)
    await queue.aclose()
    first, *others = served
    assert first == (Priority.INTERACTIVE, 9)
    assert others == [(Priority.ENRICHMENT, order) for order in (1, 1, 2, 3)]


async def test_no_more_than_sixteen_call_at_once() -> None:
    desk = Desk()
    queue = PermitQueue(plan(), desk.reserve, desk.give_back)
    taking = [asyncio.create_task(queue.take(Urgency(Priority.ENRICHMENT))) for _ in range(MOST_AT_ONCE + 3)]
    await until(lambda: sum(task.done() for task in taking) == MOST_AT_ONCE)
    for _ in range(100):
        await asyncio.sleep(0)
    assert desk.granted == MOST_AT_ONCE
    permit = next(task for task in taking if task.done()).result()
    permit.used = True
    queue.put_back(permit)
    await until(lambda: sum(task.done() for task in taking) == MOST_AT_ONCE + 1)
    for task in taking:
        task.cancel()
    await asyncio.gather(*taking, return_exceptions=True)
    await queue.aclose()


async def test_who_waits_beyond_the_deadline_is_told_and_takes_no_permit() -> None:
    desk = Desk(stock=0)
    queue = PermitQueue(plan(), desk.reserve, desk.give_back)
    late = asyncio.create_task(queue.take(Urgency(Priority.ENRICHMENT, deadline=time.monotonic() + 0.05)))
    patient = asyncio.create_task(queue.take(Urgency(Priority.ENRICHMENT)))
    with pytest.raises(OutOfTime):
        await late
    desk.stock = 5
    await patient
    await until(lambda: queue.waiting == 0)
    assert desk.granted == 1
    await queue.aclose()


async def test_a_permit_that_is_handed_out_to_a_cancelled_caller_comes_back() -> None:
    desk = Desk(stock=0)
    queue = PermitQueue(plan(), desk.reserve, desk.give_back)
    cancelled = asyncio.create_task(queue.take(Urgency(Priority.ENRICHMENT)))
    await until(lambda: queue.waiting == 1)
    desk.stock = 1
    await until(lambda: queue.waiting == 0)
    cancelled.cancel()  # the permit has just become its own
    await asyncio.gather(cancelled, return_exceptions=True)
    await queue.aclose()
    assert [one.sequence for one in desk.returned] == [0]
    assert desk.returned[0].unused_slot is not None


async def test_a_pause_voids_permits_until_it_ends() -> None:
    desk = Desk()
    queue = PermitQueue(plan(), desk.reserve, desk.give_back)
    permit: Permit = await queue.take(Urgency(Priority.INTERACTIVE))
    queue.pause()
    assert queue.is_void(permit)
    queue.resume()
    assert not queue.is_void(permit)
    queue.put_back(permit)
    await queue.aclose()
