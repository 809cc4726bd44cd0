"""Spotify: endpoints, and records of the responses. https://developer.spotify.com/documentation/web-api

Which releases and tracks to request, and in which order, is decided by the stages. `spotify_playlists` has playlists.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from music_pipeline.gateway.errors import ProviderRefused, UnreadableAnswer
from music_pipeline.gateway.fields import Reader
from music_pipeline.gateway.provider import Provider, Quirk, Quota
from music_pipeline.gateway.request import Endpoint, Request, Sender
from music_pipeline.providers.records import AudioFeatures, Kept, NamedId, Page, kept, onward, read_audio_features
from music_pipeline.settings import settings

SPOTIFY = Provider(  # the limit is unpublished: 90 is what a small app seems to get
    name="spotify",
    base_url="https://api.spotify.com/v1",
    sandbox_path="/spotify/v1",
    quota=Quota(90, 30),
    quota_per_account=True,
    metadata_ttl=timedelta(days=30),
    credentials=("SPOTIFY_CLIENT_ID", "SPOTIFY_CLIENT_SECRET"),
    authorization="Bearer {token}",
    quirks=frozenset({Quirk.FORBIDDEN_MEANS_GONE, Quirk.NOT_FOUND_MEANS_ABSENT, Quirk.BUILT_BY_SPOTIPY}),
)

SEARCH = Endpoint(SPOTIFY, "search", "/search")  # https://developer.spotify.com/documentation/web-api/reference/search
ARTIST = Endpoint(SPOTIFY, "artist", "/artists/{}")  # …/reference/get-an-artist
ARTIST_ALBUMS = Endpoint(SPOTIFY, "artist_albums", "/artists/{}/albums")  # …/reference/get-an-artists-albums
ALBUM = Endpoint(SPOTIFY, "album", "/albums/{}")  # …/reference/get-an-album
ALBUM_TRACKS = Endpoint(SPOTIFY, "album_tracks", "/albums/{}/tracks")  # …/reference/get-an-albums-tracks
TRACK = Endpoint(SPOTIFY, "track", "/tracks/{}")  # …/reference/get-track
# spotipy says that the endpoint is gone, which is true of most apps but not of all.
AUDIO_FEATURES = Endpoint(SPOTIFY, "audio_features", "/audio-features", direct=True)  # …/get-several-audio-features

MOST_AUDIO_FEATURES = 100
RELEASE_GROUPS = "album,single,compilation"
ALBUM_TRACKS_LIMIT = 50
LARGEST_SEARCH_OFFSET = 1000
PAGE_SIZE_IN_DEVELOPMENT_MODE = 10
PAGE_SIZE_CAPABILITY = "page_size"

Answered = TypeVar("Answered")
Item = TypeVar("Item")
read = Reader("spotify")


@dataclass(frozen=True, slots=True)
class SpotifyArtist:
    """`popularity` (0–100) and `followers` are None in development mode."""

    id: str
    name: str | None
    popularity: int | None
    followers: int | None


@dataclass(frozen=True, slots=True)
class SpotifyAlbum:
    """`release_date`: to the precision known (1999, 1999-06, 1999-06-21). `barcode` (UPC) only on a full album."""

    id: str
    name: str | None
    album_type: str | None
    release_date: str | None
    total_tracks: int | None
    artists: tuple[NamedId, ...]
    barcode: str | None


@dataclass(frozen=True, slots=True)
class SpotifySimpleTrack:
    """A track as an album lists it: without ISRC."""

    id: str
    name: str | None
    artists: tuple[NamedId, ...]
    disc_number: int | None
    track_number: int | None
    duration_ms: int | None
    explicit: bool | None
    is_local: bool | None


@dataclass(frozen=True, slots=True)
class SpotifyTrack:
    """A full track. `id` is the provider's, which relinking may change from the one requested."""

    id: str
    name: str | None
    artists: tuple[NamedId, ...]
    album: SpotifyAlbum | None
    disc_number: int | None
    track_number: int | None
    duration_ms: int | None
    explicit: bool | None
    isrc: str | None
    is_local: bool | None


@dataclass(frozen=True, slots=True)
class SpotifySearch:
    """Candidates and tracks of one page of a search. `next_offset`: of the tracks.

    A search never proves completeness.
    """

    artists: tuple[SpotifyArtist, ...]
    tracks: tuple[SpotifyTrack, ...]
    total_tracks: int | None
    next_offset: int | None
    nulls: int


NOTHING_FOUND = SpotifySearch(artists=(), tracks=(), total_tracks=0, next_offset=None, nulls=0)


def parse_artist(payload: object) -> SpotifyArtist | None:
    """An artist; None if the response holds no id. Raises UnreadableAnswer."""
    found = read.optional_mapping(payload, "artist")
    artist_id = read.id(found.get("id"), "artist.id")
    if artist_id is None:
        return None
    followers = read.optional_mapping(found.get("followers"), "artist.followers")
    return SpotifyArtist(
        id=artist_id,
        name=read.text(found.get("name"), "artist.name"),
        popularity=read.count(found.get("popularity"), "artist.popularity"),
        followers=read.count(followers.get("total"), "artist.followers.total"),
    )


def parse_album(payload: object) -> SpotifyAlbum | None:
    """A full or simplified album; None if the response holds no id. Raises UnreadableAnswer."""
    found = read.optional_mapping(payload, "album")
    album_id = read.id(found.get("id"), "album.id")
    if album_id is None:
        return None
    external_ids = read.optional_mapping(found.get("external_ids"), "album.external_ids")
    return SpotifyAlbum(
        id=album_id,
        name=read.text(found.get("name"), "album.name"),
        album_type=read.text(found.get("album_type"), "album.album_type"),
        release_date=read.text(found.get("release_date"), "album.release_date"),
        total_tracks=read.count(found.get("total_tracks"), "album.total_tracks"),
        artists=_artists(found.get("artists"), "album.artists"),
        barcode=read.text(external_ids.get("upc") or external_ids.get("ean"), "album.external_ids.upc"),
    )


def parse_simple_track(payload: object) -> SpotifySimpleTrack | None:
    """A track as an album lists it; None if it holds no id (a local file). Raises UnreadableAnswer."""
    found = read.optional_mapping(payload, "track")
    track_id = read.id(found.get("id"), "track.id")
    if track_id is None:
        return None
    return SpotifySimpleTrack(
        id=track_id,
        name=read.text(found.get("name"), "track.name"),
        artists=_artists(found.get("artists"), "track.artists"),
        disc_number=read.count(found.get("disc_number"), "track.disc_number"),
        track_number=read.count(found.get("track_number"), "track.track_number"),
        duration_ms=read.count(found.get("duration_ms"), "track.duration_ms"),
        explicit=read.flag(found.get("explicit"), "track.explicit"),
        is_local=read.flag(found.get("is_local"), "track.is_local"),
    )


def parse_track(payload: object) -> SpotifyTrack | None:
    """A full track; None for one without id (a local file) and for an episode. Raises UnreadableAnswer."""
    found = read.optional_mapping(payload, "track")
    simple = parse_simple_track(found)
    if simple is None or read.text(found.get("type"), "track.type") not in (None, "track"):
        return None
    external_ids = read.optional_mapping(found.get("external_ids"), "track.external_ids")
    return SpotifyTrack(
        id=simple.id,
        name=simple.name,
        artists=simple.artists,
        album=parse_album(found.get("album")),
        disc_number=simple.disc_number,
        track_number=simple.track_number,
        duration_ms=simple.duration_ms,
        explicit=simple.explicit,
        isrc=read.text(external_ids.get("isrc"), "track.external_ids.isrc"),
        is_local=simple.is_local,
    )


def parse_artist_albums(payload: object) -> Page[SpotifyAlbum]:
    """A page of an artist's albums. Raises UnreadableAnswer."""
    return page_of(payload, parse_album, "albums")


def parse_album_tracks(payload: object) -> Page[SpotifySimpleTrack]:
    """A page of an album's tracks. Raises UnreadableAnswer."""
    return page_of(payload, parse_simple_track, "tracks")


def parse_tracks(payload: object) -> Page[SpotifyTrack]:
    """A page of full tracks. Raises UnreadableAnswer."""
    return page_of(payload, parse_track, "tracks")


def parse_search(payload: object) -> SpotifySearch:
    """A search for artists, tracks or both. Raises UnreadableAnswer."""
    found = read.mapping(payload, "search")
    if not {"artists", "tracks", "albums"} & found.keys():
        raise UnreadableAnswer("spotify", "search", payload)
    artists = read.optional_mapping(found.get("artists"), "search.artists")
    candidates: Kept[SpotifyArtist] = kept(read.optional_sequence(artists.get("items"), "search.artists"), parse_artist)
    tracks = page_of(read.optional_mapping(found.get("tracks"), "search.tracks"), parse_track, "search.tracks")
    reachable = tracks.next_offset is not None and tracks.next_offset <= LARGEST_SEARCH_OFFSET
    return SpotifySearch(
        artists=candidates.items,
        tracks=tracks.items,
        total_tracks=tracks.total,
        next_offset=tracks.next_offset if reachable else None,
        nulls=candidates.nulls + tracks.nulls,
    )


def parse_audio_features(payload: object) -> tuple[str, AudioFeatures] | None:
    """A track's id and audio features; None if the response holds no id. Raises UnreadableAnswer."""
    found = read.optional_mapping(payload, "audio features")
    track_id = read.id(found.get("id"), "audio features.id")
    return (track_id, read_audio_features(read, found)) if track_id else None


def parse_several_audio_features(payload: object) -> dict[str, AudioFeatures]:
    """Audio features by the tracks' ids; tracks that Spotify does not know are missing. Raises UnreadableAnswer."""
    found = read.mapping(payload, "several audio features")
    entries = read.sequence(found.get("audio_features"), "several audio features.audio_features")
    return dict(kept(entries, parse_audio_features).items)


def page_of(payload: object, parse: Callable[[object], Item | None], what: str) -> Page[Item]:
    """One of Spotify's pages, whatever it lists. Raises UnreadableAnswer."""
    found = read.mapping(payload, what)
    entries = read.optional_sequence(found.get("items"), f"{what}.items")
    usable = kept(entries, parse)
    return Page(
        items=usable.items,
        total=read.count(found.get("total"), f"{what}.total"),
        next_offset=_next_offset(found, len(entries), what),
        nulls=usable.nulls,
    )


def _next_offset(page: dict[str, Any], received: int, what: str) -> int | None:
    if read.text(page.get("next"), f"{what}.next") is None:
        return None
    offset = read.count(page.get("offset"), f"{what}.offset")
    if offset is None:
        raise UnreadableAnswer("spotify", f"{what}.offset", None)
    step = read.count(page.get("limit"), f"{what}.limit") or received
    return offset + step if step > 0 else None


def _artists(value: object, what: str) -> tuple[NamedId, ...]:
    return kept(read.optional_sequence(value, what), _named_id).items


def _named_id(value: object) -> NamedId | None:
    found = read.optional_mapping(value, "artist")
    found_id = read.id(found.get("id"), "artist.id")
    return NamedId(found_id, read.text(found.get("name"), "artist.name")) if found_id else None


class SpotifyClient:
    """Spotify's catalogue. `fresh_since`: see Gateway.send. Every method raises ProviderError's kinds."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def probe(self, since: datetime) -> None:
        """Make one cheap call that no response cached before `since` answers."""
        await self.search("Nina Simone", fresh_since=since)

    async def search(self, artist_name: str, *, offset: int = 0, fresh_since: datetime | None = None) -> SpotifySearch:
        """Tracks of artists of this name; the first page (offset 0) brings artist candidates too."""
        kinds = "artist,track" if offset == 0 else "track"
        return await self._search(f"artist:{_quoted(artist_name)}", kinds, offset, fresh_since)

    async def album_track_search(
        self, album_title: str, artist_name: str, *, offset: int = 0, fresh_since: datetime | None = None
    ) -> SpotifySearch:
        """Tracks of albums of this title by artists of this name."""
        query = f"album:{_quoted(album_title)} artist:{_quoted(artist_name)}"
        return await self._search(query, "track", offset, fresh_since)

    async def artist(self, spotify_id: str, *, fresh_since: datetime | None = None) -> SpotifyArtist | None:
        """An artist; None if there is none."""
        return (await self._sender.send(Request(ARTIST, (spotify_id,)), parse_artist, fresh_since=fresh_since)).body

    async def artist_albums(
        self, spotify_id: str, *, offset: int = 0, fresh_since: datetime | None = None
    ) -> Page[SpotifyAlbum] | None:
        """A page of an artist's albums, singles and compilations; None if there is no such artist."""

        async def ask(size: int) -> Page[SpotifyAlbum] | None:
            request = Request.get(
                ARTIST_ALBUMS,
                spotify_id,
                include_groups=RELEASE_GROUPS,
                country=settings().market,
                limit=size,
                offset=offset,
            )
            return (
                await self._sender.send(
                    request, onward(parse_artist_albums, offset, "spotify"), fresh_since=fresh_since
                )
            ).body

        return await self._in_pages(ask)

    async def album(self, spotify_id: str, *, fresh_since: datetime | None = None) -> SpotifyAlbum | None:
        """A full album with its barcode; None if there is none."""
        request = Request.get(ALBUM, spotify_id, market=settings().market)
        return (await self._sender.send(request, parse_album, fresh_since=fresh_since)).body

    async def album_tracks(
        self, spotify_id: str, *, offset: int = 0, fresh_since: datetime | None = None
    ) -> Page[SpotifySimpleTrack] | None:
        """A page of an album's tracks, without ISRC; None if there is no such album."""
        market = settings().market
        request = Request.get(ALBUM_TRACKS, spotify_id, limit=ALBUM_TRACKS_LIMIT, offset=offset, market=market)
        return (
            await self._sender.send(request, onward(parse_album_tracks, offset, "spotify"), fresh_since=fresh_since)
        ).body

    async def track(self, spotify_id: str, *, fresh_since: datetime | None = None) -> SpotifyTrack | None:
        """A full track; None if there is none."""
        request = Request.get(TRACK, spotify_id, market=settings().market)
        return (await self._sender.send(request, parse_track, fresh_since=fresh_since)).body

    async def audio_features(
        self, spotify_ids: Sequence[str], *, fresh_since: datetime | None = None
    ) -> dict[str, AudioFeatures]:
        """Audio features of the tracks by their ids; tracks without any are missing.

        Raises EndpointGone for apps that may not ask for them, which are most. At most 100 ids: ValueError for more.
        """
        if len(spotify_ids) > MOST_AUDIO_FEATURES:
            raise ValueError(f"{len(spotify_ids)} tracks in one request to Spotify; it takes {MOST_AUDIO_FEATURES}.")
        if not spotify_ids:
            return {}
        request = Request.get(AUDIO_FEATURES, ids=",".join(sorted(set(spotify_ids))))
        return (await self._sender.send(request, parse_several_audio_features, fresh_since=fresh_since)).body or {}

    async def _search(self, query: str, kinds: str, offset: int, fresh_since: datetime | None) -> SpotifySearch:
        async def ask(size: int) -> SpotifySearch:
            market = settings().market
            request = Request.get(SEARCH, q=query, type=kinds, limit=size, offset=offset, market=market)
            found = (
                await self._sender.send(request, onward(parse_search, offset, "spotify"), fresh_since=fresh_since)
            ).body
            return found or NOTHING_FOUND

        return await self._in_pages(ask)

    async def _in_pages(self, ask: Callable[[int], Awaitable[Answered]]) -> Answered:
        """Ask with the page size that is set; one that this app is refused is learnt, and 10 taken from then on."""
        learnt = await self._sender.capability(SPOTIFY, PAGE_SIZE_CAPABILITY)
        size = int(learnt) if learnt else settings().spotify_page_size
        try:
            return await ask(size)
        except ProviderRefused as refusal:
            if "invalid limit" not in refusal.text.lower() or size <= PAGE_SIZE_IN_DEVELOPMENT_MODE:
                raise
        await self._sender.learn(
            SPOTIFY, PAGE_SIZE_CAPABILITY, str(PAGE_SIZE_IN_DEVELOPMENT_MODE), f"a limit of {size} was refused"
        )
        return await ask(PAGE_SIZE_IN_DEVELOPMENT_MODE)


def _quoted(name: str) -> str:
    return '"' + " ".join(name.replace('"', " ").split()) + '"'
