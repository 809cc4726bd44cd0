"""Decide what only a person can: who is meant, and whether a loss is real.

The work that follows is enqueued too.
"""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import sqlalchemy as sa

from music_pipeline.actions.action import action
from music_pipeline.catalog import reviews
from music_pipeline.catalog.artists import artists_by_id
from music_pipeline.catalog.reviews import Decision, Review
from music_pipeline.work.enqueue import enqueue
from music_pipeline.work.model import Enqueued, Stage

# What was fetched while the person was deciding need not be fetched again.
TIME_TO_DECIDE = timedelta(hours=1)


def accept_review(engine: sa.Engine, id_or_prefix: str, choice: str, decided: Decision) -> Enqueued:
    """Lock an ambiguous subject to a candidate, and enqueue the work that had stopped there. Raises DecisionError."""
    with action(engine, "review_accepted", by=decided.by, why=decided.why) as act:
        review = reviews.review(act.connection, id_or_prefix)
        chosen_id = reviews.chosen_candidate(review, choice)
        reviews.accept_review(act.connection, review, chosen_id, decided)
        act.facts(review=review.review_id, question=review.question, chosen=chosen_id)
        if review.kind == "artist":
            return _discover(act.connection, review, chosen_id, act.correlation_id)
        return _identify_again(act.connection, review, act.correlation_id)


def reject_review(engine: sa.Engine, id_or_prefix: str, decided: Decision) -> Review:
    """Lock an ambiguous subject to none of its candidates. Raises DecisionError."""
    with action(engine, "review_rejected", by=decided.by, why=decided.why) as act:
        review = reviews.review(act.connection, id_or_prefix)
        reviews.reject_review(act.connection, review, decided)
        act.facts(review=review.review_id, question=review.question)
    return review


def accept_held(engine: sa.Engine, id_or_prefix: str, decided: Decision) -> reviews.HeldChange:
    """Deactivate the rows of a held change, with the reason. Raises DecisionError."""
    with action(engine, "held_accepted", by=decided.by, why=decided.why) as act:
        held = reviews.held_change(act.connection, id_or_prefix)
        reviews.accept_held(act.connection, held, decided)
        act.facts(held=held.held_id, reason=held.reason)
    return held


def reject_held(engine: sa.Engine, id_or_prefix: str, decided: Decision) -> reviews.HeldChange:
    """Keep the rows of a held change. Raises DecisionError."""
    with action(engine, "held_rejected", by=decided.by, why=decided.why) as act:
        held = reviews.held_change(act.connection, id_or_prefix)
        reviews.reject_held(act.connection, held, decided)
        act.facts(held=held.held_id, reason=held.reason)
    return held


def _discover(connection: sa.Connection, review: Review, chosen_id: str, correlation_id: str) -> Enqueued:
    names = {candidate["provider_id"]: candidate["name"] for candidate in review.candidates}
    return enqueue(
        connection,
        Stage.ARTIST_DISCOVERY,
        {"artistId": chosen_id, "artistName": names.get(chosen_id) or review.subject},
        subject=chosen_id,
        idempotency_key=f"artist_discovery:review:{review.review_id}:{_now().isoformat()}",
        correlation_id=correlation_id,
        cutoff=_now() - TIME_TO_DECIDE,
    )


def _identify_again(connection: sa.Connection, review: Review, correlation_id: str) -> Enqueued:
    artist_id = UUID(review.subject)
    artist = artists_by_id(connection, [artist_id]).get(artist_id)
    if artist is None:
        raise reviews.DecisionError(f"The catalogue no longer has the artist {artist_id} of this review.")
    return enqueue(
        connection,
        Stage.PRODUCER_IDENTIFICATION,
        {"artistId": str(artist_id), "artistName": artist.name},
        subject=str(artist_id),
        partition_key=artist.artist_key,
        idempotency_key=f"producer_identification:review:{review.review_id}:{_now().isoformat()}",
        correlation_id=correlation_id,
        cutoff=_now() - TIME_TO_DECIDE,
    )


def _now() -> datetime:
    return datetime.now(UTC)
