"""What runs in the loop's own thread is told while it goes on, and ends with whoever listens."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from music_pipeline.worker.loop_thread import LoopThread, Report


@pytest.fixture
def loop() -> Iterator[LoopThread]:
    with LoopThread() as thread:
        yield thread


def test_what_is_told_comes_before_the_work_is_over(loop: LoopThread) -> None:
    heard = threading.Event()

    async def work(report: Report[int]) -> None:
        report(1)
        assert await asyncio.to_thread(heard.wait, 10)
        report(2)

    with closing(loop.reported_by(work)) as told:
        assert next(told) == 1
        heard.set()
        assert list(told) == [2]


def test_what_the_work_raises_is_raised_after_all_that_it_told(loop: LoopThread) -> None:
    async def work(report: Report[int]) -> None:
        report(1)
        raise ValueError("broken")

    told = loop.reported_by(work)
    assert next(told) == 1
    with pytest.raises(ValueError, match="broken"):
        next(told)


def test_who_stops_listening_ends_the_work_and_waits_until_it_has_cleaned_up(loop: LoopThread) -> None:
    left = threading.Event()

    async def work(report: Report[int]) -> None:
        try:
            report(1)
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)
            left.set()

    with closing(loop.reported_by(work)) as told:
        assert next(told) == 1
    assert left.is_set()


def test_the_loop_goes_on_while_its_caller_does_something_else(loop: LoopThread) -> None:
    beaten = threading.Semaphore(0)

    async def work(report: Report[int]) -> None:
        report(1)
        while True:
            await asyncio.sleep(0.001)
            beaten.release()

    with closing(loop.reported_by(work)) as told:
        next(told)
        assert all(beaten.acquire(timeout=10) for _ in range(20))
