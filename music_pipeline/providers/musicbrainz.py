"""MusicBrainz: endpoints, and how to request much at once. https://musicbrainz.org/doc/MusicBrainz_API

`musicbrainz_records` reads its responses. `matching/roles` decides which credits count as production.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from music_pipeline.gateway.errors import ProviderFailure
from music_pipeline.gateway.provider import Provider, Quirk, Quota
from music_pipeline.gateway.request import ATTEMPTS, Endpoint, Request, Sender
from music_pipeline.providers.musicbrainz_records import (
    MusicBrainzArtist,
    MusicBrainzRecording,
    MusicBrainzRelease,
    parse_artist,
    parse_artist_page,
    parse_artist_search,
    parse_recording,
    parse_recording_search,
    parse_recordings,
    parse_release,
    parse_releases,
    parse_urls,
)
from music_pipeline.providers.records import Page, onward

MUSICBRAINZ = Provider(  # https://musicbrainz.org/doc/MusicBrainz_API/Rate_Limiting
    name="musicbrainz",
    base_url="https://musicbrainz.org/ws/2",
    sandbox_path="/musicbrainz/ws/2",
    quota=Quota(1, 1, strict=False),
    quota_per_account=False,
    metadata_ttl=timedelta(days=90),
    timeout_seconds=60.0,
    quirks=frozenset({Quirk.NOT_FOUND_MEANS_ABSENT, Quirk.NEEDS_CONTACT}),
)

URL = Endpoint(MUSICBRAINZ, "url", "/url")  # https://musicbrainz.org/doc/MusicBrainz_API#url_(by_text)
ARTIST_SEARCH = Endpoint(MUSICBRAINZ, "artist_search", "/artist")  # …/MusicBrainz_API/Search#Artist
ARTIST = Endpoint(MUSICBRAINZ, "artist", "/artist/{}")  # …/MusicBrainz_API#Lookups
RELEASES = Endpoint(MUSICBRAINZ, "releases", "/release", of_one=True)  # …/MusicBrainz_API#Browse
RELEASE = Endpoint(MUSICBRAINZ, "release", "/release/{}")  # …/MusicBrainz_API#Lookups
RECORDINGS = Endpoint(MUSICBRAINZ, "recordings", "/recording", of_one=True)  # …/MusicBrainz_API#Browse
RECORDING_SEARCH = Endpoint(MUSICBRAINZ, "recording_search", "/recording")  # …/MusicBrainz_API/Search#Recording
RECORDING = Endpoint(MUSICBRAINZ, "recording", "/recording/{}")  # …/MusicBrainz_API#Lookups

RELEASE_INC = "recordings artist-credits isrcs media labels release-groups artist-rels url-rels recording-level-rels"
RELEASE_STATUS = "official"
ARTIST_INC = "aliases url-rels"
RECORDING_INC = "artist-rels isrcs"
LARGEST_PAGE = 100
SMALLEST_PAGE = 6
MOST_URLS = 50  # of the 100 allowed: 50 make an address of 3.7 kB, and servers in between take 4 or 8
MOST_ISRCS = 80
MOST_NAMES = 20  # a common name crowds the others out of a longer list
OVERLOADED = (502, 503, 504)
ATTEMPTS_PER_SIZE = 2
LUCENE_SPECIAL = re.compile(r'([+\-&|!(){}\[\]^"~*?:\\/])')
SPOTIFY_ARTIST = "https://open.spotify.com/artist/"
UNKNOWN_ADDRESS = "https://musicbrainz.invalid/"
DISCOGS_ARTIST = "https://www.discogs.com/artist/"

Item = TypeVar("Item")
Listed = TypeVar("Listed")


class MusicBrainzClient:
    """MusicBrainz's database. `fresh_since`: see Gateway.send. Every method raises ProviderError's kinds."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def probe(self, since: datetime) -> None:
        """Make one cheap call that no response cached before `since` answers."""
        await self.search_artists("Nina Simone", fresh_since=since)

    async def artists_by_spotify_id(
        self, spotify_ids: Sequence[str], *, fresh_since: datetime | None = None
    ) -> dict[str, tuple[str, ...]]:
        """MBIDs of the artists that MusicBrainz links to each Spotify artist id; ids that it does not know are missing.

        At most 50 ids: raises ValueError for more.
        """
        return await self._linked_artists(SPOTIFY_ARTIST, spotify_ids, fresh_since)

    async def artists_by_discogs_id(
        self, discogs_ids: Sequence[str], *, fresh_since: datetime | None = None
    ) -> dict[str, tuple[str, ...]]:
        """MBIDs of the people that MusicBrainz links to each Discogs artist id; ids that it does not know are missing.

        At most 50 ids: raises ValueError for more.
        """
        return await self._linked_artists(DISCOGS_ARTIST, discogs_ids, fresh_since)

    async def _linked_artists(
        self, address: str, ids: Sequence[str], fresh_since: datetime | None
    ) -> dict[str, tuple[str, ...]]:
        if len(ids) > MOST_URLS:
            raise ValueError(f"{len(ids)} addresses in one request to MusicBrainz; it takes {MOST_URLS}.")
        if not ids:
            return {}
        # A 404 about a single address can mean that it is unknown, or that the endpoint is gone.
        addresses = [address + id for id in sorted(set(ids))] + [UNKNOWN_ADDRESS] * (len(set(ids)) == 1)
        resources = tuple(("resource", one) for one in addresses)
        request = Request(URL, (), (*resources, ("inc", "artist-rels"), ("fmt", "json")))
        linked = (await self._sender.send(request, parse_urls, fresh_since=fresh_since)).body or {}
        return {
            resource.removeprefix(address): mbids for resource, mbids in linked.items() if resource.startswith(address)
        }

    async def search_artists(
        self, name: str, *, limit: int = 25, fresh_since: datetime | None = None
    ) -> tuple[MusicBrainzArtist, ...]:
        """Artists of this name or alias, the likeliest first, with MusicBrainz's score (0–100)."""
        phrase = lucene_phrase(name)
        query = f"artist:{phrase} OR alias:{phrase}"
        request = Request.get(ARTIST_SEARCH, query=query, limit=limit, fmt="json")
        return (await self._sender.send(request, parse_artist_search, fresh_since=fresh_since)).body or ()

    async def search_artists_named(
        self, names: Sequence[str], *, fresh_since: datetime | None = None
    ) -> Page[MusicBrainzArtist]:
        """Artists that have one of these names or aliases; `total` says whether the page holds them all.

        At most 20 names: raises ValueError for more.
        """
        if len(names) > MOST_NAMES:
            raise ValueError(f"{len(names)} names in one search at MusicBrainz; it is asked for {MOST_NAMES}.")
        phrases = " OR ".join(lucene_phrase(name) for name in sorted(set(names)))
        query = f"artist:({phrases}) OR alias:({phrases})"
        request = Request.get(ARTIST_SEARCH, query=query, limit=LARGEST_PAGE, fmt="json")
        found = (await self._sender.send(request, parse_artist_page, fresh_since=fresh_since)).body
        return found or Page(items=(), total=0, next_offset=None, nulls=0)

    async def artist(self, mbid: str, *, fresh_since: datetime | None = None) -> MusicBrainzArtist | None:
        """An artist with aliases and links; None if there is none.

        A merged MBID answers the artist that it became.
        """
        request = Request.get(ARTIST, mbid, inc=ARTIST_INC, fmt="json")
        return (await self._sender.send(request, parse_artist, fresh_since=fresh_since)).body

    async def releases_of_artist(
        self, mbid: str, *, offset: int = 0, limit: int = LARGEST_PAGE, fresh_since: datetime | None = None
    ) -> Page[MusicBrainzRelease] | None:
        """A page of an artist's official releases with tracks, credits and links; None if there is no such artist.

        A page ends at 500 tracks, and is asked for in smaller pieces where the server is overwhelmed.
        """

        async def ask(size: int, attempts: int) -> Page[MusicBrainzRelease] | None:
            request = Request.get(
                RELEASES, artist=mbid, inc=RELEASE_INC, status=RELEASE_STATUS, limit=size, offset=offset, fmt="json"
            )
            answer = await self._sender.send(
                request, onward(parse_releases, offset, "musicbrainz"), fresh_since=fresh_since, attempts=attempts
            )
            return _followed(answer.body, offset, size)

        return await _halving(ask, limit)

    async def recordings_of_release(
        self, mbid: str, *, offset: int = 0, fresh_since: datetime | None = None
    ) -> Page[MusicBrainzRecording] | None:
        """A page of a release's recordings with credits:
        for the releases that are listed without (over 500 recordings).
        """

        async def ask(size: int, attempts: int) -> Page[MusicBrainzRecording] | None:
            request = Request.get(RECORDINGS, release=mbid, inc=RECORDING_INC, limit=size, offset=offset, fmt="json")
            answer = await self._sender.send(
                request, onward(parse_recordings, offset, "musicbrainz"), fresh_since=fresh_since, attempts=attempts
            )
            return _followed(answer.body, offset, size)

        return await _halving(ask, LARGEST_PAGE)

    async def recordings_by_isrc(
        self, isrcs: Sequence[str], *, fresh_since: datetime | None = None
    ) -> tuple[MusicBrainzRecording, ...]:
        """The recordings that have one of these ISRCs, all pages of the search; without credits.

        At most 80 ISRCs: raises ValueError for more.
        """
        if len(isrcs) > MOST_ISRCS:
            raise ValueError(f"{len(isrcs)} ISRCs in one search at MusicBrainz; it is asked for {MOST_ISRCS}.")
        query = f"isrc:({' OR '.join(sorted(set(isrcs)))})"
        found: list[MusicBrainzRecording] = []
        total: int | None = None
        while total is None or len(found) < total:
            request = Request.get(RECORDING_SEARCH, query=query, limit=LARGEST_PAGE, offset=len(found), fmt="json")
            page = (await self._sender.send(request, parse_recording_search, fresh_since=fresh_since)).body
            if page is None or not page.items:
                break
            found += page.items
            total = page.total or 0
        return tuple(found)

    async def release(self, mbid: str, *, fresh_since: datetime | None = None) -> MusicBrainzRelease | None:
        """One release with tracks, credits and links; None if there is none."""
        request = Request.get(RELEASE, mbid, inc=RELEASE_INC, fmt="json")
        return (await self._sender.send(request, parse_release, fresh_since=fresh_since)).body

    async def recording(self, mbid: str, *, fresh_since: datetime | None = None) -> MusicBrainzRecording | None:
        """One recording with credits and ISRCs; None if there is none."""
        request = Request.get(RECORDING, mbid, inc=RECORDING_INC, fmt="json")
        return (await self._sender.send(request, parse_recording, fresh_since=fresh_since)).body


def _followed(page: Page[Item] | None, offset: int, size: int) -> Page[Item] | None:
    """The page, followed by another if it is full: a total that is too low would look complete.

    One more shows whether it is; a page that begins behind the total is followed by none.
    """
    is_full = page is not None and len(page.items) + page.nulls >= size
    if page is None or page.next_offset is not None or not is_full or offset >= (page.total or 0):
        return page
    return replace(page, next_offset=offset + size)


async def _halving(ask: Callable[[int, int], Awaitable[Listed]], size: int) -> Listed:
    """Ask for `size` entries, and for half as many each time that the server fails over it."""
    while size // 2 >= SMALLEST_PAGE:
        try:
            return await ask(size, ATTEMPTS_PER_SIZE)
        except ProviderFailure as failure:
            if failure.status not in OVERLOADED:
                raise
            size //= 2
    return await ask(size, ATTEMPTS)


def lucene_phrase(text: str) -> str:
    """`text` as one phrase of a Lucene query, whatever it holds."""
    return '"' + LUCENE_SPECIAL.sub(r"\\\1", " ".join(text.split())) + '"'
