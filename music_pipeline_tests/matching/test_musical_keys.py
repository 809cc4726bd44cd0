"""Musical keys as they are printed, and on the Camelot wheel."""

import pytest

from music_pipeline.matching.musical_keys import MAJOR, MINOR, camelot_key, key_name, read_key


@pytest.mark.parametrize(
    ("pitch_class", "mode", "camelot", "printed"),
    [
        (0, MAJOR, "8B", "C major"),
        (9, MINOR, "8A", "A minor"),
        (7, MAJOR, "9B", "G major"),
        (5, MAJOR, "7B", "F major"),
        (6, MINOR, "11A", "F♯ minor"),
        (11, MAJOR, "1B", "B major"),
        (8, MINOR, "1A", "A♭ minor"),
        (1, MINOR, "12A", "C♯ minor"),
        (3, MAJOR, "5B", "E♭ major"),
    ],
)
def test_a_key_has_its_place_on_the_wheel(pitch_class: int, mode: int, camelot: str, printed: str) -> None:
    assert camelot_key(pitch_class, mode) == camelot
    assert key_name(pitch_class, mode) == printed


def test_the_wheel_has_each_place_once() -> None:
    places = {camelot_key(pitch_class, mode) for pitch_class in range(12) for mode in (MAJOR, MINOR)}
    assert places == {f"{place}{letter}" for place in range(1, 13) for letter in "AB"}


def test_a_relative_minor_shares_the_number_of_its_major() -> None:
    for pitch_class in range(12):
        assert camelot_key(pitch_class, MAJOR)[:-1] == camelot_key((pitch_class + 9) % 12, MINOR)[:-1]


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        ("F♯m", (6, MINOR)), ("Bb", (10, MAJOR)), ("C major", (0, MAJOR)), ("c minor", (0, MINOR)), ("Am", (9, MINOR)),
        ("E♭ maj", (3, MAJOR)), ("Cb", (11, MAJOR)), ("", None), ("H", None), ("8A", None), ("atonal", None),
    ],
)  # fmt: skip
def test_a_printed_key_is_read_or_it_is_none(printed: str, expected: tuple[int, int] | None) -> None:
    assert read_key(printed) == expected


def test_every_key_that_we_print_is_read_back() -> None:
    for pitch_class in range(12):
        for mode in (MAJOR, MINOR):
            assert read_key(key_name(pitch_class, mode)) == (pitch_class, mode)
