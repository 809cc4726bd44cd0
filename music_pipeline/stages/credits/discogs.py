"""MBID, releases, how many there are said to be, whether these are all."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from music_pipeline.catalog.provider_answers import AnswerOutcome
from music_pipeline.providers.discogs import DiscogsHit, DiscogsRelease
from music_pipeline.providers.records import Page
from music_pipeline.stages.credits.discogs_matching import discogs_credits, likely_hits, release_facts
from music_pipeline.stages.credits.held_releases import OurRelease
from music_pipeline.stages.credits.lookup import Inquiry
from music_pipeline.stages.credits.lookup_rules import _insist
from music_pipeline.stages.credits.release_pairing import pair
from music_pipeline.worker.concurrency import settled
from music_pipeline.worker.paging import asked_twice, is_whole
from music_pipeline.worker.stage import fresh_since, results_and_trouble

MOST_TRIES_PER_RELEASE = 2


async def ask_discogs(inquiry: Inquiry) -> None:
    """Read each release at Discogs: by the id that MusicBrainz links, else by one search over the artist."""
    linked = [release for release in inquiry.ours.releases if inquiry.discogs_ids.get(release.held.release_id)]
    unlinked = [release for release in inquiry.ours.releases if not inquiry.discogs_ids.get(release.held.release_id)]
    hits, whole = await _search_discogs(inquiry) if unlinked else ([], True)
    choices = [(one, inquiry.discogs_ids[one.held.release_id]) for one in linked]
    choices += [(one, [hit.id for hit in likely_hits(one, hits)]) for one in unlinked]
    answers = await settled(_read_discogs(inquiry, release, ids) for release, ids in choices)
    found, trouble = results_and_trouble(answers)
    if trouble is not None:
        raise trouble
    outcome: AnswerOutcome = "found" if any(found) else "absent"
    whole = whole and not inquiry.is_denied("discogs")
    inquiry.answer("discogs", "releases", outcome if whole else "partial", items=sum(found))
    _insist(inquiry, "discogs", whole=whole)


async def _search_discogs(inquiry: Inquiry) -> tuple[list[DiscogsHit], bool]:
    """Every release that a search for the artist's name finds, each once, and whether these are all of them."""
    read = partial(_pages_of_discogs, inquiry)
    pages = await asked_twice(inquiry.context, inquiry.item.cutoff, read, _is_whole_at_discogs)
    hits = {hit.id: hit for page in pages for hit in page.items}
    return list(hits.values()), _is_whole_at_discogs(pages)


def _is_whole_at_discogs(pages: list[Page[DiscogsHit]]) -> bool:
    return is_whole({hit.id for page in pages for hit in page.items}, pages)


async def _pages_of_discogs(inquiry: Inquiry, since: datetime | None) -> list[Page[DiscogsHit]]:
    pages: list[Page[DiscogsHit]] = []
    number: int | None = 1
    while number is not None:
        page = await inquiry.context.providers.discogs.search_releases(
            inquiry.ours.artist.name, page=number, fresh_since=since
        )
        pages.append(page)
        number = page.next_offset
    return pages


async def _read_discogs(inquiry: Inquiry, release: OurRelease, ids: Sequence[str]) -> bool:
    """Take over the first of these releases that is ours; whether there was one."""
    for discogs_id in ids[:MOST_TRIES_PER_RELEASE]:
        theirs = await inquiry.context.providers.discogs.release(discogs_id, fresh_since=fresh_since(inquiry.item))
        if theirs is None:
            inquiry.denied.add(("discogs", discogs_id))
        elif _take_discogs(inquiry, release, theirs):
            return True
    return False


def _take_discogs(inquiry: Inquiry, release: OurRelease, theirs: DiscogsRelease) -> bool:
    pairing = pair(release, release_facts(theirs))
    if pairing is None:
        return False
    said = discogs_credits(release, theirs, pairing)
    inquiry.credits += said.credits
    inquiry.read.add(("discogs", theirs.id))
    inquiry.discogs_ids[release.held.release_id] = [theirs.id]
    for problem in said.unreadable:
        text = (
            f"The range {problem.text!r} of a credit names {problem.part!r}, which is no track of release {theirs.id}."
        )
        inquiry.note("discogs", text)
    return True
