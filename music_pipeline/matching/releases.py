"""Whether two sources speak of the same release, and which of its tracks are the same. Pure.

`recordings` compares single recordings.
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
    """A track as a tracklist prints it, in its place of the list. `duration_ms`: None or 0 if unknown."""

    title: str
    duration_ms: int | None = None
    isrcs: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ReleaseFacts:
    """What a source says about a release.

    `released`: a date of any precision ("1998-06-00", "1999"). `tracks`: without headings; empty if unknown.
    `release_ids`: ids of the release itself: two ids of one provider are two releases.
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


def match_release(first: ReleaseFacts, second: ReleaseFacts) -> Match:
    """Decide whether two sources speak of the same release, in whatever order they are given.

    Ids come first. For an equal title and artist the tracklists decide: with 0.8 of the longer one in common they are
    the SAME, with less than 0.4 DIFFERENT. Without tracklists, the number of tracks with the year decides, or a
    barcode. A barcode alone is AMBIGUOUS.
    """
    by_ids = match_by_unique_ids(first.release_ids, second.release_ids)
    if by_ids is not None:
        return by_ids
    compared = _compare(first, second)
    evidence = _evidence(compared)
    if compared.title and compared.artist:
        verdict, confidence = _of_equal_title(compared)
    else:
        verdict, confidence = _of_unequal_title(compared)
    return Match(verdict, confidence, evidence)


def match_tracklists(first: Sequence[TrackFacts], second: Sequence[TrackFacts]) -> tuple[tuple[int, int], ...]:
    """Pair the indexes of the tracks that are the same, in the order of `first`. Each index occurs at most once.

    Pairs are sought by ISRC, then by position and title, then by title and duration at any position, then again with
    titles that differ in spelling. Different versions are never paired; nor is a track that several could match.
    """
    sides = _Sides(first, second)
    sides.take(_pairs_by_isrc(sides))
    sides.take(_pairs_by_position(sides, _equal_titles))
    sides.take(_pairs_by_key(sides, STRONG_DURATION_MS))
    sides.take(_pairs_by_key(sides, None))
    sides.take(_pairs_by_position(sides, titles_are_close))
    sides.take(_pairs_of_close_titles(sides))
    return tuple(sorted(sides.pairs.items()))


def tracklist_fingerprint(titles: Iterable[str]) -> str:
    """A SHA-256 of titles and versions in order. Tracklists that differ in spelling only have the same one."""
    keys = (_key(parse_title(title)) for title in titles)
    lines = ("\x1f".join((base, *sorted(versions))) for base, versions in keys)
    return hashlib.sha256("\x1e".join(lines).encode("utf-8", "surrogatepass")).hexdigest()


class _Sides:
    """Two tracklists, and the pairs found so far."""

    def __init__(self, first: Sequence[TrackFacts], second: Sequence[TrackFacts]) -> None:
        self.first = first
        self.second = second
        self.first_titles = [parse_title(track.title) for track in first]
        self.second_titles = [parse_title(track.title) for track in second]
        self.pairs: dict[int, int] = {}

    def take(self, found: Iterable[tuple[int, int]]) -> None:
        self.pairs.update(list(found))

    def first_rest(self) -> list[int]:
        return [index for index in range(len(self.first)) if index not in self.pairs]

    def second_rest(self) -> list[int]:
        taken = set(self.pairs.values())
        return [index for index in range(len(self.second)) if index not in taken]

    def is_within(self, left: int, right: int, tolerance_ms: int | None) -> bool:
        """Whether durations differ by at most the tolerance. None: by at most the grace, or one is unknown."""
        gap = duration_gap_ms(self.first[left].duration_ms, self.second[right].duration_ms)
        if tolerance_ms is None:
            return gap is None or gap <= GRACE_DURATION_MS
        return gap is not None and gap <= tolerance_ms

    def same_version(self, left: int, right: int) -> bool:
        return same_version(self.first_titles[left], self.second_titles[right])


def _pairs_by_isrc(sides: _Sides) -> Iterator[tuple[int, int]]:
    second: dict[str, list[int]] = defaultdict(list)
    for right, track in enumerate(sides.second):
        for isrc in track.isrcs:
            second[isrc].append(right)
    possible = (
        (left, right) for left, track in enumerate(sides.first) for isrc in track.isrcs for right in second[isrc]
    )
    yield from _unambiguous(pair for pair in possible if _isrc_is_plausible(sides, *pair))


def _isrc_is_plausible(sides: _Sides, left: int, right: int) -> bool:
    gap = duration_gap_ms(sides.first[left].duration_ms, sides.second[right].duration_ms)
    return sides.same_version(left, right) and (gap is None or gap <= ISRC_TOLERANCE_MS)


def _pairs_by_position(sides: _Sides, titles_agree: Callable[[Title, Title], bool]) -> Iterator[tuple[int, int]]:
    for index in sorted(set(sides.first_rest()) & set(sides.second_rest())):
        agree = titles_agree(sides.first_titles[index], sides.second_titles[index])
        if agree and sides.same_version(index, index) and sides.is_within(index, index, None):
            yield index, index


def _pairs_by_key(sides: _Sides, tolerance_ms: int | None) -> Iterator[tuple[int, int]]:
    first = _grouped(sides.first_rest(), lambda index: _key(sides.first_titles[index]))
    second = _grouped(sides.second_rest(), lambda index: _key(sides.second_titles[index]))
    for key, indexes in first.items():
        possible = product(indexes, second.get(key, []))
        yield from _unambiguous(pair for pair in possible if sides.is_within(*pair, tolerance_ms))


def _pairs_of_close_titles(sides: _Sides) -> Iterator[tuple[int, int]]:
    second_rest = {index: sides.second_titles[index] for index in sides.second_rest()}
    possible = (
        (left, right) for left in sides.first_rest() for right in close_titles(sides.first_titles[left], second_rest)
    )
    near = (pair for pair in possible if sides.is_within(*pair, STRONG_DURATION_MS))
    yield from _unambiguous(pair for pair in near if sides.same_version(*pair))


def _unambiguous(possible: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The pairs whose two sides occur in no other pair."""
    pairs = set(possible)
    first = _grouped(pairs, lambda pair: pair[0])
    second = _grouped(pairs, lambda pair: pair[1])
    return (pair for pair in sorted(pairs) if len(first[pair[0]]) == 1 and len(second[pair[1]]) == 1)


def _grouped(items: Iterable[_Item], key: Callable[[_Item], _Key]) -> dict[_Key, list[_Item]]:
    groups: dict[_Key, list[_Item]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return groups


def _key(title: Title) -> tuple[str, frozenset[str]]:
    return title.base_normalised, identity_versions(title)


def _equal_titles(left: Title, right: Title) -> bool:
    return left.base_normalised == right.base_normalised


def _compare(first: ReleaseFacts, second: ReleaseFacts) -> _Comparison:
    first_count, second_count = _count(first), _count(second)
    return _Comparison(
        title=same_release_title(first.title, second.title),
        artist=share_an_artist(first.artists, second.artists),
        barcode=not _barcodes(first).isdisjoint(_barcodes(second)),
        year_gap=_year_gap(first.released, second.released),
        same_count=first_count == second_count if first_count is not None and second_count is not None else None,
        overlap=_overlap(first.tracks, second.tracks),
        tracks=min(len(first.tracks), len(second.tracks)),
    )


def _count(facts: ReleaseFacts) -> int | None:
    return len(facts.tracks) or facts.track_count


def _barcodes(facts: ReleaseFacts) -> frozenset[str]:
    """Barcodes as digits without leading zeros: a UPC is an EAN with one zero in front."""
    digits = (re.sub(r"\D", "", barcode).lstrip("0") for barcode in facts.barcodes)
    return frozenset(barcode for barcode in digits if len(barcode) >= 6)


def _year_gap(first: str | None, second: str | None) -> int | None:
    years = [int(found[0]) for text in (first, second) if text and (found := re.match(r"[12]\d{3}", text))]
    return abs(years[0] - years[1]) if len(years) == 2 else None


def _overlap(first: Sequence[TrackFacts], second: Sequence[TrackFacts]) -> float | None:
    """The share of the longer tracklist that both have. None: one is unknown."""
    if not first or not second:
        return None
    if len(first) == len(second) and _fingerprint(first) == _fingerprint(second) and _durations_agree(first, second):
        return 1.0
    return len(match_tracklists(first, second)) / max(len(first), len(second))


def _fingerprint(tracks: Sequence[TrackFacts]) -> str:
    return tracklist_fingerprint(track.title for track in tracks)


def _durations_agree(first: Sequence[TrackFacts], second: Sequence[TrackFacts]) -> bool:
    gaps = (duration_gap_ms(left.duration_ms, right.duration_ms) for left, right in zip(first, second, strict=True))
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
    """The verdict if title or artist differ: barcode and tracklist together outweigh that, one alone is doubtful."""
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
