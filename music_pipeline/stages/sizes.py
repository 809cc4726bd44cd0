"""The sizes of artists with open work.

From these, each stage estimates its provider calls for `plan`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from music_pipeline.work.model import Stage


@dataclass(frozen=True, slots=True)
class ArtistSize:
    """How many releases and tracks an artist has.

    `measured`: counted in this catalogue, not assumed.
    """

    releases: float
    tracks: float
    measured: bool


ASSUMED_ARTIST = ArtistSize(releases=10, tracks=100, measured=False)


@dataclass(frozen=True, slots=True)
class OpenArtist:
    """An artist with open work from `stage` on.

    `is_known`: the catalogue knows the releases. `has_tracks`: it knows the tracks too. `unread_pages`: of track lists.
    """

    stage: Stage
    releases: int
    tracks: int
    unread_pages: int
    is_known: bool
    has_tracks: bool

    def size(self, typical: ArtistSize) -> ArtistSize:
        """The size in the catalogue, or the typical one."""
        return ArtistSize(self.releases, self.tracks, measured=True) if self.is_known else typical


@dataclass(frozen=True, slots=True)
class Learnt:
    """Shares measured in this catalogue. None while it is too small to tell.

    `recordings_a_track`: 1 while there are no tracks. `spotify`: calls per page of tracks. `genius`: calls per track.
    `getsongbpm`: calls per recording.
    """

    recordings_a_track: float
    spotify: float | None
    genius: float | None
    getsongbpm: float | None


@dataclass(frozen=True, slots=True)
class Ahead:
    """What a stage estimates its calls from. `artists`: those that will come to it."""

    connection: sa.Connection
    stage: Stage
    artists: Sequence[OpenArtist]
    typical: ArtistSize
    learnt: Learnt
