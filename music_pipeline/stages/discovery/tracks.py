"""Stage `tracks`: the tracks of an artist's releases with their ISRCs, and the recordings they are.

A search over the artist first, then a search for each release that is still unfinished, the release's own list last.
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
from music_pipeline.catalog.tracks import TrackList, write_track_lists
from music_pipeline.database.rows import version_of
from music_pipeline.providers.records import Page
from music_pipeline.providers.spotify import SpotifySearch, SpotifySimpleTrack
from music_pipeline.stages.discovery.track_plan import (
    TRACKS_PER_PAGE,
    FoundTracks,
    is_cheaper_at_once,
    releases_to_read,
    search_pages,
)
from music_pipeline.work.model import Stage, WorkItem
from music_pipeline.worker.concurrency import Setback, gather_results, split_results
from music_pipeline.worker.follow_ups import follow_up
from music_pipeline.worker.outcomes import Status
from music_pipeline.worker.paging import contradiction, is_complete, read_list
from music_pipeline.worker.stage import StageContext, StageData, StageResult, artist_of, fresh_since


@dataclass(frozen=True, slots=True)
class TrackLists:
    """What was read of an artist's releases.

    `releases`: how many were to be read. `unfinished`: the titles of those that lack tracks. `expected`: how many
    tracks they have by their own account. `error`: why not all was read.
    """

    artist: Artist
    lists: tuple[TrackList, ...]
    releases: int
    unfinished: tuple[str, ...]
    found: int
    expected: int
    error: str | None = None


@dataclass(slots=True)
class _TrackSearch:
    """One artist's tracks while they are read. `contradictory`: titles whose own track lists contradict themselves."""

    context: StageContext
    item: WorkItem
    artist: Artist
    tracks: FoundTracks
    setback: Setback | None = None
    contradictory: list[str] = field(default_factory=list)

    async def page(self, offset: int) -> SpotifySearch:
        return await self.context.providers.spotify.search(
            self.artist.name, offset=offset, fresh_since=self.item.cutoff
        )


async def read(context: StageContext, item: WorkItem) -> StageData[TrackLists]:
    """Read what is missing of the artist's track lists. What came before a setback counts."""
    artist = await artist_of(context, item)
    releases = await context.in_database(lambda connection: releases_of_artist(connection, artist.artist_id))
    only = UUID(item.payload["albumId"]) if "albumId" in item.payload else None
    wanted = releases_to_read(releases, now=datetime.now(UTC), force=item.force, only=only)
    search = _TrackSearch(context, item, artist, FoundTracks({one.spotify_id: one for one in wanted}))
    if search.tracks.unfinished() and is_cheaper_at_once(releases, wanted):
        await _search_artist(search, sum(release.total_tracks or 0 for release in releases))
    for read_release in (_search_release, _read_own_list):
        if search.setback is None:
            await _read_each(search, read_release)
    if search.contradictory and search.setback is None:
        search.setback = contradiction(item, "spotify", f"the tracks of {', '.join(search.contradictory)}")
    return StageData(_track_lists(search), search.setback)


def _track_lists(search: _TrackSearch) -> TrackLists:
    tracks = search.tracks
    return TrackLists(
        artist=search.artist,
        lists=tuple(tracks.lists()),
        releases=len(tracks.wanted),
        unfinished=tuple(release.title for release in tracks.unfinished()),
        found=sum(len(places) for places in tracks.places.values()),
        expected=sum(release.total_tracks or 0 for release in tracks.wanted.values()),
        error=str(search.setback) if search.setback else None,
    )


async def _search_artist(search: _TrackSearch, tracks: int) -> None:
    """Page through a search over the artist: as many pages as the tracks need, then on while that finds more."""
    first = await search.page(0)
    search.tracks.take(first.tracks)
    step = first.next_offset or TRACKS_PER_PAGE
    planned = range(step, min(search_pages(tracks) * TRACKS_PER_PAGE, first.total_tracks or 0), step)
    if first.next_offset is None or not search.tracks.unfinished():
        return
    pages, search.setback = split_results(await gather_results(search.page(offset) for offset in planned))
    for page in pages:
        search.tracks.take(page.tracks)
    if search.setback is None:
        await _search_on(search, pages[-1].next_offset if pages else step)


async def _search_on(search: _TrackSearch, offset: int | None) -> None:
    """Read further pages while they are fewer than the searches for single releases would be, and find something."""
    while offset is not None and len(search.tracks.unfinished()) > 1:
        pages, search.setback = split_results(await gather_results([search.page(offset)]))
        if not pages or not search.tracks.take(pages[0].tracks):
            return
        offset = pages[0].next_offset


async def _read_each(search: _TrackSearch, read: Callable[[_TrackSearch, HeldRelease], Awaitable[None]]) -> None:
    """Read all unfinished releases at once. Keep the most severe setback."""
    results = await gather_results(read(search, release) for release in search.tracks.unfinished())
    _, search.setback = split_results(results)


async def _search_release(search: _TrackSearch, release: HeldRelease) -> None:
    offset: int | None = 0
    while offset is not None and not search.tracks.is_complete(release):
        page = await search.context.providers.spotify.album_track_search(
            release.title, release.credited_as, offset=offset, fresh_since=search.item.cutoff
        )
        if not search.tracks.take(page.tracks):
            return
        offset = page.next_offset


async def _read_own_list(search: _TrackSearch, release: HeldRelease) -> None:
    """Read the release's own list, which has no ISRCs, and each of its tracks that no search gave."""
    fetch = partial(search.context.providers.spotify.album_tracks, release.spotify_id)
    pages = await read_list(search.context, fresh_since(search.item), fetch, _is_complete)
    listed = [track for page in pages for track in page.items]
    held = search.tracks.places.get(release.spotify_id, {})
    missing = [track for track in listed if (track.disc_number, track.track_number) not in held]
    given = [await _read_track(search, release, track) for track in missing]
    if not _is_complete(pages) or not all(given):
        search.contradictory.append(release.title)
    elif not any(page.nulls for page in pages):
        search.tracks.proven.add(release.spotify_id)


def _is_complete(pages: list[Page[SpotifySimpleTrack]]) -> bool:
    """Whether the pages make up the list. A release that Spotify names and does not know has no pages."""
    return is_complete({track.id for page in pages for track in page.items}, pages)


async def _read_track(search: _TrackSearch, release: HeldRelease, listed: SpotifySimpleTrack) -> bool:
    """Put the full track in the place where the release lists it, under the listed id.

    A market may relink the id to a track of another release. Return False if Spotify lacks the track.
    """
    track = await search.context.providers.spotify.track(listed.id, fresh_since=fresh_since(search.item))
    if track is None or not track.name or not listed.disc_number or not listed.track_number:
        return False
    search.tracks.put(release, (listed.disc_number, listed.track_number), replace(track, id=listed.id))
    return True


def store(connection: sa.Connection, item: WorkItem, found: TrackLists) -> StageResult:
    """Write the tracks and recordings, and the tracks that complete lists have lost."""
    artist = found.artist
    before = version_of(connection, "tracks_version", artist.artist_id)
    write_track_lists(connection, artist.artist_id, found.lists)
    after = version_of(connection, "tracks_version", artist.artist_id) if found.lists else before
    if found.releases:
        write_answers(connection, [_answer(found, after.hash)])
    has_changed = before != after
    window = f"{item.cutoff.isoformat()}:{after.hash}"
    return StageResult(
        artist_key=artist.artist_key,
        version=after,
        status=Status.of_change(has_changed=has_changed),
        text=f"{artist.name}: {after.rows} tracks, {found.releases} releases read, {len(found.unfinished)} unfinished",
        follow_ups=(follow_up(item, Stage.PRODUCER_IDENTIFICATION, artist, window=window, fresh=not has_changed),),
        detail={"tracks": after.rows, "read": found.releases, "unfinished": list(found.unfinished)},
    )


def _answer(found: TrackLists, version: str) -> ProviderAnswer:
    return ProviderAnswer(
        artist_id=found.artist.artist_id,
        provider="spotify",
        question="tracks",
        outcome=outcome_of_list(found.found, complete=not found.unfinished, error=found.error),
        items=found.found,
        expected=found.expected,
        error=found.error,
        content_hash=version,
    )
