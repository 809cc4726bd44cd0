"""Reads a chunk of work and answers for each piece as soon as it is read: what was, or why nothing was."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from music_pipeline.database.queries import query
from music_pipeline.gateway.errors import ProviderFailure
from music_pipeline.providers.records import Page
from music_pipeline.work.model import WorkItem

if TYPE_CHECKING:  # the clients take their time to load
    pass
from music_pipeline.worker.concurrency import Found
from music_pipeline.worker.stage import StageContext

ATTEMPTS_AT_A_WHOLE_LIST = 2


async def asked_twice(
    context: StageContext,
    since: datetime | None,
    read: Callable[[datetime | None], Awaitable[Found]],
    agrees: Callable[[Found], bool],
) -> Found:
    """A list of several pages, each fresh since `since`; if the pages do not agree, all of them once more, afresh."""
    found = await read(since)
    if agrees(found):
        return found
    now = await context.in_database(lambda connection: connection.execute(query("database_now")).scalar_one())
    return await read(now)


def is_whole(ids: Collection[str], pages: Sequence[Page[Any]]) -> bool:
    """Whether the pages of a list agree on its length, and hold as many entries; `ids`: of the usable ones."""
    totals = {page.total for page in pages}
    return totals == {len(ids) + sum(page.nulls for page in pages)}


def disagreement(item: WorkItem, provider: str, what: str) -> ProviderFailure | None:
    """The trouble with a provider that contradicts itself even if asked again: another attempt, but not for ever.

    Pages of a list do not agree, or something that it names is not there.

    None once that was tried twice: then what there is counts, as a partial answer.
    """
    if item.attempts >= ATTEMPTS_AT_A_WHOLE_LIST:
        return None
    return ProviderFailure(provider, None, f"{provider}: {what} does not make up a whole, or is not all there")
