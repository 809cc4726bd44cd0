"""The log of enrichment: a line for each track, and one for each source that failed or was skipped.

The rows keep the same facts; nothing here decides anything.
"""

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
import structlog

from music_pipeline.catalog.source_rows import KnownRow, SourceRow
from music_pipeline.database.queries import query

log = structlog.get_logger()


def log_sources(rows: Sequence[SourceRow], *, correlation_id: str) -> None:
    """Log a warning for each error of a source, and a debug line for each source that cannot be asked here."""
    counts: Counter[tuple[str, str, bool]] = Counter()
    for row in rows:
        if row.error is not None and row.status != "waiting":
            counts[row.source, row.error, is_skipped(row)] += 1
    for (source, error, skipped), recordings in sorted(counts.items()):
        facts = {"source": source, "error": error, "recordings": recordings, "correlation_id": correlation_id}
        if skipped:
            log.debug("enrichment.source_skipped", **facts)
        else:
            log.warning("enrichment.source_failed", **facts)


def is_news(row: SourceRow, known: KnownRow | None) -> bool:
    """Whether the source was asked, or its status changed. A sweep makes the rows of all other sources anew too."""
    return row.status in ("found", "absent", "failed") or known is None or known.status != row.status


def is_skipped(row: SourceRow) -> bool:
    """Whether the source could not be asked at all. What it found before stays found."""
    return row.status == "skipped" or (
        row.status == "found" and row.error is not None and not row.is_retriable and not row.attempts
    )


def log_tracks(
    connection: sa.Connection, rows: Sequence[SourceRow], *, correlation_id: str, duration_seconds: float
) -> None:
    """Log a line for each track of the recordings that were asked about, with its status and errors."""
    errors: dict[UUID, list[str]] = {row.recording_id: [] for row in rows}
    for row in rows:
        if row.error is not None and row.status != "waiting" and not is_skipped(row):
            errors[row.recording_id].append(row.error)
    values = {"recording_ids": [str(recording_id) for recording_id in errors]}
    for track in connection.execute(query("tracks_of_enriched_recordings"), values):
        log.info(
            "Track enrichment completed",
            track_id=str(track.track_id),
            correlation_id=correlation_id,
            status=track.status,
            sources_used=track.sources_enriched,
            duration=f"{duration_seconds:.2f}s",
            errors=errors[track.recording_id],
        )
