"""An event loop in its own thread: its work goes on while the caller does something else.

anyio's portal does not fit: it cancels again at each `await` during clean-up, and a session gives back its work there.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Generator
from queue import SimpleQueue
from types import TracebackType
from typing import Any, TypeVar

Item = TypeVar("Item")
Report = Callable[[Item], None]


class LoopThread:
    """Runs an event loop from entering to leaving the context."""

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
        """Wait for `work`. Return or raise what it does."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def reported_by(self, work: Callable[[Report[Item]], Coroutine[Any, Any, None]]) -> Generator[Item, None, None]:
        """Yield each item that `work` reports, until it ends. Raise what it raises. Closing the iterator cancels it."""
        reported: SimpleQueue[Item | asyncio.Task[None]] = SimpleQueue()
        working = self.run(_started(work(reported.put), reported.put))
        try:
            while not isinstance(item := reported.get(), asyncio.Task):
                yield item
        except BaseException:
            self._loop.call_soon_threadsafe(working.cancel)
            while not isinstance(reported.get(), asyncio.Task):
                pass
            raise
        item.result()


async def _started(
    work: Coroutine[Any, Any, None], when_done: Callable[[asyncio.Task[None]], None]
) -> asyncio.Task[None]:
    task = asyncio.get_running_loop().create_task(work)
    task.add_done_callback(when_done)
    return task
