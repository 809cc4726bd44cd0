"""Lists that are read page by page."""

from functools import partial

from music_pipeline.providers.records import Page
from music_pipeline.worker.concurrency import batches
from music_pipeline.worker.paging import all_pages, is_complete

LETTERS = "abcde"


def page(start: int, following: int | None) -> Page[str]:
    return Page(items=tuple(LETTERS[start : start + 2]), total=5, next_offset=following, nulls=0)


async def fetch_by_offset(*, offset: int) -> Page[str]:
    return page(offset, offset + 2 if offset + 2 < 5 else None)


async def fetch_by_number(name: str, *, page: int) -> Page[str] | None:
    return None if name == "lacking" and page == 2 else _numbered(page)


def _numbered(number: int) -> Page[str]:
    return page(2 * number - 2, number + 1 if number < 3 else None)


async def test_pages_are_read_to_the_end_of_the_list() -> None:
    pages = await all_pages(fetch_by_offset)
    assert [page.items for page in pages] == [("a", "b"), ("c", "d"), ("e",)]
    assert is_complete(set(LETTERS), pages)


async def test_numbered_pages_are_read_from_one() -> None:
    pages = await all_pages(partial(fetch_by_number, "whole"), are_numbered=True)
    assert pages == [_numbered(number) for number in (1, 2, 3)]


async def test_list_that_lacks_a_page_has_none() -> None:
    pages = await all_pages(partial(fetch_by_number, "lacking"), are_numbered=True)
    assert pages == []
    assert not is_complete(set(), pages)


def test_batches_hold_every_item_once() -> None:
    assert list(batches(LETTERS, 2)) == [["a", "b"], ["c", "d"], ["e"]]
    assert list(batches([], 2)) == []
