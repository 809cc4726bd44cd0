"""Genius: endpoints, and records of the responses. https://docs.genius.com

Whether a hit is the right song is decided elsewhere.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from music_pipeline.gateway.fields import Reader
from music_pipeline.gateway.provider import Provider, Quirk, Quota
from music_pipeline.gateway.request import Endpoint, Request, Sender
from music_pipeline.providers.records import NamedId, Page, kept, onward

GENIUS = Provider(  # the limit is unpublished: one a second is what clients keep to
    name="genius",
    base_url="https://api.genius.com",
    sandbox_path="/genius",
    quota=Quota(60, 60),
    quota_per_account=True,
    metadata_ttl=timedelta(days=30),
    credentials=("GENIUS_ACCESS_TOKEN",),
    authorization="Bearer {GENIUS_ACCESS_TOKEN}",
    quirks=frozenset({Quirk.NOT_FOUND_MEANS_ABSENT}),
)

SEARCH = Endpoint(GENIUS, "search", "/search")  # https://docs.genius.com/#search-h2
ARTIST = Endpoint(GENIUS, "artist", "/artists/{}")  # https://docs.genius.com/#artists-h2
ARTIST_SONGS = Endpoint(GENIUS, "artist_songs", "/artists/{}/songs")  # https://docs.genius.com/#artists-h2
SONG = Endpoint(GENIUS, "song", "/songs/{}")  # https://docs.genius.com/#songs-h2

SONGS_PER_PAGE = 50
# An artist's page holds the name of the account at each service; this is where such an account is.
SERVICES = {
    "instagram": "https://www.instagram.com/{}",
    "twitter": "https://twitter.com/{}",
    "facebook": "https://www.facebook.com/{}",
}
ACCOUNT = re.compile(r"@?([A-Za-z0-9._-]+)")
read = Reader("genius")


@dataclass(frozen=True, slots=True)
class GeniusHit:
    """A song in a list: without its credits. It may be a translation, or a page that is no song."""

    id: str
    title: str | None
    artist: NamedId | None


@dataclass(frozen=True, slots=True)
class GeniusSong:
    """A song with its credits. `performances`: further credits as (label as printed, who)."""

    id: str
    title: str | None
    artist: NamedId | None
    featured: tuple[NamedId, ...]
    producers: tuple[NamedId, ...]
    performances: tuple[tuple[str, NamedId], ...]
    release_date: str | None
    album: NamedId | None


@dataclass(frozen=True, slots=True)
class GeniusArtist:
    """An artist. `urls`: addresses that the page itself gives, by service; "genius" is the page."""

    id: str
    name: str | None
    alternate_names: tuple[str, ...]
    urls: dict[str, str]


def parse_search(payload: object) -> tuple[GeniusHit, ...]:
    """The songs that a search hit. Raises UnreadableAnswer."""
    hits = read.sequence(_response(payload).get("hits"), "search.hits")
    return kept(hits, _search_hit).items


def parse_artist_songs(payload: object) -> Page[GeniusHit]:
    """A page of an artist's songs. Raises UnreadableAnswer."""
    found = _response(payload)
    songs = kept(read.sequence(found.get("songs"), "artist.songs"), _hit)
    next_page = read.count(found.get("next_page"), "artist.next_page")
    return Page(items=songs.items, total=None, next_offset=next_page, nulls=songs.nulls)


def parse_song(payload: object) -> GeniusSong | None:
    """A song with its credits; None if the response holds no id. Raises UnreadableAnswer."""
    found = read.mapping(_response(payload).get("song"), "song")
    hit = _hit(found)
    if hit is None:
        return None
    return GeniusSong(
        id=hit.id,
        title=hit.title,
        artist=hit.artist,
        featured=_people(found, "featured_artists"),
        producers=_people(found, "producer_artists"),
        performances=_performances(found),
        release_date=read.text(found.get("release_date"), "song.release_date"),
        album=_named_id(found.get("album")),
    )


def parse_artist(payload: object) -> GeniusArtist | None:
    """An artist with the accounts that the page names; None if the response holds no id. Raises UnreadableAnswer."""
    found = read.mapping(_response(payload).get("artist"), "artist")
    artist_id = read.id(found.get("id"), "artist.id")
    if artist_id is None:
        return None
    page = read.text(found.get("url"), "artist.url")
    accounts = {service: _account(found, service) for service in SERVICES}
    return GeniusArtist(
        id=artist_id,
        name=read.text(found.get("name"), "artist.name"),
        alternate_names=read.texts(found.get("alternate_names"), "artist.alternate_names"),
        urls={service: url for service, url in {"genius": page, **accounts}.items() if url},
    )


def _account(artist: dict[str, Any], service: str) -> str | None:
    """The account's address; None if the page names none, or neither a name nor an address."""
    named = read.text(artist.get(f"{service}_name"), f"artist.{service}_name")
    if named is None or named.startswith(("https://", "http://")):
        return named
    account = ACCOUNT.fullmatch(named)
    return SERVICES[service].format(account[1]) if account else None


def _response(payload: object) -> dict[str, Any]:
    return read.mapping(read.mapping(payload, "answer").get("response"), "answer.response")


def _search_hit(value: object) -> GeniusHit | None:
    found = read.optional_mapping(value, "hit")
    is_song = read.text(found.get("type"), "hit.type") in (None, "song")
    return _hit(found.get("result")) if is_song else None


def _hit(value: object) -> GeniusHit | None:
    found = read.optional_mapping(value, "song")
    song_id = read.id(found.get("id"), "song.id")
    if song_id is None:
        return None
    return GeniusHit(song_id, read.text(found.get("title"), "song.title"), _named_id(found.get("primary_artist")))


def _performances(song: dict[str, Any]) -> tuple[tuple[str, NamedId], ...]:
    found: list[tuple[str, NamedId]] = []
    for entry in read.optional_sequence(song.get("custom_performances"), "song.custom_performances"):
        performance = read.optional_mapping(entry, "performance")
        label = read.text(performance.get("label"), "performance.label")
        if label is not None:
            found.extend((label, person) for person in _people(performance, "artists"))
    return tuple(found)


def _people(holder: dict[str, Any], key: str) -> tuple[NamedId, ...]:
    return kept(read.optional_sequence(holder.get(key), f"song.{key}"), _named_id).items


def _named_id(value: object) -> NamedId | None:
    found = read.optional_mapping(value, "artist")
    found_id = read.id(found.get("id"), "artist.id")
    return NamedId(found_id, read.text(found.get("name"), "artist.name")) if found_id else None


class GeniusClient:
    """Genius's songs. `fresh_since`: see Gateway.send. Every method raises ProviderError's kinds."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def probe(self, since: datetime) -> None:
        """Make one cheap call that no response cached before `since` answers."""
        await self.search("Nina Simone", fresh_since=since)

    async def search(self, text: str, *, fresh_since: datetime | None = None) -> tuple[GeniusHit, ...]:
        """The ten songs that fit best, by Genius's own idea of it."""
        request = Request.get(SEARCH, q=text)
        return (await self._sender.send(request, parse_search, fresh_since=fresh_since)).body or ()

    async def artist(self, artist_id: str, *, fresh_since: datetime | None = None) -> GeniusArtist | None:
        """An artist with the accounts that the page names; None if there is none."""
        request = Request.get(ARTIST, artist_id, text_format="plain")
        return (await self._sender.send(request, parse_artist, fresh_since=fresh_since)).body

    async def artist_songs(
        self, artist_id: str, *, page: int = 1, fresh_since: datetime | None = None
    ) -> Page[GeniusHit] | None:
        """A page (from 1) of an artist's songs by title; None if there is no such artist."""
        request = Request.get(ARTIST_SONGS, artist_id, per_page=SONGS_PER_PAGE, page=page, sort="title")
        return (
            await self._sender.send(request, onward(parse_artist_songs, page, "genius"), fresh_since=fresh_since)
        ).body

    async def song(self, song_id: str, *, fresh_since: datetime | None = None) -> GeniusSong | None:
        """A song with its credits; None if there is none."""
        request = Request.get(SONG, song_id, text_format="plain")
        return (await self._sender.send(request, parse_song, fresh_since=fresh_since)).body
