"""Track ranges of Discogs: read in full, or named as unreadable."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from music_pipeline.matching.track_ranges import UnreadableRange, tracks_in_range

CD = [str(number) for number in range(1, 12)]
LP = ["A1", "A2", "A3", "A4", "B1", "B2", "B3", "B4"]
TWO_CDS = ["", "1-01", "1-02", "1-03", "", "2-01", "2-02"]
BOX = ["CD1-1", "CD1-2", "CD1-3", "CD2-1", "CD2-2", "DVD-1", "DVD-2"]


@pytest.mark.parametrize(
    ("text", "positions", "indexes"),
    [
        ("", CD, set(range(11))),
        ("  ", TWO_CDS, set(range(7))),
        ("All Tracks", LP, set(range(8))),
        ("1, 2, 4 to 7, 9, 10", CD, {0, 1, 3, 4, 5, 6, 8, 9}),
        ("1-3", CD, {0, 1, 2}),
        ("6 - 10", CD, {5, 6, 7, 8, 9}),
        ("3,6", CD, {2, 5}),
        ("2 & 5 and 7", CD, {1, 4, 6}),
        ("A1; A2; A3", LP, {0, 1, 2}),
        ("A1 to A4", LP, {0, 1, 2, 3}),
        ("A3 to B2", LP, {2, 3, 4, 5}),
        ("A1-A3, B4", LP, {0, 1, 2, 7}),
        ("A1-3", LP, {0, 1, 2}),
        ("A1, B2 & B4", LP, {0, 5, 7}),
        ("Side B", LP, {4, 5, 6, 7}),
        ("b", LP, {4, 5, 6, 7}),
        ("Except B1, B3", LP, {0, 1, 2, 3, 5, 7}),
        ("(tracks: 2, 6) ", CD, {1, 5}),
        ("1-1 to 1-3", TWO_CDS, {1, 2, 3}),
        ("1-02 to 2-01", TWO_CDS, {2, 3, 5}),
        ("1-2", TWO_CDS, {2}),
        ("CD1-1 to CD1-3, DVD-1 to DVD-2", BOX, {0, 1, 2, 5, 6}),
        ("CD1", BOX, {0, 1, 2}),
        ("11", ["10", "11", "11.1", "11.2"], {1, 2, 3}),
        ("B2", ["B1", "B2a", "B2b"], {1, 2}),
        ("B1, A.2", ["A. 1", "A..2", "B. 1"], {1, 2}),
        ("1 to 13", [*map(str, range(1, 15)), "", "1", "2"], set(range(13))),
    ],
)
def test_ranges_name_their_tracks(text: str, positions: list[str], indexes: set[int]) -> None:
    assert tracks_in_range(text, positions) == frozenset(indexes)


@pytest.mark.parametrize(
    ("text", "positions", "part", "resolved"),
    [
        ("Parker", LP, "Parker", set()),
        ("A3, A9", LP, "A9", {2}),
        ("A1 to A9", LP, "A1 to A9", set()),
        ("B2 to A1", LP, "B2 to A1", set()),
        ("1", LP, "1", set()),
        ("1", TWO_CDS, "1", set()),
        ("A2 to B2", ["A1", "A2", "AA1", "AA2"], "A2 to B2", set()),
        ("1", ["1", "2", "", "1", "2"], "1", set()),
        ("Except A9", LP, "A9", set()),
        (";", LP, ";", set()),
        ("A1 to A4", ["", "", ""], "A1 to A4", set()),
        ("A1", [], "A1", set()),
    ],
)
def test_what_is_not_certain_is_not_guessed(text: str, positions: list[str], part: str, resolved: set[int]) -> None:
    assert tracks_in_range(text, positions) == UnreadableRange(text, part, frozenset(resolved))


RANGE_TEXT = st.one_of(
    st.text(max_size=30), st.from_regex(r"[A-C]?[0-9]{1,2}( to |-|, )[A-C]?[0-9]{1,2}", fullmatch=True)
)
POSITION = st.one_of(st.text(max_size=4), st.from_regex(r"[A-C]?[0-9]{1,2}[ab]?", fullmatch=True))


@given(RANGE_TEXT, st.lists(POSITION, max_size=20))
def test_no_range_reaches_beyond_the_tracklist(text: str, positions: list[str]) -> None:
    found = tracks_in_range(text, positions)
    indexes = found.resolved if isinstance(found, UnreadableRange) else found
    assert indexes <= set(range(len(positions)))


@given(st.integers(1, 30), st.data())
def test_every_span_of_a_plain_tracklist_is_read(length: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(1, length))
    last = data.draw(st.integers(first, length))
    positions = [str(number) for number in range(1, length + 1)]
    assert tracks_in_range(f"{first} to {last}", positions) == frozenset(range(first - 1, last))


def read_naively(text: str, positions: list[str]) -> set[int] | None:
    """The tracks of a range of exact positions that are each printed once, read in the most simple way; else None."""
    found: set[int] = set()
    for part in text.split(","):
        ends = [end.strip() for end in part.split(" to ")]
        if any(positions.count(end) != 1 or f"{end}.1" in positions for end in ends):
            return None
        first, last = positions.index(ends[0]), positions.index(ends[-1])
        found |= {index for index in range(first, last + 1) if positions[index]}
    return found


def test_the_real_catalogue_is_read_but_for_positions_that_it_lacks(discogs_releases: list[dict[str, Any]]) -> None:
    read: Counter[str] = Counter()
    for release in discogs_releases:
        positions = [track["position"] for track in release["tracklist"]]
        for credit in release["extraartists"]:
            if credit.get("tracks"):
                found = tracks_in_range(credit["tracks"], positions)
                naive = read_naively(credit["tracks"], positions)
                assert naive is None or found == frozenset(naive)
                read["unreadable" if isinstance(found, UnreadableRange) else "read"] += 1
                read["naive"] += naive is not None
    assert read["read"] + read["unreadable"] == 673
    assert read["read"] == 546
    assert read["naive"] > 450
