"""Who and what is one: the verdicts on artists, people and recordings, from the facts that two sources give.

Here belong the rules of identity, as pure functions of facts. Reading names and titles is in `names` and `titles`;
releases and their tracklists are compared in `release_identity`; reviews, locks and merges are done by the callers.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from music_pipeline.catalog.names import is_not_an_artist, names_are_close, normalise_name
from music_pipeline.catalog.titles import (
    Title,
    identity_versions,
    parse_title,
    same_version,
    titles_are_close,
    versions_may_agree,
)

ProviderId = tuple[str, str]
"""A provider's name and its id: ("musicbrainz", "8f3471b5-…"). One provider's ids must be of one kind of entity."""

ISRC_TOLERANCE_MS = 8_000
STRONG_DURATION_MS = 3_000
GRACE_DURATION_MS = 10_000
LARGEST_DURATION_GAP_MS = 30_000


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


@dataclass(frozen=True, slots=True)
class ArtistCandidate:
    """An artist that a provider offered for a name; a Discogs name comes without its namesake number.

    popularity: in the provider's own measure, or None; it orders candidates for a reader and decides nothing.
    """

    provider_id: str
    name: str
    aliases: tuple[str, ...] = ()
    popularity: int | None = None


@dataclass(frozen=True, slots=True)
class ArtistChoice:
    """What became of a requested name. candidates: the equal ones, then the close ones; the rest are left out."""

    verdict: Verdict
    chosen: ArtistCandidate | None
    candidates: tuple[ArtistCandidate, ...]
    evidence: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class RecordingFacts:
    """What a source says of a recording.

    recording_ids: ids that name the recording itself (MusicBrainz), so that two of one provider are two recordings.
    track_ids: ids of its places on releases (Spotify, Deezer): sharing one proves identity, differing proves nothing.
    disambiguation: what the source says beside the title ("live, 1986-07-12: Wembley").
    """

    title: str
    artists: tuple[str, ...]
    duration_ms: int | None = None
    isrcs: frozenset[str] = frozenset()
    recording_ids: frozenset[ProviderId] = frozenset()
    track_ids: frozenset[ProviderId] = frozenset()
    disambiguation: str = ""


@dataclass(frozen=True, slots=True)
class PersonIds:
    """A person's ids: of the sources that credited them, and those that a source states to be the same person's."""

    ids: frozenset[ProviderId]
    linked: frozenset[ProviderId] = frozenset()


class _Names(StrEnum):
    EQUAL = "equal"
    UNKNOWN = "unknown"
    CLOSE = "close"
    DISTINCT = "distinct"


def choose_artist(requested_name: str, candidates: Sequence[ArtistCandidate]) -> ArtistChoice:
    """The artist that a bare name means.

    SAME if exactly one candidate has the equal normalised name or alias and no other comes close; AMBIGUOUS if several
    are equal, or any is close; DIFFERENT, with nothing chosen, if none of them has the name.
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


def match_recording(ours: RecordingFacts, theirs: RecordingFacts) -> Match:
    """Whether two sources speak of one recording; the order of the two does not matter.

    Ids first. Then an equal ISRC, if durations differ by at most 8 s or one is unknown; a different ISRC proves
    nothing. Else artist, title, version and duration together. Different versions are never one recording.
    """
    by_ids = _match_by_ids(ours, theirs)
    if by_ids is not None:
        return by_ids
    shared = ours.isrcs & theirs.isrcs
    if shared:
        return _match_by_isrc(ours, theirs, Fact("equal ISRC", ", ".join(sorted(shared))))
    return _match_by_text(ours, theirs)


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


def _has_name(candidate: ArtistCandidate, requested_name: str) -> bool:
    wanted = normalise_name(requested_name)
    return any(normalise_name(name) == wanted for name in (candidate.name, *candidate.aliases))


def _comes_close(candidate: ArtistCandidate, requested_name: str) -> bool:
    return any(names_are_close(name, requested_name) for name in (candidate.name, *candidate.aliases))


def _by_popularity(candidates: Iterable[ArtistCandidate]) -> list[ArtistCandidate]:
    return sorted(candidates, key=lambda one: (one.popularity is None, -(one.popularity or 0), one.provider_id))


def _match_by_ids(ours: RecordingFacts, theirs: RecordingFacts) -> Match | None:
    by_recording = match_by_unique_ids(ours.recording_ids, theirs.recording_ids)
    if by_recording is not None:
        return by_recording
    shared = sorted(ours.track_ids & theirs.track_ids)
    if not shared:
        return None
    return Match(Verdict.SAME, 0.99, tuple(Fact("shared track id", f"{name}:{track_id}") for name, track_id in shared))


def _match_by_isrc(ours: RecordingFacts, theirs: RecordingFacts, equal_isrc: Fact) -> Match:
    """An equal ISRC, tested against the rest: an implausible duration or another version makes it doubtful."""
    left, right = _full_title(ours), _full_title(theirs)
    gap = duration_gap_ms(ours.duration_ms, theirs.duration_ms)
    evidence = (equal_isrc, _duration_fact(gap), *_title_facts(left, right))
    title_agrees = titles_are_close(left, right)
    if gap is not None and gap > ISRC_TOLERANCE_MS:
        return _match_in_spite_of_duration(ours, theirs, evidence, title_agrees)
    if not same_version(left, right):
        return Match(Verdict.AMBIGUOUS, 0.5, evidence)
    if title_agrees:
        return Match(Verdict.SAME, 0.98 if gap is not None else 0.95, evidence)
    if gap is None or _compare_artists(ours.artists, theirs.artists) is _Names.DISTINCT:
        return Match(Verdict.AMBIGUOUS, 0.5, evidence)
    return Match(Verdict.SAME, 0.9, evidence)


def _match_in_spite_of_duration(
    ours: RecordingFacts, theirs: RecordingFacts, evidence: tuple[Fact, ...], title_agrees: bool
) -> Match:
    """An equal ISRC whose durations do not fit proves nothing: the rest may, else a fitting title leaves a doubt."""
    by_text = _match_by_text(ours, theirs)
    if by_text.verdict is Verdict.SAME:
        return Match(Verdict.SAME, by_text.confidence, evidence)
    return Match(Verdict.AMBIGUOUS, 0.4, evidence) if title_agrees else Match(Verdict.DIFFERENT, 0.2, evidence)


def _match_by_text(ours: RecordingFacts, theirs: RecordingFacts) -> Match:
    left, right = _full_title(ours), _full_title(theirs)
    gap = duration_gap_ms(ours.duration_ms, theirs.duration_ms)
    artists = _compare_artists(ours.artists, theirs.artists)
    evidence = (Fact("artists", artists), *_title_facts(left, right), _duration_fact(gap))
    if _is_ruled_out(left, right, gap, artists):
        return Match(Verdict.DIFFERENT, 0.0, evidence)
    equal_title = left.base_normalised == right.base_normalised
    certain = artists is _Names.EQUAL and same_version(left, right)
    confidence = _text_confidence(equal_title, gap) if certain else None
    if confidence is None:
        return Match(Verdict.AMBIGUOUS, 0.4, evidence)
    return Match(Verdict.SAME, confidence, evidence)


def _is_ruled_out(left: Title, right: Title, gap: int | None, artists: _Names) -> bool:
    if artists is _Names.DISTINCT or not titles_are_close(left, right):
        return True
    return not versions_may_agree(left, right) or (gap is not None and gap > LARGEST_DURATION_GAP_MS)


def _text_confidence(equal_title: bool, gap: int | None) -> float | None:
    """How sure title and duration make it, artist and version being equal; None if they do not decide."""
    if gap is None:
        return 0.7 if equal_title else None
    if gap <= STRONG_DURATION_MS:
        return 0.9 if equal_title else 0.8
    return 0.75 if equal_title and gap <= GRACE_DURATION_MS else None


def _compare_artists(ours: Sequence[str], theirs: Sequence[str]) -> _Names:
    if not ours or not theirs:
        return _Names.UNKNOWN
    if share_an_artist(ours, theirs):
        return _Names.EQUAL
    close = any(names_are_close(left, right) for left in ours for right in theirs)
    return _Names.CLOSE if close else _Names.DISTINCT


def _full_title(facts: RecordingFacts) -> Title:
    """The title with the versions that only the disambiguation names."""
    title = parse_title(facts.title)
    if not facts.disambiguation:
        return title
    told = parse_title(f"{title.base} ({facts.disambiguation})").versions
    return Title(title.base, title.base_normalised, title.versions | told, title.featured, title.annotations)


def _title_facts(left: Title, right: Title) -> tuple[Fact, ...]:
    versions = " / ".join(", ".join(sorted(identity_versions(title))) or "none" for title in (left, right))
    relation = "equal" if left.base_normalised == right.base_normalised else "unequal"
    return (
        Fact("title", f"{relation}: {left.base} / {right.base}"),
        Fact("version", f"{'equal' if same_version(left, right) else 'unequal'}: {versions}"),
    )


def _duration_fact(gap: int | None) -> Fact:
    return Fact("duration", "unknown" if gap is None else f"{gap / 1000:.1f} s apart")
