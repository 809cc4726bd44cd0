"""Stage `releases`: the list of an artist's albums, singles and compilations, page by page.

Pages that were read before a failure are in the cache, fresher than the request, so a retry goes on where it stopped.
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
from music_pipeline.worker.concurrency import settled
from music_pipeline.worker.paging import asked_twice, disagreement, is_whole
from music_pipeline.worker.stage import (
    Impossible,
    Reading,
    Result,
    StageContext,
    Trouble,
    artist_of,
    follow_up,
    one_by_one,
    results_and_trouble,
)

RELEASE_TYPES = frozenset({"album", "single", "ep", "compilation"})
DATE = re.compile(r"^(?!0000)(\d{4})(?:-(?!00)(\d{2}))?(?:-(?!00)(\d{2}))?")


@dataclass(frozen=True, slots=True)
class ReleaseList:
    """What was read of an artist's list. `expected`: its length as Spotify says it, None where pages disagree."""

    releases: tuple[ListedRelease, ...]
    expected: int | None
    complete: bool


async def read_release_list(context: StageContext, item: WorkItem) -> Reading:
    """Read the whole list; what came before trouble is written, without judging what is missing."""
    artist = await artist_of(context, item)
    if artist.spotify_id is None:
        raise Impossible(f"{artist.name} has no Spotify id any more, so its releases cannot be listed.")
    ask = partial(_pages, context, item, artist.spotify_id)
    pages, trouble, stopped_at = await asked_twice(context, item.cutoff, ask, _agree)
    if not _agree((pages, trouble, stopped_at)):
        trouble = disagreement(item, "spotify", f"{artist.name}'s releases")
    read = release_list(artist, pages, whole=trouble is None)
    write = partial(_write, item=item, artist=artist, read=read, trouble=trouble)
    return Reading(write=write, trouble=trouble, payload=item.payload | {"offset": stopped_at} if trouble else None)


Pages = tuple[list[Page[SpotifyAlbum]], Trouble | None, int]
"""The pages in order; the trouble, if any, and the offset of the first page that is missing."""


def _agree(read: Pages) -> bool:
    """Whether the pages make up a whole list, or there is trouble anyway."""
    pages, trouble, _ = read
    return trouble is not None or is_whole({album.id for page in pages for album in page.items}, pages)


async def _pages(context: StageContext, item: WorkItem, spotify_id: str, since: datetime | None) -> Pages:

    async def ask(offset: int) -> Page[SpotifyAlbum]:
        page = await context.providers.spotify.artist_albums(spotify_id, offset=offset, fresh_since=since)
        if page is None:
            raise disagreement(item, "spotify", f"artist {spotify_id}") or Impossible(
                f"Spotify no longer has the artist {spotify_id}."
            )
        return page

    first = await ask(0)
    step, total = first.next_offset, first.total
    if step is None or not total:
        return [first], None, 0
    offsets = range(step, total, step)
    answers = await settled(ask(offset) for offset in offsets)
    pages, trouble = results_and_trouble(answers)
    missing = [offset for offset, answer in zip(offsets, answers, strict=True) if isinstance(answer, Exception)]
    return [first, *pages], trouble, missing[0] if missing else 0


def release_list(artist: Artist, pages: Sequence[Page[SpotifyAlbum]], *, whole: bool) -> ReleaseList:
    """The releases of these pages, each once; complete if there are as many as every page says there are."""
    albums = {album.id: album for page in pages for album in page.items}
    listed = tuple(release for album in albums.values() if (release := _listed(artist, album)) is not None)
    totals = {page.total for page in pages}
    expected = totals.pop() if len(totals) == 1 else None
    return ReleaseList(listed, expected, complete=whole and expected is not None and len(listed) == expected)


def _listed(artist: Artist, album: SpotifyAlbum) -> ListedRelease | None:
    if not album.name:
        return None
    release_type = (album.album_type or "").casefold()
    names = {one.id: one.name for one in album.artists}
    return ListedRelease(
        spotify_id=album.id,
        title=album.name,
        release_type=release_type if release_type in RELEASE_TYPES else None,
        release_date=known_date(album.release_date),
        total_tracks=album.total_tracks,
        credited_as=names.get(artist.spotify_id or "") or artist.name,
    )


def known_date(text: str | None) -> str | None:
    """The part of a date that is known: 1998-06-00 is June 1998, 0000 is nothing."""
    found = DATE.match(text or "")
    return "-".join(part for part in found.groups() if part) if found else None


def _write(
    connection: sa.Connection, *, item: WorkItem, artist: Artist, read: ReleaseList, trouble: Trouble | None
) -> Result:
    before = version_of(connection, "releases_version", artist.artist_id)
    write_release_list(connection, artist.artist_id, read.releases, complete=read.complete)
    after = version_of(connection, "releases_version", artist.artist_id)
    write_answers(connection, [_answer(artist, read, trouble, after.hash)])
    window = f"{item.cutoff.isoformat()}:{after.hash}"
    changed = before != after
    return Result(
        artist_key=artist.artist_key,
        version=after,
        changed=changed,
        text=f"{artist.name}: {len(read.releases)} of {read.expected} releases",
        follow_ups=(follow_up(item, Stage.TRACK_DISCOVERY, artist, window=window, fresh=not changed),),
        detail={"releases": len(read.releases), "expected": read.expected, "complete": read.complete},
    )


def _answer(artist: Artist, read: ReleaseList, trouble: Trouble | None, version: str) -> ProviderAnswer:
    error = str(trouble) if trouble else None
    return ProviderAnswer(
        artist_id=artist.artist_id,
        provider="spotify",
        question="releases",
        outcome=outcome_of_list(len(read.releases), complete=read.complete, error=error),
        items=len(read.releases),
        expected=read.expected,
        error=error,
        content_hash=version,
    )


read_stage = one_by_one(read_release_list)
