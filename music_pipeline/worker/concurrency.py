"""Run many calls at once: gather their results and errors, or take them in the order in which they end."""

import asyncio
import itertools
from collections.abc import AsyncGenerator, Awaitable, Coroutine, Iterable, Iterator, Sequence
from contextvars import Context, ContextVar, copy_context
from typing import Any, TypeVar

from music_pipeline.gateway.errors import OutOfTime, ProviderError, ProviderFailure

Found = TypeVar("Found")
Setback = ProviderError | OutOfTime
"""An error that postpones work and does not end it."""

ORDER: ContextVar[int] = ContextVar("ORDER", default=0)
"""Calls of one class with a lower order go first, so that the artists that were begun first are completed first."""
_orders = itertools.count(1)


async def in_completion_order(calls: Iterable[Coroutine[Any, Any, Found]]) -> AsyncGenerator[Found, None]:
    """Start all calls, each with an ORDER, and yield results as they arrive. The first exception ends them all."""
    tasks = [asyncio.create_task(call, context=_in_next_order()) for call in calls]
    try:
        for ended in asyncio.as_completed(tasks):
            yield await ended
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _in_next_order() -> Context:
    context = copy_context()
    context.run(ORDER.set, next(_orders))
    return context


async def gather_results(calls: Iterable[Awaitable[Found]]) -> list[Found | Exception]:
    """Gather results and exceptions. Unlike asyncio.gather, raise a cancellation again."""
    results = await asyncio.gather(*calls, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, Exception):
            raise result
    return [result for result in results if not isinstance(result, BaseException) or isinstance(result, Exception)]


def split_results(results: Sequence[Found | Exception]) -> tuple[list[Found], Setback | None]:
    """Split gathered results into what was found and the most severe setback. Raise any other exception."""
    setbacks = [result for result in results if isinstance(result, ProviderError | OutOfTime)]
    for result in results:
        if isinstance(result, Exception) and not isinstance(result, ProviderError | OutOfTime):
            raise result
    return [result for result in results if not isinstance(result, Exception)], most_severe(setbacks)


def most_severe(setbacks: Iterable[Setback | None]) -> Setback | None:
    """The setback that decides about the work: a failed call, then a provider that is away, then lack of time."""

    def rank(setback: Setback) -> int:
        if isinstance(setback, ProviderFailure):
            return 0
        return 1 if isinstance(setback, ProviderError) else 2

    return min((setback for setback in setbacks if setback is not None), key=rank, default=None)


def batches(items: Iterable[Found], size: int) -> Iterator[list[Found]]:
    """The items in lists of at most `size`."""
    remaining = iter(items)
    while batch := list(itertools.islice(remaining, size)):
        yield batch
