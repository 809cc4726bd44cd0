"""Roles: which parts of one are production credits, and to which tracks a range applies.

The sandbox's truth rests on this parsing of Discogs's role and range texts.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

BRACKETS = re.compile(r"\[([^\]]*)\]")
PRODUCTION_HEAD = re.compile(r"(?:.*[\s-])?(?:producer|produced[ -]by)")
RANGE_SEPARATORS = re.compile(r"[,;&]|\band\b")
RANGE_WRAPPING = re.compile(r"^\s*\(?\s*(?:tracks?\s*:)?\s*|\s*\)?\s*$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class RolePart:
    """One part of a comma list: its words outside brackets, lower-case, and those inside."""

    text: str
    head: str
    details: tuple[str, ...]


@lru_cache(maxsize=20_000)
def split_roles(role: str) -> tuple[RolePart, ...]:
    """Split a role on the commas outside brackets."""
    parts = re.split(r",(?![^\[]*\])", role)
    return tuple(_role_part(part.strip()) for part in parts if part.strip())


def _role_part(text: str) -> RolePart:
    head = re.sub(r"[\s-]+", " ", BRACKETS.sub(" ", text)).strip().lower()
    return RolePart(text=text, head=head, details=tuple(BRACKETS.findall(text)))


@lru_cache(maxsize=20_000)
def production_parts(role: str) -> tuple[RolePart, ...]:
    """The parts of a role that credit production."""
    return tuple(part for part in split_roles(role) if PRODUCTION_HEAD.fullmatch(part.head))


def expand_range(text: str, positions: list[str]) -> list[int]:
    """The indexes of the positions that a range names; all of them for an empty range.

    A word of the range that names no position applies to nothing.
    """
    folded = [position.strip().casefold() for position in positions]
    cleaned = RANGE_WRAPPING.sub("", text).casefold()
    if not cleaned:
        return list(range(len(positions)))
    chosen: dict[int, None] = {}
    for word in RANGE_SEPARATORS.split(cleaned):
        chosen.update(dict.fromkeys(_expand_word(word.strip(), folded)))
    return sorted(chosen)


def _expand_word(word: str, positions: list[str]) -> list[int]:
    named = _named(word, positions)
    if named:
        return named
    for separator in re.finditer(r"\s+to\s+|\s*[-–]\s*", word):
        first = _named(word[: separator.start()], positions)
        last = _named(word[separator.end() :], positions)
        if first and last:
            return list(range(min(first[0], last[0]), max(first[-1], last[-1]) + 1))
    return []


def _named(word: str, positions: list[str]) -> list[int]:
    """The places of a word: itself, else its sub-positions (A1a, 1.1), else its side or disc (A, CD2)."""
    if not word:
        return []
    exact = [index for index, position in enumerate(positions) if position == word]
    if exact:
        return exact
    beneath = re.compile(re.escape(word) + (r"[.\s(a-z-]" if word[-1].isdigit() else r"[\d-]"))
    return [index for index, position in enumerate(positions) if beneath.match(position)]
