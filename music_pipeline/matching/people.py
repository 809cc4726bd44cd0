"""Whether two credited people are the same person, by provider ids alone. Pure."""

from dataclasses import dataclass

from music_pipeline.matching.evidence import ProviderId, Verdict, disjoint_providers


@dataclass(frozen=True, slots=True)
class PersonIds:
    """The ids under which sources credit a person, and those that a source links to the same person."""

    ids: frozenset[ProviderId]
    linked: frozenset[ProviderId] = frozenset()


def same_person(left: PersonIds, right: PersonIds) -> Verdict:
    """Decide whether two credited people are the same, by shared or linked provider ids. A name is no evidence.

    DIFFERENT: a provider knows them under two ids. AMBIGUOUS: no provider knows both, or ids contradict each other.
    """
    first, second = left.ids | left.linked, right.ids | right.linked
    contradicting = disjoint_providers(first, second)
    if first & second:
        return Verdict.AMBIGUOUS if contradicting else Verdict.SAME
    return Verdict.DIFFERENT if contradicting else Verdict.AMBIGUOUS
