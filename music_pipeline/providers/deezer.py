"""Deezer: endpoints, and records of the responses. https://developers.deezer.com/api

A list says less of its entries than the entry itself does. Which recording a track is, is decided elsewhere.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar
from urllib.parse import parse_qs, urlsplit

from music_pipeline.gateway.errors import UnreadableAnswer
from music_pipeline.gateway.fields import Reader
from music_pipeline.gateway.provider import Provider, Quirk, Quota, ResponseKind
from music_pipeline.gateway.request import Endpoint, Request, Sender
from music_pipeline.providers.records import NamedId, Page, kept

DEEZER = Provider(  # https://developers.deezer.com/api: 50 requests in 5 seconds
    name="deezer",
    base_url="https://api.deezer.com",
    sandbox_path="/deezer",
    quota=Quota(50, 5),
    quota_per_account=False,
    metadata_ttl=timedelta(days=30),
    quirks=frozenset({Quirk.FORBIDDEN_MEANS_RATE_LIMITED}),
    error_codes={  # https://developers.deezer.com/api/errors
        4: ResponseKind.RATE_LIMITED,
        700: ResponseKind.SERVER_ERROR,
        800: ResponseKind.ABSENT,
        None: ResponseKind.SERVER_ERROR,
    },
)

TRACK = Endpoint(DEEZER, "track", "/track/{}")  # https://developers.deezer.com/api/track
TRACK_BY_ISRC = Endpoint(DEEZER, "track_by_isrc", "/track/isrc:{}")  # undocumented, and widely used
ALBUM = Endpoint(DEEZER, "album", "/album/{}")  # https://developers.deezer.com/api/album
ALBUM_BY_UPC = Endpoint(DEEZER, "album_by_upc", "/album/upc:{}")  # undocumented, and widely used
ALBUM_TRACKS = Endpoint(DEEZER, "album_tracks", "/album/{}/tracks")  # https://developers.deezer.com/api/album/tracks
ARTIST = Endpoint(DEEZER, "artist", "/artist/{}")  # https://developers.deezer.com/api/artist
ARTIST_ALBUMS = Endpoint(DEEZER, "artist_albums", "/artist/{}/albums")  # …/api/artist/albums
ARTIST_TOP = Endpoint(DEEZER, "artist_top", "/artist/{}/top")  # …/api/artist/top
SEARCH_ARTISTS = Endpoint(DEEZER, "search_artists", "/search/artist")  # https://developers.deezer.com/api/search
SEARCH_TRACKS = Endpoint(DEEZER, "search_tracks", "/search")  # https://developers.deezer.com/api/search

PAGE_SIZE = 100
NO_DATE = "0000-00-00"
Item = TypeVar("Item")
read = Reader("deezer")


@dataclass(frozen=True, slots=True)
class DeezerTrack:
    """A track. In a list of an album's tracks it has no `bpm`, `gain` and `release_date`, in others no `isrc` either.

    `rank`: 0 to 1,000,000, the higher the more it is heard. `bpm`: None where Deezer does not know it. `gain`: dB.
    """

    id: str
    title: str | None
    artist: NamedId | None
    album_id: str | None
    isrc: str | None
    duration_ms: int | None
    disc_number: int | None
    track_number: int | None
    rank: int | None
    bpm: float | None
    gain: float | None
    release_date: str | None
    explicit: bool | None


@dataclass(frozen=True, slots=True)
class DeezerAlbum:
    """An album. In a list it has no `barcode` and no `label`. `fans`: how many people keep it."""

    id: str
    title: str | None
    artist: NamedId | None
    barcode: str | None
    label: str | None
    genres: tuple[str, ...]
    release_date: str | None
    record_type: str | None
    total_tracks: int | None
    fans: int | None


@dataclass(frozen=True, slots=True)
class DeezerArtist:
    """An artist. `fans`: how many people follow."""

    id: str
    name: str | None
    fans: int | None
    albums: int | None


def parse_track(payload: object) -> DeezerTrack | None:
    """A track; None if the response holds no id. Raises UnreadableAnswer."""
    found = read.mapping(payload, "track")
    track_id = read.id(found.get("id"), "track.id")
    if track_id is None:
        return None
    album = read.optional_mapping(found.get("album"), "track.album")
    return DeezerTrack(
        id=track_id,
        title=read.text(found.get("title"), "track.title"),
        artist=_named_id(found.get("artist")),
        album_id=read.id(album.get("id"), "track.album.id"),
        isrc=read.text(found.get("isrc"), "track.isrc"),
        duration_ms=_milliseconds(found.get("duration"), "track.duration"),
        disc_number=read.count(found.get("disk_number"), "track.disk_number"),
        track_number=read.count(found.get("track_position"), "track.track_position"),
        rank=read.count(found.get("rank"), "track.rank"),
        bpm=read.number(found.get("bpm"), "track.bpm") or None,
        gain=read.number(found.get("gain"), "track.gain"),
        release_date=_date(found.get("release_date"), "track.release_date"),
        explicit=read.flag(found.get("explicit_lyrics"), "track.explicit_lyrics"),
    )


def parse_album(payload: object) -> DeezerAlbum | None:
    """An album; None if the response holds no id. Raises UnreadableAnswer."""
    found = read.mapping(payload, "album")
    album_id = read.id(found.get("id"), "album.id")
    if album_id is None:
        return None
    genres = read.optional_mapping(found.get("genres"), "album.genres")
    return DeezerAlbum(
        id=album_id,
        title=read.text(found.get("title"), "album.title"),
        artist=_named_id(found.get("artist")),
        barcode=read.text(found.get("upc"), "album.upc"),
        label=read.text(found.get("label"), "album.label"),
        genres=kept(read.optional_sequence(genres.get("data"), "album.genres.data"), _genre).items,
        release_date=_date(found.get("release_date"), "album.release_date"),
        record_type=read.text(found.get("record_type"), "album.record_type"),
        total_tracks=read.count(found.get("nb_tracks"), "album.nb_tracks"),
        fans=read.count(found.get("fans"), "album.fans"),
    )


def parse_artist(payload: object) -> DeezerArtist | None:
    """An artist; None if the response holds no id. Raises UnreadableAnswer."""
    found = read.mapping(payload, "artist")
    artist_id = read.id(found.get("id"), "artist.id")
    if artist_id is None:
        return None
    return DeezerArtist(
        id=artist_id,
        name=read.text(found.get("name"), "artist.name"),
        fans=read.count(found.get("nb_fan"), "artist.nb_fan"),
        albums=read.count(found.get("nb_album"), "artist.nb_album"),
    )


def parse_tracks(payload: object) -> Page[DeezerTrack]:
    """A page of tracks. Raises UnreadableAnswer."""
    return _page(payload, parse_track, "tracks")


def parse_albums(payload: object) -> Page[DeezerAlbum]:
    """A page of albums. Raises UnreadableAnswer."""
    return _page(payload, parse_album, "albums")


def parse_artists(payload: object) -> Page[DeezerArtist]:
    """A page of artists. Raises UnreadableAnswer."""
    return _page(payload, parse_artist, "artists")


def _page(payload: object, parse: Callable[[object], Item | None], what: str) -> Page[Item]:
    found = read.mapping(payload, what)
    entries = read.sequence(found.get("data"), f"{what}.data")
    usable = kept(entries, lambda entry: None if entry is None else parse(entry))
    return Page(
        items=usable.items,
        total=read.count(found.get("total"), f"{what}.total"),
        next_offset=_index(read.text(found.get("next"), f"{what}.next")),
        nulls=usable.nulls,
    )


def _index(address: str | None) -> int | None:
    """Where the next page begins, as its address says."""
    if address is None:
        return None
    try:
        found = parse_qs(urlsplit(address).query).get("index", [""])[0]
    except ValueError:
        found = ""
    if not found.isdecimal():
        raise UnreadableAnswer("deezer", "the address of the next page", address)
    return int(found)


def _milliseconds(value: object, what: str) -> int | None:
    seconds = read.count(value, what)
    return 1000 * seconds if seconds else None


def _date(value: object, what: str) -> str | None:
    date = read.text(value, what)
    return None if date == NO_DATE else date


def _genre(value: object) -> str | None:
    return read.text(read.optional_mapping(value, "genre").get("name"), "genre.name")


def _named_id(value: object) -> NamedId | None:
    found = read.optional_mapping(value, "artist")
    found_id = read.id(found.get("id"), "artist.id")
    return NamedId(found_id, read.text(found.get("name"), "artist.name")) if found_id else None


class DeezerClient:
    """Deezer's catalogue. `fresh_since`: see Gateway.send. Every method raises ProviderError's kinds."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def probe(self, since: datetime) -> None:
        """Make one cheap call that no response cached before `since` answers."""
        await self.search_artists("Nina Simone", fresh_since=since)

    async def track(self, track_id: str, *, fresh_since: datetime | None = None) -> DeezerTrack | None:
        """A track with all that Deezer knows of it; None if there is none."""
        return (await self._sender.send(Request.get(TRACK, track_id), parse_track, fresh_since=fresh_since)).body

    async def track_by_isrc(self, isrc: str, *, fresh_since: datetime | None = None) -> DeezerTrack | None:
        """The track that Deezer takes for the recording, with all that it knows of it; None if there is none."""
        return (await self._sender.send(Request.get(TRACK_BY_ISRC, isrc), parse_track, fresh_since=fresh_since)).body

    async def album(self, album_id: str, *, fresh_since: datetime | None = None) -> DeezerAlbum | None:
        """An album; None if there is none."""
        return (await self._sender.send(Request.get(ALBUM, album_id), parse_album, fresh_since=fresh_since)).body

    async def album_by_upc(self, barcode: str, *, fresh_since: datetime | None = None) -> DeezerAlbum | None:
        """The album with this barcode; None if there is none. Deezer writes some without their leading zeros."""
        for written in dict.fromkeys((barcode, barcode.lstrip("0"))):
            request = Request.get(ALBUM_BY_UPC, written)
            found = (await self._sender.send(request, parse_album, fresh_since=fresh_since)).body
            if found is not None:
                return found
        return None

    async def album_tracks(
        self, album_id: str, *, index: int = 0, fresh_since: datetime | None = None
    ) -> Page[DeezerTrack] | None:
        """A page of an album's tracks, with ISRCs, from `index` on; None if there is no such album."""
        request = Request.get(ALBUM_TRACKS, album_id, index=index, limit=PAGE_SIZE)
        return (await self._sender.send(request, parse_tracks, fresh_since=fresh_since)).body

    async def artist(self, artist_id: str, *, fresh_since: datetime | None = None) -> DeezerArtist | None:
        """An artist; None if there is none."""
        return (await self._sender.send(Request.get(ARTIST, artist_id), parse_artist, fresh_since=fresh_since)).body

    async def artist_albums(
        self, artist_id: str, *, index: int = 0, fresh_since: datetime | None = None
    ) -> Page[DeezerAlbum] | None:
        """A page of an artist's albums from `index` on; None if there is no such artist."""
        request = Request.get(ARTIST_ALBUMS, artist_id, index=index, limit=PAGE_SIZE)
        return (await self._sender.send(request, parse_albums, fresh_since=fresh_since)).body

    async def artist_top(
        self, artist_id: str, *, index: int = 0, fresh_since: datetime | None = None
    ) -> Page[DeezerTrack] | None:
        """A page of an artist's tracks, the most heard first; None if there is no such artist."""
        request = Request.get(ARTIST_TOP, artist_id, index=index, limit=PAGE_SIZE)
        return (await self._sender.send(request, parse_tracks, fresh_since=fresh_since)).body

    async def search_artists(self, name: str, *, fresh_since: datetime | None = None) -> Page[DeezerArtist]:
        """The artists that fit best, by Deezer's own idea of it."""
        request = Request.get(SEARCH_ARTISTS, q=name, limit=PAGE_SIZE)
        found = (await self._sender.send(request, parse_artists, fresh_since=fresh_since)).body
        return found or Page(items=(), total=0, next_offset=None, nulls=0)

    async def search_tracks(self, artist: str, title: str, *, fresh_since: datetime | None = None) -> Page[DeezerTrack]:
        """The tracks that fit best, by Deezer's own idea of it."""
        request = Request.get(SEARCH_TRACKS, q=f"artist:{_quoted(artist)} track:{_quoted(title)}", limit=PAGE_SIZE)
        found = (await self._sender.send(request, parse_tracks, fresh_since=fresh_since)).body
        return found or Page(items=(), total=0, next_offset=None, nulls=0)


def _quoted(text: str) -> str:
    return '"' + " ".join(text.replace('"', " ").split()) + '"'
