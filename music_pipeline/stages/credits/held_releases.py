"""An artist's releases and tracks, in the form in which they are matched with those of other providers."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

import sqlalchemy as sa

from music_pipeline.catalog.artists import Artist
from music_pipeline.catalog.releases import HeldRelease, releases_of_artist
from music_pipeline.catalog.tracks import HeldTrack, tracks_of_artist
from music_pipeline.matching.recordings import RecordingFacts
from music_pipeline.matching.releases import ReleaseFacts, TrackFacts


@dataclass(frozen=True, slots=True)
class ReleaseToMatch:
    """A release with its tracks in order."""

    held: HeldRelease
    tracks: tuple[HeldTrack, ...]
    facts: ReleaseFacts


@dataclass(frozen=True)
class HeldCatalogue:
    """What the catalogue holds of an artist."""

    artist: Artist
    releases: tuple[ReleaseToMatch, ...]

    @cached_property
    def recordings(self) -> dict[UUID, RecordingFacts]:
        """Each recording once, as its first track prints it."""
        tracks = [track for release in self.releases for track in release.tracks]
        return {track.recording_id: recording_facts(track) for track in reversed(tracks)}


def read_catalogue(connection: sa.Connection, artist: Artist) -> HeldCatalogue:
    """The artist's active releases with their tracks."""
    tracks: dict[UUID, list[HeldTrack]] = {}
    for track in tracks_of_artist(connection, artist.artist_id):
        tracks.setdefault(track.release_id, []).append(track)
    releases = releases_of_artist(connection, artist.artist_id)
    return HeldCatalogue(
        artist, tuple(_release_to_match(artist, held, tracks.get(held.release_id, [])) for held in releases)
    )


def narrowed(catalogue: HeldCatalogue, *, release_id: UUID | None, track_id: UUID | None) -> HeldCatalogue:
    """Only the release, or the release of the track, that an item names."""

    def is_meant(release: ReleaseToMatch) -> bool:
        if release_id is not None and release.held.release_id != release_id:
            return False
        return track_id is None or any(track.track_id == track_id for track in release.tracks)

    return HeldCatalogue(catalogue.artist, tuple(release for release in catalogue.releases if is_meant(release)))


def _release_to_match(artist: Artist, held: HeldRelease, tracks: Sequence[HeldTrack]) -> ReleaseToMatch:
    facts = ReleaseFacts(
        title=held.title,
        artists=tuple(dict.fromkeys([held.credited_as, artist.name])),
        released=held.release_date,
        track_count=held.total_tracks,
        barcodes=frozenset([held.barcode] if held.barcode else []),
        tracks=tuple(TrackFacts(track.title, track.duration_ms, track.isrcs) for track in tracks),
    )
    return ReleaseToMatch(held, tuple(tracks), facts)


def recording_facts(track: HeldTrack) -> RecordingFacts:
    """A track's recording, for matching."""
    return RecordingFacts(
        title=track.title, artists=track.artist_names, duration_ms=track.duration_ms, isrcs=track.isrcs
    )
