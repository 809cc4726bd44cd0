"""A provider's name and its id: ("musicbrainz", "8f3471b5-…"). One provider's ids must be of one kind of entity."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from music_pipeline.matching.names import normalise_name

ProviderId = tuple[str, str]


class Verdict(StrEnum):
    """Whether two things are one. AMBIGUOUS: the evidence does not decide, so nothing may be merged or dismissed."""

    SAME = "same"
    DIFFERENT = "different"
    AMBIGUOUS = "ambiguous"


@dataclass(frozen=True, slots=True)
class Fact:
    """One named piece of evidence, with what was found, for a person to read."""

    name: str
    detail: str


@dataclass(frozen=True, slots=True)
class Match:
    """A verdict with its evidence. confidence: 0 to 1, how sure it is that both are the same."""

    verdict: Verdict
    confidence: float
    evidence: tuple[Fact, ...]


def disjoint_providers(ours: frozenset[ProviderId], theirs: frozenset[ProviderId]) -> frozenset[str]:
    """Providers that know both sides, under ids of which none is shared."""
    both = {provider for provider, _ in ours} & {provider for provider, _ in theirs}
    return frozenset(both - {provider for provider, _ in ours & theirs})


def match_by_unique_ids(ours: frozenset[ProviderId], theirs: frozenset[ProviderId]) -> Match | None:
    """The verdict of ids that name one thing each, or None if no provider knows both sides."""
    shared, contradicting = ours & theirs, disjoint_providers(ours, theirs)
    evidence = (
        *(Fact("shared id", f"{provider}:{provider_id}") for provider, provider_id in sorted(shared)),
        *(Fact("two ids of one provider", provider) for provider in sorted(contradicting)),
    )
    if shared and contradicting:
        return Match(Verdict.AMBIGUOUS, 0.5, evidence)
    if shared:
        return Match(Verdict.SAME, 1.0, evidence)
    return Match(Verdict.DIFFERENT, 0.0, evidence) if contradicting else None


def duration_gap_ms(left: int | None, right: int | None) -> int | None:
    """The difference of two durations in milliseconds, or None if one is unknown (None or 0)."""
    return abs(left - right) if left and right else None


def share_an_artist(ours: Iterable[str], theirs: Iterable[str]) -> bool:
    """Whether two lists of credited artists have an equal normalised name."""
    return not {normalise_name(name) for name in ours}.isdisjoint(normalise_name(name) for name in theirs)
