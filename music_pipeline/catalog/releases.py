"""The releases of an artist as a provider lists them, and the loss of those that a list no longer has."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import sqlalchemy as sa

from music_pipeline.catalog.external_ids import entities_of, external_id_row, lock_identity
from music_pipeline.catalog.shrink_guard import Loss, accept_or_hold, kept_by_decision
from music_pipeline.database.queries import query
from music_pipeline.database.rows import content_hash, write_rows
from music_pipeline.database.uuid7 import new_id
from music_pipeline.matching.titles import release_title_key


@dataclass(frozen=True, slots=True)
class ListedRelease:
    """A release as Spotify lists it. `release_date`: as far as it is known (1999, 1999-06, 1999-06-21)."""

    spotify_id: str
    title: str
    release_type: str | None
    release_date: str | None
    total_tracks: int | None
    credited_as: str


@dataclass(frozen=True, slots=True)
class HeldRelease:
    """A release of an artist in the catalogue. `tracks_read_at`: None until its track list is complete."""

    release_id: UUID
    spotify_id: str
    title: str
    release_type: str | None
    release_date: str | None
    total_tracks: int | None
    tracks_read_at: datetime | None
    barcode: str | None
    credited_as: str


def write_release_list(
    connection: sa.Connection, artist_id: UUID, listed: Sequence[ListedRelease], *, complete: bool
) -> None:
    """Write an artist's releases. Deactivate those that a complete list no longer has; hold a loss of many."""
    lock_identity(connection)
    known = entities_of(connection, "release", "spotify", [release.spotify_id for release in listed])
    ids = {release.spotify_id: known.get(release.spotify_id) or new_id() for release in listed}
    new_ids = [
        external_id_row("release", ids[spotify_id], "spotify", spotify_id, source="spotify", confidence=1.0)
        for spotify_id in ids
        if spotify_id not in known
    ]
    of_artist = [_artist_release_row(release, ids) for release in listed]
    write_rows(connection, "write_releases", [_release_row(release, ids) for release in listed])
    write_rows(connection, "write_artist_releases", of_artist, artist_id=artist_id)
    write_rows(connection, "write_external_ids", new_ids)
    if complete:
        _accept_losses(connection, artist_id, listed)


def _release_row(release: ListedRelease, ids: Mapping[str, UUID]) -> dict[str, object]:
    facts = (release.title, release.release_type, release.release_date, release.total_tracks)
    return {
        "release_id": ids[release.spotify_id],
        "title": release.title,
        "title_normalised": release_title_key(release.title),
        "release_type": release.release_type,
        "release_date": release.release_date,
        "total_tracks": release.total_tracks,
        "content_hash": content_hash(*facts),
    }


def _artist_release_row(release: ListedRelease, ids: Mapping[str, UUID]) -> dict[str, object]:
    return {
        "release_id": ids[release.spotify_id],
        "credited_as": release.credited_as,
        "content_hash": content_hash(release.credited_as),
    }


def _accept_losses(connection: sa.Connection, artist_id: UUID, listed: Sequence[ListedRelease]) -> None:
    held = releases_of_artist(connection, artist_id)
    listed_ids = {release.spotify_id for release in listed}
    kept = kept_by_decision(connection, artist_id, "artist_releases", "release_id")
    lost = [one for one in held if one.spotify_id not in listed_ids and str(one.release_id) not in kept]
    loss = Loss(
        artist_id=artist_id,
        entity="artist_releases",
        row_keys=[{"release_id": one.release_id, "title": one.title} for one in lost],
        known=len(held),
        answered=len(listed),
        reason=f"Spotify's complete list no longer holds {len(lost)} of {len(held)} releases.",
    )
    if accept_or_hold(connection, loss) and lost:
        deactivate_releases(
            connection,
            artist_id,
            [one.release_id for one in lost],
            reason=f"Not in Spotify's complete list of {datetime.now(UTC):%Y-%m-%d}.",
        )


def deactivate_releases(
    connection: sa.Connection, artist_id: UUID, release_ids: Sequence[UUID], *, reason: str
) -> None:
    """Deactivate releases of an artist.

    A release with no other artist becomes inactive too.
    """
    parameters = {"release_ids": [str(one) for one in release_ids], "reason": reason}
    connection.execute(query("inactivate_artist_releases"), parameters | {"artist_id": artist_id})
    connection.execute(query("inactivate_orphaned_releases"), parameters)


def releases_of_artist(connection: sa.Connection, artist_id: UUID) -> list[HeldRelease]:
    """The active releases of an artist, the oldest first."""
    rows = connection.execute(query("releases_of_artist"), {"artist_id": artist_id})
    return [
        HeldRelease(
            release_id=row.release_id,
            spotify_id=row.spotify_id,
            title=row.title,
            release_type=row.release_type,
            release_date=row.release_date,
            total_tracks=row.total_tracks,
            tracks_read_at=row.tracks_read_at,
            barcode=row.barcode,
            credited_as=row.credited_as,
        )
        for row in rows
    ]
