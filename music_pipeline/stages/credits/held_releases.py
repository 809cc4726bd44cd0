"""An artist's releases and tracks in the form in which they are compared with what other providers list."""

from collections.abc import Iterable, Sequence
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
class OurRelease:
    """A release with its tracks in order."""

    held: HeldRelease
    tracks: tuple[HeldTrack, ...]
    facts: ReleaseFacts


@dataclass(frozen=True)
class OurCatalogue:
    """What the catalogue holds of an artist."""

    artist: Artist
    releases: tuple[OurRelease, ...]

    @cached_property
    def recordings(self) -> dict[UUID, RecordingFacts]:
        """Each recording once, as its first track prints it."""
        tracks = [track for release in self.releases for track in release.tracks]
        return {track.recording_id: recording_facts(track) for track in reversed(tracks)}


def read_catalogue(connection: sa.Connection, artist: Artist) -> OurCatalogue:
    """The artist's active releases with their tracks."""
    tracks: dict[UUID, list[HeldTrack]] = {}
    for track in tracks_of_artist(connection, artist.artist_id):
        tracks.setdefault(track.release_id, []).append(track)
    held = releases_of_artist(connection, artist.artist_id)
    return OurCatalogue(artist, tuple(_our_release(artist, one, tracks.get(one.release_id, [])) for one in held))


def narrowed(ours: OurCatalogue, *, release_id: UUID | None, track_id: UUID | None) -> OurCatalogue:
    """Only the release, or the release of the track, that the work names."""

    def is_meant(release: OurRelease) -> bool:
        if release_id is not None and release.held.release_id != release_id:
            return False
        return track_id is None or any(track.track_id == track_id for track in release.tracks)

    return OurCatalogue(ours.artist, tuple(release for release in ours.releases if is_meant(release)))


def _our_release(artist: Artist, held: HeldRelease, tracks: Sequence[HeldTrack]) -> OurRelease:
    facts = ReleaseFacts(
        title=held.title,
        artists=tuple(dict.fromkeys([held.credited_as, artist.name])),
        released=held.release_date,
        track_count=held.total_tracks,
        barcodes=frozenset([held.barcode] if held.barcode else []),
        tracks=track_facts(tracks),
    )
    return OurRelease(held, tuple(tracks), facts)


def track_facts(tracks: Iterable[HeldTrack]) -> tuple[TrackFacts, ...]:
    """Tracks for the comparison of tracklists."""
    return tuple(TrackFacts(track.title, track.duration_ms, track.isrcs) for track in tracks)


def recording_facts(track: HeldTrack) -> RecordingFacts:
    """A track's recording for the comparison of recordings."""
    return RecordingFacts(
        title=track.title, artists=track.artist_names, duration_ms=track.duration_ms, isrcs=track.isrcs
    )
