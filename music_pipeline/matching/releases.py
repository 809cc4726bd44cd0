"""Whether two releases are one, and which of their tracks are which.

Here belong the comparison of releases and the assignment of one tracklist to another, as pure functions of facts. The
verdicts themselves and the comparison of single recordings are in `identity`.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TypeVar

from music_pipeline.matching.evidence import (
    Fact,
    Match,
    ProviderId,
    Verdict,
    duration_gap_ms,
    match_by_unique_ids,
    share_an_artist,
)
from music_pipeline.matching.recordings import GRACE_DURATION_MS, ISRC_TOLERANCE_MS, STRONG_DURATION_MS
from music_pipeline.matching.titles import (
    Title,
    close_titles,
    identity_versions,
    parse_title,
    same_release_title,
    same_version,
    titles_are_close,
)

_Item = TypeVar("_Item")
_Key = TypeVar("_Key", bound=Hashable)

MOST_OF_A_TRACKLIST = 0.8
LITTLE_OF_A_TRACKLIST = 0.4
TRACKS_THAT_TELL = 4


@dataclass(frozen=True, slots=True)
class TrackFacts:
    """A track as a tracklist prints it; its position is its place in the list. duration_ms: None or 0 if unknown."""

    title: str
    duration_ms: int | None = None
    isrcs: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ReleaseFacts:
    """What a source says of a release.

    released: a date of any precision ("1998-06-00", "1999"), or None. tracks: empty if unknown; headings are left out.
    release_ids: ids that name the release itself, so that two of one provider are two releases.
    """

    title: str
    artists: tuple[str, ...]
    released: str | None = None
    track_count: int | None = None
    barcodes: frozenset[str] = frozenset()
    tracks: tuple[TrackFacts, ...] = ()
    release_ids: frozenset[ProviderId] = frozenset()


@dataclass(frozen=True, slots=True)
class _Comparison:
    title: bool
    artist: bool
    barcode: bool
    year_gap: int | None
    same_count: bool | None
    overlap: float | None
    tracks: int


def match_release(ours: ReleaseFacts, theirs: ReleaseFacts) -> Match:
    """Whether two sources speak of one release; the order of the two does not matter.

    Ids first. Then title and artist, decided by the tracklists: at least 0.8 of the longer one in common is SAME, less
    than 0.4 is DIFFERENT. Without tracklists, the number of tracks with the year, or a barcode, decides. A barcode
    corroborates; alone it leaves the verdict AMBIGUOUS.
    """
    by_ids = match_by_unique_ids(ours.release_ids, theirs.release_ids)
    if by_ids is not None:
        return by_ids
    compared = _compare(ours, theirs)
    evidence = _evidence(compared)
    if compared.title and compared.artist:
        verdict, confidence = _of_equal_title(compared)
    else:
        verdict, confidence = _of_unequal_title(compared)
    return Match(verdict, confidence, evidence)


def match_tracklists(ours: Sequence[TrackFacts], theirs: Sequence[TrackFacts]) -> tuple[tuple[int, int], ...]:
    """Pairs of indexes of the tracks that are the same, in the order of ours; each index occurs once at most.

    By ISRC, then by position and title, then by title and duration wherever it stands, then the same with titles that
    differ in spelling. Different versions are never paired, and what could be several is left out.
    """
    sides = _Sides(ours, theirs)
    sides.take(_pairs_by_isrc(sides))
    sides.take(_pairs_by_position(sides, _equal_titles))
    sides.take(_pairs_by_key(sides, STRONG_DURATION_MS))
    sides.take(_pairs_by_key(sides, None))
    sides.take(_pairs_by_position(sides, titles_are_close))
    sides.take(_pairs_of_close_titles(sides))
    return tuple(sorted(sides.pairs.items()))


def tracklist_fingerprint(titles: Iterable[str]) -> str:
    """A SHA-256 of the titles and versions in their order, equal for tracklists that differ in spelling only."""
    keys = (_key(parse_title(title)) for title in titles)
    lines = ("\x1f".join((base, *sorted(versions))) for base, versions in keys)
    return hashlib.sha256("\x1e".join(lines).encode("utf-8", "surrogatepass")).hexdigest()


class _Sides:
    """Two tracklists, and the pairs found so far."""

    def __init__(self, ours: Sequence[TrackFacts], theirs: Sequence[TrackFacts]) -> None:
        self.ours = ours
        self.theirs = theirs
        self.our_titles = [parse_title(track.title) for track in ours]
        self.their_titles = [parse_title(track.title) for track in theirs]
        self.pairs: dict[int, int] = {}

    def take(self, found: Iterable[tuple[int, int]]) -> None:
        self.pairs.update(list(found))

    def our_rest(self) -> list[int]:
        return [index for index in range(len(self.ours)) if index not in self.pairs]

    def their_rest(self) -> list[int]:
        taken = set(self.pairs.values())
        return [index for index in range(len(self.theirs)) if index not in taken]

    def is_within(self, our: int, their: int, tolerance_ms: int | None) -> bool:
        """Whether durations differ by no more; None asks for at most the grace, and takes an unknown one."""
        gap = duration_gap_ms(self.ours[our].duration_ms, self.theirs[their].duration_ms)
        if tolerance_ms is None:
            return gap is None or gap <= GRACE_DURATION_MS
        return gap is not None and gap <= tolerance_ms

    def same_version(self, our: int, their: int) -> bool:
        return same_version(self.our_titles[our], self.their_titles[their])


def _pairs_by_isrc(sides: _Sides) -> Iterator[tuple[int, int]]:
    theirs: dict[str, list[int]] = defaultdict(list)
    for their, track in enumerate(sides.theirs):
        for isrc in track.isrcs:
            theirs[isrc].append(their)
    possible = ((our, their) for our, track in enumerate(sides.ours) for isrc in track.isrcs for their in theirs[isrc])
    yield from _unambiguous(pair for pair in possible if _isrc_is_plausible(sides, *pair))


def _isrc_is_plausible(sides: _Sides, our: int, their: int) -> bool:
    gap = duration_gap_ms(sides.ours[our].duration_ms, sides.theirs[their].duration_ms)
    return sides.same_version(our, their) and (gap is None or gap <= ISRC_TOLERANCE_MS)


def _pairs_by_position(sides: _Sides, titles_agree: Callable[[Title, Title], bool]) -> Iterator[tuple[int, int]]:
    for index in sorted(set(sides.our_rest()) & set(sides.their_rest())):
        agree = titles_agree(sides.our_titles[index], sides.their_titles[index])
        if agree and sides.same_version(index, index) and sides.is_within(index, index, None):
            yield index, index


def _pairs_by_key(sides: _Sides, tolerance_ms: int | None) -> Iterator[tuple[int, int]]:
    ours = _grouped(sides.our_rest(), lambda index: _key(sides.our_titles[index]))
    theirs = _grouped(sides.their_rest(), lambda index: _key(sides.their_titles[index]))
    for key, indexes in ours.items():
        possible = product(indexes, theirs.get(key, []))
        yield from _unambiguous(pair for pair in possible if sides.is_within(*pair, tolerance_ms))


def _pairs_of_close_titles(sides: _Sides) -> Iterator[tuple[int, int]]:
    their_rest = {index: sides.their_titles[index] for index in sides.their_rest()}
    possible = ((our, their) for our in sides.our_rest() for their in close_titles(sides.our_titles[our], their_rest))
    near = (pair for pair in possible if sides.is_within(*pair, STRONG_DURATION_MS))
    yield from _unambiguous(pair for pair in near if sides.same_version(*pair))


def _unambiguous(possible: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The pairs whose two sides occur in no other pair."""
    pairs = set(possible)
    ours = _grouped(pairs, lambda pair: pair[0])
    theirs = _grouped(pairs, lambda pair: pair[1])
    return (pair for pair in sorted(pairs) if len(ours[pair[0]]) == 1 and len(theirs[pair[1]]) == 1)


def _grouped(items: Iterable[_Item], key: Callable[[_Item], _Key]) -> dict[_Key, list[_Item]]:
    groups: dict[_Key, list[_Item]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return groups


def _key(title: Title) -> tuple[str, frozenset[str]]:
    return title.base_normalised, identity_versions(title)


def _equal_titles(left: Title, right: Title) -> bool:
    return left.base_normalised == right.base_normalised


def _compare(ours: ReleaseFacts, theirs: ReleaseFacts) -> _Comparison:
    our_count, their_count = _count(ours), _count(theirs)
    return _Comparison(
        title=same_release_title(ours.title, theirs.title),
        artist=share_an_artist(ours.artists, theirs.artists),
        barcode=not _barcodes(ours).isdisjoint(_barcodes(theirs)),
        year_gap=_year_gap(ours.released, theirs.released),
        same_count=our_count == their_count if our_count is not None and their_count is not None else None,
        overlap=_overlap(ours.tracks, theirs.tracks),
        tracks=min(len(ours.tracks), len(theirs.tracks)),
    )


def _count(facts: ReleaseFacts) -> int | None:
    return len(facts.tracks) or facts.track_count


def _barcodes(facts: ReleaseFacts) -> frozenset[str]:
    """Barcodes as digits without leading zeros, since a UPC is an EAN with one more in front."""
    digits = (re.sub(r"\D", "", barcode).lstrip("0") for barcode in facts.barcodes)
    return frozenset(barcode for barcode in digits if len(barcode) >= 6)


def _year_gap(ours: str | None, theirs: str | None) -> int | None:
    years = [int(found[0]) for text in (ours, theirs) if text and (found := re.match(r"[12]\d{3}", text))]
    return abs(years[0] - years[1]) if len(years) == 2 else None


def _overlap(ours: Sequence[TrackFacts], theirs: Sequence[TrackFacts]) -> float | None:
    """The share of the longer tracklist that both have, or None if one is unknown."""
    if not ours or not theirs:
        return None
    if len(ours) == len(theirs) and _fingerprint(ours) == _fingerprint(theirs) and _durations_agree(ours, theirs):
        return 1.0
    return len(match_tracklists(ours, theirs)) / max(len(ours), len(theirs))


def _fingerprint(tracks: Sequence[TrackFacts]) -> str:
    return tracklist_fingerprint(track.title for track in tracks)


def _durations_agree(ours: Sequence[TrackFacts], theirs: Sequence[TrackFacts]) -> bool:
    gaps = (duration_gap_ms(our.duration_ms, their.duration_ms) for our, their in zip(ours, theirs, strict=True))
    return all(gap is None or gap <= GRACE_DURATION_MS for gap in gaps)


def _of_equal_title(compared: _Comparison) -> tuple[Verdict, float]:
    if compared.overlap is not None:
        return _of_overlap(compared.overlap, compared.barcode)
    if compared.barcode:
        return Verdict.SAME, 0.85
    if compared.same_count and compared.year_gap is not None and compared.year_gap <= 1:
        return Verdict.SAME, 0.75
    return Verdict.AMBIGUOUS, 0.5


def _of_overlap(overlap: float, barcode: bool) -> tuple[Verdict, float]:
    if overlap >= MOST_OF_A_TRACKLIST:
        return Verdict.SAME, round(min(0.99, 0.95 * overlap + 0.04 * barcode), 4)
    if overlap < LITTLE_OF_A_TRACKLIST and not barcode:
        return Verdict.DIFFERENT, round(0.5 * overlap, 4)
    return Verdict.AMBIGUOUS, 0.5


def _of_unequal_title(compared: _Comparison) -> tuple[Verdict, float]:
    """Another title or artist: a barcode with the tracklist makes up for it, either alone leaves a doubt."""
    most = compared.overlap is not None and compared.overlap >= MOST_OF_A_TRACKLIST
    if compared.barcode:
        return (Verdict.SAME, 0.85) if most and compared.artist else (Verdict.AMBIGUOUS, 0.5)
    if most and compared.artist and compared.tracks >= TRACKS_THAT_TELL:
        return Verdict.AMBIGUOUS, 0.4
    return Verdict.DIFFERENT, 0.0


def _evidence(compared: _Comparison) -> tuple[Fact, ...]:
    overlap, year_gap, same_count = compared.overlap, compared.year_gap, compared.same_count
    return (
        Fact("title", "equal" if compared.title else "unequal"),
        Fact("artist", "shared" if compared.artist else "not shared"),
        Fact("barcode", "equal" if compared.barcode else "no equal one"),
        Fact("year", "unknown" if year_gap is None else f"{year_gap} apart"),
        Fact("number of tracks", "unknown" if same_count is None else "equal" if same_count else "unequal"),
        Fact("tracklist", "unknown" if overlap is None else f"{overlap:.2f} in common"),
    )
