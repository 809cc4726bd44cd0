"""Which release and tracks of a provider are held ones, and how sure a credit on them can be. Pure.

A credit is taken over only where the song was matched: by release and tracklist, or recording by recording.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from uuid import UUID

from music_pipeline.catalog.credits import CreditSource, FoundCredit, scope_of
from music_pipeline.catalog.producers import Person
from music_pipeline.matching.evidence import Verdict
from music_pipeline.matching.releases import ReleaseFacts, match_release, match_tracklists
from music_pipeline.matching.roles import Role, production_role
from music_pipeline.matching.titles import same_release_title
from music_pipeline.stages.credits.held_releases import ReleaseToMatch

# How often a field is right, given that it is about this song: a credit of one track before one of a whole release, a
# list of producers before a free label.
TRACK_FIELD = 0.95
RELEASE_FIELD = 0.90
LABEL_FIELD = 0.90
# A tracklist that is held in part still pairs single tracks, by title, version and duration.
PAIR_OF_A_PARTIAL_TRACKLIST = 0.70


@dataclass(frozen=True, slots=True)
class Pairing:
    """A held release and one of a provider: how sure they are the same, and which tracks are (held, listed)."""

    confidence: float
    is_same_release: bool
    tracks: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class StatedCredit:
    """A person's role as a provider prints it, and where. `entity`: what the provider calls the place."""

    person: Person
    role: Role
    credited_as: str
    level: str
    entity: str
    id: str
    field_confidence: float


def pair(release: ReleaseToMatch, listed: ReleaseFacts) -> Pairing | None:
    """Compare two releases with their tracks. None: neither they nor any of their tracks are the same."""
    match = match_release(release.facts, listed)
    if match.verdict is Verdict.DIFFERENT:
        return None
    tracks = match_tracklists(release.facts.tracks, listed.tracks)
    if match.verdict is Verdict.SAME:
        return Pairing(match.confidence, True, tracks)
    if not same_release_title(release.facts.title, listed.title) or not tracks:
        return None
    return Pairing(PAIR_OF_A_PARTIAL_TRACKLIST, False, tracks)


def found_credits(
    stated: Iterable[StatedCredit], recording_id: UUID, release_id: UUID, confidence: float
) -> Iterator[FoundCredit]:
    """The production credits of a recording among stated credits. `confidence`: that the song is the recording."""
    for one in stated:
        role_class = production_role(one.role)
        if role_class is None:
            continue
        yield FoundCredit(
            recording_id=recording_id,
            release_id=scope_of(role_class.value, one.level, release_id),
            person=one.person,
            role_class=role_class.value,
            source=CreditSource(
                provider=one.person.id[0],
                level=one.level,
                entity=one.entity,
                id=one.id,
                role=one.role.printed,
                credited_as=one.credited_as,
                match_confidence=round(confidence, 4),
                field_confidence=one.field_confidence,
            ),
        )
