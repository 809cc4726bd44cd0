"""What became of the work: an outcome for each item, a count for each source, the progress of the run.

Types only, so that importing them loads no stage.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from music_pipeline.work.model import WorkItem

if TYPE_CHECKING:
    from music_pipeline.worker.stage import StageResult


class Status(StrEnum):
    """How an attempt at an item ended."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"
    AMBIGUOUS = "ambiguous"
    """A person has to decide who is meant."""
    WAITING = "waiting"
    """It goes on by itself: with the next sweep, or when a provider is back."""
    FAILED = "failed"
    """It is tried again."""
    DEAD = "dead"
    """It was given up."""

    @classmethod
    def of_change(cls, *, has_changed: bool) -> "Status":
        """Changed or unchanged."""
        return cls.CHANGED if has_changed else cls.UNCHANGED


DONE = frozenset({Status.CHANGED, Status.UNCHANGED, Status.AMBIGUOUS})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one item, for the events of its artist.

    `artist_key`: None for an ambiguous or unknown name. `error`: why it is not done. `text`: a
    line for the log. `detail`: what the stage adds (enrichment: a `SourceCount` as a mapping for each source).
    """

    subject: str
    artist_key: str | None
    rows: int
    content_hash: str
    status: Status
    text: str
    error: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_done(self) -> bool:
        """Whether the item needs no further attempt."""
        return self.status in DONE

    @property
    def has_changed(self) -> bool:
        """Whether the catalogue is different now."""
        return self.status is Status.CHANGED

    @property
    def is_waiting(self) -> bool:
        """Whether the item goes on by itself, without having failed."""
        return self.status is Status.WAITING

    @property
    def is_failed(self) -> bool:
        """Whether the attempt failed, for now or for good."""
        return self.status in (Status.FAILED, Status.DEAD)

    @property
    def is_dead(self) -> bool:
        """Whether the item was given up."""
        return self.status is Status.DEAD

    @classmethod
    def done(cls, item: WorkItem, result: "StageResult") -> "Outcome":
        """The outcome of an item that is finished."""
        return cls(
            subject=item.subject,
            artist_key=result.artist_key,
            rows=result.version.rows,
            content_hash=result.version.hash,
            status=result.status,
            text=result.text,
            detail=result.detail,
        )

    @classmethod
    def not_done(cls, item: WorkItem, status: Status, error: str, result: "StageResult | None" = None) -> "Outcome":
        """The outcome of an item that waits, failed or is dead. `result`: what was stored of it all the same."""
        return cls(
            subject=item.subject,
            artist_key=result.artist_key if result else item.partition_key,
            rows=result.version.rows if result else 0,
            content_hash=result.version.hash if result else "",
            status=status,
            text=f"{item.partition_key or item.subject}: {error}",
            error=error,
            detail=result.detail if result else {},
        )

    @classmethod
    def refused(cls, artist_key: str, error: str) -> "Outcome":
        """The outcome for an artist that could not be worked on at all."""
        return cls(artist_key, artist_key, 0, "", Status.FAILED, f"{artist_key}: {error}", error)

    @classmethod
    def from_archive(cls, result: Mapping[str, Any]) -> "Outcome":
        """The outcome that an archived item's `result` holds. Older ones have `changed` and no `status`."""
        fields = dict(result)
        has_changed = fields.pop("changed", False)
        for flag in ("waiting", "buried"):  # false in every older result: only finished work is archived with one
            fields.pop(flag, None)
        if "status" in fields:
            status = Status(fields.pop("status"))
        elif fields.get("detail", {}).get("verdict") == "ambiguous":
            status = Status.AMBIGUOUS
        else:
            status = Status.of_change(has_changed=has_changed)
        return cls(**fields, status=status)


@dataclass(frozen=True, slots=True)
class SourceCount:
    """How a source did for one artist.

    `rows`: recordings that it knows. The other fields count this attempt's answers. `error`: an error of the source, or
    why the artist was not reached at all; then `version` is None. The archive keeps it by the names of its fields, and
    is read by later versions.
    """

    rows: int
    version: str | None
    changed: bool
    found: int
    absent: int
    failed: int
    retriable: int
    waiting: int
    unneeded: int
    skipped: int
    error: str | None

    @property
    def attempted(self) -> int:
        """Recordings about which the source was asked, or should have been."""
        return self.found + self.absent + self.failed

    @property
    def is_failed(self) -> bool:
        """Whether a question got no answer."""
        return self.failed > 0 or self.version is None

    @property
    def is_skipped(self) -> bool:
        """Whether the source cannot be asked here at all."""
        return self.skipped > 0 and not self.attempted

    @property
    def is_done(self) -> bool:
        """Whether there is an answer, or no need of one."""
        return not self.is_skipped and (not self.is_failed or self.found + self.absent > 0)

    @property
    def is_news(self) -> bool:
        """Whether anything happened that is worth an event."""
        return self.changed or self.is_failed or bool(self.attempted or self.skipped)


@dataclass(frozen=True, slots=True)
class Progress:
    """How many items this run has worked on so far, and how many of them are not done."""

    done: int
    failed: int
    seconds: float


ProgressReport = Callable[[Progress], None]
