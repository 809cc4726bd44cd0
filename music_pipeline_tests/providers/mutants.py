"""Answers that are damaged in one way or several, and what a parser may make of them.

A mutant is a body; `planted` are the values that the damage put in. What a record says has to stand in the body.
"""

import json
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

LONGEST_LIST = 3
BULKY = ("available_markets", "available_countries")
HUGE = 10**400
ODD_NUMBERS = (-1, -7, 0, 1, 2**31, 2**63, HUGE, -HUGE, 1e308, 2.5, float("nan"), float("inf"), float("-inf"))
ODD_TEXTS = (
    "", " ", "0", "-1", "nan", "inf", "1e400", "9" * 5_000, "１２", "²", "\x00", "a\x00b", "\ud800", "x\udfffy",
    "\x1b[31m", "\u202eabc", "e\u0301", "🎸" * 50, "A" * 100_000, "0000-00-00", "9999-99-99", "'; DROP TABLE x; --",
    "%s", "{id}", "http://[", "https://api.deezer.com/artist/27/albums?index=", "99:99:99", "\r\n",
)  # fmt: skip
ODD_VALUES = (None, "", "text", 0, 7, -1.5, True, False, [], {}, [None], [[]], [{}], {"id": None}, {"error": 1})
DEFAULTS = frozenset({("number", 0), ("number", 1), ("number", -1), ("text", ""), ("flag", False), ("flag", True)})
# Made of the whole answer: how many entries were of no use, where the next page begins, whether credits are missing.
OF_THE_WHOLE = ("nulls", "next_offset", "track_count", "recording_relations_missing")
WORD = re.compile(r"\S+")
ADDRESS_PART = re.compile(r"[A-Za-z0-9._-]+")
SPOKEN_FLAGS = {"yes": True, "no": False}
DURATION = re.compile(r"(?:(\d+):)?(\d+):(\d\d)")

Leaf = tuple[str, Any]
"""Whether it is text, a number or a flag, and which."""


@dataclass(frozen=True)
class Mutant:
    """A damaged body. `planted`: what the damage put in; None where that cannot be said."""

    body: bytes
    planted: tuple[Any, ...] | None


def trimmed(value: Any) -> Any:
    """The JSON with its lists cut to three entries, so that each change counts."""
    if isinstance(value, dict):
        return {key: trimmed(entry) for key, entry in value.items() if key not in BULKY}
    return [trimmed(entry) for entry in value[:LONGEST_LIST]] if isinstance(value, list) else value


def mutant_of(text: str, chance: random.Random) -> Mutant:
    """The JSON `text` with one to three changes inside, or with a damaged body."""
    if chance.random() < 0.1:
        return Mutant(chance.choice(DAMAGES)(text.encode(), chance), None)
    holder = {"": json.loads(text)}
    planted: list[Any] = []
    for _ in range(chance.randint(1, 3)):
        container, key = chance.choice(list(_places(holder)))
        planted += chance.choice(CHANGES)(container, key, chance, holder)
    written = json.dumps(holder[""], ensure_ascii=chance.random() < 0.5)
    return Mutant(written.encode("utf-8", "surrogatepass"), tuple(planted))


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    keys = value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from _places(value[key])


def _drop(container: Any, key: Any, chance: random.Random, holder: Any) -> list[Any]:
    if container is holder:
        return _plant(container, key, {})
    del container[key]
    return []


def _plant(container: Any, key: Any, value: Any) -> list[Any]:
    container[key] = value
    return [value]


def _null(container: Any, key: Any, chance: random.Random, holder: Any) -> list[Any]:
    return _plant(container, key, None)


def _other_type(container: Any, key: Any, chance: random.Random, holder: Any) -> list[Any]:
    fitting = [value for value in ODD_VALUES if type(value) is not type(container[key])]
    return _plant(container, key, json.loads(json.dumps(chance.choice(fitting))))


def _odd_number(container: Any, key: Any, chance: random.Random, holder: Any) -> list[Any]:
    return _plant(container, key, chance.choice(ODD_NUMBERS))


def _odd_text(container: Any, key: Any, chance: random.Random, holder: Any) -> list[Any]:
    return _plant(container, key, chance.choice(ODD_TEXTS))


def _garbled(container: Any, key: Any, chance: random.Random, holder: Any) -> list[Any]:
    """Text with a sign put in; another value as text."""
    text = container[key] if isinstance(container[key], str) else json.dumps(container[key])[:200]
    place = chance.randint(0, len(text))
    sign = chance.choice(("\x00", "\ud83d", "\u200f", "\x7f", "%", "\\", '"', " ", "é", "0"))
    return _plant(container, key, text[:place] + sign + text[place:])


def _list_changed(container: Any, key: Any, chance: random.Random, holder: Any) -> list[Any]:
    """The list emptied, cut, reversed, or with an entry twice; another value alone in a list."""
    value = container[key]
    if not isinstance(value, list):
        return _plant(container, key, [value])
    kept = chance.choice(([], value[:-1], value[::-1], value + value[:1], [None, *value]))
    return _plant(container, key, json.loads(json.dumps(kept)))


def _swapped(container: Any, key: Any, chance: random.Random, holder: Any) -> list[Any]:
    """The value, and another of the answer, in each other's place."""
    other, place = chance.choice(list(_places(holder)))
    first, second = json.dumps(container[key]), json.dumps(other[place])
    container[key] = json.loads(second)
    if not any(inside is other for inside, _ in _places({"": json.loads(first)})):
        other[place] = json.loads(first)
    return [json.loads(first), json.loads(second)]


def _key_renamed(container: Any, key: Any, chance: random.Random, holder: Any) -> list[Any]:
    if not isinstance(container, dict) or container is holder:
        return _null(container, key, chance, holder)
    container[chance.choice(("", "id", key.upper(), key + "\x00", "\ud800"))] = container.pop(key)
    return [json.loads(json.dumps(container))]


Change = Callable[[Any, Any, random.Random, Any], list[Any]]
CHANGES: tuple[Change, ...] = (
    _drop, _drop, _null, _other_type, _odd_number, _odd_text, _garbled, _list_changed, _swapped, _key_renamed,
)  # fmt: skip


def _cut(body: bytes, chance: random.Random) -> bytes:
    return body[: chance.randint(0, len(body))]


def _flipped(body: bytes, chance: random.Random) -> bytes:
    changed = bytearray(body)
    for _ in range(chance.randint(1, 4)):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


def _other_encoding(body: bytes, chance: random.Random) -> bytes:
    return body.decode().encode(chance.choice(("utf-16", "utf-32", "utf-8-sig", "utf-16-be")), "replace")


def _nested(body: bytes, chance: random.Random) -> bytes:
    depth = chance.choice((50, 5_000, 200_000))
    return b"[" * depth + body + b"]" * depth


def _something_else(body: bytes, chance: random.Random) -> bytes:
    return chance.choice(
        (b"", b"null", b"0", b'""', b"[]", b"{}", b"<html>", b"NaN", b"1" * 5_000, b"[1,", body + body)
    )


Damage = Callable[[bytes, random.Random], bytes]
DAMAGES: tuple[Damage, ...] = (_cut, _flipped, _flipped, _other_encoding, _nested, _something_else)


def invented(
    record: Any, payload: Any, planted: tuple[Any, ...] | None, faithful: Counter[tuple[str, Leaf]]
) -> list[Any]:
    """What the record says and the answer does not, as (field, value); a default counts unless it was planted.

    `payload`: the JSON that was parsed; `faithful`: what the undamaged answer is read as.
    """
    allowed = _readings(payload)
    said = Counter(said_by(record))
    found = [one for one in said if one[0] not in OF_THE_WHOLE and not _is_told(*one, allowed)]
    if planted is not None:
        put_in = _readings(list(planted))
        new = said - faithful
        found += [one for one in new if one[1] in DEFAULTS and one[0] not in OF_THE_WHOLE and one[1] not in put_in]
    return found


def unstorable(record: Any) -> list[Any]:
    """What no table can hold: NUL signs and halves of characters in text, numbers of more than 8 bytes."""
    return [(name, value) for name, value in said_by(record) if not _is_storable(*value)]


def _is_storable(kind: str, value: Any) -> bool:
    if kind == "text":
        return "\x00" not in value and not any("\ud800" <= sign <= "\udfff" for sign in value)
    return kind == "flag" or -(2**63) <= value < 2**63 or isinstance(value, float)


def said_by(record: Any, name: str = "") -> list[tuple[str, Leaf]]:
    """Every value of a record with the name of its field."""
    if record is None:
        return []
    if is_dataclass(record) and not isinstance(record, type):
        return [one for field in fields(record) for one in said_by(getattr(record, field.name), field.name)]
    if isinstance(record, dict):
        named = [(f"{name}.key", _leaf(key)) for key in record]
        return named + [one for value in record.values() for one in said_by(value, name)]
    if isinstance(record, tuple | list):
        return [one for entry in record for one in said_by(entry, name)]
    return [(name, _leaf(record))]


def _leaf(value: Any) -> Leaf:
    if isinstance(value, bool):
        return "flag", value
    return ("text", value) if isinstance(value, str) else ("number", value)


def _is_told(name: str, value: Leaf, allowed: set[Leaf]) -> bool:
    if value in allowed:
        return True
    if name == "role":  # attributes and type, joined
        return all(("text", word) in allowed for word in WORD.findall(value[1]))
    if name == "urls":  # the address of the account that the page names
        return ("text", value[1].rsplit("/", 1)[-1]) in allowed
    return name in ("provider", "urls.key")


def _readings(payload: Any) -> set[Leaf]:
    """Everything that the values and keys of the JSON may be read as."""
    found: set[Leaf] = set()
    waiting = [payload]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += [*value.keys(), *value.values()]
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, str):
            found |= _readings_of_text(value)
        elif isinstance(value, bool):
            found.add(("flag", value))
        elif value is not None:
            found |= _readings_of_number(value)
    return found


def _readings_of_number(value: float) -> set[Leaf]:
    written = set() if isinstance(value, float) or abs(value) >= HUGE else {("text", str(value))}
    return {("number", value), ("number", value * 1000), *written}


def _readings_of_text(value: str) -> set[Leaf]:
    clean = "".join(sign for sign in value if sign != "\x00" and not "\ud800" <= sign <= "\udfff")
    found: set[Leaf] = {("text", one) for text in (value, clean) for one in (text, text.strip(), text.lower())}
    if len(clean) > 1_000:
        return found
    found |= {("text", one) for one in (*WORD.findall(clean), *ADDRESS_PART.findall(clean))}
    if clean.strip().lower() in SPOKEN_FLAGS:
        found.add(("flag", SPOKEN_FLAGS[clean.strip().lower()]))
    found |= {("number", 1000 * _seconds(match)) for match in DURATION.finditer(clean)}
    try:
        found |= _readings_of_number(int(clean) if clean.strip().isdecimal() else float(clean))
    except ValueError:
        return found
    return found


def _seconds(match: re.Match[str]) -> int:
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return (hours * 60 + minutes) * 60 + seconds
