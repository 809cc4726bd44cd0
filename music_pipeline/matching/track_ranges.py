"""Discogs's free-text track ranges ("A1 to A4", "1, 2, 4 to 7", "CD1-1 to CD1-5"), resolved against a tracklist.

This module guesses nothing: an uncertain range becomes an `UnreadableRange`, which the caller records. Pure.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_WRAPPING = re.compile(r"^[\s(]*(?:tracks?\s*:|tracks?\s+(?=\S))?(?P<range>.*?)[\s).,;]*$", re.IGNORECASE | re.DOTALL)
_EXCEPT = re.compile(r"^(?:all\s+)?(?:except|but)\s*:?\s+(?P<range>.+)$", re.IGNORECASE | re.DOTALL)
_SEPARATORS = re.compile(r"\s*(?:[,;&+]|\band\b)\s*", re.IGNORECASE)
_FROM_TO = re.compile(r"\s+(?:to|thru|through|until|bis)\s+", re.IGNORECASE)
_DASH = re.compile(r"\s*[-–—]\s*")
_SIDE = re.compile(r"^(?:side|disc|cd)\s+(?=\w)", re.IGNORECASE)
_WHOLE_RELEASE = frozenset({"all", "all tracks"})


@dataclass(frozen=True, slots=True)
class UnreadableRange:
    """A range with a part that names no track of the release, or has several meanings.

    `text`: the range as printed. `part`: the first part that could not be read. `resolved`: the indexes that the other
    parts name beyond doubt (empty for an "except" range, which is certain only as a whole).
    """

    text: str
    part: str
    resolved: frozenset[int]


def tracks_in_range(text: str, positions: Sequence[str]) -> frozenset[int] | UnreadableRange:
    """The indexes into `positions` that a range names. An empty range names all of them.

    `positions`: the printed positions of the release's tracks, in order. An empty position (a heading, or a track
    without one) is named only by a range of the whole release.
    """
    listed = _listed_range(text)
    if not text.strip() or listed.casefold() in _WHOLE_RELEASE:
        return frozenset(range(len(positions)))
    places = [_canonical(position) for position in positions]
    exception = _EXCEPT.match(listed)
    if exception is None:
        return _union_of_parts(text, listed, places)
    excluded = _union_of_parts(text, exception["range"], places)
    if isinstance(excluded, UnreadableRange):
        return UnreadableRange(text, excluded.part, frozenset())
    return frozenset(index for index, place in enumerate(places) if place) - excluded


def _listed_range(text: str) -> str:
    found = _WRAPPING.match(text)
    return found["range"].strip() if found else text.strip()


def _union_of_parts(text: str, listed: str, places: list[str]) -> frozenset[int] | UnreadableRange:
    parts = [part for part in _SEPARATORS.split(listed) if part]
    read = [_tracks_of_part(part, places) for part in parts]
    resolved = frozenset(index for indexes in read if indexes is not None for index in indexes)
    unreadable = next((part for part, indexes in zip(parts, read, strict=True) if indexes is None), None)
    if unreadable is None and parts:
        return resolved
    return UnreadableRange(text, unreadable if unreadable is not None else text, resolved)


def _tracks_of_part(part: str, places: list[str]) -> frozenset[int] | None:
    """The indexes that one part names. None: it names no track, or one of several."""
    blocks = _blocks_named(part, places)
    if blocks:
        return _placed(blocks[0], places) if len(blocks) == 1 else None
    spans = {span for ends in _possible_ends(part) for span in _spans(*ends, places)}
    if len(spans) != 1:
        return None
    first, last = spans.pop()
    return _placed(range(first, last + 1), places)


def _placed(indexes: range, places: list[str]) -> frozenset[int]:
    return frozenset(index for index in indexes if places[index])


def _possible_ends(part: str) -> Iterator[tuple[str, str]]:
    """Every way to read a part as "first to last". A dash may be inside a position ("CD1-1")."""
    words = _FROM_TO.split(part)
    if len(words) == 2:
        yield words[0], words[1]
    if len(words) == 1:
        for dash in _DASH.finditer(part):
            yield part[: dash.start()], part[dash.end() :]


def _spans(first: str, last: str, places: list[str]) -> Iterator[tuple[int, int]]:
    """Every pair of indexes that "first to last" can mean. A bare last number has the first's side ("A1-7")."""
    starts = _blocks_named(first, places)
    ends = _blocks_named(last, places) or _blocks_named(_with_side_of(first, last), places)
    for start in starts:
        for end in ends:
            if start[0] <= end[-1]:
                yield start[0], end[-1]


def _with_side_of(first: str, last: str) -> str:
    side = re.match(r"^(.*?)\d+$", first.strip())
    return f"{side[1]}{last}" if side and side[1] and last.strip().isdigit() else ""


def _blocks_named(name: str, places: list[str]) -> list[range]:
    """The runs of neighbouring tracks that a position names: a track with its parts, a side, or a medium."""
    whole = _canonical(_SIDE.sub("", name.strip())) if name.strip() else ""
    return list(
        _runs([index for index, place in enumerate(places) if whole and _is_within(place, whole)], places, whole)
    )


def _runs(indexes: list[int], places: list[str], whole: str) -> Iterator[range]:
    """Neighbouring indexes as runs. A gap, or a repeated position, begins another run."""
    start = 0
    for here in range(1, len(indexes) + 1):
        ends = here == len(indexes)
        if ends or not _goes_on(indexes[here - 1], indexes[here], places, whole):
            yield range(indexes[start], indexes[here - 1] + 1)
            start = here


def _goes_on(before: int, after: int, places: list[str], whole: str) -> bool:
    return places[after] != whole and not any(places[before + 1 : after])


def _is_within(place: str, whole: str) -> bool:
    if place == whole:
        return True
    if not place.startswith(whole):
        return False
    following = place[len(whole)]
    if whole[-1].isdigit():
        # "1" may be a track or a disc, so "1-1" is not taken for a part of it; "CD1" can only be a disc.
        return following in "./" or following.isalpha() or (following == "-" and not whole.isdigit())
    return following.isdigit() or following == "-"


def _canonical(position: str) -> str:
    """A position in lower case without spaces, leading zeros and the point after a side ("B. 01" is "b1")."""
    compact = re.sub(r"\s+", "", position).casefold()
    without_zeros = re.sub(r"(?<!\d)0+(?=\d)", "", compact)
    return re.sub(r"(?<=[a-z])\.+(?=\d)", "", without_zeros)
