"""The work of a refresh: enqueue and claim a stage for exactly the named artists, due or not.

How it is worked on is in `runner`.
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
    """The work on named artists.

    `items`: what was claimed. `narrowed`: the items among them that were open for all sources, and are now for some.
    `refused`: the artists that cannot be worked on now, with the reason.
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
    """Enqueue and claim the stage for the artists with these keys. `cutoff`, `sources`: see `runner.refresh`."""
    with engine.begin() as connection:
        found = artists_by_key(connection, keys)
        artists = {key: artist for key, artist in found.items() if artist.spotify_id is not None}
        enqueued = {
            key: _enqueue(connection, stage, key, artist, run_id=run_id, cutoff=cutoff, sources=sources)
            for key, artist in artists.items()
        }
    work_ids = [request.work_id for request in enqueued.values()]
    items = claim(engine, stage, run_id=run_id, limit=len(keys), work_ids=work_ids)
    claimed = {item.work_id for item in items}
    unknown = [Outcome.refused(key, UNKNOWN) for key in keys if key not in artists]
    held = [Outcome.refused(key, HELD) for key, request in enqueued.items() if request.work_id not in claimed]
    joined = {request.work_id for request in enqueued.values() if request.answer == "already_enqueued"}
    narrowed = [item for item in items if sources is not None and item.work_id in joined]
    return NamedWork(items, narrowed, unknown + held)


def ask_all_sources(engine: sa.Engine, stage: Stage, narrowed: Sequence[WorkItem]) -> None:
    """Enqueue again, for all sources, the items that were narrowed to some."""
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
