"""Stage `tracks`: the tracks of an artist's releases with their ISRCs, and the recordings they are.

A search over the artist first, a search for each release that it left unfinished, the release's own list last.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

import sqlalchemy as sa

from music_pipeline.catalog.artists import Artist
from music_pipeline.catalog.provider_answers import ProviderAnswer, outcome_of_list, write_answers
from music_pipeline.catalog.releases import HeldRelease, releases_of_artist
from music_pipeline.catalog.tracks import write_track_lists
from music_pipeline.database.rows import version_of
from music_pipeline.providers.records import Page
from music_pipeline.providers.spotify import SpotifySearch, SpotifySimpleTrack
from music_pipeline.stages.discovery.track_plan import (
    TRACKS_PER_PAGE,
    Gathered,
    is_cheaper_at_once,
    releases_to_read,
    search_pages,
)
from music_pipeline.work.model import Stage, WorkItem
from music_pipeline.worker.concurrency import settled
from music_pipeline.worker.paging import asked_twice, disagreement, is_whole
from music_pipeline.worker.stage import (
    Reading,
    Result,
    StageContext,
    Trouble,
    artist_of,
    follow_up,
    fresh_since,
    one_by_one,
    results_and_trouble,
)


@dataclass(slots=True)
class _Search:
    """One artist's tracks being read."""

    context: StageContext
    item: WorkItem
    artist: Artist
    gathered: Gathered
    troubles: list[Trouble] = field(default_factory=list)
    lists_in_doubt: list[str] = field(default_factory=list)
    """Titles of releases whose own track lists do not agree with themselves."""

    async def page(self, offset: int) -> SpotifySearch:
        return await self.context.providers.spotify.search(
            self.artist.name, offset=offset, fresh_since=self.item.cutoff
        )


async def read_track_lists(context: StageContext, item: WorkItem) -> Reading:
    """Read what is missing of the artist's track lists; what came before trouble is written."""
    artist = await artist_of(context, item)
    releases = await context.in_database(lambda connection: releases_of_artist(connection, artist.artist_id))
    only = UUID(item.payload["albumId"]) if "albumId" in item.payload else None
    wanted = releases_to_read(releases, now=datetime.now(UTC), force=item.force, only=only)
    search = _Search(context, item, artist, Gathered({one.spotify_id: one for one in wanted}))
    if search.gathered.unfinished() and is_cheaper_at_once(releases, wanted):
        await _search_artist(search, sum(one.total_tracks or 0 for one in releases))
    if not search.troubles:
        await _each(search, _search_release)
    if not search.troubles:
        await _each(search, _read_own_list)
    if search.lists_in_doubt and not search.troubles:
        doubt = disagreement(item, "spotify", f"the tracks of {', '.join(search.lists_in_doubt)}")
        search.troubles += [doubt] if doubt else []
    trouble = search.troubles[0] if search.troubles else None
    return Reading(write=partial(_write, search=search, trouble=trouble), trouble=trouble)


async def _search_artist(search: _Search, tracks: int) -> None:
    """Page through a search over the artist: as many pages as the tracks need, then on while that finds more."""
    first = await search.page(0)
    search.gathered.take(first.tracks)
    reachable = first.total_tracks or 0
    step = first.next_offset or TRACKS_PER_PAGE
    planned = range(step, min(search_pages(tracks) * TRACKS_PER_PAGE, reachable), step)
    if first.next_offset is None or not search.gathered.unfinished():
        return
    pages, trouble = results_and_trouble(await settled(search.page(offset) for offset in planned))
    for page in pages:
        search.gathered.take(page.tracks)
    if trouble is not None:
        search.troubles.append(trouble)
        return
    await _search_on(search, pages[-1].next_offset if pages else step)


async def _search_on(search: _Search, offset: int | None) -> None:
    """Further pages, as long as they are fewer than the searches for single releases would be, and find something."""
    while offset is not None and len(search.gathered.unfinished()) > 1:
        answers = await settled([search.page(offset)])
        pages, trouble = results_and_trouble(answers)
        if trouble is not None:
            search.troubles.append(trouble)
            return
        if not search.gathered.take(pages[0].tracks):
            return
        offset = pages[0].next_offset


async def _each(search: _Search, read: Callable[[_Search, HeldRelease], Awaitable[None]]) -> None:
    """Read each unfinished release, all at once; the worst trouble is kept."""
    answers = await settled(read(search, release) for release in search.gathered.unfinished())
    _, trouble = results_and_trouble(answers)
    if trouble is not None:
        search.troubles.append(trouble)


async def _search_release(search: _Search, release: HeldRelease) -> None:
    offset: int | None = 0
    while offset is not None and not search.gathered.is_whole(release):
        page = await search.context.providers.spotify.album_track_search(
            release.title, release.credited_as, offset=offset, fresh_since=search.item.cutoff
        )
        if not search.gathered.take(page.tracks):
            return
        offset = page.next_offset


async def _read_own_list(search: _Search, release: HeldRelease) -> None:
    """The release's own list, without ISRCs, and each track of it that no search gave."""
    read = partial(_own_list, search, release)
    pages = await asked_twice(search.context, fresh_since(search.item), read, _is_whole)
    listed = [track for page in pages for track in page.items]
    held = search.gathered.places.get(release.spotify_id, {})
    missing = [one for one in listed if (one.disc_number, one.track_number) not in held]
    found = [await _single_track(search, release, one) for one in missing]
    if not _is_whole(pages) or not all(found):
        search.lists_in_doubt.append(release.title)
    elif not any(page.nulls for page in pages):
        search.gathered.proven.add(release.spotify_id)


def _is_whole(pages: list[Page[SpotifySimpleTrack]]) -> bool:
    """Whether the pages make up the list; there are none of a release that Spotify names and does not know."""
    return is_whole({track.id for page in pages for track in page.items}, pages)


async def _own_list(search: _Search, release: HeldRelease, since: datetime | None) -> list[Page[SpotifySimpleTrack]]:
    pages: list[Page[SpotifySimpleTrack]] = []
    offset: int | None = 0
    while offset is not None:
        page = await search.context.providers.spotify.album_tracks(release.spotify_id, offset=offset, fresh_since=since)
        if page is None:
            return []
        pages.append(page)
        offset = page.next_offset
    return pages


async def _single_track(search: _Search, release: HeldRelease, listed: SpotifySimpleTrack) -> bool:
    """Take the full track into the place where the release lists it, under the id that was asked for.

    A market may relink it to a track of another release. False where Spotify does not give it.
    """
    track = await search.context.providers.spotify.track(listed.id, fresh_since=fresh_since(search.item))
    if track is None or not track.name or not listed.disc_number or not listed.track_number:
        return False
    search.gathered.put(release, (listed.disc_number, listed.track_number), replace(track, id=listed.id))
    return True


def _write(connection: sa.Connection, *, search: _Search, trouble: Trouble | None) -> Result:
    artist, item, gathered = search.artist, search.item, search.gathered
    before = version_of(connection, "tracks_version", artist.artist_id)
    write_track_lists(connection, artist.artist_id, gathered.lists())
    after = version_of(connection, "tracks_version", artist.artist_id)
    changed = before != after
    if gathered.wanted:
        write_answers(connection, [_answer(search, trouble, after.hash)])
    window = f"{item.cutoff.isoformat()}:{after.hash}"
    unfinished = gathered.unfinished()
    return Result(
        artist_key=artist.artist_key,
        version=after,
        changed=changed,
        text=f"{artist.name}: {after.rows} tracks, {len(gathered.wanted)} releases read, {len(unfinished)} unfinished",
        follow_ups=(follow_up(item, Stage.PRODUCER_IDENTIFICATION, artist, window=window, fresh=not changed),),
        detail={"tracks": after.rows, "read": len(gathered.wanted), "unfinished": [one.title for one in unfinished]},
    )


def _answer(search: _Search, trouble: Trouble | None, version: str) -> ProviderAnswer:
    gathered = search.gathered
    found = sum(len(places) for places in gathered.places.values())
    expected = sum(release.total_tracks or 0 for release in gathered.wanted.values())
    error = str(trouble) if trouble else None
    return ProviderAnswer(
        artist_id=search.artist.artist_id,
        provider="spotify",
        question="tracks",
        outcome=outcome_of_list(found, complete=not gathered.unfinished(), error=error),
        items=found,
        expected=expected,
        error=error,
        content_hash=version,
    )


read_stage = one_by_one(read_track_lists)
