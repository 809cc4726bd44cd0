"""What the ledger speaks of: stages, pieces of work, requests for work and their answers.

Only the words; what is done with them is in the modules beside this one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID

Origin = Literal["manual", "watchlist", "batch"]
Answer = Literal["created", "already_enqueued", "already_done"]

PRIORITY_OF_ORIGIN: Mapping[Origin, int] = {"manual": 2, "watchlist": 5, "batch": 7}


class Stage(StrEnum):
    """A kind of work, with a queue of its own."""

    ARTIST_DISCOVERY = "artist_discovery"
    ALBUM_DISCOVERY = "album_discovery"
    TRACK_DISCOVERY = "track_discovery"
    PRODUCER_IDENTIFICATION = "producer_identification"
    ENRICHMENT = "enrichment"
    SOCIAL_ENRICHMENT = "social_enrichment"


CATALOG_STAGES = (
    Stage.ARTIST_DISCOVERY,
    Stage.ALBUM_DISCOVERY,
    Stage.TRACK_DISCOVERY,
    Stage.PRODUCER_IDENTIFICATION,
)


class StopReason(StrEnum):
    """Why work was given up."""

    MAX_RETRIES_EXHAUSTED = "max_retries_exhausted"
    NON_RETRYABLE = "non_retryable"
    INVALID_PAYLOAD = "invalid_payload"
    PROVIDER_UNAVAILABLE = "provider_unavailable"
    CANCELLED = "cancelled"


class LeaseLost(Exception):
    """The work is no longer this run's: its transaction must not commit."""


@dataclass(frozen=True, slots=True)
class EnqueueRequest:
    """What `enqueue` takes; see there."""

    stage: Stage
    payload: Mapping[str, Any]
    subject: str
    idempotency_key: str
    partition_key: str | None = None
    origin: Origin = "manual"
    priority: int | None = None
    force: bool = False
    correlation_id: str | None = None
    cutoff: datetime | None = None
    fresh_for: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Enqueued:
    """What became of a request, and the work that does or did it."""

    work_id: UUID
    answer: Answer


@dataclass(frozen=True, slots=True)
class WorkItem:
    """A piece of work as a run claimed it; `attempts` are those that failed before."""

    work_id: UUID
    stage: Stage
    subject: str
    partition_key: str | None
    payload: dict[str, Any]
    origin: Origin
    priority: int
    force: bool
    correlation_id: str
    idempotency_key: str
    cutoff: datetime
    attempts: int
    max_attempts: int
    lease_token: UUID
    enqueued_at: datetime


@dataclass(frozen=True, slots=True)
class Selector:
    """Which work an operator means: what meets all that is given. An artist is named by key, requested name or id."""

    work_ids: tuple[UUID, ...] | None = None
    stage: Stage | None = None
    artist: str | None = None
    stop_reason: StopReason | None = None

    @property
    def is_empty(self) -> bool:
        return self.work_ids is None and self.stage is None and self.artist is None and self.stop_reason is None
