"""Last.fm: one endpoint that takes a method, and records of the responses. https://www.last.fm/api

Its JSON is converted XML: numbers are strings, and a one-entry list is the bare entry. It does not decide which tags
matter.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from music_pipeline.gateway.fields import LARGEST_INTEGER, Reader
from music_pipeline.gateway.provider import Provider, Quota, ResponseKind
from music_pipeline.gateway.request import Endpoint, Request, Sender
from music_pipeline.providers.records import kept

LASTFM = Provider(  # the limit is unpublished: 5 a second, averaged over 5 minutes, is what clients keep to
    name="lastfm",
    base_url="https://ws.audioscrobbler.com/2.0",
    sandbox_path="/lastfm/2.0",
    quota=Quota(1500, 300),
    quota_per_account=False,
    metadata_ttl=timedelta(days=7),
    credentials=("LASTFM_API_KEY",),
    secret_params=(("api_key", "LASTFM_API_KEY"),),
    error_codes={  # https://www.last.fm/api/errorcodes
        4: ResponseKind.CREDENTIALS_REFUSED,
        6: ResponseKind.ABSENT,
        8: ResponseKind.SERVER_ERROR,
        10: ResponseKind.CREDENTIALS_REFUSED,
        11: ResponseKind.SERVER_ERROR,
        16: ResponseKind.SERVER_ERROR,
        26: ResponseKind.CREDENTIALS_REFUSED,
        29: ResponseKind.RATE_LIMITED,
        None: ResponseKind.SERVER_ERROR,
    },
)

TRACK = Endpoint(LASTFM, "track", "/")  # https://www.last.fm/api/show/track.getInfo
TRACK_TAGS = Endpoint(LASTFM, "track_tags", "/")  # https://www.last.fm/api/show/track.getTopTags
TRACK_SEARCH = Endpoint(LASTFM, "track_search", "/")  # https://www.last.fm/api/show/track.search
ARTIST = Endpoint(LASTFM, "artist", "/")  # https://www.last.fm/api/show/artist.getInfo
ARTIST_TAGS = Endpoint(LASTFM, "artist_tags", "/")  # https://www.last.fm/api/show/artist.getTopTags
SIMILAR_ARTISTS = Endpoint(LASTFM, "similar_artists", "/")  # https://www.last.fm/api/show/artist.getSimilar

HITS_PER_PAGE = 30
read = Reader("lastfm")


@dataclass(frozen=True, slots=True)
class LastfmTrack:
    """A track. `name` and `artist` may differ from those requested: Last.fm corrects spellings.

    `listeners`: how many people, `playcount`: how often. `tags`: what people call it, the most frequent first.
    """

    name: str
    artist: str | None
    mbid: str | None
    duration_ms: int | None
    listeners: int | None
    playcount: int | None
    tags: tuple[str, ...]
    url: str | None


@dataclass(frozen=True, slots=True)
class LastfmArtist:
    """An artist. `name` may differ from the one requested: Last.fm corrects spellings."""

    name: str
    mbid: str | None
    listeners: int | None
    playcount: int | None
    tags: tuple[str, ...]
    url: str | None


@dataclass(frozen=True, slots=True)
class LastfmTag:
    """What people call a track or an artist. `count`: how often, 100 for the most frequent."""

    name: str
    count: int | None


@dataclass(frozen=True, slots=True)
class LastfmHit:
    """A track in a search."""

    name: str
    artist: str | None
    mbid: str | None
    listeners: int | None


@dataclass(frozen=True, slots=True)
class LastfmSimilar:
    """An artist who is heard by the same people. `match`: how much so, from 0 to 1."""

    name: str
    mbid: str | None
    match: float | None


def parse_track(payload: object) -> LastfmTrack | None:
    """A track; None if the response holds no name. Raises UnreadableAnswer."""
    found = read.mapping(read.mapping(payload, "answer").get("track"), "track")
    name = read.text(found.get("name"), "track.name")
    if name is None:
        return None
    return LastfmTrack(
        name=name,
        artist=_artist_name(found.get("artist"), "track.artist"),
        mbid=read.text(found.get("mbid"), "track.mbid"),
        duration_ms=read.count(found.get("duration"), "track.duration") or None,
        listeners=read.count(found.get("listeners"), "track.listeners", largest=LARGEST_INTEGER),
        playcount=read.count(found.get("playcount"), "track.playcount", largest=LARGEST_INTEGER),
        tags=tuple(tag.name for tag in _tags(found.get("toptags"), "track.toptags")),
        url=read.text(found.get("url"), "track.url"),
    )


def parse_artist(payload: object) -> LastfmArtist | None:
    """An artist; None if the response holds no name. Raises UnreadableAnswer."""
    found = read.mapping(read.mapping(payload, "answer").get("artist"), "artist")
    name = read.text(found.get("name"), "artist.name")
    if name is None:
        return None
    stats = read.optional_mapping(found.get("stats"), "artist.stats")
    return LastfmArtist(
        name=name,
        mbid=read.text(found.get("mbid"), "artist.mbid"),
        listeners=read.count(stats.get("listeners"), "artist.stats.listeners", largest=LARGEST_INTEGER),
        playcount=read.count(stats.get("playcount"), "artist.stats.playcount", largest=LARGEST_INTEGER),
        tags=tuple(tag.name for tag in _tags(found.get("tags"), "artist.tags")),
        url=read.text(found.get("url"), "artist.url"),
    )


def parse_tags(payload: object) -> tuple[LastfmTag, ...]:
    """The tags of a track or an artist, the most frequent first. Raises UnreadableAnswer."""
    return _tags(read.mapping(read.mapping(payload, "answer").get("toptags"), "toptags"), "toptags")


def parse_track_search(payload: object) -> tuple[LastfmHit, ...]:
    """The tracks of a search. Raises UnreadableAnswer."""
    results = read.mapping(read.mapping(payload, "answer").get("results"), "results")
    return kept(_listed(results.get("trackmatches"), "track", "results.trackmatches"), _hit).items


def parse_similar_artists(payload: object) -> tuple[LastfmSimilar, ...]:
    """Similar artists, the most similar first. Raises UnreadableAnswer."""
    found = read.mapping(read.mapping(payload, "answer").get("similarartists"), "similarartists")
    return kept(_listed(found, "artist", "similarartists"), _similar).items


def _tags(value: object, what: str) -> tuple[LastfmTag, ...]:
    return kept(_listed(value, "tag", what), _tag).items


def _listed(value: object, key: str, what: str) -> list[Any]:
    """The entries below `key`; an empty list may come as blank text in place of its holder."""
    holder = {} if value == "" else read.optional_mapping(value, what)
    return read.one_or_many(holder.get(key), f"{what}.{key}")


def _tag(value: object) -> LastfmTag | None:
    found = read.optional_mapping(value, "tag")
    name = read.text(found.get("name"), "tag.name")
    return LastfmTag(name, read.count(found.get("count"), "tag.count")) if name else None


def _hit(value: object) -> LastfmHit | None:
    found = read.optional_mapping(value, "hit")
    name = read.text(found.get("name"), "hit.name")
    if name is None:
        return None
    return LastfmHit(
        name=name,
        artist=_artist_name(found.get("artist"), "hit.artist"),
        mbid=read.text(found.get("mbid"), "hit.mbid"),
        listeners=read.count(found.get("listeners"), "hit.listeners", largest=LARGEST_INTEGER),
    )


def _similar(value: object) -> LastfmSimilar | None:
    found = read.optional_mapping(value, "similar artist")
    name = read.text(found.get("name"), "similar artist.name")
    if name is None:
        return None
    mbid = read.text(found.get("mbid"), "similar artist.mbid")
    return LastfmSimilar(name, mbid, read.decimal(found.get("match"), "similar artist.match"))


def _artist_name(value: object, what: str) -> str | None:
    """Searches return the name only; other endpoints an object."""
    if isinstance(value, str):
        return read.text(value, what)
    return read.text(read.optional_mapping(value, what).get("name"), f"{what}.name")


class LastfmClient:
    """Last.fm's statistics. `fresh_since`: see Gateway.send. Every method raises ProviderError's kinds."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def probe(self, since: datetime) -> None:
        """Make one cheap call that no response cached before `since` answers."""
        await self.artist("Nina Simone", fresh_since=since)

    async def track(self, artist: str, title: str, *, fresh_since: datetime | None = None) -> LastfmTrack | None:
        """A track with its numbers and tags; None if there is none."""
        request = _request(TRACK, "track.getInfo", artist=artist, track=title, autocorrect=1)
        return (await self._sender.send(request, parse_track, fresh_since=fresh_since)).body

    async def track_tags(
        self, artist: str, title: str, *, fresh_since: datetime | None = None
    ) -> tuple[LastfmTag, ...] | None:
        """A track's tags with their counts; None if there is no such track."""
        request = _request(TRACK_TAGS, "track.getTopTags", artist=artist, track=title, autocorrect=1)
        return (await self._sender.send(request, parse_tags, fresh_since=fresh_since)).body

    async def search_tracks(
        self, artist: str, title: str, *, fresh_since: datetime | None = None
    ) -> tuple[LastfmHit, ...]:
        """The 30 tracks that fit best, by Last.fm's own idea of it."""
        request = _request(TRACK_SEARCH, "track.search", artist=artist, track=title, limit=HITS_PER_PAGE)
        return (await self._sender.send(request, parse_track_search, fresh_since=fresh_since)).body or ()

    async def artist(self, name: str, *, fresh_since: datetime | None = None) -> LastfmArtist | None:
        """An artist with numbers and tags; None if there is none."""
        request = _request(ARTIST, "artist.getInfo", artist=name, autocorrect=1)
        return (await self._sender.send(request, parse_artist, fresh_since=fresh_since)).body

    async def artist_tags(self, name: str, *, fresh_since: datetime | None = None) -> tuple[LastfmTag, ...] | None:
        """An artist's tags with their counts; None if there is no such artist."""
        request = _request(ARTIST_TAGS, "artist.getTopTags", artist=name, autocorrect=1)
        return (await self._sender.send(request, parse_tags, fresh_since=fresh_since)).body

    async def similar_artists(
        self, name: str, *, fresh_since: datetime | None = None
    ) -> tuple[LastfmSimilar, ...] | None:
        """Artists with the same listeners; None if there is no such artist."""
        request = _request(SIMILAR_ARTISTS, "artist.getSimilar", artist=name, autocorrect=1)
        return (await self._sender.send(request, parse_similar_artists, fresh_since=fresh_since)).body


def _request(endpoint: Endpoint, method: str, **params: str | int) -> Request:
    return Request.get(endpoint, method=method, format="json", **params)
