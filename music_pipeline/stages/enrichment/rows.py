"""Make a source's row from its answer, or without asking it. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from music_pipeline.catalog.source_rows import EnrichableRecording, KnownRow, SourceRow
from music_pipeline.gateway.errors import CredentialsMissing, EndpointGone, ProviderRefused, ProviderUnavailable
from music_pipeline.stages.enrichment.plan import Decision
from music_pipeline.stages.enrichment.sources import Source

ATTEMPTS = 5
FIRST_DELAY = timedelta(minutes=10)
LONGEST_DELAY = timedelta(hours=6)
ABSENCE = timedelta(days=30)
LONGEST_ABSENCE = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class SourceValues:
    """What a source says about a recording, without the values that it does not know."""

    fields: dict[str, Any]
    confidence: float


SourceAnswer = SourceValues | None | Exception
"""None: the source does not know the recording."""


def row_of_answer(
    source: Source, recording: EnrichableRecording, known: KnownRow | None, answer: SourceAnswer, *, now: datetime
) -> SourceRow:
    """The row that an answer makes. What was found before stays until the source says something else."""
    if isinstance(answer, SourceValues):
        return _row(
            source, recording, status="found", fields=answer.fields, confidence=answer.confidence, fetched_at=now,
            expires_at=now + source.keeps,
        )  # fmt: skip
    if answer is None:
        absences = (known.attempts if known is not None and known.status == "absent" else 0) + 1
        again = now + min(ABSENCE * absences, LONGEST_ABSENCE)
        return _row(source, recording, status="absent", fetched_at=now, attempts=absences, next_attempt_at=again)
    return _row_of_error(source, recording, known, answer, now)


def row_unasked(
    source: Source,
    recording: EnrichableRecording,
    known: KnownRow | None,
    decision: Decision,
    awaited: Source | None,
    *,
    now: datetime,
) -> SourceRow | None:
    """The row of a source that is not asked now. None: keep the present row.

    `awaited`: the failing source that might make the request needless.
    """
    if decision is Decision.LEAVE:
        return None
    if known is not None and known.status == "found":
        return _standing(source, recording, known, now) if _is_over(known, now) else None
    if awaited is not None and decision is Decision.ASK:
        text = f"{source.label} is asked where {awaited.label} does not know, which could not be asked yet."
        return _row(source, recording, status="waiting", error=text)
    if decision is Decision.WAIT:
        text = f"{source.label} knows recordings by {source.needs} only."
        return _row(source, recording, status="waiting", error=text)
    return _row(source, recording, status="unneeded")


def _is_over(known: KnownRow, now: datetime) -> bool:
    return any(moment is not None and moment <= now for moment in (known.expires_at, known.next_attempt_at))


def _standing(source: Source, recording: EnrichableRecording, known: KnownRow, now: datetime) -> SourceRow:
    """Keep an expired value for another term, since the source need not or cannot be asked."""
    return _row(
        source, recording, status="found", fields=known.fields, confidence=known.confidence,
        fetched_at=known.fetched_at, expires_at=now + source.keeps,
    )  # fmt: skip


def row_waiting_for_discovery(source: Source, recording: EnrichableRecording) -> SourceRow:
    """The row of a source that has not answered discovery.

    Missing data is not yet an absence.
    """
    text = f"{source.label} has not answered yet when the artist's releases were looked up there."
    return _row(source, recording, status="waiting", error=text)


def _row_of_error(
    source: Source, recording: EnrichableRecording, known: KnownRow | None, error: Exception, now: datetime
) -> SourceRow:
    text = f"{source.label} enrichment error: {error}"
    if isinstance(error, CredentialsMissing | EndpointGone):
        # The error of a lost endpoint says whether it was just learnt or known before. That must not change the row.
        why = f"{source.label}: this app may not ask for it." if isinstance(error, EndpointGone) else str(error)
        return _keeping(known, _row(source, recording, status="skipped", error=why))
    failures = known.attempts if known is not None and known.status in ("failed", "found") else 0
    if isinstance(error, ProviderUnavailable):
        waits = _row(
            source, recording, status="failed", attempts=failures, next_attempt_at=error.until, error=text,
            is_retriable=True,
        )  # fmt: skip
        return _keeping(known, waits)
    attempts, again = _next_attempt(known, failures, error, now)
    failed = _row(source, recording, status="failed", attempts=attempts, next_attempt_at=again, error=text)
    return _keeping(known, failed)


def _next_attempt(
    known: KnownRow | None, failures: int, error: Exception, now: datetime
) -> tuple[int, datetime | None]:
    """The number of attempts used, and when the next is due. None: there is no next.

    An early request uses no attempt. A refused one is repeated once, later: a proxy may have caused it.
    """
    if failures and known is not None and known.next_attempt_at is not None and known.next_attempt_at > now:
        return failures, known.next_attempt_at
    is_refusal = isinstance(error, ProviderRefused)
    attempts = max(failures + 1, ATTEMPTS - 1) if is_refusal else failures + 1
    if attempts >= ATTEMPTS:
        return attempts, None
    return attempts, now + (LONGEST_DELAY if is_refusal else min(FIRST_DELAY * 2 ** (attempts - 1), LONGEST_DELAY))


def _keeping(known: KnownRow | None, row: SourceRow) -> SourceRow:
    """What a source found before stays found when it fails now, with the error beside it."""
    if known is None or known.status != "found":
        return row
    return SourceRow(
        recording_id=row.recording_id, source=row.source, provider=row.provider, status="found", fields=known.fields,
        confidence=known.confidence, fetched_at=known.fetched_at, expires_at=known.expires_at, attempts=row.attempts,
        next_attempt_at=row.next_attempt_at, error=row.error, is_retriable=row.is_retriable,
    )  # fmt: skip


def _row(source: Source, recording: EnrichableRecording, **facts: Any) -> SourceRow:
    unsaid: dict[str, Any] = {
        "fields": {},
        "confidence": None,
        "fetched_at": None,
        "expires_at": None,
        "attempts": 0,
        "next_attempt_at": None,
        "error": None,
        "is_retriable": False,
    }
    return SourceRow(
        recording_id=recording.recording_id, source=source.name, provider=source.provider, **(unsaid | facts)
    )
