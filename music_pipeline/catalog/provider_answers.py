"""How providers last answered about an artist, and the ambiguous identities that a person is to decide."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal
from uuid import UUID

import sqlalchemy as sa

from music_pipeline.database.queries import query
from music_pipeline.database.rows import write_rows
from music_pipeline.matching.artists import ArtistChoice

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
class ChosenIdentity:
    """A person's decision on an ambiguous identity. `chosen_id`: None if no candidate is meant."""

    chosen_id: str | None


def outcome_of_list(items: int, *, complete: bool, error: str | None) -> AnswerOutcome:
    """Classify a provider's answer by its item count.

    `error`: why the list could not be read.
    """
    if error is not None:
        return "failed"
    if not complete:
        return "partial"
    return "found" if items else "empty"


def write_answers(connection: sa.Connection, answers: Sequence[ProviderAnswer]) -> None:
    """Keep the last answer to each question."""
    write_rows(connection, "write_provider_answers", [asdict(answer) for answer in answers])


def settled_providers(connection: sa.Connection, artist_id: UUID) -> frozenset[str]:
    """Providers that answered for all of an artist's releases.

    They do not know what they did not name.
    """
    answers = connection.execute(query("answers_about_recordings"), {"artist_id": artist_id})
    return frozenset(row.provider for row in answers if row.outcome in SETTLED)


def decision_on(connection: sa.Connection, kind: str, subject: str) -> ChosenIdentity | None:
    """A person's decision on an identity. None: there is none yet."""
    row = connection.execute(query("review_of"), {"kind": kind, "subject": subject}).one_or_none()
    if row is None or row.status == "open":
        return None
    return ChosenIdentity(row.chosen_id if row.status == "accepted" else None)


def ask_for_review(connection: sa.Connection, *, kind: str, subject: str, question: str, choice: ArtistChoice) -> None:
    """Ask a person to decide an ambiguous choice. Keep its candidates and evidence."""
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
