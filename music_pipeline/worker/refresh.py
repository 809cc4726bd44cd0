"""The work of a refresh: enqueued and claimed for exactly the artists that are named, whatever is due.

How it is done is in `runner`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from music_pipeline.catalog.artists import Artist, artists_by_key
from music_pipeline.work.claim import claim
from music_pipeline.work.enqueue import enqueue
from music_pipeline.work.model import Enqueued, Stage, WorkItem
from music_pipeline.work.stages import STAGES
from music_pipeline.worker.outcomes import Outcome

UNKNOWN = "The catalogue has no artist with this key and a Spotify id."
HELD = "Another run is working on this artist; run it again when that has ended."


@dataclass(frozen=True, slots=True)
class NamedWork:
    """`items`: what was claimed. `narrowed`: of that, what was open for all sources and is now for some.

    `refused`: who cannot be worked on now, with the reason.
    """

    items: list[WorkItem]
    narrowed: list[WorkItem]
    refused: list[Outcome]


def claim_named(
    engine: sa.Engine,
    stage: Stage,
    keys: Sequence[str],
    *,
    run_id: str,
    cutoff: datetime,
    sources: Sequence[str] | None,
) -> NamedWork:
    """Enqueue the stage for the artists with these keys, and claim it. `cutoff`, `sources`: see `runner.refresh`."""
    with engine.begin() as connection:
        artists = {key: one for key, one in artists_by_key(connection, keys).items() if one.spotify_id is not None}
        enqueued = {
            key: _enqueue(connection, stage, key, artist, run_id=run_id, cutoff=cutoff, sources=sources)
            for key, artist in artists.items()
        }
    work_ids = [one.work_id for one in enqueued.values()]
    items = claim(engine, stage, run_id=run_id, limit=len(keys), work_ids=work_ids)
    claimed = {item.work_id for item in items}
    unknown = [_refused(key, UNKNOWN) for key in keys if key not in artists]
    held = [_refused(key, HELD) for key, one in enqueued.items() if one.work_id not in claimed]
    joined = {one.work_id for one in enqueued.values() if one.answer == "already_enqueued"}
    narrowed = [item for item in items if sources is not None and item.work_id in joined]
    return NamedWork(items, narrowed, unknown + held)


def ask_all_sources(engine: sa.Engine, stage: Stage, narrowed: Sequence[WorkItem]) -> None:
    """Enqueue for all sources what was open for them and is done for some only."""
    with engine.begin() as connection:
        for item in narrowed:
            enqueue(
                connection,
                stage,
                {name: value for name, value in item.payload.items() if name != "sources"},
                subject=item.subject,
                idempotency_key=f"{item.idempotency_key}:all",
                partition_key=item.partition_key,
                origin="batch",
                correlation_id=item.correlation_id,
            )


def _enqueue(
    connection: sa.Connection,
    stage: Stage,
    key: str,
    artist: Artist,
    *,
    run_id: str,
    cutoff: datetime,
    sources: Sequence[str] | None,
) -> Enqueued:
    artist_id = artist.spotify_id if STAGES[stage].subject == "request" else str(artist.artist_id)
    payload: dict[str, Any] = {"artistId": artist_id, "artistName": artist.name}
    if sources is not None:
        payload["sources"] = list(sources)
    return enqueue(
        connection,
        stage,
        payload,
        subject=str(artist_id),
        idempotency_key=f"{stage}:{artist.artist_id}:{run_id}",
        partition_key=key,
        force=True,
        correlation_id=run_id,
        cutoff=cutoff,
    )


def _refused(key: str, error: str) -> Outcome:
    return Outcome(key, key, 0, "", changed=False, error=error, waiting=False, buried=False, text=f"{key}: {error}")
