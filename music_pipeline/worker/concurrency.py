"""Reads a chunk of work and answers for each piece as soon as it is read: what was, or why nothing was."""

import asyncio
import itertools
from collections.abc import AsyncGenerator, Awaitable, Coroutine, Iterable, Iterator
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any, TypeVar

from music_pipeline.gateway.request import TURN

if TYPE_CHECKING:  # the clients take their time to load
    pass

Found = TypeVar("Found")


_turns = itertools.count(1)


async def as_they_end(calls: Iterable[Coroutine[Any, Any, Found]]) -> AsyncGenerator[Found, None]:
    """Begin all at once, each with a TURN, and give each result when it is there; what raises ends all."""
    tasks = [asyncio.create_task(call, context=_in_next_turn()) for call in calls]
    try:
        for ended in asyncio.as_completed(tasks):
            yield await ended
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _in_next_turn() -> Context:
    context = copy_context()
    context.run(TURN.set, next(_turns))
    return context


async def settled(calls: Iterable[Awaitable[Found]]) -> list[Found | Exception]:
    """Await all at once; what raised answers its exception. Cancellation is passed on."""
    results = await asyncio.gather(*calls, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, Exception):
            raise result
    return [result for result in results if not isinstance(result, BaseException) or isinstance(result, Exception)]


def batches(items: Iterable[Found], size: int) -> Iterator[list[Found]]:
    """The items in lists of at most `size`."""
    remaining = iter(items)
    while batch := list(itertools.islice(remaining, size)):
        yield batch
