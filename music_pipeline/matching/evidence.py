"""Evidence and verdicts: whether two sources speak of the same thing, and why."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from music_pipeline.matching.names import normalise_name

ProviderId = tuple[str, str]
"""A provider and its id: ("musicbrainz", "8f3471b5-…"). The ids of one provider must name one kind of entity."""


class Verdict(StrEnum):
    """Whether two things are the same. AMBIGUOUS: the evidence does not decide; neither merge nor dismiss."""

    SAME = "same"
    DIFFERENT = "different"
    AMBIGUOUS = "ambiguous"


@dataclass(frozen=True, slots=True)
class Fact:
    """A named piece of evidence, for a person to read."""

    name: str
    detail: str


@dataclass(frozen=True, slots=True)
class Match:
    """A verdict with its evidence. `confidence`: from 0 to 1, that both are the same."""

    verdict: Verdict
    confidence: float
    evidence: tuple[Fact, ...]


def disjoint_providers(first: frozenset[ProviderId], second: frozenset[ProviderId]) -> frozenset[str]:
    """Providers that know both sides, but only under different ids."""
    both = {provider for provider, _ in first} & {provider for provider, _ in second}
    return frozenset(both - {provider for provider, _ in first & second})


def match_by_unique_ids(first: frozenset[ProviderId], second: frozenset[ProviderId]) -> Match | None:
    """The verdict of unique ids. None: no provider knows both sides."""
    shared, contradicting = first & second, disjoint_providers(first, second)
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
    """The difference of two durations in milliseconds. None: one is unknown (None or 0)."""
    return abs(left - right) if left and right else None


def share_an_artist(first: Iterable[str], second: Iterable[str]) -> bool:
    """Whether two lists of credited artists have a normalised name in common."""
    return not {normalise_name(name) for name in first}.isdisjoint(normalise_name(name) for name in second)
