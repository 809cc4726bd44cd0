"""Names: which are equal, which are close, which name nobody, which cannot be asked for."""

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from music_pipeline.matching.names import (
    InvalidName,
    check_requested_name,
    is_not_an_artist,
    names_are_close,
    normalise_name,
    strip_namesake_suffix,
)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Björk", "BJORK"),
        ("Simon & Garfunkel", "Simon and Garfunkel"),
        ("Florence + The Machine", "Florence & the Machine"),
        ("The Beatles", "Beatles, The"),
        ("The Beatles", "beatles"),
        ("Guns N’ Roses", "Guns N' Roses"),
        ("Jay-Z", "JAY Z"),
        ("R.E.M.", "REM"),
        ("Mr. James Barth & A.D.", "Mr James Barth and AD"),
        ("Sigur Rós", "Sigur Ros"),
        ("MØ", "MO"),
        ("A$AP Rocky", "ASAP Rocky"),
        ("Ｐｅｒｆｕｍｅ", "perfume"),
        ("Семён", "СЕМЕН"),
        ("Straße", "STRASSE"),
    ],
)
def test_spellings_of_one_name_are_equal(left: str, right: str) -> None:
    assert normalise_name(left) == normalise_name(right)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Звуки Му", "Кофе"),
        ("鈴虫", "秋虫"),
        ("がく", "かく"),
        ("Мой", "Мои"),
        ("!!!", "???"),
        ("🔥", "🌊"),
        ("The The", "The"),
        ("हिन्दी", "हनद"),
        ("Sage (42)", "Sage"),
    ],
)
def test_different_names_stay_different(left: str, right: str) -> None:
    assert normalise_name(left) != normalise_name(right)


@pytest.mark.parametrize("name", ["!!!", "🔥", "†††", "The The", "+", "...", "Би-2", "鈴虫", "حنان", "$"])
def test_no_visible_name_becomes_empty(name: str) -> None:
    assert normalise_name(name)


@given(st.text())
def test_normalising_twice_changes_nothing_more(text: str) -> None:
    assert normalise_name(normalise_name(text)) == normalise_name(text)


@given(st.text(alphabet=st.characters(whitelist_categories=("L", "N", "S", "P")), min_size=1))
def test_whatever_is_visible_leaves_something_to_compare(text: str) -> None:
    assert normalise_name(text)


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        ("DJ X (2)", ("DJ X", 2)),
        ("Sage (42)", ("Sage", 42)),
        ("Speedstar*", ("Speedstar", None)),
        ("A. Delano*", ("A. Delano", None)),
        ("D*Note", ("D*Note", None)),
        ("*NSYNC", ("*NSYNC", None)),
        ("Name (UK)", ("Name (UK)", None)),
        ("(2)", ("(2)", None)),
        ("*", ("*", None)),
    ],
)
def test_the_namesake_suffix_is_taken_off(printed: str, expected: tuple[str, int | None]) -> None:
    assert strip_namesake_suffix(printed) == expected


@pytest.mark.parametrize(
    "name",
    [
        "Various", "various artists", "V/A", "V.A.", "VA", "Varios Artistas", "Vários Artistas", "Artistes Variés",
        "Verschiedene Interpreten", "Разные исполнители", "群星", "Unknown Artist", "Artist Unknown", "[unknown]",
        "Traditional", "[traditional]", "Trad.", "Anonymous", "[anonymous]", "No Artist", "[no artist]", "[dialogue]",
        "Неизвестный исполнитель",
    ],
)  # fmt: skip
def test_names_of_nobody_are_recognised_with_a_reason(name: str) -> None:
    reason = is_not_an_artist(name)
    assert reason is not None
    assert " " in reason


@pytest.mark.parametrize("name", ["Artist Unknown (5)", "Varius Manx", "Unknown Mortal Orchestra", "Data", "Anonymus"])
def test_artists_whose_names_sound_like_nobody_pass(name: str) -> None:
    assert is_not_an_artist(name) is None


def test_only_four_names_of_the_real_catalogue_are_nobody(discogs_releases: list[dict[str, Any]]) -> None:
    names = {artist["name"] for release in discogs_releases for artist in release["artists"] + release["extraartists"]}
    tracks = [track for release in discogs_releases for track in release["tracklist"]]
    names |= {artist["name"] for track in tracks for artist in track["artists"] + track["extraartists"]}
    nobody = {name for name in names if is_not_an_artist(name)}
    assert nobody == {"Various", "Unknown Artist", "Anonymous", "Traditional", "No Artist"} & names


@pytest.mark.parametrize(
    "name",
    [
        "Robert'); DROP TABLE artists;--",
        "🔥",
        "نادية مصطفى",
        "אביב גפן",
        "!!!",
        "x" * 200,
        "The \u200fArtist",
        "50 Cent",
    ],
)
def test_unusual_names_may_be_asked_for(name: str) -> None:
    assert check_requested_name(name) == name


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("   \n\t ", "empty"),
        ("\u200b\u200e", "empty"),
        ("\ufeff", "empty"),
        ("x" * 201, "201 characters"),
        ("x" * 10_000, "10000 characters"),
        ("Nul\x00l", "U+0000"),
        ("two\nlines", "U+000A"),
        ("Bj\ufffdrk", "U+FFFD"),
        ("half\ud800", "U+D800"),
    ],
)
def test_impossible_names_are_refused_in_a_short_sentence(text: str, words: str) -> None:
    with pytest.raises(InvalidName) as refusal:
        check_requested_name(text)
    assert words in str(refusal.value)
    assert len(str(refusal.value)) < 250


def test_a_requested_name_is_trimmed_and_composed() -> None:
    assert check_requested_name("  Bjo\u0308rk \n") == "Björk"


@given(st.text())
def test_a_checked_name_is_checked_again_without_change(text: str) -> None:
    try:
        name = check_requested_name(text)
    except InvalidName:
        return
    assert check_requested_name(name) == name
    assert unicodedata.is_normalized("NFC", name)


@pytest.mark.parametrize(
    ("left", "right", "close"),
    [
        ("Radiohead", "Radio Head", True),
        ("Nirvana", "Nirvanna", True),
        ("Кино", "Kino", True),
        ("Lynyrd Skynyrd", "Lynard Skynard", True),
        ("Cake", "Lake", False),
        ("ano", "anno", False),
        ("Blink 182", "Blink 183", False),
        ("Radiohead", "Portishead", False),
        ("", "a", False),
    ],
)
def test_closeness_of_names(left: str, right: str, close: bool) -> None:
    assert names_are_close(left, right) is close
    assert names_are_close(right, left) is close


@given(st.text(), st.text())
def test_closeness_does_not_depend_on_the_order(left: str, right: str) -> None:
    assert names_are_close(left, right) == names_are_close(right, left)
