"""Whether two sources speak of the same recording. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from music_pipeline.matching.evidence import (
    Fact,
    Match,
    ProviderId,
    Verdict,
    duration_gap_ms,
    match_by_unique_ids,
    share_an_artist,
)
from music_pipeline.matching.names import names_are_close
from music_pipeline.matching.titles import (
    Title,
    identity_versions,
    parse_title,
    same_version,
    titles_are_close,
    versions_may_agree,
)

ISRC_TOLERANCE_MS = 8_000
STRONG_DURATION_MS = 3_000
GRACE_DURATION_MS = 10_000
LARGEST_DURATION_GAP_MS = 30_000


@dataclass(frozen=True, slots=True)
class RecordingFacts:
    """What a source says about a recording.

    `recording_ids`: ids of the recording itself (MusicBrainz): two ids of one provider are two recordings.
    `track_ids`: ids of its places on releases (Spotify, Deezer): a shared one proves identity, different ones nothing.
    `disambiguation`: what the source says beside the title ("live, 1986-07-12: Wembley").
    """

    title: str
    artists: tuple[str, ...]
    duration_ms: int | None = None
    isrcs: frozenset[str] = frozenset()
    recording_ids: frozenset[ProviderId] = frozenset()
    track_ids: frozenset[ProviderId] = frozenset()
    disambiguation: str = ""


class _Names(StrEnum):
    EQUAL = "equal"
    UNKNOWN = "unknown"
    CLOSE = "close"
    DISTINCT = "distinct"


def match_recording(first: RecordingFacts, second: RecordingFacts) -> Match:
    """Decide whether two sources speak of the same recording, in whatever order they are given.

    Ids come first, then an equal ISRC, if durations differ by at most 8 s or one is unknown. A different ISRC proves
    nothing. Otherwise artist, title, version and duration decide together. Different versions are never the same.
    """
    by_ids = _match_by_ids(first, second)
    if by_ids is not None:
        return by_ids
    shared = first.isrcs & second.isrcs
    if shared:
        return _match_by_isrc(first, second, Fact("equal ISRC", ", ".join(sorted(shared))))
    return _match_by_text(first, second)


def _match_by_ids(first: RecordingFacts, second: RecordingFacts) -> Match | None:
    by_recording = match_by_unique_ids(first.recording_ids, second.recording_ids)
    if by_recording is not None:
        return by_recording
    shared = sorted(first.track_ids & second.track_ids)
    if not shared:
        return None
    return Match(Verdict.SAME, 0.99, tuple(Fact("shared track id", f"{name}:{track_id}") for name, track_id in shared))


def _match_by_isrc(first: RecordingFacts, second: RecordingFacts, equal_isrc: Fact) -> Match:
    """The verdict of an equal ISRC. An implausible duration or another version makes it doubtful."""
    left, right = _full_title(first), _full_title(second)
    gap = duration_gap_ms(first.duration_ms, second.duration_ms)
    evidence = (equal_isrc, _duration_fact(gap), *_title_facts(left, right))
    title_agrees = titles_are_close(left, right)
    if gap is not None and gap > ISRC_TOLERANCE_MS:
        return _match_in_spite_of_duration(first, second, evidence, title_agrees)
    if not same_version(left, right):
        return Match(Verdict.AMBIGUOUS, 0.5, evidence)
    if title_agrees:
        return Match(Verdict.SAME, 0.98 if gap is not None else 0.95, evidence)
    if gap is None or _compare_artists(first.artists, second.artists) is _Names.DISTINCT:
        return Match(Verdict.AMBIGUOUS, 0.5, evidence)
    return Match(Verdict.SAME, 0.9, evidence)


def _match_in_spite_of_duration(
    first: RecordingFacts, second: RecordingFacts, evidence: tuple[Fact, ...], title_agrees: bool
) -> Match:
    """The verdict of an equal ISRC with different durations: that of the text, or doubt if the titles agree."""
    by_text = _match_by_text(first, second)
    if by_text.verdict is Verdict.SAME:
        return Match(Verdict.SAME, by_text.confidence, evidence)
    return Match(Verdict.AMBIGUOUS, 0.4, evidence) if title_agrees else Match(Verdict.DIFFERENT, 0.2, evidence)


def _match_by_text(first: RecordingFacts, second: RecordingFacts) -> Match:
    left, right = _full_title(first), _full_title(second)
    gap = duration_gap_ms(first.duration_ms, second.duration_ms)
    artists = _compare_artists(first.artists, second.artists)
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
    """The confidence that title and duration give, if artist and version are equal. None: they do not decide."""
    if gap is None:
        return 0.7 if equal_title else None
    if gap <= STRONG_DURATION_MS:
        return 0.9 if equal_title else 0.8
    return 0.75 if equal_title and gap <= GRACE_DURATION_MS else None


def _compare_artists(first: Sequence[str], second: Sequence[str]) -> _Names:
    if not first or not second:
        return _Names.UNKNOWN
    if share_an_artist(first, second):
        return _Names.EQUAL
    close = any(names_are_close(left, right) for left in first for right in second)
    return _Names.CLOSE if close else _Names.DISTINCT


def _full_title(facts: RecordingFacts) -> Title:
    """The title, with the versions that only the disambiguation names."""
    title = parse_title(facts.title)
    if not facts.disambiguation:
        return title
    named = parse_title(f"{title.base} ({facts.disambiguation})").versions
    return Title(title.base, title.base_normalised, title.versions | named, title.featured, title.annotations)


def _title_facts(left: Title, right: Title) -> tuple[Fact, ...]:
    versions = " / ".join(", ".join(sorted(identity_versions(title))) or "none" for title in (left, right))
    relation = "equal" if left.base_normalised == right.base_normalised else "unequal"
    return (
        Fact("title", f"{relation}: {left.base} / {right.base}"),
        Fact("version", f"{'equal' if same_version(left, right) else 'unequal'}: {versions}"),
    )


def _duration_fact(gap: int | None) -> Fact:
    return Fact("duration", "unknown" if gap is None else f"{gap / 1000:.1f} s apart")
