"""An event loop in a thread of its own: what it runs goes on while its caller does something else."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Generator
from queue import SimpleQueue
from types import TracebackType
from typing import Any, TypeVar

Item = TypeVar("Item")
Tell = Callable[[Item], None]


class LoopThread:
    """The loop runs from entering to leaving the context."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        # A caller that was interrupted and never leaves the context must not keep the process alive.
        self._thread = threading.Thread(target=self._loop.run_forever, name="event loop", daemon=True)

    def __enter__(self) -> "LoopThread":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.run(self._loop.shutdown_asyncgens())
        self.run(self._loop.shutdown_default_executor())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, Item]) -> Item:
        """Wait for `work`; answers or raises what it does."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def told_by(self, work: Callable[[Tell[Item]], Coroutine[Any, Any, None]]) -> Generator[Item, None, None]:
        """Each item that `work` tells, until it ends; raises what it raises. Closing the iterator cancels it."""
        told: SimpleQueue[Item | asyncio.Task[None]] = SimpleQueue()
        working = self.run(_started(work(told.put), told.put))
        try:
            while not isinstance(one := told.get(), asyncio.Task):
                yield one
        except BaseException:
            self._loop.call_soon_threadsafe(working.cancel)
            while not isinstance(told.get(), asyncio.Task):
                pass
            raise
        one.result()


async def _started(
    work: Coroutine[Any, Any, None], when_done: Callable[[asyncio.Task[None]], None]
) -> asyncio.Task[None]:
    task = asyncio.get_running_loop().create_task(work)
    task.add_done_callback(when_done)
    return task
