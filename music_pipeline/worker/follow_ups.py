"""The requests by which one stage hands over to the next. What a stage does is in its own module."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from music_pipeline.catalog.artists import Artist
from music_pipeline.work.model import EnqueueRequest, Origin, Stage, WorkItem
from music_pipeline.work.stages import STAGES

FRESH_FOR = timedelta(hours=24)


def follow_up(item: WorkItem, stage: Stage, artist: Artist, *, window: str, fresh: bool) -> EnqueueRequest:
    """Request the next stage for an artist. `fresh`: skip it if it succeeded within the last day."""
    cursor = {"offset": 0} if STAGES[stage].is_paged else {}
    return EnqueueRequest(
        stage=stage,
        payload={"artistId": str(artist.artist_id), "artistName": artist.name} | cursor,
        subject=str(artist.artist_id),
        idempotency_key=f"{stage}:{artist.artist_id}:{window}",
        partition_key=artist.artist_key,
        origin=item.origin,
        priority=item.priority,
        force=item.force,
        correlation_id=item.correlation_id,
        cutoff=item.cutoff,
        fresh_for=FRESH_FOR if fresh else None,
    )


def look_up_producer(
    producer_id: UUID, name: str, *, origin: Origin, window: datetime, correlation_id: str | None = None
) -> EnqueueRequest:
    """Request the profiles of a producer."""
    return EnqueueRequest(
        stage=Stage.SOCIAL_ENRICHMENT,
        payload={"producerId": str(producer_id), "producerName": name},
        subject=str(producer_id),
        idempotency_key=f"{Stage.SOCIAL_ENRICHMENT}:{producer_id}:{window.isoformat()}",
        origin=origin,
        correlation_id=correlation_id,
    )


def look_up_producers(item: WorkItem, producers: Iterable[tuple[UUID, str]]) -> tuple[EnqueueRequest, ...]:
    """Request the profiles of producers (id, name) that an item's work found."""
    return tuple(
        look_up_producer(producer_id, name, origin=item.origin, window=item.cutoff, correlation_id=item.correlation_id)
        for producer_id, name in producers
    )
