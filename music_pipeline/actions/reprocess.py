"""Reprocess rows of sources: reset them, and enqueue the work that fetches them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from music_pipeline.actions.action import action
from music_pipeline.catalog.source_rows import SourceStatus
from music_pipeline.database.queries import query
from music_pipeline.database.rows import write_rows
from music_pipeline.stages.enrichment.sources import SOURCES
from music_pipeline.work.enqueue import enqueue_many
from music_pipeline.work.model import EnqueueRequest, Origin, Stage

ENRICHMENT_STATUSES = ("completed", "partial", "failed", "pending")


class InvalidFilters(Exception):
    """The filters are invalid. The text says why."""


@dataclass(frozen=True, slots=True)
class ReprocessFilters:
    """Select the rows that meet every given filter. Without a filter: all that failed.

    `days`: failed within this many days. `start_date`, `end_date`: failed from the one (included) to the other
    (excluded), both with a time zone. `track_ids`: every row of these tracks or recordings, by our id or a provider's,
    not only failures. `retriable`: only what was not fetched (True), or was fetched and failed (False). `sources`: also
    rows that were skipped or undone there. `statuses`: rows of recordings with this status (completed, partial, failed,
    pending), also absent ones. `limit`: at most this many recordings, the latest failure first.
    """

    days: int | None = None
    start_date: datetime | None = None
    end_date: datetime | None = None
    track_ids: tuple[str, ...] = ()
    retriable: bool | None = None
    sources: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    limit: int | None = None

    def __str__(self) -> str:
        given = [(one.name, getattr(self, one.name)) for one in fields(self)]
        parts = [f"{name} {_text(value)}" for name, value in given if value not in (None, ())]
        return ", ".join(parts) or "all failures"


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


@dataclass(frozen=True, slots=True)
class RowToReset:
    """A source that is fetched again for a recording.

    `error`, `attempts`: the values that are reset. `enrichment`: the recording's status.
    """

    recording_id: UUID
    title: str
    artist_names: list[str]
    enrichment: str
    source: str
    status: SourceStatus
    error: str | None
    attempts: int
    is_retriable: bool
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Reprocessed:
    """What was reset, or would be.

    `work_ids`: the enqueued work of these artists, none in a dry run.
    """

    rows: tuple[RowToReset, ...]
    artist_keys: tuple[str, ...]
    work_ids: tuple[UUID, ...]
    is_dry_run: bool
    correlation_id: str

    @property
    def recordings(self) -> int:
        return len({row.recording_id for row in self.rows})


def reprocess(
    engine: sa.Engine,
    filters: ReprocessFilters,
    *,
    by: str,
    run_id: str = "",
    origin: Origin = "manual",
    dry_run: bool = False,
) -> Reprocessed:
    """Reset the selected rows and enqueue their artists.

    A repeat finds nothing left to do.

    The rows are due at once, their attempts are forgotten, and no cached response from before now counts. `by`: who
    asks, for the audit. Raises InvalidFilters.
    """
    _check(filters)
    with action(engine, "reprocess", by=by, why=str(filters), run_id=run_id) as act:
        rows = _rows_to_reset(act.connection, filters)
        artists = _artists(act.connection, rows)
        work_ids: tuple[UUID, ...] = ()
        if rows and not dry_run:
            write_rows(act.connection, "request_recording_sources", [_key(row) for row in rows])
            work_ids = _enqueue(act.connection, artists, origin, act.correlation_id)
            act.facts(filters=asdict(filters), recordings=len({row.recording_id for row in rows}), rows=len(rows))
    return Reprocessed(rows, tuple(one.artist_key for one in artists), work_ids, dry_run, act.correlation_id)


def _check(filters: ReprocessFilters) -> None:
    unknown = sorted(set(filters.sources) - set(SOURCES))
    if unknown:
        raise InvalidFilters(f"There is no source {unknown[0]!r}; there are: {', '.join(SOURCES)}.")
    wrong = sorted(set(filters.statuses) - set(ENRICHMENT_STATUSES))
    if wrong:
        raise InvalidFilters(f"{wrong[0]!r} is no status; there are: {', '.join(ENRICHMENT_STATUSES)}.")
    if filters.days is not None and filters.start_date is not None:
        raise InvalidFilters("Give either a number of days or a start date.")
    if any(one is not None and one < 1 for one in (filters.days, filters.limit)):
        raise InvalidFilters("The number of days and the limit have to be at least 1.")
    if filters.start_date and filters.end_date and filters.start_date >= filters.end_date:
        raise InvalidFilters("The start date has to be before the end date.")


def _rows_to_reset(connection: sa.Connection, filters: ReprocessFilters) -> tuple[RowToReset, ...]:
    now: datetime = connection.execute(query("database_now")).scalar_one()
    since = filters.start_date if filters.days is None else now - timedelta(days=filters.days)
    values: dict[str, Any] = {
        "statuses": _source_statuses(filters),
        "with_undone": bool(filters.sources) and filters.retriable is None,
        "recording_ids": _recording_ids(connection, filters.track_ids),
        "sources": list(filters.sources) or None,
        "enrichment": list(filters.statuses) or None,
        "retriable": filters.retriable,
        "since": since,
        "until": filters.end_date,
        "limit": filters.limit,
    }
    rows = connection.execute(query("rows_to_reprocess"), values).mappings()
    return tuple(RowToReset(**row) for row in rows)


def _source_statuses(filters: ReprocessFilters) -> list[SourceStatus]:
    """The statuses that are reset, besides failures. See ReprocessFilters."""
    statuses: list[SourceStatus] = ["failed"]
    if filters.retriable is not None:
        return statuses
    if filters.track_ids or filters.statuses:
        statuses.append("absent")
    if filters.track_ids:
        statuses.append("found")
    if filters.sources:
        statuses.append("skipped")
    return statuses


def _recording_ids(connection: sa.Connection, track_ids: Sequence[str]) -> list[str] | None:
    if not track_ids:
        return None
    found = connection.execute(query("recordings_of_track_ids"), {"ids": list(track_ids)}).all()
    unknown = sorted(set(track_ids) - {row.asked_id for row in found})
    if unknown:
        raise InvalidFilters(f"The catalogue has no track {unknown[0]!r}.")
    return sorted({str(row.recording_id) for row in found})


def _key(row: RowToReset) -> dict[str, str]:
    return {"recording_id": str(row.recording_id), "source": row.source}


def _artists(connection: sa.Connection, rows: Sequence[RowToReset]) -> Sequence[sa.Row[Any]]:
    recording_ids = sorted({str(row.recording_id) for row in rows})
    return connection.execute(query("artists_of_recordings"), {"recording_ids": recording_ids}).all()


def _enqueue(
    connection: sa.Connection, artists: Sequence[sa.Row[Any]], origin: Origin, correlation_id: str
) -> tuple[UUID, ...]:
    requests = [
        EnqueueRequest(
            stage=Stage.ENRICHMENT,
            payload={"artistId": str(artist.artist_id), "artistName": artist.name},
            subject=str(artist.artist_id),
            idempotency_key=f"enrichment:{artist.artist_id}:{correlation_id}",
            partition_key=artist.artist_key,
            origin=origin,
            correlation_id=correlation_id,
        )
        for artist in artists
    ]
    return tuple(one.work_id for one in enqueue_many(connection, requests))
