"""Reading JSON that may lack anything: a missing optional is None, a wrong shape is UnreadableAnswer.

`Reader` speaks for one provider, so that the error names it. What the fields mean belongs to each provider's own file.
"""

from dataclasses import dataclass
from math import isfinite
from typing import Any

from music_pipeline.providers.errors import UnreadableAnswer


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads the JSON of `provider`."""

    provider: str

    def mapping(self, value: object, what: str) -> dict[str, Any]:
        """An object that must be there."""
        if not isinstance(value, dict):
            raise UnreadableAnswer(self.provider, what, value)
        return value

    def optional_mapping(self, value: object, what: str) -> dict[str, Any]:
        """An object that may be missing: then an empty one."""
        return {} if value is None else self.mapping(value, what)

    def sequence(self, value: object, what: str) -> list[Any]:
        """A list that must be there."""
        if not isinstance(value, list):
            raise UnreadableAnswer(self.provider, what, value)
        return value

    def optional_sequence(self, value: object, what: str) -> list[Any]:
        """A list that may be missing: then an empty one."""
        return [] if value is None else self.sequence(value, what)

    def text(self, value: object, what: str) -> str | None:
        """Text; None where it is missing or blank."""
        if value is None:
            return None
        if not isinstance(value, str):
            raise UnreadableAnswer(self.provider, what, value)
        return value.strip() or None

    def texts(self, value: object, what: str) -> tuple[str, ...]:
        """The texts of a list, without nulls and blanks."""
        found = (self.text(entry, what) for entry in self.optional_sequence(value, what))
        return tuple(entry for entry in found if entry)

    def integer(self, value: object, what: str) -> int | None:
        """A whole number, also one in quotes; None where it is missing."""
        if value is None or value == "":
            return None
        if isinstance(value, bool):
            raise UnreadableAnswer(self.provider, what, value)
        if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
            return int(value)
        if isinstance(value, str) and value.strip().isdecimal():
            return int(value)
        raise UnreadableAnswer(self.provider, what, value)

    def number(self, value: object, what: str) -> float | None:
        """A finite number; None where it is missing."""
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
            raise UnreadableAnswer(self.provider, what, value)
        return float(value)

    def decimal(self, value: object, what: str) -> float | None:
        """A finite number, also one in quotes; None where it is missing or blank."""
        if not isinstance(value, str):
            return self.number(value, what)
        try:
            return self.number(float(value), what) if value.strip() else None
        except ValueError:
            raise UnreadableAnswer(self.provider, what, value) from None

    def one_or_many(self, value: object, what: str) -> list[Any]:
        """A list that was made of XML: one entry comes without it, none as blank text or not at all."""
        if isinstance(value, dict):
            return [value]
        return [] if value in (None, "") else self.sequence(value, what)

    def flag(self, value: object, what: str) -> bool | None:
        """True or false; None where it is missing."""
        if value is None or isinstance(value, bool):
            return value
        raise UnreadableAnswer(self.provider, what, value)

    def id(self, value: object, what: str) -> str | None:
        """An identifier as text: numbers are written out; None where it is missing, blank or 0."""
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value) if value else None
        found = self.text(value, what)
        return None if found == "0" else found
