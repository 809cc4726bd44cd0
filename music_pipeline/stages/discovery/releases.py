"""Stage `releases`: the list of an artist's albums, singles and compilations, page by page.

The cache holds the pages that were read before a failure, so a retry continues where it stopped.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import sqlalchemy as sa

from music_pipeline.catalog.artists import Artist
from music_pipeline.catalog.provider_answers import ProviderAnswer, outcome_of_list, write_answers
from music_pipeline.catalog.releases import ListedRelease, write_release_list
from music_pipeline.database.rows import version_of
from music_pipeline.providers.records import Page
from music_pipeline.providers.spotify import SpotifyAlbum
from music_pipeline.work.model import Stage, WorkItem
from music_pipeline.worker.concurrency import Setback, gather_results, split_results
from music_pipeline.worker.follow_ups import follow_up
from music_pipeline.worker.outcomes import Status
from music_pipeline.worker.paging import check_consistent, contradiction, is_complete, read_consistently
from music_pipeline.worker.stage import Impossible, StageContext, StageData, StageResult, artist_of

RELEASE_TYPES = frozenset({"album", "single", "ep", "compilation"})
DATE = re.compile(r"^(?!0000)(\d{4})(?:-(?!00)(\d{2}))?(?:-(?!00)(\d{2}))?")


@dataclass(frozen=True, slots=True)
class ReleaseList:
    """An artist's list. `expected`: its length as Spotify says it; None where pages disagree. `error`: of reading."""

    artist: Artist
    releases: tuple[ListedRelease, ...]
    expected: int | None
    is_complete: bool
    error: str | None = None


@dataclass(frozen=True, slots=True)
class ListPages:
    """The pages of a list in order. `stopped_at`: the offset of the first page that `setback` kept away."""

    pages: list[Page[SpotifyAlbum]]
    setback: Setback | None = None
    stopped_at: int = 0

    @property
    def is_consistent(self) -> bool:
        """Whether the pages make up a whole list. A list with a setback is judged when it is whole."""
        ids = {album.id for page in self.pages for album in page.items}
        return self.setback is not None or is_complete(ids, self.pages)


async def read(context: StageContext, item: WorkItem) -> StageData[ReleaseList]:
    """Read the whole list. After a setback, the pages before it count, and nothing counts as lost."""
    artist = await artist_of(context, item)
    if artist.spotify_id is None:
        raise Impossible(f"{artist.name} has no Spotify id any more, so its releases cannot be listed.")
    read_pages = partial(_read_pages, context, item, artist.spotify_id)
    found = await read_consistently(context, item.cutoff, read_pages, lambda pages: pages.is_consistent)
    setback = found.setback
    if not found.is_consistent:
        setback = contradiction(item, "spotify", f"{artist.name}'s releases")
    payload = item.payload | {"offset": found.stopped_at} if setback else None
    return StageData(release_list(artist, found.pages, setback), setback, payload)


async def _read_pages(context: StageContext, item: WorkItem, spotify_id: str, since: datetime | None) -> ListPages:
    """Read the first page, then all others at once."""

    async def read_page(offset: int) -> Page[SpotifyAlbum]:
        page = await context.providers.spotify.artist_albums(spotify_id, offset=offset, fresh_since=since)
        if page is None:
            check_consistent(item, "spotify", f"artist {spotify_id}")
            raise Impossible(f"Spotify no longer has the artist {spotify_id}.")
        return page

    first = await read_page(0)
    step, total = first.next_offset, first.total
    if step is None or not total:
        return ListPages([first])
    offsets = range(step, total, step)
    results = await gather_results(read_page(offset) for offset in offsets)
    pages, setback = split_results(results)
    missing = [offset for offset, result in zip(offsets, results, strict=True) if isinstance(result, Exception)]
    return ListPages([first, *pages], setback, missing[0] if missing else 0)


def release_list(artist: Artist, pages: Sequence[Page[SpotifyAlbum]], setback: Setback | None) -> ReleaseList:
    """The releases of these pages, each once. Complete: as many as every page says there are."""
    albums = {album.id: album for page in pages for album in page.items}
    listed = tuple(release for album in albums.values() if (release := _listed(artist, album)) is not None)
    totals = {page.total for page in pages}
    expected = totals.pop() if len(totals) == 1 else None
    is_whole = setback is None and expected is not None and len(listed) == expected
    return ReleaseList(artist, listed, expected, is_whole, str(setback) if setback else None)


def _listed(artist: Artist, album: SpotifyAlbum) -> ListedRelease | None:
    if not album.name:
        return None
    release_type = (album.album_type or "").casefold()
    names = {credited.id: credited.name for credited in album.artists}
    return ListedRelease(
        spotify_id=album.id,
        title=album.name,
        release_type=release_type if release_type in RELEASE_TYPES else None,
        release_date=known_date(album.release_date),
        total_tracks=album.total_tracks,
        credited_as=names.get(artist.spotify_id or "") or artist.name,
    )


def known_date(text: str | None) -> str | None:
    """The known part of a date: 1998-06-00 is June 1998; 0000 is no date."""
    found = DATE.match(text or "")
    return "-".join(part for part in found.groups() if part) if found else None


def store(connection: sa.Connection, item: WorkItem, found: ReleaseList) -> StageResult:
    """Write the list, and the releases that a complete list has lost."""
    artist = found.artist
    before = version_of(connection, "releases_version", artist.artist_id)
    write_release_list(connection, artist.artist_id, found.releases, complete=found.is_complete)
    after = version_of(connection, "releases_version", artist.artist_id)
    write_answers(connection, [_answer(found, after.hash)])
    has_changed = before != after
    window = f"{item.cutoff.isoformat()}:{after.hash}"
    return StageResult(
        artist_key=artist.artist_key,
        version=after,
        status=Status.of_change(has_changed=has_changed),
        text=f"{artist.name}: {len(found.releases)} of {found.expected} releases",
        follow_ups=(follow_up(item, Stage.TRACK_DISCOVERY, artist, window=window, fresh=not has_changed),),
        detail={"releases": len(found.releases), "expected": found.expected, "complete": found.is_complete},
    )


def _answer(found: ReleaseList, version: str) -> ProviderAnswer:
    return ProviderAnswer(
        artist_id=found.artist.artist_id,
        provider="spotify",
        question="releases",
        outcome=outcome_of_list(len(found.releases), complete=found.is_complete, error=found.error),
        items=len(found.releases),
        expected=found.expected,
        error=found.error,
        content_hash=version,
    )
