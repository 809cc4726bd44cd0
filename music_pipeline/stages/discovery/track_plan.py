"""Which releases are read, and how: one search over the artist, or one for each release. Pure.

The plan rests on what Spotify gives: a search returns ten full tracks with their ISRCs, an album's own list has none.
The list proves completeness; a search never does.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from music_pipeline.catalog.releases import HeldRelease
from music_pipeline.catalog.tracks import ReadTrack, TrackList, usable_isrc
from music_pipeline.providers.spotify import SpotifyTrack

TRACK_LIST_TTL = timedelta(days=30)
LARGEST_SEARCH = 1_010
TRACKS_PER_PAGE = 10

PlaceOnRelease = tuple[int, int]
"""Disc number and position."""


def releases_to_read(
    releases: Iterable[HeldRelease], *, now: datetime, force: bool, only: UUID | None = None
) -> list[HeldRelease]:
    """Releases whose tracks are not all read yet, or were read too long ago. `force`: all of them."""

    def is_due(release: HeldRelease) -> bool:
        if only is not None and release.release_id != only:
            return False
        read_at = release.tracks_read_at
        return force or read_at is None or read_at < now - TRACK_LIST_TTL

    return [release for release in releases if is_due(release)]


def search_pages(tracks: int) -> int:
    """The number of search pages that hold this many tracks."""
    return max(1, math.ceil(tracks / TRACKS_PER_PAGE))


def is_cheaper_at_once(releases: Sequence[HeldRelease], wanted: Sequence[HeldRelease]) -> bool:
    """Whether one search over all the artist's tracks takes fewer requests than one over each wanted release."""
    everything = sum(release.total_tracks or 0 for release in releases)
    by_release = sum(search_pages(release.total_tracks or 0) for release in wanted)
    return everything <= LARGEST_SEARCH and search_pages(everything) <= by_release


@dataclass(slots=True)
class FoundTracks:
    """The tracks found so far for the wanted releases, by release and place.

    `proven`: releases whose own track list was read to its end, and holds nothing more.
    """

    wanted: Mapping[str, HeldRelease]
    places: dict[str, dict[PlaceOnRelease, SpotifyTrack]] = field(default_factory=dict)
    proven: set[str] = field(default_factory=set)

    def take(self, tracks: Iterable[SpotifyTrack]) -> int:
        """Keep the tracks of wanted releases. Return how many were new."""
        new = 0
        for track in tracks:
            place = place_of(track)
            if track.album is None or track.album.id not in self.wanted or place is None:
                continue
            held = self.places.setdefault(track.album.id, {})
            if place not in held:
                held[place] = track
                new += 1
        return new

    def put(self, release: HeldRelease, place: PlaceOnRelease, track: SpotifyTrack) -> None:
        """Keep a track in the place where the release's own list has it, if that is free."""
        self.places.setdefault(release.spotify_id, {}).setdefault(place, track)

    def is_complete(self, release: HeldRelease) -> bool:
        """Whether there are as many tracks as Spotify says the release has."""
        if release.spotify_id in self.proven:
            return True
        return release.total_tracks is not None and len(self.places.get(release.spotify_id, {})) >= release.total_tracks

    def unfinished(self) -> list[HeldRelease]:
        """Wanted releases that lack tracks."""
        return [release for release in self.wanted.values() if not self.is_complete(release)]

    def lists(self) -> list[TrackList]:
        """The track list of each wanted release, where anything of it is known."""
        return [
            TrackList(release.release_id, tracks, complete=self.is_complete(release))
            for spotify_id, release in self.wanted.items()
            if (tracks := self._tracks(spotify_id)) or self.is_complete(release)
        ]

    def _tracks(self, spotify_id: str) -> tuple[ReadTrack, ...]:
        return tuple(_read_track(track, place) for place, track in sorted(self.places.get(spotify_id, {}).items()))


def place_of(track: SpotifyTrack) -> PlaceOnRelease | None:
    """The place of a track on its release; None for a track that is not usable."""
    if track.is_local or not track.name or not track.disc_number or not track.track_number:
        return None
    return track.disc_number, track.track_number


def _read_track(track: SpotifyTrack, place: PlaceOnRelease) -> ReadTrack:
    return ReadTrack(
        spotify_id=track.id,
        disc_number=place[0],
        position=place[1],
        title=track.name or "",
        artist_names=tuple(artist.name for artist in track.artists if artist.name),
        duration_ms=track.duration_ms or None,
        explicit=track.explicit,
        isrc=usable_isrc(track.isrc),
    )
