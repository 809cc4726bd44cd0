"""Asking sources again: which rows an operator means, and in one transaction their reset and the work that follows.

That a source is then really asked, and no kept answer taken, is the business of the stage `enrichment`.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
import structlog

from music_pipeline.catalog.audit import set_audit_reason
from music_pipeline.catalog.source_rows import SourceStatus
from music_pipeline.database.queries import query
from music_pipeline.database.rows import write_rows
from music_pipeline.stages.enrichment.sources import SOURCES
from music_pipeline.work.enqueue import enqueue_many
from music_pipeline.work.model import EnqueueRequest, Origin, Stage

log = structlog.get_logger()

ENRICHMENT_STATUSES = ("completed", "partial", "failed", "pending")


class InvalidFilters(Exception):
    """The filters mean nothing; the text says why."""


@dataclass(frozen=True, slots=True)
class ReprocessFilters:
    """Which rows are meant: those that meet all that is given; without any, every row that went wrong.

    `days`: that went wrong in the last days. `start_date`, `end_date`: from the one (included) to the other (excluded),
    with a time zone. `track_ids`: of tracks or recordings, ours or a provider's; all that their sources said, not only
    what failed. `retriable`: only what could not be asked (True), or what was asked and failed (False). `sources`: by
    name; also what was skipped there, or taken back. `statuses`: of the recordings (completed, partial, failed,
    pending); also what their sources do not know. `limit`: recordings, those with the latest trouble first.
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
        spoken = [f"{name} {_spoken(value)}" for name, value in given if value not in (None, ())]
        return ", ".join(spoken) or "all failures"


def _spoken(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


@dataclass(frozen=True, slots=True)
class RowToReset:
    """A source that is asked again about a recording. `error`, `attempts`: the reason and the count that are reset.

    `enrichment`: how far the recording is enriched.
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
    """What was reset, or would be. `artist_keys`: whose enrichment is enqueued, as `work_ids`; none in a dry run."""

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
    """Reset the rows that are meant and enqueue their artists, in one transaction; a repeat finds nothing left to do.

    `by`: who asks, for the audit. The rows are due at once, their attempts are forgotten, and no answer from before now
    counts. Raises InvalidFilters.
    """
    _check(filters)
    correlation_id = str(uuid4())
    with engine.begin() as connection:
        rows = _rows_meant(connection, filters)
        if dry_run or not rows:
            artists = _artists(connection, rows)
            return Reprocessed(rows, tuple(one.artist_key for one in artists), (), dry_run, correlation_id)
        why = f"Asked again by {by}: {filters}"
        set_audit_reason(connection, why=why, run_id=run_id, correlation_id=correlation_id)
        write_rows(connection, "request_recording_sources", [_key(row) for row in rows])
        artists = _artists(connection, rows)
        work_ids = _enqueue(connection, artists, origin, correlation_id)
        _record(connection, filters, rows, why=why, run_id=run_id, correlation_id=correlation_id)
    log.info(
        "enrichment.reprocess", by=by, filters=str(filters), rows=len(rows), artists=len(artists),
        correlation_id=correlation_id,
    )  # fmt: skip
    keys = tuple(one.artist_key for one in artists)
    return Reprocessed(rows, keys, work_ids, is_dry_run=False, correlation_id=correlation_id)


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


def _rows_meant(connection: sa.Connection, filters: ReprocessFilters) -> tuple[RowToReset, ...]:
    now: datetime = connection.execute(query("database_now")).scalar_one()
    since = filters.start_date if filters.days is None else now - timedelta(days=filters.days)
    values: dict[str, Any] = {
        "statuses": _statuses_meant(filters),
        "with_undone": bool(filters.sources) and filters.retriable is None,
        "recording_ids": _recordings_meant(connection, filters.track_ids),
        "sources": list(filters.sources) or None,
        "enrichment": list(filters.statuses) or None,
        "retriable": filters.retriable,
        "since": since,
        "until": filters.end_date,
        "limit": filters.limit,
    }
    rows = connection.execute(query("rows_to_reprocess"), values).mappings()
    return tuple(RowToReset(**row) for row in rows)


def _statuses_meant(filters: ReprocessFilters) -> list[SourceStatus]:
    """What is asked again besides failures; see ReprocessFilters."""
    meant: list[SourceStatus] = ["failed"]
    if filters.retriable is not None:
        return meant
    if filters.track_ids or filters.statuses:
        meant.append("absent")
    if filters.track_ids:
        meant.append("found")
    if filters.sources:
        meant.append("skipped")
    return meant


def _recordings_meant(connection: sa.Connection, track_ids: Sequence[str]) -> list[str] | None:
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


def _record(
    connection: sa.Connection,
    filters: ReprocessFilters,
    rows: Sequence[RowToReset],
    *,
    why: str,
    run_id: str,
    correlation_id: str,
) -> None:
    """One line of the audit for the whole act, beside those of the rows."""
    counts = {"recordings": len({row.recording_id for row in rows}), "rows": len(rows)}
    facts = json.dumps({"filters": asdict(filters)} | counts, default=str)
    values = {"act": "reprocess", "facts": facts, "why": why, "run_id": run_id, "correlation_id": correlation_id}
    connection.execute(query("record_operator_act"), values)
