"""What a person decides: whom a name means, and whether a held loss is accepted.

A decision is written once, and every later look-up obeys it. `actions/decide` enqueues the work that follows.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa

from music_pipeline.catalog.credits import deactivate_credit_sources
from music_pipeline.catalog.releases import deactivate_releases
from music_pipeline.catalog.tracks import deactivate_tracks
from music_pipeline.database.queries import query

ID_PREFIX = re.compile(r"^[0-9a-f-]{4,36}$")


class DecisionError(Exception):
    """No such review or held change, or no such choice. The text says what there is."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Who decided, and why."""

    by: str
    why: str | None


@dataclass(frozen=True, slots=True)
class Review:
    """An ambiguous identity. `subject`: the normalised name that was asked for, or the id of an artist of ours."""

    review_id: UUID
    kind: str
    subject: str
    question: str
    candidates: list[dict[str, Any]]
    evidence: list[dict[str, Any]]
    status: str
    chosen_id: str | None
    decided_by: str | None
    decided_why: str | None
    created_at: datetime
    decided_at: datetime | None


@dataclass(frozen=True, slots=True)
class HeldChange:
    """A loss too large to be plausible.

    An answer of `answered` rows lacks `row_keys` of the `known` ones.
    """

    held_id: UUID
    artist_id: UUID
    artist_key: str
    artist: str
    entity: Literal["artist_releases", "tracks", "credits"]
    row_keys: list[dict[str, Any]]
    known: int
    answered: int
    reason: str
    status: str
    decided_by: str | None
    decided_why: str | None
    created_at: datetime
    decided_at: datetime | None


def reviews(connection: sa.Connection, status: str | None = "open") -> list[Review]:
    """The reviews of a status, or all, the oldest first."""
    rows = connection.execute(query("reviews"), {"status": status, "prefix": None}).mappings()
    return [Review(**row) for row in rows]


def review(connection: sa.Connection, id_or_prefix: str) -> Review:
    """The review with this id, or the only one whose id begins so. Raises DecisionError."""
    return Review(**_only_one(connection, "reviews", "review", id_or_prefix))


def held_changes(connection: sa.Connection, status: str | None = "held") -> list[HeldChange]:
    """The held changes of a status, or all, the oldest first."""
    rows = connection.execute(query("held_changes"), {"status": status, "prefix": None}).mappings()
    return [HeldChange(**row) for row in rows]


def held_change(connection: sa.Connection, id_or_prefix: str) -> HeldChange:
    """The held change with this id, or the only one whose id begins so. Raises DecisionError."""
    return HeldChange(**_only_one(connection, "held_changes", "held change", id_or_prefix))


def _only_one(connection: sa.Connection, name: str, noun: str, prefix: str) -> Mapping[str, Any]:
    if not ID_PREFIX.match(prefix.lower()):
        raise DecisionError(f"{prefix!r} is no id of a {noun}: give it, or at least its first four characters.")
    rows = connection.execute(query(name), {"status": None, "prefix": prefix.lower()}).mappings().all()
    if len(rows) != 1:
        raise DecisionError(f"{'No' if not rows else 'More than one'} {noun} has an id that begins with {prefix}.")
    return dict(rows[0])


def chosen_candidate(review: Review, choice: str) -> str:
    """A candidate's provider id, chosen by that id or by its number in the list, from 1. Raises DecisionError."""
    ids = [str(candidate["provider_id"]) for candidate in review.candidates]
    if choice in ids:
        return choice
    if choice.isdecimal() and 1 <= int(choice) <= len(ids):
        return ids[int(choice) - 1]
    raise DecisionError(
        f"{choice!r} is no candidate of this review: give a number up to {len(ids)}, or one of the ids."
    )


def accept_review(connection: sa.Connection, review: Review, chosen_id: str, decision: Decision) -> None:
    """Lock the subject to a candidate."""
    _decide_review(connection, review, "accepted", chosen_id, decision)


def reject_review(connection: sa.Connection, review: Review, decision: Decision) -> None:
    """Lock the subject to none of the candidates."""
    _decide_review(connection, review, "rejected", None, decision)


def _decide_review(
    connection: sa.Connection, review: Review, status: str, chosen_id: str | None, decision: Decision
) -> None:
    connection.execute(
        query("decide_review"),
        {
            "review_id": review.review_id,
            "status": status,
            "chosen_id": chosen_id,
            "by": decision.by,
            "why": decision.why,
        },
    )


def accept_held(connection: sa.Connection, held: HeldChange, decision: Decision) -> None:
    """Accept the loss: set its rows inactive, with the reason. Raises DecisionError if it is decided already."""
    _decide_held(connection, held, "accepted", decision)
    reason = f"{held.reason} Accepted by {decision.by}{f': {decision.why}' if decision.why else '.'}"
    if held.entity == "artist_releases":
        deactivate_releases(connection, held.artist_id, _ids(held, "release_id"), reason=reason)
    elif held.entity == "tracks":
        deactivate_tracks(connection, _ids(held, "track_id"), reason=reason)
    else:
        credit_ids = [str(one) for one in _ids(held, "credit_id")]
        recordings = connection.execute(query("recordings_of_credits"), {"credit_ids": credit_ids}).scalars().all()
        deactivate_credit_sources(connection, held.row_keys, recordings, reason=reason)


def reject_held(connection: sa.Connection, held: HeldChange, decision: Decision) -> None:
    """Keep the rows, even if later answers lack them. Raises DecisionError if it is decided already."""
    _decide_held(connection, held, "rejected", decision)


def _decide_held(connection: sa.Connection, held: HeldChange, status: str, decision: Decision) -> None:
    values = {"held_id": held.held_id, "status": status, "by": decision.by, "why": decision.why}
    if connection.execute(query("decide_held_change"), values).one_or_none() is None:
        raise DecisionError(f"The held change {held.held_id} is {held.status}: there is nothing left to decide.")


def _ids(held: HeldChange, key: str) -> Sequence[UUID]:
    return [UUID(row_key[key]) for row_key in held.row_keys]
