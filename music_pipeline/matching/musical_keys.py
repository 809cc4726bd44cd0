"""Musical keys: as pitch class and mode, in print, and on the Camelot wheel. Pure."""

import re

MAJOR, MINOR = 1, 0
NAMES = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")
PITCH_OF_LETTER = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
SIGNS = {"": 0, "♯": 1, "#": 1, "♭": -1, "b": -1}
PRINTED = re.compile(r"^\s*([A-Ga-g])([♯#♭b]?)\s*(m|min|minor|maj|major)?\s*$")
# Around the wheel a step is a fifth; 8B is C major, 8A its relative minor, A minor.
PLACE_OF_C, PLACE_OF_A = 8, 8


def key_name(pitch_class: int, mode: int) -> str:
    """A printed key: "F♯ minor". `pitch_class`: 0 is C, 11 is B; `mode`: 1 major, 0 minor."""
    return f"{NAMES[pitch_class]} {'major' if mode == MAJOR else 'minor'}"


def camelot_key(pitch_class: int, mode: int) -> str:
    """A key on the Camelot wheel, 1A to 12B. Source: https://mixedinkey.com/camelot-wheel/"""
    fifths = (pitch_class * 7) % 12 if mode == MAJOR else ((pitch_class - 9) * 7) % 12
    place = ((PLACE_OF_C if mode == MAJOR else PLACE_OF_A) - 1 + fifths) % 12 + 1
    return f"{place}{'B' if mode == MAJOR else 'A'}"


def read_key(printed: str) -> tuple[int, int] | None:
    """Pitch class and mode of a printed key ("F♯m", "Bb major", "C"). None: it is no key."""
    found = PRINTED.match(printed)
    if found is None:
        return None
    letter, sign, word = found.groups()
    minor = word is not None and word.casefold().startswith("m") and not word.casefold().startswith("maj")
    return (PITCH_OF_LETTER[letter.casefold()] + SIGNS[sign]) % 12, MINOR if minor else MAJOR
