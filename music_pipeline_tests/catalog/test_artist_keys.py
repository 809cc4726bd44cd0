"""Keys of artists: readable, unique, of few characters."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from music_pipeline.catalog.artist_keys import LONGEST_KEY, artist_key

KEY = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("The Beatles", "the-beatles"),
        ("Björk", "bjork"),
        ("Guns N' Roses", "guns-n-roses"),
        ("Simon & Garfunkel", "simon-and-garfunkel"),
        ("Би-2", "bi-2"),
        ("AC/DC", "ac-dc"),
        ("Robert'); DROP TABLE artists;--", "robert-drop-table-artists"),
    ],
)
def test_a_key_is_readable(name: str, key: str) -> None:
    assert artist_key(name, set(), "id") == key


def test_other_scripts_are_transliterated() -> None:
    for name in ("鈴虫", "حنان", "Άκης", "🔥"):
        assert not artist_key(name, set(), "id").startswith("artist-")


def test_namesakes_are_numbered() -> None:
    assert artist_key("Nirvana", {"nirvana"}, "id") == "nirvana-2"
    assert artist_key("Nirvana", {"nirvana", "nirvana-2"}, "id") == "nirvana-3"


def test_symbols_get_a_key_of_their_identity() -> None:
    key = artist_key("!!!", set(), "one")
    assert re.fullmatch(r"artist-[0-9a-f]{8}", key)
    assert key == artist_key("???", set(), "one")
    assert key != artist_key("!!!", set(), "another")


def test_a_long_name_leaves_room_for_its_number() -> None:
    long_key = artist_key("word " * 100, set(), "id")
    second = artist_key("word " * 100, {long_key}, "id")
    assert len(long_key) <= LONGEST_KEY
    assert len(second) <= LONGEST_KEY
    assert second.endswith("-2")


@given(st.text(max_size=200), st.text(max_size=20), st.integers(0, 5))
def test_every_name_gets_a_valid_unused_key(name: str, identity: str, namesakes: int) -> None:
    taken: set[str] = set()
    for _ in range(namesakes + 1):
        key = artist_key(name, taken, identity)
        assert KEY.fullmatch(key)
        assert len(key) <= LONGEST_KEY
        assert key not in taken
        taken.add(key)
