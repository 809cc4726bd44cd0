"""The world: artists, releases, tracks, recordings and credits, of which every provider shows a part.

This module holds the records and the indexes over them. `coverage` decides what a provider knows; `providers/` print
it.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

ArtistKind = Literal["person", "group", "company"]
ReleaseKind = Literal["album", "single", "compilation"]


@dataclass(frozen=True, slots=True)
class WorldArtist:
    """An artist, a producer, or both. `discogs_name` has the suffix that tells namesakes apart there."""

    key: str
    name: str
    discogs_name: str
    kind: ArtistKind
    aliases: tuple[str, ...]
    special: bool  # Various and its like: on releases, never on a list of artists
    decoy: bool  # resembles another artist; stands in searches only
    spotify_id: str
    mbid: str
    discogs_id: int
    genius_id: int
    country: str | None


@dataclass(frozen=True, slots=True)
class ArtistCredit:
    """An artist as named on a release or a track; `name` is empty where it is the artist's own."""

    artist: str
    name: str = ""
    join: str = ""


@dataclass(frozen=True, slots=True)
class WorldCredit:
    """A person's part in a release or a track, with the role as printed and its range of positions."""

    artist: str
    role: str
    credited_as: str = ""
    tracks: str = ""


@dataclass(frozen=True, slots=True)
class WorldTrack:
    """A recording's place on a release. `artists` is empty where they are the release's."""

    key: str
    release: str
    recording: str
    title: str
    position: str
    disc: int
    number: int
    duration: str
    artists: tuple[ArtistCredit, ...]
    credits: tuple[WorldCredit, ...]
    spotify_id: str
    mbid: str


@dataclass(frozen=True, slots=True)
class Label:
    """A label on a release."""

    discogs_id: int
    name: str
    catalogue_number: str


@dataclass(frozen=True, slots=True)
class Format:
    """What a release is pressed on."""

    name: str
    quantity: str
    descriptions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """A row of a track list that is no track; it stands before the track of the index. A few have credits."""

    before: int
    title: str
    duration: str
    credits: tuple[WorldCredit, ...]


@dataclass(frozen=True, slots=True)
class WorldRelease:
    """A release. `date` may be partial or empty."""

    key: str
    title: str
    kind: ReleaseKind
    artists: tuple[ArtistCredit, ...]
    date: str
    country: str
    labels: tuple[Label, ...]
    genres: tuple[str, ...]
    styles: tuple[str, ...]
    formats: tuple[Format, ...]
    identifiers: tuple[tuple[str, str], ...]
    credits: tuple[WorldCredit, ...]
    tracks: tuple[WorldTrack, ...]
    headings: tuple[Heading, ...]
    upc: str | None
    spotify_id: str
    mbid: str
    release_group_mbid: str
    discogs_id: int
    discogs_master_id: int | None


@dataclass(frozen=True, slots=True)
class WorldRecording:
    """What was recorded. `features` are Spotify's audio features where the catalogue has them."""

    key: str
    title: str
    artists: tuple[ArtistCredit, ...]
    isrc: str | None
    duration_ms: int
    mbid: str
    genius_id: int
    popularity: int
    features: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class World:
    """All records in catalogue order, with indexes.

    `listed` are the artists of the catalogue, in order of first appearance. `releases_of` has the releases
    with an artist as main artist, `appearances_of` those with the artist on a track only.
    """

    artists: dict[str, WorldArtist]
    releases: dict[str, WorldRelease]
    recordings: dict[str, WorldRecording]
    listed: tuple[str, ...]
    tracks: dict[str, WorldTrack]
    releases_of: dict[str, list[str]]
    appearances_of: dict[str, list[str]]
    tracks_of_recording: dict[str, list[WorldTrack]]

    def track_artists(self, track: WorldTrack) -> tuple[ArtistCredit, ...]:
        """The artists of a track: its own, else the release's."""
        return track.artists or self.releases[track.release].artists

    def releases_with(self, recording: str) -> list[str]:
        """The releases that hold a recording, each once, in catalogue order."""
        return list(dict.fromkeys(track.release for track in self.tracks_of_recording[recording]))


def build_world(
    artists: Iterable[WorldArtist],
    releases: Iterable[WorldRelease],
    recordings: Iterable[WorldRecording],
    listed: Iterable[str],
) -> World:
    """Index the records into a world."""
    release_by_key = {release.key: release for release in releases}
    tracks = {track.key: track for release in release_by_key.values() for track in release.tracks}
    tracks_of_recording: dict[str, list[WorldTrack]] = defaultdict(list)
    for track in tracks.values():
        tracks_of_recording[track.recording].append(track)
    releases_of, appearances_of = _discographies(release_by_key)
    return World(
        artists={artist.key: artist for artist in artists},
        releases=release_by_key,
        recordings={recording.key: recording for recording in recordings},
        listed=tuple(listed),
        tracks=tracks,
        releases_of=releases_of,
        appearances_of=appearances_of,
        tracks_of_recording=dict(tracks_of_recording),
    )


def _discographies(releases: dict[str, WorldRelease]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    mains: dict[str, list[str]] = defaultdict(list)
    appearances: dict[str, list[str]] = defaultdict(list)
    for release in releases.values():
        main = dict.fromkeys(credit.artist for credit in release.artists)
        on_tracks = dict.fromkeys(credit.artist for track in release.tracks for credit in track.artists)
        for artist in main:
            mains[artist].append(release.key)
        for artist in on_tracks:
            if artist not in main:
                appearances[artist].append(release.key)
    return dict(mains), dict(appearances)
