"""What a stage tells whoever ran it: the outcome of each piece of work, at each source, and how far the run has come.

Nothing but the words for it, so that who only wants these loads no stage; how work is done is in `runner`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one piece of work, for the events of its artist.

    `artist_key` None: no artist (an ambiguous or unknown name). `error`: why it is not done, None when it is.
    `waiting`: it goes on by itself when a provider is back. `buried`: it is given up. `text`: a line for the log.
    `detail`: what the stage tells of it (enrichment: a `SourceCount` as a mapping for each source).
    """

    subject: str
    artist_key: str | None
    rows: int
    content_hash: str
    changed: bool
    error: str | None
    waiting: bool
    buried: bool
    text: str
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SourceCount:
    """How a source did for one artist. `rows`: recordings that it knows by now; the rest counts this time's answers.

    `error`: an error of the source, or why the artist was not reached at all; then `version` is None. The archive keeps
    it by the names of its fields, and is read by later versions.
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
        """Recordings about which the source was asked, or was to be."""
        return self.found + self.absent + self.failed

    @property
    def is_failed(self) -> bool:
        """Whether something that was to be asked got no answer."""
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
class Chunk:
    """Progress: how many pieces of work were done by this run so far, and how they ended."""

    done: int
    failed: int
    seconds: float


ChunkReport = Callable[[Chunk], None]
