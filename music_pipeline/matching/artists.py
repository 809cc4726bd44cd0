"""Which of a provider's artists a bare name means. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from music_pipeline.matching.evidence import Fact, Verdict
from music_pipeline.matching.names import is_not_an_artist, names_are_close, normalise_name


@dataclass(frozen=True, slots=True)
class ArtistCandidate:
    """An artist that a provider offers for a name. A Discogs name comes without its namesake number.

    `popularity`: in the provider's own measure. It orders candidates for a reader, and decides nothing.
    """

    provider_id: str
    name: str
    aliases: tuple[str, ...] = ()
    popularity: int | None = None


@dataclass(frozen=True, slots=True)
class ArtistChoice:
    """The choice for a requested name. `candidates`: those of the equal name, then the close ones; no others."""

    verdict: Verdict
    chosen: ArtistCandidate | None
    candidates: tuple[ArtistCandidate, ...]
    evidence: tuple[Fact, ...]


def choose_artist(requested_name: str, candidates: Sequence[ArtistCandidate]) -> ArtistChoice:
    """Choose the artist that a bare name means.

    SAME: exactly one candidate has the equal normalised name or alias, and no other comes close. AMBIGUOUS: several are
    equal, or any is close. DIFFERENT: none has the name, and none is chosen.
    """
    offered = list({one.provider_id: one for one in candidates if is_not_an_artist(one.name) is None}.values())
    equal = _by_popularity(one for one in offered if _has_name(one, requested_name))
    close = _by_popularity(one for one in offered if one not in equal and _comes_close(one, requested_name))
    evidence = (
        Fact("requested name", normalise_name(requested_name)),
        *(Fact("equal name", f"{one.name} ({one.provider_id})") for one in equal),
        *(Fact("close name", f"{one.name} ({one.provider_id})") for one in close),
    )
    if len(equal) == 1 and not close:
        return ArtistChoice(Verdict.SAME, equal[0], (equal[0],), evidence)
    verdict = Verdict.AMBIGUOUS if equal or close else Verdict.DIFFERENT
    return ArtistChoice(verdict, None, (*equal, *close), evidence)


def _has_name(candidate: ArtistCandidate, requested_name: str) -> bool:
    wanted = normalise_name(requested_name)
    return any(normalise_name(name) == wanted for name in (candidate.name, *candidate.aliases))


def _comes_close(candidate: ArtistCandidate, requested_name: str) -> bool:
    return any(names_are_close(name, requested_name) for name in (candidate.name, *candidate.aliases))


def _by_popularity(candidates: Iterable[ArtistCandidate]) -> list[ArtistCandidate]:
    return sorted(candidates, key=lambda one: (one.popularity is None, -(one.popularity or 0), one.provider_id))
