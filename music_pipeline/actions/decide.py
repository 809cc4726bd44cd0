"""A person's decisions together with the work that follows from them, in one transaction each."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import sqlalchemy as sa

from music_pipeline.catalog import reviews
from music_pipeline.catalog.artists import artists_by_id
from music_pipeline.catalog.audit import set_audit_reason
from music_pipeline.catalog.reviews import Decision, Review
from music_pipeline.work.enqueue import enqueue
from music_pipeline.work.model import Enqueued, Stage

# What was read while the person was deciding need not be read again.
TIME_TO_DECIDE = timedelta(hours=1)


def accept_review(engine: sa.Engine, id_or_prefix: str, choice: str, decided: Decision) -> Enqueued:
    """Lock an ambiguous subject to a candidate, and enqueue again at once what had stopped there.

    Raises DecisionError.
    """
    with engine.begin() as connection:
        review = reviews.review(connection, id_or_prefix)
        chosen_id = reviews.chosen_candidate(review, choice)
        correlation_id = _explain(connection, f"{decided.by} accepted {chosen_id}: {review.question}")
        reviews.accept_review(connection, review, chosen_id, decided)
        if review.kind == "artist":
            return _discover(connection, review, chosen_id, correlation_id)
        return _identify_again(connection, review, correlation_id)


def reject_review(engine: sa.Engine, id_or_prefix: str, decided: Decision) -> Review:
    """Lock an ambiguous subject to none of its candidates. Raises DecisionError."""
    with engine.begin() as connection:
        review = reviews.review(connection, id_or_prefix)
        _explain(connection, f"{decided.by} rejected all candidates: {review.question}")
        reviews.reject_review(connection, review, decided)
    return review


def accept_held(engine: sa.Engine, id_or_prefix: str, decided: Decision) -> reviews.HeldChange:
    """Set the rows of a held change inactive, with the reason. Raises DecisionError."""
    with engine.begin() as connection:
        held = reviews.held_change(connection, id_or_prefix)
        _explain(connection, f"{decided.by} accepted: {held.reason}")
        reviews.accept_held(connection, held, decided)
    return held


def reject_held(engine: sa.Engine, id_or_prefix: str, decided: Decision) -> reviews.HeldChange:
    """Keep the rows of a held change. Raises DecisionError."""
    with engine.begin() as connection:
        held = reviews.held_change(connection, id_or_prefix)
        _explain(connection, f"{decided.by} rejected: {held.reason}")
        reviews.reject_held(connection, held, decided)
    return held


def _explain(connection: sa.Connection, why: str) -> str:
    correlation_id = str(uuid4())
    set_audit_reason(connection, why=why, run_id="", correlation_id=correlation_id)
    return correlation_id


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
