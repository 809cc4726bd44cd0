"""A provider's name and its id: ("musicbrainz", "8f3471b5-…"). One provider's ids must be of one kind of entity."""

from dataclasses import dataclass

from music_pipeline.matching.evidence import ProviderId, Verdict, disjoint_providers


@dataclass(frozen=True, slots=True)
class PersonIds:
    """A person's ids: of the sources that credited them, and those that a source states to be the same person's."""

    ids: frozenset[ProviderId]
    linked: frozenset[ProviderId] = frozenset()


def same_person(left: PersonIds, right: PersonIds) -> Verdict:
    """Whether two credited people are one, by shared or linked provider ids only.

    DIFFERENT if a provider knows them under two ids; AMBIGUOUS if no provider knows both, or ids contradict each other.
    A name is no evidence: it is not asked for.
    """
    ours, theirs = left.ids | left.linked, right.ids | right.linked
    contradicting = disjoint_providers(ours, theirs)
    if ours & theirs:
        return Verdict.AMBIGUOUS if contradicting else Verdict.SAME
    return Verdict.DIFFERENT if contradicting else Verdict.AMBIGUOUS
