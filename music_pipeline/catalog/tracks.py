"""The tracks of releases and their recordings.

`matching/track_assignment` assigns tracks to recordings.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from music_pipeline.catalog.external_ids import external_id_row, lock_identity
from music_pipeline.catalog.shrink_guard import Loss, accept_or_hold
from music_pipeline.database.queries import query
from music_pipeline.database.rows import content_hash, write_rows
from music_pipeline.database.uuid7 import new_id
from music_pipeline.matching.recordings import RecordingFacts
from music_pipeline.matching.titles import parse_title
from music_pipeline.matching.track_assignment import Assignment, Place, Recording, assign_recordings

ISRC = re.compile(r"^[A-Z0-9]{12}$")


@dataclass(frozen=True, slots=True)
class ReadTrack:
    """A track as Spotify gives it. `isrc`: in capitals, without hyphens."""

    spotify_id: str
    disc_number: int
    position: int
    title: str
    artist_names: tuple[str, ...]
    duration_ms: int | None
    explicit: bool | None
    isrc: str | None


@dataclass(frozen=True, slots=True)
class TrackList:
    """The tracks of a release, as far as they were read. `complete`: as many as the provider says it has."""

    release_id: UUID
    tracks: tuple[ReadTrack, ...]
    complete: bool


@dataclass(frozen=True, slots=True)
class HeldTrack:
    """A track of the catalogue, with what matching needs of its recording."""

    release_id: UUID
    track_id: UUID
    recording_id: UUID
    disc_number: int
    position: int
    title: str
    duration_ms: int | None
    artist_names: tuple[str, ...]
    isrcs: frozenset[str]


def usable_isrc(text: str | None) -> str | None:
    """An ISRC as it is stored (ISO 3901: 12 letters and digits). None: the text cannot be one."""
    folded = (text or "").replace("-", "").replace(" ", "").upper()
    return folded if ISRC.match(folded) else None


def write_track_lists(connection: sa.Connection, artist_id: UUID, lists: Sequence[TrackList]) -> None:
    """Write recordings, and tracks in their places.

    Deactivate or hold what complete lists no longer have.
    """
    lock_identity(connection)
    rows = connection.execute(
        query("tracks_of_releases"), {"release_ids": [str(one.release_id) for one in lists]}
    ).all()
    assignment = _assigned(connection, artist_id, lists, {row.spotify_id: row.recording_id for row in rows})
    _write_recordings(connection, lists, assignment)
    _write_tracks(connection, lists, assignment, rows)
    _describe_recordings(connection, lists, assignment)
    _accept_losses(connection, artist_id, lists, rows)
    whole = [str(one.release_id) for one in lists if one.complete]
    if whole:
        connection.execute(query("mark_tracks_read"), {"release_ids": whole})


def _assigned(
    connection: sa.Connection, artist_id: UUID, lists: Sequence[TrackList], recording_of_track: dict[str, UUID]
) -> Assignment:
    tracks = [track for one in lists for track in one.tracks]
    parameters = {
        "artist_id": artist_id,
        "isrcs": sorted({track.isrc for track in tracks if track.isrc}),
        "titles": sorted({parse_title(track.title).base_normalised for track in tracks}),
        "artist_names": sorted({name for track in tracks for name in track.artist_names}),
    }
    known = [_known_recording(row) for row in connection.execute(query("candidate_recordings"), parameters)]
    places = [Place(one.release_id, track.spotify_id, _facts(track)) for one in lists for track in one.tracks]
    return assign_recordings(known, recording_of_track, places, new_id)


def _known_recording(row: Any) -> Recording:
    facts = RecordingFacts(
        title=row.title,
        artists=tuple(row.artist_names),
        duration_ms=row.duration_ms,
        isrcs=frozenset(row.isrcs),
    )
    return Recording(row.recording_id, facts)


def _facts(track: ReadTrack) -> RecordingFacts:
    return RecordingFacts(
        title=track.title,
        artists=track.artist_names,
        duration_ms=track.duration_ms,
        isrcs=frozenset([track.isrc] if track.isrc else []),
    )


def _write_recordings(connection: sa.Connection, lists: Sequence[TrackList], assignment: Assignment) -> None:
    tracks = [track for one in lists for track in one.tracks]
    first = dict(zip(reversed(assignment.recording_ids), reversed(tracks), strict=True))
    rows = [
        _recording_row(recording_id, first[recording_id]) for recording_id in dict.fromkeys(assignment.recording_ids)
    ]
    write_rows(connection, "write_recordings", rows)
    isrcs = {
        (recording_id, track.isrc)
        for recording_id, track in zip(assignment.recording_ids, tracks, strict=True)
        if track.isrc
    }
    write_rows(
        connection,
        "write_recording_isrcs",
        [{"recording_id": recording_id, "isrc": isrc, "source": "spotify"} for recording_id, isrc in sorted(isrcs)],
    )


def _describe_recordings(connection: sa.Connection, lists: Sequence[TrackList], assignment: Assignment) -> None:
    """Describe each recording by its first track, whatever the order in which the tracks were read."""
    placed = [(one.release_id, track) for one in lists for track in one.tracks]
    rows = {
        (recording_id, release_id, track.disc_number, track.position): _recording_row(recording_id, track)
        for recording_id, (release_id, track) in zip(assignment.recording_ids, placed, strict=True)
    }
    places = connection.execute(
        query("first_places_of_recordings"), {"recording_ids": [str(one) for one in set(assignment.recording_ids)]}
    )
    first = [tuple(place) for place in places]
    write_rows(connection, "describe_recordings", [rows[place] for place in first if place in rows])


def _recording_row(recording_id: UUID, track: ReadTrack) -> dict[str, object]:
    title = parse_title(track.title)
    facts = (track.title, track.artist_names, track.duration_ms, track.explicit)
    return {
        "recording_id": recording_id,
        "title": track.title,
        "title_normalised": title.base_normalised,
        "versions": sorted(title.versions),
        "artist_names": track.artist_names,
        "duration_ms": track.duration_ms or None,
        "explicit": track.explicit,
        "content_hash": content_hash(*facts),
    }


def _write_tracks(
    connection: sa.Connection, lists: Sequence[TrackList], assignment: Assignment, held: Sequence[Any]
) -> None:
    track_ids = {(row.release_id, row.disc_number, row.position): row.track_id for row in held}
    placed = [(one.release_id, track) for one in lists for track in one.tracks]
    rows, ids = [], []
    for (release_id, track), recording_id in zip(placed, assignment.recording_ids, strict=True):
        track_id = track_ids.get((release_id, track.disc_number, track.position)) or new_id()
        rows.append(_track_row(track_id, release_id, recording_id, track))
        ids.append(external_id_row("track", track_id, "spotify", track.spotify_id, source="spotify", confidence=1.0))
    write_rows(connection, "write_tracks", rows)
    write_rows(connection, "write_external_ids", ids)


def _track_row(track_id: UUID, release_id: UUID, recording_id: UUID, track: ReadTrack) -> dict[str, object]:
    return {
        "track_id": track_id,
        "release_id": release_id,
        "recording_id": recording_id,
        "disc_number": track.disc_number,
        "position": track.position,
        "title": track.title,
        "content_hash": content_hash(track.disc_number, track.position, track.title),
    }


def _accept_losses(connection: sa.Connection, artist_id: UUID, lists: Iterable[TrackList], held: Sequence[Any]) -> None:
    """Deactivate or hold tracks that complete lists no longer have."""
    whole = {one.release_id: {(t.disc_number, t.position) for t in one.tracks} for one in lists if one.complete}
    known = [row for row in held if row.release_id in whole]
    lost = [row for row in known if (row.disc_number, row.position) not in whole[row.release_id]]
    loss = Loss(
        artist_id=artist_id,
        entity="tracks",
        row_keys=[{"track_id": row.track_id, "title": row.title} for row in lost],
        known=len(known),
        answered=sum(map(len, whole.values())),
        reason=f"Complete track lists no longer hold {len(lost)} of {len(known)} tracks.",
    )
    if accept_or_hold(connection, loss) and lost:
        deactivate_tracks(
            connection,
            [row.track_id for row in lost],
            reason=f"Not in the release's complete track list of {datetime.now(UTC):%Y-%m-%d}.",
        )


def deactivate_tracks(connection: sa.Connection, track_ids: Sequence[UUID], *, reason: str) -> None:
    """Set tracks inactive, with the reason."""
    connection.execute(query("inactivate_tracks"), {"track_ids": [str(one) for one in track_ids], "reason": reason})


def tracks_of_artist(connection: sa.Connection, artist_id: UUID) -> list[HeldTrack]:
    """Every active track on the artist's active releases, in the order of each release."""
    rows = connection.execute(query("recordings_on_releases"), {"artist_id": artist_id})
    return [
        HeldTrack(
            release_id=row.release_id,
            track_id=row.track_id,
            recording_id=row.recording_id,
            disc_number=row.disc_number,
            position=row.position,
            title=row.title,
            duration_ms=row.duration_ms,
            artist_names=tuple(row.artist_names),
            isrcs=frozenset(row.isrcs),
        )
        for row in rows
    ]
