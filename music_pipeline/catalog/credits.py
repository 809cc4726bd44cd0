"""Production credits: what each source says, and how sure the joined credit is.

`matching/roles` decides whether a role is production. `stages/credits` decides which song it is about.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from music_pipeline.catalog.external_ids import lock_identity
from music_pipeline.catalog.producers import Link, Person, write_producers
from music_pipeline.catalog.shrink_guard import Loss, accept_or_hold
from music_pipeline.database.queries import query
from music_pipeline.database.rows import content_hash, write_rows
from music_pipeline.database.uuid7 import new_id
from music_pipeline.matching.evidence import ProviderId

# These concern a whole release, not the music of each recording on it. They stay with their release.
RELEASE_CLASSES = frozenset({"executive", "compilation", "reissue", "other"})
NO_LONGER_STATED = "The source was read again and no longer says it."


@dataclass(frozen=True, slots=True)
class CreditSource:
    """A place where a provider states a credit. `entity`: what the provider calls it (release, recording, song).

    `match_confidence`: that it is about our recording. `field_confidence`: that the field is right.
    """

    provider: str
    level: str
    entity: str
    id: str
    role: str
    credited_as: str
    match_confidence: float
    field_confidence: float

    @property
    def key(self) -> tuple[str, str, str, str]:
        """The fields that tell one source of a credit from another."""
        return self.provider, self.level, self.id, self.role

    @property
    def confidence(self) -> float:
        """How sure it is that this source is right about the song and the field."""
        return self.match_confidence * self.field_confidence


@dataclass(frozen=True, slots=True)
class FoundCredit:
    """A production credit of a recording as one source states it. `release_id`: for credits of a whole release."""

    recording_id: UUID
    release_id: UUID | None
    person: Person
    role_class: str
    source: CreditSource


CreditKey = tuple[UUID, UUID, str, UUID | None]
"""Recording, producer, class of role, release (for the classes that are about a release)."""
SourceKey = tuple[str, str, str, str]
CreditSources = Mapping[CreditKey, Mapping[SourceKey, CreditSource]]


@dataclass(frozen=True, slots=True)
class _HeldCredit:
    credit_id: UUID
    sources: Mapping[SourceKey, CreditSource]


def scope_of(role_class: str, level: str, release_id: UUID) -> UUID | None:
    """The release that a credit is confined to. None: the credit is about the recording."""
    return release_id if level == "release" and role_class in RELEASE_CLASSES else None


def combined_confidence(sources: Iterable[CreditSource]) -> float:
    """Combine providers by noisy-or.

    Each counts once, at its best, because it repeats itself.
    """
    best: dict[str, float] = defaultdict(float)
    for source in sources:
        best[source.provider] = max(best[source.provider], source.confidence)
    return round(1 - math.prod(1 - confidence for confidence in best.values()), 4)


def write_credits(
    connection: sa.Connection,
    artist_id: UUID,
    found: Sequence[FoundCredit],
    links: Sequence[Link],
    *,
    recording_ids: Collection[UUID],
    places_read: Collection[ProviderId],
) -> None:
    """Write what sources state about these recordings.

    `places_read`: pages read completely. A credit missing from one of them is lost.
    """
    lock_identity(connection)
    producers = write_producers(connection, list({one.person.id: one.person for one in found}.values()), links)
    held = _held_credits(connection, recording_ids)
    stated = _stated(found, producers)
    lost = {
        key: [
            source
            for source in credit.sources.values()
            if (source.provider, source.id) in places_read and source.key not in stated.get(key, {})
        ]
        for key, credit in held.items()
    }
    loss = _loss(artist_id, held, lost)
    is_accepted = accept_or_hold(connection, loss)
    _write(connection, held, stated, lost if is_accepted else {})
    if is_accepted and loss.row_keys:
        deactivate_credit_sources(connection, loss.row_keys, recording_ids, reason=NO_LONGER_STATED)


def _held_credits(connection: sa.Connection, recording_ids: Collection[UUID]) -> dict[CreditKey, _HeldCredit]:
    rows = connection.execute(query("credits_of_recordings"), {"recording_ids": [str(one) for one in recording_ids]})
    ids: dict[CreditKey, UUID] = {}
    sources: defaultdict[CreditKey, dict[SourceKey, CreditSource]] = defaultdict(dict)
    for row in rows:
        key = (row.recording_id, row.producer_id, row.role_class, row.release_id)
        ids[key] = row.credit_id
        if row.provider is not None and row.source_inactive_at is None:
            source = CreditSource(
                provider=row.provider,
                level=row.level,
                entity=row.provider_entity,
                id=row.provider_id,
                role=row.source_role,
                credited_as=row.source_credited_as,
                match_confidence=round(row.match_confidence, 4),
                field_confidence=round(row.field_confidence, 4),
            )
            sources[key][source.key] = source
    return {key: _HeldCredit(credit_id, sources[key]) for key, credit_id in ids.items()}


def _stated(found: Iterable[FoundCredit], producers: Mapping[ProviderId, UUID]) -> CreditSources:
    """The sources of each credit that was found. Of two with one key, the surer counts."""
    stated: defaultdict[CreditKey, dict[SourceKey, CreditSource]] = defaultdict(dict)
    for one in found:
        key = (one.recording_id, producers[one.person.id], one.role_class, one.release_id)
        known = stated[key].get(one.source.key)
        if known is None or known.confidence < one.source.confidence:
            stated[key][one.source.key] = one.source
    return dict(stated)


def _write(
    connection: sa.Connection,
    held: Mapping[CreditKey, _HeldCredit],
    stated: CreditSources,
    lost: Mapping[CreditKey, Sequence[CreditSource]],
) -> None:
    credit_rows, source_rows = [], []
    for key in {**stated, **{key: sources for key, sources in lost.items() if sources}}:
        known = held.get(key)
        credit_id = known.credit_id if known else new_id()
        gone = {source.key for source in lost.get(key, ())}
        kept = {name: source for name, source in (known.sources if known else {}).items() if name not in gone}
        sources = kept | dict(stated.get(key, {}))
        if sources:
            credit_rows.append(_credit_row(credit_id, key, sources.values()))
        source_rows += [_source_row(credit_id, source) for source in stated.get(key, {}).values()]
    write_rows(connection, "write_credits", credit_rows)
    write_rows(connection, "write_credit_sources", source_rows)


def _credit_row(credit_id: UUID, key: CreditKey, sources: Collection[CreditSource]) -> dict[str, object]:
    recording_id, producer_id, role_class, release_id = key
    surest = max(sources, key=lambda one: (one.confidence, one.key))
    confidence = combined_confidence(sources)
    return {
        "credit_id": credit_id,
        "recording_id": recording_id,
        "release_id": release_id,
        "producer_id": producer_id,
        "role": surest.role,
        "role_class": role_class,
        "credited_as": surest.credited_as,
        "confidence": confidence,
        "content_hash": content_hash(surest.role, role_class, surest.credited_as, confidence),
    }


def _source_row(credit_id: UUID, source: CreditSource) -> dict[str, object]:
    return {
        "credit_id": credit_id,
        "provider": source.provider,
        "level": source.level,
        "provider_entity": source.entity,
        "provider_id": source.id,
        "role": source.role,
        "credited_as": source.credited_as,
        "match_confidence": round(source.match_confidence, 4),
        "field_confidence": round(source.field_confidence, 4),
    }


def _loss(
    artist_id: UUID, held: Mapping[CreditKey, _HeldCredit], lost: Mapping[CreditKey, Sequence[CreditSource]]
) -> Loss:
    known = sum(len(credit.sources) for credit in held.values())
    rows = [
        {
            "credit_id": held[key].credit_id,
            "provider": source.provider,
            "level": source.level,
            "provider_id": source.id,
            "role": source.role,
        }
        for key, sources in lost.items()
        for source in sources
    ]
    return Loss(
        artist_id=artist_id,
        entity="credits",
        row_keys=rows,
        known=known,
        answered=known - len(rows),
        reason=f"Sources that were read again no longer say {len(rows)} of {known} credits.",
    )


def deactivate_credit_sources(
    connection: sa.Connection, rows: Sequence[Mapping[str, Any]], recording_ids: Collection[UUID], *, reason: str
) -> None:
    """Set sources of credits inactive, and with them the credits that no source states any more."""
    write_rows(connection, "inactivate_credit_sources", rows, reason=reason)
    parameters = {"recording_ids": [str(one) for one in recording_ids], "reason": reason}
    connection.execute(query("inactivate_unsourced_credits"), parameters)
