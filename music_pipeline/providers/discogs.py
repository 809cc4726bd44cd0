"""Discogs: endpoints, and records of the responses. https://www.discogs.com/developers

Roles and track ranges are passed on as printed; `matching` reads them.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from music_pipeline.gateway.errors import UnreadableAnswer
from music_pipeline.gateway.fields import Reader
from music_pipeline.gateway.provider import Provider, Quirk, Quota
from music_pipeline.gateway.request import Endpoint, Request, Sender
from music_pipeline.providers.records import NamedId, Page, kept, onward

DISCOGS = Provider(  # https://www.discogs.com/developers#page:home,header:home-rate-limiting
    name="discogs",
    base_url="https://api.discogs.com",
    sandbox_path="/discogs",
    quota=Quota(60, 60),
    quota_per_account=False,
    metadata_ttl=timedelta(days=30),
    credentials=("DISCOGS_TOKEN",),
    authorization="Discogs token={DISCOGS_TOKEN}",
    quirks=frozenset({Quirk.NOT_FOUND_MEANS_ABSENT}),
)

SEARCH = Endpoint(
    DISCOGS, "search", "/database/search"
)  # https://www.discogs.com/developers#page:database,header:database-search
RELEASE = Endpoint(DISCOGS, "release", "/releases/{}")  # …#page:database,header:database-release
MASTER = Endpoint(DISCOGS, "master", "/masters/{}")  # …#page:database,header:database-master-release
ARTIST = Endpoint(DISCOGS, "artist", "/artists/{}")  # …#page:database,header:database-artist

HITS_PER_PAGE = 100
DURATION = re.compile(r"^(?:(\d+):)?(\d+):([0-5]\d)$")
read = Reader("discogs")


@dataclass(frozen=True, slots=True)
class DiscogsHit:
    """A release in a search: `title` is "Artist - Title"."""

    id: str
    title: str | None
    year: int | None
    barcodes: tuple[str, ...]
    formats: tuple[str, ...]
    master_id: str | None


@dataclass(frozen=True, slots=True)
class DiscogsCredit:
    """Someone in one or more roles, as printed: `role` is a comma list, `tracks` a range, None for the whole release.

    `anv`: the name variation on this release, if another than `name`. `name` may end in a number (" (2)") that tells
    namesakes apart.
    """

    person_id: str | None
    name: str | None
    anv: str | None
    role: str | None
    tracks: str | None


@dataclass(frozen=True, slots=True)
class DiscogsTrack:
    """A track in the order of the release, without headings; parts of an index track are tracks, with its credits."""

    position: str | None
    title: str | None
    duration_ms: int | None
    artists: tuple[NamedId, ...]
    credits: tuple[DiscogsCredit, ...]


@dataclass(frozen=True, slots=True)
class DiscogsRelease:
    """A release with its credits. `released` as printed (1998-06-00); `year` None if unknown.

    `styles` are narrower than `genres`. `labels` by name, the main one first. `country` as printed, which may be
    several ("UK & Europe").
    """

    id: str
    title: str | None
    artists: tuple[NamedId, ...]
    year: int | None
    released: str | None
    country: str | None
    genres: tuple[str, ...]
    styles: tuple[str, ...]
    labels: tuple[str, ...]
    barcodes: tuple[str, ...]
    tracks: tuple[DiscogsTrack, ...]
    credits: tuple[DiscogsCredit, ...]


@dataclass(frozen=True, slots=True)
class DiscogsMaster:
    """What several releases have in common."""

    id: str
    title: str | None
    artists: tuple[NamedId, ...]
    year: int | None
    main_release_id: str | None


@dataclass(frozen=True, slots=True)
class DiscogsArtist:
    """A person, band or company. `aliases`: other names that the same person works under, each an artist of its own."""

    id: str
    name: str | None
    real_name: str | None
    name_variations: tuple[str, ...]
    aliases: tuple[NamedId, ...]
    groups: tuple[NamedId, ...]
    urls: tuple[str, ...]


def parse_search(payload: object) -> Page[DiscogsHit]:
    """A page of a search for releases; hits of other kinds are left out and counted. Raises UnreadableAnswer."""
    found = read.mapping(payload, "search")
    pagination = read.mapping(found.get("pagination"), "search.pagination")
    hits = kept(read.sequence(found.get("results"), "search.results"), _hit)
    page = read.count(pagination.get("page"), "pagination.page")
    pages = read.count(pagination.get("pages"), "pagination.pages")
    if page is None or pages is None:
        raise UnreadableAnswer("discogs", "search.pagination", pagination)
    return Page(
        items=hits.items,
        total=read.count(pagination.get("items"), "pagination.items"),
        next_offset=page + 1 if page < pages else None,
        nulls=hits.nulls,
    )


def parse_release(payload: object) -> DiscogsRelease | None:
    """A release with its credits; None if the response holds no id. Raises UnreadableAnswer."""
    found = read.mapping(payload, "release")
    release_id = read.id(found.get("id"), "release.id")
    if release_id is None:
        return None
    return DiscogsRelease(
        id=release_id,
        title=read.text(found.get("title"), "release.title"),
        artists=_artists(found.get("artists"), "release.artists"),
        year=read.count(found.get("year"), "release.year") or None,
        released=read.text(found.get("released"), "release.released"),
        country=read.text(found.get("country"), "release.country"),
        genres=read.texts(found.get("genres"), "release.genres"),
        styles=read.texts(found.get("styles"), "release.styles"),
        labels=kept(read.optional_sequence(found.get("labels"), "release.labels"), _label).items,
        barcodes=_barcodes(found),
        tracks=_tracks(found.get("tracklist"), inherited=()),
        credits=_credits(found.get("extraartists"), "release.extraartists"),
    )


def parse_master(payload: object) -> DiscogsMaster | None:
    """A master release; None if the response holds no id. Raises UnreadableAnswer."""
    found = read.mapping(payload, "master")
    master_id = read.id(found.get("id"), "master.id")
    if master_id is None:
        return None
    return DiscogsMaster(
        id=master_id,
        title=read.text(found.get("title"), "master.title"),
        artists=_artists(found.get("artists"), "master.artists"),
        year=read.count(found.get("year"), "master.year") or None,
        main_release_id=read.id(found.get("main_release"), "master.main_release"),
    )


def parse_artist(payload: object) -> DiscogsArtist | None:
    """An artist; None if the response holds no id. Raises UnreadableAnswer."""
    found = read.mapping(payload, "artist")
    artist_id = read.id(found.get("id"), "artist.id")
    if artist_id is None:
        return None
    return DiscogsArtist(
        id=artist_id,
        name=read.text(found.get("name"), "artist.name"),
        real_name=read.text(found.get("realname"), "artist.realname"),
        name_variations=read.texts(found.get("namevariations"), "artist.namevariations"),
        aliases=_artists(found.get("aliases"), "artist.aliases"),
        groups=_artists(found.get("groups"), "artist.groups"),
        urls=read.texts(found.get("urls"), "artist.urls"),
    )


def _hit(value: object) -> DiscogsHit | None:
    found = read.optional_mapping(value, "hit")
    hit_id = read.id(found.get("id"), "hit.id")
    if hit_id is None or read.text(found.get("type"), "hit.type") not in (None, "release"):
        return None
    return DiscogsHit(
        id=hit_id,
        title=read.text(found.get("title"), "hit.title"),
        year=read.count(found.get("year"), "hit.year") or None,
        barcodes=read.texts(found.get("barcode"), "hit.barcode"),
        formats=read.texts(found.get("format"), "hit.format"),
        master_id=read.id(found.get("master_id"), "hit.master_id"),
    )


def _tracks(value: object, *, inherited: tuple[DiscogsCredit, ...]) -> tuple[DiscogsTrack, ...]:
    found: list[DiscogsTrack] = []
    for entry in read.optional_sequence(value, "tracklist"):
        track = read.optional_mapping(entry, "track")
        credits = inherited + _credits(track.get("extraartists"), "track.extraartists")
        parts = _tracks(track.get("sub_tracks"), inherited=credits)
        is_track = read.text(track.get("type_"), "track.type_") in (None, "track")
        found.extend(parts or ([_track(track, credits)] if track and is_track else []))
    return tuple(found)


def _track(track: dict[str, Any], credits: tuple[DiscogsCredit, ...]) -> DiscogsTrack:
    return DiscogsTrack(
        position=read.text(track.get("position"), "track.position"),
        title=read.text(track.get("title"), "track.title"),
        duration_ms=milliseconds(read.text(track.get("duration"), "track.duration")),
        artists=_artists(track.get("artists"), "track.artists"),
        credits=credits,
    )


def milliseconds(printed: str | None) -> int | None:
    """A printed duration (4:45, 1:02:03) in milliseconds; None if it is none."""
    match = DURATION.match(printed or "")
    if match is None:
        return None
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return ((hours * 60 + minutes) * 60 + seconds) * 1000


def _credits(value: object, what: str) -> tuple[DiscogsCredit, ...]:
    return kept(read.optional_sequence(value, what), _credit).items


def _credit(value: object) -> DiscogsCredit | None:
    found = read.optional_mapping(value, "credit")
    if not found:
        return None
    return DiscogsCredit(
        person_id=read.id(found.get("id"), "credit.id"),
        name=read.text(found.get("name"), "credit.name"),
        anv=read.text(found.get("anv"), "credit.anv"),
        role=read.text(found.get("role"), "credit.role"),
        tracks=read.text(found.get("tracks"), "credit.tracks"),
    )


def _artists(value: object, what: str) -> tuple[NamedId, ...]:
    return kept(read.optional_sequence(value, what), _named_id).items


def _named_id(value: object) -> NamedId | None:
    found = read.optional_mapping(value, "artist")
    found_id = read.id(found.get("id"), "artist.id")
    return NamedId(found_id, read.text(found.get("name"), "artist.name")) if found_id else None


def _label(value: object) -> str | None:
    return read.text(read.optional_mapping(value, "label").get("name"), "label.name")


def _barcodes(release: dict[str, Any]) -> tuple[str, ...]:
    found: list[str] = []
    for entry in read.optional_sequence(release.get("identifiers"), "release.identifiers"):
        identifier = read.optional_mapping(entry, "identifier")
        printed = read.text(identifier.get("value"), "identifier.value")
        if printed and read.text(identifier.get("type"), "identifier.type") == "Barcode":
            found.append(printed)
    return tuple(found)


class DiscogsClient:
    """Discogs's database. `fresh_since`: see Gateway.send. Every method raises ProviderError's kinds."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def probe(self, since: datetime) -> None:
        """Make one cheap call that no response cached before `since` answers."""
        await self.search_releases("Nina Simone", fresh_since=since)

    async def search_releases(
        self, artist_name: str, *, page: int = 1, fresh_since: datetime | None = None
    ) -> Page[DiscogsHit]:
        """A page (from 1) of the releases by artists of this name."""
        request = Request.get(SEARCH, type="release", artist=artist_name, per_page=HITS_PER_PAGE, page=page)
        found = (await self._sender.send(request, onward(parse_search, page, "discogs"), fresh_since=fresh_since)).body
        return found or Page(items=(), total=0, next_offset=None, nulls=0)

    async def release(self, release_id: str, *, fresh_since: datetime | None = None) -> DiscogsRelease | None:
        """A release with its credits; None if there is none."""
        return (await self._sender.send(Request.get(RELEASE, release_id), parse_release, fresh_since=fresh_since)).body

    async def master(self, master_id: str, *, fresh_since: datetime | None = None) -> DiscogsMaster | None:
        """A master release; None if there is none."""
        return (await self._sender.send(Request.get(MASTER, master_id), parse_master, fresh_since=fresh_since)).body

    async def artist(self, artist_id: str, *, fresh_since: datetime | None = None) -> DiscogsArtist | None:
        """An artist; None if there is none."""
        return (await self._sender.send(Request.get(ARTIST, artist_id), parse_artist, fresh_since=fresh_since)).body
