"""Who comes first at a provider: the artist that was begun first, whoever asked first."""

import asyncio
from collections.abc import Callable

import pytest

from music_pipeline.gateway.request import TURN
from music_pipeline.worker.concurrency import in_completion_order
from music_pipeline.worker.turns import Line


async def take(line: Line, turn: int, done: list[int]) -> None:
    TURN.set(turn)
    async with line.place():
        done.append(turn)
        await asyncio.sleep(0)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0)


def test_a_place_goes_to_the_lowest_turn_and_of_one_turn_to_who_came_first() -> None:
    async def ask_all() -> list[int]:
        line, done = Line(1), list[int]()
        async with line.place():
            asking = [asyncio.create_task(take(line, turn, done)) for turn in (3, 1, 2, 1)]
            await until(lambda: line.waiting == len(asking))
        await asyncio.gather(*asking)
        return done

    assert asyncio.run(ask_all()) == [1, 1, 2, 3]


@pytest.mark.parametrize("called", [False, True])
def test_who_is_cancelled_takes_no_place_with_him(called: bool) -> None:
    async def ask_all() -> list[int]:
        line, done = Line(1), list[int]()
        async with line.place():
            asking = [asyncio.create_task(take(line, turn, done)) for turn in (1, 2)]
            await until(lambda: line.waiting == len(asking))
            if not called:
                asking[0].cancel()
        asking[0].cancel()  # `called`: the place has just become his
        await asyncio.gather(*asking, return_exceptions=True)
        await asyncio.wait_for(take(line, 3, done), 10)
        return done

    assert asyncio.run(ask_all()) == [2, 3]


def test_each_call_that_is_begun_later_has_a_later_turn_and_all_that_it_begins_has_it_too() -> None:
    async def turn() -> int:
        return await asyncio.create_task(_turn())

    async def _turn() -> int:
        return TURN.get()

    async def begin(count: int) -> list[int]:
        return [one async for one in in_completion_order(turn() for _ in range(count))]

    turns = asyncio.run(begin(3))
    assert len(set(turns)) == 3
    assert min(turns) > 0
