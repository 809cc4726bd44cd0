"""Records of MusicBrainz's JSON. https://musicbrainz.org/doc/MusicBrainz_API

How it is asked is in `musicbrainz`. Some clients hand its JSON on with underscores in the names, and with the
relationships grouped by what they lead to: both forms are read.
"""

import re
from dataclasses import dataclass
from typing import Any

from music_pipeline.gateway.errors import UnreadableAnswer
from music_pipeline.gateway.fields import Reader
from music_pipeline.providers.records import Credit, NamedId, Page, kept

MOST_RECORDINGS_WITH_RELATIONS = 500
DISCOGS_RELEASE = re.compile(r"^https?://(?:www\.)?discogs\.com/(?:[a-z]{2}/)?release/(\d+)")
read = Reader("musicbrainz")


@dataclass(frozen=True, slots=True)
class MusicBrainzArtist:
    """`score`: the search's, 0–100, None on a lookup. `urls`: links to other sites, on a lookup."""

    mbid: str
    name: str | None
    sort_name: str | None
    type: str | None
    disambiguation: str | None
    aliases: tuple[str, ...]
    score: int | None
    urls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MusicBrainzRecording:
    """What was recorded, with everyone's credits on it."""

    mbid: str
    title: str | None
    disambiguation: str | None
    length_ms: int | None
    artists: tuple[NamedId, ...]
    isrcs: tuple[str, ...]
    credits: tuple[Credit, ...]
    video: bool | None


@dataclass(frozen=True, slots=True)
class MusicBrainzTrack:
    """A place on a medium. `number`: as printed (A1). `isrcs` and `credits`: the recording's."""

    disc_number: int | None
    position: int | None
    number: str | None
    title: str | None
    length_ms: int | None
    recording_mbid: str | None
    isrcs: tuple[str, ...]
    credits: tuple[Credit, ...]
    artists: tuple[NamedId, ...]
    disambiguation: str | None


@dataclass(frozen=True, slots=True)
class MusicBrainzRelease:
    """A release with its tracks. `credits`: those given for the release as a whole.

    `recording_relations_missing`: over 500 recordings, so the answer lacks the recordings' credits though they may
    exist.
    """

    mbid: str
    title: str | None
    date: str | None
    barcode: str | None
    artists: tuple[NamedId, ...]
    discogs_ids: tuple[str, ...]
    urls: tuple[str, ...]
    release_group_mbid: str | None
    track_count: int
    tracks: tuple[MusicBrainzTrack, ...]
    credits: tuple[Credit, ...]
    recording_relations_missing: bool


def parse_artist(payload: object) -> MusicBrainzArtist | None:
    """An artist; None if the response holds no id. Raises UnreadableAnswer."""
    found = read.optional_mapping(payload, "artist")
    mbid = read.id(found.get("id"), "artist.id")
    if mbid is None:
        return None
    return MusicBrainzArtist(
        mbid=mbid,
        name=read.text(found.get("name"), "artist.name"),
        sort_name=read.text(_field(found, "sort-name"), "artist.sort-name"),
        type=read.text(found.get("type"), "artist.type"),
        disambiguation=read.text(found.get("disambiguation"), "artist.disambiguation"),
        aliases=_aliases(found),
        score=read.count(found.get("score"), "artist.score"),
        urls=_urls(found),
    )


def parse_artist_search(payload: object) -> tuple[MusicBrainzArtist, ...]:
    """The artists of a search, in its order. Raises UnreadableAnswer."""
    found = read.mapping(payload, "search")
    return kept(read.sequence(found.get("artists"), "search.artists"), parse_artist).items


def parse_artist_page(payload: object) -> Page[MusicBrainzArtist]:
    """The artists of a search with how many there are in all. Raises UnreadableAnswer."""
    found = read.mapping(payload, "search")
    artists = kept(read.sequence(found.get("artists"), "search.artists"), parse_artist)
    total = read.count(found.get("count"), "search.count")
    return Page(items=artists.items, total=total, next_offset=None, nulls=artists.nulls)


def parse_urls(payload: object) -> dict[str, tuple[str, ...]]:
    """The artists' MBIDs by address, whether one address was requested (a bare object) or several.

    Raises UnreadableAnswer.
    """
    found = read.mapping(payload, "urls")
    entries = read.sequence(found["urls"], "urls") if "urls" in found else [found]
    linked: dict[str, tuple[str, ...]] = {}
    for entry in entries:
        url = read.optional_mapping(entry, "url")
        resource = read.text(url.get("resource"), "url.resource")
        if resource is not None:
            linked[resource] = tuple(person.id for _, person in _related_artists(url))
    return linked


def parse_recording(payload: object) -> MusicBrainzRecording | None:
    """A recording; None if the response holds no id. Raises UnreadableAnswer."""
    found = read.optional_mapping(payload, "recording")
    mbid = read.id(found.get("id"), "recording.id")
    if mbid is None:
        return None
    return MusicBrainzRecording(
        mbid=mbid,
        title=read.text(found.get("title"), "recording.title"),
        disambiguation=read.text(found.get("disambiguation"), "recording.disambiguation"),
        length_ms=read.count(found.get("length"), "recording.length"),
        artists=_artist_credit(found),
        isrcs=read.texts(found.get("isrcs"), "recording.isrcs"),
        credits=_credits(found),
        video=read.flag(found.get("video"), "recording.video"),
    )


def parse_recordings(payload: object) -> Page[MusicBrainzRecording]:
    """A page of recordings. Raises UnreadableAnswer."""
    found = read.mapping(payload, "recordings")
    entries = read.sequence(found.get("recordings"), "recordings")
    recordings = kept(entries, parse_recording)
    total, next_offset = _place(found, "recording", len(entries))
    return Page(items=recordings.items, total=total, next_offset=next_offset, nulls=recordings.nulls)


def parse_recording_search(payload: object) -> Page[MusicBrainzRecording]:
    """A page of a search for recordings, with how many there are in all. Raises UnreadableAnswer."""
    found = read.mapping(payload, "search")
    recordings = kept(read.sequence(found.get("recordings"), "search.recordings"), parse_recording)
    total = _required(found.get("count"), "search.count")
    return Page(items=recordings.items, total=total, next_offset=None, nulls=recordings.nulls)


def parse_releases(payload: object) -> Page[MusicBrainzRelease]:
    """A page of releases. Raises UnreadableAnswer."""
    found = read.mapping(payload, "releases")
    entries = read.sequence(found.get("releases"), "releases")
    releases = kept(entries, parse_release)
    total, next_offset = _place(found, "release", len(entries))
    return Page(items=releases.items, total=total, next_offset=next_offset, nulls=releases.nulls)


def parse_release(payload: object) -> MusicBrainzRelease | None:
    """A release; None if the response holds no id. Raises UnreadableAnswer."""
    found = read.optional_mapping(payload, "release")
    mbid = read.id(found.get("id"), "release.id")
    if mbid is None:
        return None
    tracks = _tracks(found)
    urls = _urls(found)
    group = read.optional_mapping(_field(found, "release-group"), "release.release-group")
    return MusicBrainzRelease(
        mbid=mbid,
        title=read.text(found.get("title"), "release.title"),
        date=read.text(found.get("date"), "release.date"),
        barcode=read.text(found.get("barcode"), "release.barcode"),
        artists=_artist_credit(found),
        discogs_ids=tuple(match.group(1) for url in urls if (match := DISCOGS_RELEASE.match(url))),
        urls=urls,
        release_group_mbid=read.id(group.get("id"), "release.release-group.id"),
        track_count=_track_count(found, len(tracks)),
        tracks=tracks,
        credits=_credits(found),
        recording_relations_missing=_relations_missing(tracks),
    )


def _relations_missing(tracks: tuple[MusicBrainzTrack, ...]) -> bool:
    recordings = {track.recording_mbid for track in tracks if track.recording_mbid}
    return len(recordings) > MOST_RECORDINGS_WITH_RELATIONS and not any(track.credits for track in tracks)


def _place(found: dict[str, Any], kind: str, received: int) -> tuple[int, int | None]:
    """(total, next offset): a page may be shorter than requested, so the offset advances by what was received."""
    total = _required(_field(found, f"{kind}-count"), f"{kind}-count")
    reached = _required(_field(found, f"{kind}-offset"), f"{kind}-offset") + received
    return total, reached if received > 0 and reached < total else None


def _required(value: object, what: str) -> int:
    """A number that must be present: without it a list may be incomplete."""
    number = read.count(value, what)
    if number is None:
        raise UnreadableAnswer("musicbrainz", what, value)
    return number


def _track_count(release: dict[str, Any], listed: int) -> int:
    """The count that the media state; if one states none, the count listed."""
    media = read.optional_sequence(release.get("media"), "release.media")
    counts = [
        read.count(_field(read.optional_mapping(medium, "medium"), "track-count"), "medium.track-count")
        for medium in media
    ]
    known = [count for count in counts if count is not None]
    return sum(known) if known and len(known) == len(counts) else listed


def _tracks(release: dict[str, Any]) -> tuple[MusicBrainzTrack, ...]:
    found: list[MusicBrainzTrack] = []
    for entry in read.optional_sequence(release.get("media"), "release.media"):
        medium = read.optional_mapping(entry, "medium")
        disc_number = read.count(medium.get("position"), "medium.position")
        pregap = [medium["pregap"]] if medium.get("pregap") else []
        entries = pregap + read.optional_sequence(medium.get("tracks"), "medium.tracks")
        found.extend(_track(read.mapping(track, "track"), disc_number) for track in entries if track is not None)
    return tuple(found)


def _track(track: dict[str, Any], disc_number: int | None) -> MusicBrainzTrack:
    recording = parse_recording(track.get("recording"))
    printed_artists = _artist_credit(track)
    return MusicBrainzTrack(
        disc_number=disc_number,
        position=read.count(track.get("position"), "track.position"),
        number=read.text(track.get("number"), "track.number"),
        title=read.text(track.get("title"), "track.title"),
        length_ms=read.count(track.get("length"), "track.length"),
        recording_mbid=recording.mbid if recording else None,
        isrcs=recording.isrcs if recording else (),
        credits=recording.credits if recording else (),
        artists=printed_artists or (recording.artists if recording else ()),
        disambiguation=recording.disambiguation if recording else None,
    )


def _credits(holder: dict[str, Any]) -> tuple[Credit, ...]:
    found = (_credit(relation, person) for relation, person in _related_artists(holder))
    return tuple(credit for credit in found if credit is not None)


def _credit(relation: dict[str, Any], person: NamedId) -> Credit | None:
    kind = read.text(relation.get("type"), "relation.type")
    if kind is None:
        return None
    attributes = read.texts(relation.get("attributes"), "relation.attributes")
    values = read.optional_mapping(_field(relation, "attribute-values"), "relation.attribute-values")
    return Credit(
        provider="musicbrainz",
        person_id=person.id,
        name=person.name,
        credited_as=read.text(_field(relation, "target-credit"), "relation.target-credit"),
        role=" ".join((*attributes, kind)),
        type=kind,
        attributes=attributes,
        task=read.text(values.get("task"), "relation.attribute-values.task"),
    )


def _related_artists(holder: dict[str, Any]) -> list[tuple[dict[str, Any], NamedId]]:
    """The relationships that lead to an artist with an id."""
    found: list[tuple[dict[str, Any], NamedId]] = []
    for relation in _relations(holder, "artist"):
        person = _named_id(relation.get("artist"))
        if person is not None:
            found.append((relation, person))
    return found


def _urls(holder: dict[str, Any]) -> tuple[str, ...]:
    """The addresses that relationships lead to; one that has ended leads nowhere any more."""
    current = (relation for relation in _relations(holder, "url") if relation.get("ended") is not True)
    urls = (read.optional_mapping(relation.get("url"), "relation.url") for relation in current)
    resources = (read.text(url.get("resource"), "relation.url.resource") for url in urls)
    return tuple(resource for resource in resources if resource)


def _relations(holder: dict[str, Any], target: str) -> list[dict[str, Any]]:
    together = read.optional_sequence(holder.get("relations"), "relations")
    grouped = read.optional_sequence(_field(holder, f"{target}-relations"), f"{target}-relations")
    relations = [read.mapping(relation, "relation") for relation in (*together, *grouped) if relation is not None]
    return [relation for relation in relations if relation.get(target) is not None]


def _aliases(artist: dict[str, Any]) -> tuple[str, ...]:
    entries = read.optional_sequence(artist.get("aliases"), "artist.aliases")
    names = (read.text(read.optional_mapping(entry, "alias").get("name"), "alias.name") for entry in entries)
    return tuple(dict.fromkeys(name for name in names if name))


def _artist_credit(holder: dict[str, Any]) -> tuple[NamedId, ...]:
    return kept(read.optional_sequence(_field(holder, "artist-credit"), "artist-credit"), _credited_artist).items


def _credited_artist(value: object) -> NamedId | None:
    entry = read.optional_mapping(value, "artist-credit")
    person = _named_id(entry.get("artist"))
    printed = read.text(entry.get("name"), "artist-credit.name")
    return NamedId(person.id, printed or person.name) if person else None


def _named_id(value: object) -> NamedId | None:
    found = read.optional_mapping(value, "artist")
    found_id = read.id(found.get("id"), "artist.id")
    return NamedId(found_id, read.text(found.get("name"), "artist.name")) if found_id else None


def _field(holder: dict[str, Any], name: str) -> object:
    """A field by its hyphenated name, or by the same with underscores."""
    found = holder.get(name)
    return holder.get(name.replace("-", "_")) if found is None else found
