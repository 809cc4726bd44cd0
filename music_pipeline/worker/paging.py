"""Read a provider's list page by page, and tell whether the pages make up the list."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from music_pipeline.database.queries import query
from music_pipeline.gateway.errors import ProviderFailure
from music_pipeline.providers.records import Page
from music_pipeline.work.model import WorkItem
from music_pipeline.worker.concurrency import Found
from music_pipeline.worker.stage import StageContext

ATTEMPTS_AT_A_CONSISTENT_LIST = 2

Item = TypeVar("Item")


async def all_pages(
    fetch: Callable[..., Awaitable[Page[Item] | None]], *, are_numbered: bool = False
) -> list[Page[Item]]:
    """Fetch the pages of a list one after the other. Return none of them if the provider lacks one.

    `are_numbered`: `fetch` takes a `page` from 1; otherwise an `offset` from 0.
    """
    name, start = ("page", 1) if are_numbered else ("offset", 0)
    pages: list[Page[Item]] = []
    following: int | None = start
    while following is not None:
        page = await fetch(**{name: following})
        if page is None:
            return []
        pages.append(page)
        following = page.next_offset
    return pages


async def read_consistently(
    context: StageContext,
    since: datetime | None,
    read: Callable[[datetime | None], Awaitable[Found]],
    is_consistent: Callable[[Found], bool],
) -> Found:
    """Read a list whose pages are fresh since `since`. If the pages disagree, read all of them again, afresh."""
    found = await read(since)
    if is_consistent(found):
        return found
    now = await context.in_database(lambda connection: connection.execute(query("database_now")).scalar_one())
    return await read(now)


async def read_list(
    context: StageContext,
    since: datetime | None,
    fetch: Callable[..., Awaitable[Page[Item] | None]],
    is_consistent: Callable[[list[Page[Item]]], bool],
    *,
    are_numbered: bool = False,
) -> list[Page[Item]]:
    """Read all pages of a list consistently. `fetch`: takes `fresh_since`, and what `all_pages` gives it."""

    async def read(since: datetime | None) -> list[Page[Item]]:
        return await all_pages(partial(fetch, fresh_since=since), are_numbered=are_numbered)

    return await read_consistently(context, since, read, is_consistent)


def is_complete(ids: Collection[str], pages: Sequence[Page[Any]]) -> bool:
    """Whether all pages name one length of the list, and hold as many entries. `ids`: those of the usable entries."""
    totals = {page.total for page in pages}
    return totals == {len(ids) + sum(page.nulls for page in pages)}


def check_consistent(item: WorkItem, provider: str, subject: str) -> None:
    """Raise ProviderFailure for a provider that contradicts itself, unless the item was tried twice already."""
    failure = contradiction(item, provider, subject)
    if failure is not None:
        raise failure


def contradiction(item: WorkItem, provider: str, subject: str) -> ProviderFailure | None:
    """The failure of a provider that contradicts itself even when asked again.

    Its pages disagree, or it lacks something that it names. After two attempts it returns None, and the answer counts
    as partial.
    """
    if item.attempts >= ATTEMPTS_AT_A_CONSISTENT_LIST:
        return None
    return ProviderFailure(provider, None, f"{provider}: {subject} does not make up a whole, or is not all there")
