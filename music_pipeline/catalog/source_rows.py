"""What each source said about each recording, one row each.

A view chooses which value is shown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa

from music_pipeline.database.queries import query
from music_pipeline.database.rows import Version, write_rows

SourceStatus = Literal["pending", "found", "absent", "failed", "waiting", "unneeded", "skipped"]
NOTHING_SAID = Version(rows=0, hash="empty")


@dataclass(frozen=True, slots=True)
class EnrichableRecording:
    """A recording with the ids by which sources know it. Each tuple has a fixed order, so that the first is stable.

    `audio_urls`: where its audio is, if an operator set it.
    """

    recording_id: UUID
    title: str
    artist_names: tuple[str, ...]
    duration_ms: int | None
    explicit: bool | None
    isrcs: tuple[str, ...]
    spotify_ids: tuple[str, ...]
    mbids: tuple[str, ...]
    discogs_release_ids: tuple[str, ...]
    audio_urls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceRow:
    """The state of one source for one recording. `fields`: what it said, if found."""

    recording_id: UUID
    source: str
    provider: str
    status: SourceStatus
    fields: dict[str, Any]
    confidence: float | None
    fetched_at: datetime | None
    expires_at: datetime | None
    attempts: int
    next_attempt_at: datetime | None
    error: str | None
    is_retriable: bool


@dataclass(frozen=True, slots=True)
class KnownRow:
    """What planning needs of an existing row.

    `requested_at`: when a fresh answer was asked for that has not come yet. `undone_at`: when an operator undid what
    the source said.
    """

    status: SourceStatus
    fields: dict[str, Any]
    confidence: float | None
    fetched_at: datetime | None
    expires_at: datetime | None
    attempts: int
    next_attempt_at: datetime | None
    requested_at: datetime | None = None
    undone_at: datetime | None = None
    updated_at: datetime | None = None


RowKey = tuple[UUID, str]
"""Recording and source."""


def recordings_to_enrich(connection: sa.Connection, artist_id: UUID) -> list[EnrichableRecording]:
    """Every active recording on the artist's active releases."""
    rows = connection.execute(query("recordings_to_enrich"), {"artist_id": artist_id})
    return [
        EnrichableRecording(
            recording_id=row.recording_id,
            title=row.title,
            artist_names=tuple(row.artist_names),
            duration_ms=row.duration_ms,
            explicit=row.explicit,
            isrcs=tuple(row.isrcs),
            spotify_ids=tuple(row.spotify_ids or ()),
            mbids=tuple(row.mbids or ()),
            discogs_release_ids=tuple(row.discogs_release_ids or ()),
            audio_urls=tuple(row.audio_urls),
        )
        for row in rows
    ]


def known_rows(connection: sa.Connection, recording_ids: Sequence[UUID]) -> dict[RowKey, KnownRow]:
    """The existing rows of these recordings."""
    rows = connection.execute(query("sources_of_recordings"), {"recording_ids": [str(one) for one in recording_ids]})
    return {
        (row["recording_id"], row["source"]): KnownRow(**{name: row[name] for name in KnownRow.__slots__})
        for row in rows.mappings()
    }


def write_source_rows(
    connection: sa.Connection, rows: Sequence[SourceRow], known: Mapping[RowKey, KnownRow], *, run_id: str
) -> int:
    """Write the rows that changed. Return how many did.

    `known`: the rows as they were before the sources were asked. What an operator asked for since then stays.
    """
    written = []
    for row in rows:
        before = known.get((row.recording_id, row.source))
        marks = {
            "requested_at": before.requested_at if before else None,
            "undone_at": before.undone_at if before else None,
        }
        written.append({name: getattr(row, name) for name in SourceRow.__slots__} | marks)
    return write_rows(connection, "write_recording_sources", written, run_id=run_id)


def source_versions(connection: sa.Connection, artist_id: UUID, sources: Sequence[str]) -> dict[str, Version]:
    """By source: how many of the artist's recordings it knows, and a hash of what it says."""
    rows = connection.execute(query("source_versions"), {"artist_id": artist_id, "sources": list(sources)})
    found = {row.source: Version(rows=row.rows, hash=row.version) for row in rows}
    return {source: found.get(source, NOTHING_SAID) for source in sources}
