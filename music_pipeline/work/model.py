"""The ledger's types: stages, work items, requests for work and their answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar, Literal
from uuid import UUID

Origin = Literal["manual", "watchlist", "batch"]
Answer = Literal["created", "already_enqueued", "already_done"]

PRIORITY_OF_ORIGIN: Mapping[Origin, int] = {"manual": 2, "watchlist": 5, "batch": 7}


class Stage(str):
    """The name of a kind of work with its own queue.

    Not an enum: `work.stages.STAGES` is the one list of stages, and an enum would be a second one. Equal names are one
    object. The constants are the names that code refers to.
    """

    __slots__ = ()
    _names: ClassVar[dict[str, "Stage"]] = {}

    ARTIST_DISCOVERY: ClassVar["Stage"]
    ALBUM_DISCOVERY: ClassVar["Stage"]
    TRACK_DISCOVERY: ClassVar["Stage"]
    PRODUCER_IDENTIFICATION: ClassVar["Stage"]
    ENRICHMENT: ClassVar["Stage"]
    SOCIAL_ENRICHMENT: ClassVar["Stage"]

    def __new__(cls, name: str) -> "Stage":
        return cls._names.setdefault(name, super().__new__(cls, name))

    @property
    def value(self) -> str:
        """The name as a plain string."""
        return str(self)


Stage.ARTIST_DISCOVERY = Stage("artist_discovery")
Stage.ALBUM_DISCOVERY = Stage("album_discovery")
Stage.TRACK_DISCOVERY = Stage("track_discovery")
Stage.PRODUCER_IDENTIFICATION = Stage("producer_identification")
Stage.ENRICHMENT = Stage("enrichment")
Stage.SOCIAL_ENRICHMENT = Stage("social_enrichment")


class StopReason(StrEnum):
    """The reason why work was given up."""

    MAX_RETRIES_EXHAUSTED = "max_retries_exhausted"
    NON_RETRYABLE = "non_retryable"
    INVALID_PAYLOAD = "invalid_payload"
    PROVIDER_UNAVAILABLE = "provider_unavailable"
    CANCELLED = "cancelled"


class LeaseLost(Exception):
    """Another run holds the work now. The transaction must not commit."""


@dataclass(frozen=True, slots=True)
class EnqueueRequest:
    """The arguments of `enqueue`, described there."""

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
    """The answer to a request, and the id of the work that does or did it."""

    work_id: UUID
    answer: Answer


@dataclass(frozen=True, slots=True)
class WorkItem:
    """Claimed work. `attempts` counts the failed attempts so far."""

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
    """Selects work that meets every given condition.

    `artist` is a key, a requested name or an id.
    """

    work_ids: tuple[UUID, ...] | None = None
    stage: Stage | None = None
    artist: str | None = None
    stop_reason: StopReason | None = None

    @property
    def is_empty(self) -> bool:
        return self.work_ids is None and self.stage is None and self.artist is None and self.stop_reason is None
