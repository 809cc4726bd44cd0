"""Which release and tracks of a provider are ours, and how sure a credit on them can be. Pure.

A credit is only taken over where the song was matched: by release and tracklist, or recording by recording.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from music_pipeline.catalog.credits import FoundCredit, Source, scope_of
from music_pipeline.catalog.producers import Person
from music_pipeline.matching.evidence import Verdict
from music_pipeline.matching.releases import ReleaseFacts, match_release, match_tracklists
from music_pipeline.matching.roles import Role, production_role
from music_pipeline.matching.titles import same_release_title
from music_pipeline.stages.credits.held_releases import OurRelease

# How often a field says what is so, given that it speaks of this song: a credit of one track before one of a whole
# release, a list of producers before a free label.
TRACK_FIELD = 0.95
RELEASE_FIELD = 0.90
LABEL_FIELD = 0.90
# A tracklist of which only a part is ours still pairs single tracks by title, version and duration.
PAIR_OF_A_PARTIAL_TRACKLIST = 0.70


@dataclass(frozen=True, slots=True)
class Pairing:
    """A release of ours and one of a provider: how sure they are one, and which tracks are which (ours, theirs)."""

    confidence: float
    is_same_release: bool
    tracks: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Saying:
    """A role of somebody as a provider prints it, and where. `entity`: what the provider calls the place."""

    person: Person
    role: Role
    credited_as: str
    level: str
    entity: str
    id: str
    field_confidence: float


def pair(ours: OurRelease, theirs: ReleaseFacts) -> Pairing | None:
    """Compare two releases with their tracks; None if they are not one, or nothing on them is."""
    match = match_release(ours.facts, theirs)
    if match.verdict is Verdict.DIFFERENT:
        return None
    tracks = match_tracklists(ours.facts.tracks, theirs.tracks)
    if match.verdict is Verdict.SAME:
        return Pairing(match.confidence, True, tracks)
    if not same_release_title(ours.facts.title, theirs.title) or not tracks:
        return None
    return Pairing(PAIR_OF_A_PARTIAL_TRACKLIST, False, tracks)


def is_production(saying: Saying) -> bool:
    """Whether a saying is a production credit at all."""
    return production_role(saying.role) is not None


def credit(saying: Saying, recording_id: UUID, release_id: UUID, confidence: float) -> Iterator[FoundCredit]:
    """The production credit of a recording that a saying is, if it is one. `confidence`: of the song match."""
    role_class = production_role(saying.role)
    if role_class is None:
        return
    yield FoundCredit(
        recording_id=recording_id,
        release_id=scope_of(role_class.value, saying.level, release_id),
        person=saying.person,
        role_class=role_class.value,
        source=Source(
            provider=saying.person.id[0],
            level=saying.level,
            entity=saying.entity,
            id=saying.id,
            role=saying.role.printed,
            credited_as=saying.credited_as,
            match_confidence=round(confidence, 4),
            field_confidence=saying.field_confidence,
        ),
    )
