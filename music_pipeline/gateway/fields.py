"""Read JSON that may lack anything: a missing optional value is None, a wrong shape raises UnreadableAnswer.

`Reader` belongs to one provider, which its errors name. Each provider's file says what the fields mean.
"""

import re
from dataclasses import dataclass
from math import isfinite
from typing import Any

from music_pipeline.gateway.errors import UnreadableAnswer

LARGEST_INTEGER = 2**63 - 1  # what a bigint holds
LARGEST_COUNT = 2**31 - 1  # what an integer holds
LONGEST_INTEGER = 20  # signs
LONGEST_ID = 200  # signs: it is looked up by an index
LONGEST_TEXT = 10_000  # signs: no name, title or address is longer
# NUL and lone surrogates: JSON may contain them, no table can hold them.
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads the JSON of `provider`."""

    provider: str

    def mapping(self, value: object, what: str) -> dict[str, Any]:
        """An object that must be present."""
        if not isinstance(value, dict):
            raise UnreadableAnswer(self.provider, what, value)
        return value

    def optional_mapping(self, value: object, what: str) -> dict[str, Any]:
        """An object that may be missing: then an empty one."""
        return {} if value is None else self.mapping(value, what)

    def sequence(self, value: object, what: str) -> list[Any]:
        """A list that must be present."""
        if not isinstance(value, list):
            raise UnreadableAnswer(self.provider, what, value)
        return value

    def optional_sequence(self, value: object, what: str) -> list[Any]:
        """A list that may be missing: then an empty one."""
        return [] if value is None else self.sequence(value, what)

    def text(self, value: object, what: str) -> str | None:
        """Text without characters that cannot be stored; None if it is missing or blank."""
        if value is None:
            return None
        if not isinstance(value, str) or len(value) > LONGEST_TEXT:
            raise UnreadableAnswer(self.provider, what, value)
        return UNSTORABLE.sub("", value).strip() or None

    def texts(self, value: object, what: str) -> tuple[str, ...]:
        """The texts of a list, without nulls and blanks."""
        found = (self.text(entry, what) for entry in self.optional_sequence(value, what))
        return tuple(entry for entry in found if entry)

    def integer(self, value: object, what: str) -> int | None:
        """A whole number of at most 8 bytes, also one in quotes; None if it is missing."""
        if value is None or value == "":
            return None
        number = _whole(value)
        if number is None or abs(number) > LARGEST_INTEGER:
            raise UnreadableAnswer(self.provider, what, value)
        return number

    def count(self, value: object, what: str, *, largest: int = LARGEST_COUNT) -> int | None:
        """A whole number from 0 to `largest` (4 bytes); None if it is missing."""
        number = self.integer(value, what)
        if number is not None and not 0 <= number <= largest:
            raise UnreadableAnswer(self.provider, what, value)
        return number

    def number(self, value: object, what: str) -> float | None:
        """A finite number; None if it is missing."""
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not _is_finite(value):
            raise UnreadableAnswer(self.provider, what, value)
        return float(value)

    def decimal(self, value: object, what: str) -> float | None:
        """A finite number, also one in quotes; None if it is missing or blank."""
        if not isinstance(value, str):
            return self.number(value, what)
        try:
            return self.number(float(value), what) if value.strip() else None
        except ValueError:
            raise UnreadableAnswer(self.provider, what, value) from None

    def one_or_many(self, value: object, what: str) -> list[Any]:
        """A list converted from XML: a single entry comes without the list, none as blank text or not at all."""
        if isinstance(value, dict):
            return [value]
        return [] if value in (None, "") else self.sequence(value, what)

    def flag(self, value: object, what: str) -> bool | None:
        """True or false; None if it is missing."""
        if value is None or isinstance(value, bool):
            return value
        raise UnreadableAnswer(self.provider, what, value)

    def id(self, value: object, what: str) -> str | None:
        """An identifier as text: numbers are written out; None if it is missing, blank or 0."""
        if isinstance(value, int) and not isinstance(value, bool):
            if not 0 <= value <= LARGEST_INTEGER:
                raise UnreadableAnswer(self.provider, what, value)
            return str(value) if value else None
        found = self.text(value, what)
        if found is not None and len(found) > LONGEST_ID:
            raise UnreadableAnswer(self.provider, what, value)
        return None if found == "0" else found


def _whole(value: object) -> int | None:
    """The whole number that the value is or spells; None if it is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return int(value)
    if isinstance(value, str) and len(value) <= LONGEST_INTEGER and value.strip().isdecimal():
        return int(value)
    return None


def _is_finite(value: float) -> bool:
    try:
        return isfinite(value)
    except OverflowError:  # a whole number that is too large for a float
        return False
