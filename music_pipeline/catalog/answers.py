"""What providers last answered about an artist, what is ambiguous, and which losses are held for a person to judge."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa

from music_pipeline.catalog.changes import write_rows
from music_pipeline.catalog.identity import ArtistChoice
from music_pipeline.database import query

AnswerOutcome = Literal["found", "absent", "empty", "partial", "failed", "skipped", "ambiguous"]

SETTLED = frozenset({"found", "absent", "empty"})


@dataclass(frozen=True, slots=True)
class ProviderAnswer:
    """How a provider answered a question about an artist. `expected`: the items of a complete answer, where known."""

    artist_id: UUID
    provider: str
    question: str
    outcome: AnswerOutcome
    items: int | None = None
    expected: int | None = None
    error: str | None = None
    content_hash: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """A person's decision on an ambiguous identity. `chosen_id` None: none of the candidates is meant."""

    chosen_id: str | None


def write_answers(connection: sa.Connection, answers: Sequence[ProviderAnswer]) -> None:
    """Keep the last answer to each question."""
    write_rows(connection, "write_provider_answers", [asdict(answer) for answer in answers])


def settled_providers(connection: sa.Connection, artist_id: UUID) -> frozenset[str]:
    """Providers that answered for all of an artist's releases: what they did not name, they do not know."""
    answers = connection.execute(query("answers_about_recordings"), {"artist_id": artist_id})
    return frozenset(row.provider for row in answers if row.outcome in SETTLED)


def decision_on(connection: sa.Connection, kind: str, subject: str) -> Decision | None:
    """What a person decided on an identity, or None while nobody has."""
    row = connection.execute(query("review_of"), {"kind": kind, "subject": subject}).one_or_none()
    if row is None or row.status == "open":
        return None
    return Decision(row.chosen_id if row.status == "accepted" else None)


def ask_for_review(connection: sa.Connection, *, kind: str, subject: str, question: str, choice: ArtistChoice) -> None:
    """Keep an ambiguous choice, with its candidates and evidence, for a person to decide."""
    connection.execute(
        query("write_review"),
        {
            "kind": kind,
            "subject": subject,
            "question": question,
            "candidates": json.dumps([asdict(candidate) for candidate in choice.candidates]),
            "evidence": json.dumps([asdict(fact) for fact in choice.evidence]),
        },
    )


def hold(
    connection: sa.Connection,
    *,
    artist_id: UUID,
    entity: str,
    row_keys: Iterable[Mapping[str, Any]],
    known: int,
    answered: int,
    reason: str,
) -> None:
    """Keep a loss that is too large to believe; nothing is set inactive until a person accepts it."""
    keys = sorted((dict(key) for key in row_keys), key=lambda key: json.dumps(key, default=str, sort_keys=True))
    connection.execute(
        query("hold_change"),
        {
            "artist_id": artist_id,
            "entity": entity,
            "row_keys": json.dumps(keys, default=str),
            "known": known,
            "answered": answered,
            "reason": reason,
        },
    )


def supersede(connection: sa.Connection, artist_id: UUID, entity: str) -> None:
    """A later complete answer held the rows again: there is nothing left to decide."""
    connection.execute(query("supersede_held_change"), {"artist_id": artist_id, "entity": entity})


def kept_by_decision(connection: sa.Connection, artist_id: UUID, entity: str, key: str) -> set[str]:
    """Values of `key` in the rows that a person decided to keep although the provider no longer lists them."""
    rows = connection.execute(query("rejected_held_rows"), {"artist_id": artist_id, "entity": entity})
    return {str(row_key[key]) for row in rows for row_key in row.row_keys}
