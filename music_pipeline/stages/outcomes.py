"""What a stage tells whoever ran it: the outcome of each piece of work, and how far the run has come.

Nothing but the words for it, so that who only wants these loads no stage; how work is done is in `runner`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from music_pipeline.ledger.records import Stage

ASSET_OF_STAGE = {
    Stage.ARTIST_DISCOVERY: "artists",
    Stage.ALBUM_DISCOVERY: "releases",
    Stage.TRACK_DISCOVERY: "tracks",
    Stage.PRODUCER_IDENTIFICATION: "producers",
    Stage.ENRICHMENT: "enriched_tracks",
    Stage.SOCIAL_ENRICHMENT: "producer_profiles",
}


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
class Chunk:
    """Progress: how many pieces of work were done by this run so far, and how they ended."""

    done: int
    failed: int
    seconds: float


ChunkReport = Callable[[Chunk], None]
