"""The loop's own thread: its work is reported while it runs, and ends with its listener."""

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


def test_items_arrive_before_the_work_ends(loop: LoopThread) -> None:
    heard = threading.Event()

    async def work(report: Report[int]) -> None:
        report(1)
        assert await asyncio.to_thread(heard.wait, 10)
        report(2)

    with closing(loop.reported_by(work)) as told:
        assert next(told) == 1
        heard.set()
        assert list(told) == [2]


def test_error_follows_everything_reported_before_it(loop: LoopThread) -> None:
    async def work(report: Report[int]) -> None:
        report(1)
        raise ValueError("broken")

    told = loop.reported_by(work)
    assert next(told) == 1
    with pytest.raises(ValueError, match="broken"):
        next(told)


def test_closing_cancels_the_work_and_waits_for_cleanup(loop: LoopThread) -> None:
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


def test_loop_runs_while_its_caller_is_busy(loop: LoopThread) -> None:
    beaten = threading.Semaphore(0)

    async def work(report: Report[int]) -> None:
        report(1)
        while True:
            await asyncio.sleep(0.001)
            beaten.release()

    with closing(loop.reported_by(work)) as told:
        next(told)
        assert all(beaten.acquire(timeout=10) for _ in range(20))
