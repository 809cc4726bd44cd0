"""Artists that are begun first are completed first."""

import asyncio

from music_pipeline.worker.concurrency import ORDER, in_completion_order


def test_each_call_that_is_begun_later_has_a_later_order_and_all_that_it_begins_has_it_too() -> None:
    async def order() -> int:
        return await asyncio.create_task(_order())

    async def _order() -> int:
        return ORDER.get()

    async def begin(count: int) -> list[int]:
        return [one async for one in in_completion_order(order() for _ in range(count))]

    orders = asyncio.run(begin(3))
    assert len(set(orders)) == 3
    assert min(orders) > 0
