"""Which releases are read, and how: one search over the artist, or one for each release. Pure.

Source of the plan and its cost: a search answers ten full tracks with their ISRCs, where an album's own list has none;
the album list proves completeness, never the search.
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
    """Releases whose tracks are not all read yet, or were read too long ago; all of them by force."""
    wanted = (one for one in releases if only is None or one.release_id == only)
    return [one for one in wanted if force or one.tracks_read_at is None or one.tracks_read_at < now - TRACK_LIST_TTL]


def search_pages(tracks: int) -> int:
    """How many pages of a search hold so many tracks."""
    return max(1, math.ceil(tracks / TRACKS_PER_PAGE))


def is_cheaper_at_once(releases: Sequence[HeldRelease], wanted: Sequence[HeldRelease]) -> bool:
    """Whether a search over all the artist's tracks asks less than one over each wanted release."""
    everything = sum(one.total_tracks or 0 for one in releases)
    by_release = sum(search_pages(one.total_tracks or 0) for one in wanted)
    return everything <= LARGEST_SEARCH and search_pages(everything) <= by_release


@dataclass(slots=True)
class Gathered:
    """The tracks found so far for the wanted releases, by place."""

    wanted: Mapping[str, HeldRelease]
    places: dict[str, dict[PlaceOnRelease, SpotifyTrack]] = field(default_factory=dict)
    proven: set[str] = field(default_factory=set)
    """Releases whose own track list was read to its end and holds nothing more."""

    def take(self, tracks: Iterable[SpotifyTrack]) -> int:
        """Keep the tracks of wanted releases; answers how many were new."""
        new = 0
        for track in tracks:
            place = place_of(track)
            if track.album is None or track.album.id not in self.wanted or place is None:
                continue
            held = self.places.setdefault(track.album.id, {})
            new += place not in held
            held.setdefault(place, track)
        return new

    def put(self, release: HeldRelease, place: PlaceOnRelease, track: SpotifyTrack) -> None:
        """Keep a track in the place where the release's own list has it."""
        self.places.setdefault(release.spotify_id, {}).setdefault(place, track)

    def is_whole(self, release: HeldRelease) -> bool:
        """Whether there are as many tracks as Spotify says the release has."""
        if release.spotify_id in self.proven:
            return True
        return release.total_tracks is not None and len(self.places.get(release.spotify_id, {})) >= release.total_tracks

    def unfinished(self) -> list[HeldRelease]:
        """Wanted releases of which tracks are missing."""
        return [release for release in self.wanted.values() if not self.is_whole(release)]

    def lists(self) -> list[TrackList]:
        """What there is to write."""
        return [
            TrackList(release.release_id, tracks, complete=self.is_whole(release))
            for spotify_id, release in self.wanted.items()
            if (tracks := self._tracks(spotify_id)) or self.is_whole(release)
        ]

    def _tracks(self, spotify_id: str) -> tuple[ReadTrack, ...]:
        return tuple(_read_track(track, place) for place, track in sorted(self.places.get(spotify_id, {}).items()))


def place_of(track: SpotifyTrack) -> PlaceOnRelease | None:
    """Where a track stands on its release; None for one that is not a usable track of it."""
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
