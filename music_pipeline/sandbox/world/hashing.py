"""Stable derivation: every value that a catalogue lacks comes from a hash of what it has.

Here belong functions from words to numbers and identifiers. Choosing what to derive is the loaders' business.
"""

import hashlib
import string
import uuid
from collections.abc import Sequence
from random import Random
from typing import TypeVar

Item = TypeVar("Item")

BASE62 = string.digits + string.ascii_lowercase + string.ascii_uppercase
ISRC_COUNTRIES = ("US", "GB", "DE", "FR", "SE", "JP", "NL", "AU")


def digest(*parts: object) -> int:
    """Returns a 128-bit number that depends on the parts and their order only."""
    text = "\x1f".join(map(str, parts))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16).digest(), "big")


def fraction(*parts: object) -> float:
    """Returns a number in [0, 1)."""
    return (digest(*parts) >> 75) / (1 << 53)


def number(low: int, high: int, *parts: object) -> int:
    """Returns a whole number from low to high, both included."""
    return low + digest(*parts) % (high - low + 1)


def pick(items: Sequence[Item], *parts: object) -> Item:
    """Returns one of the items."""
    return items[digest(*parts) % len(items)]


def base62_id(*parts: object) -> str:
    """Returns a Spotify id: 22 characters of base 62 that decode to less than 2**128."""
    value = digest("spotify", *parts)
    characters = []
    for _ in range(22):
        value, remainder = divmod(value, 62)
        characters.append(BASE62[remainder])
    return "".join(reversed(characters))


def mbid(*parts: object) -> str:
    """Returns a MusicBrainz id: a UUID of version 4."""
    return str(uuid.UUID(int=digest("mbid", *parts), version=4))


def isrc(year: int, *parts: object) -> str:
    """Returns an ISRC: country, registrant, two digits of the year, five of the designation (ISO 3901)."""
    value = digest("isrc", *parts)
    country = ISRC_COUNTRIES[value % len(ISRC_COUNTRIES)]
    registrant = "".join(string.ascii_uppercase[(value >> shift) % 26] for shift in (8, 16, 24))
    return f"{country}{registrant}{year % 100:02d}{(value >> 40) % 100_000:05d}"


def upc(*parts: object) -> str:
    """Returns a UPC-A barcode: eleven digits and their check digit."""
    body = f"{digest('upc', *parts) % 10**11:011d}"
    total = 3 * sum(int(digit) for digit in body[::2]) + sum(int(digit) for digit in body[1::2])
    return f"{body}{-total % 10}"


def seeded(*parts: object) -> Random:
    """Returns a generator that depends on the parts only; worlds are no secrets."""
    return Random("\x1f".join(str(part) for part in parts))  # noqa: S311
