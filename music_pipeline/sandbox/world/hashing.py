"""Stable derivation: every value that a catalogue lacks comes from a hash of what it has.

This module maps words to numbers and identifiers. The loaders choose what to derive.
"""

import hashlib
import string
from collections.abc import Sequence
from random import Random
from typing import TypeVar

Item = TypeVar("Item")

BASE62 = string.digits + string.ascii_lowercase + string.ascii_uppercase
BASE62_PAIRS = tuple(high + low for high in BASE62 for low in BASE62)
UUID_FIXED_BITS = 0xF000_C000 << 48  # version and variant, as RFC 9562 places them
UUID_VERSION_4 = 0x4000_8000 << 48
ISRC_COUNTRIES = ("US", "GB", "DE", "FR", "SE", "JP", "NL", "AU")


def digest(*parts: object) -> int:
    """A 128-bit number that depends on the parts and their order only."""
    text = "\x1f".join(map(str, parts))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16).digest(), "big")


def fraction(*parts: object) -> float:
    """A number in [0, 1)."""
    return (digest(*parts) >> 75) / (1 << 53)


def number(low: int, high: int, *parts: object) -> int:
    """A whole number from low to high, both included."""
    return low + digest(*parts) % (high - low + 1)


def pick(items: Sequence[Item], *parts: object) -> Item:
    """One of the items."""
    return items[digest(*parts) % len(items)]


def base62_id(*parts: object) -> str:
    """A Spotify id: 22 characters of base 62 that decode to less than 2**128."""
    value = digest("spotify", *parts)
    pairs = []
    for _ in range(11):
        value, remainder = divmod(value, len(BASE62_PAIRS))
        pairs.append(BASE62_PAIRS[remainder])
    return "".join(reversed(pairs))


def mbid(*parts: object) -> str:
    """A MusicBrainz id: a UUID of version 4."""
    bits = digest("mbid", *parts) & ~UUID_FIXED_BITS | UUID_VERSION_4
    digits = f"{bits:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def isrc(year: int, *parts: object) -> str:
    """An ISRC: country, registrant, two digits of the year, five of the designation (ISO 3901)."""
    value = digest("isrc", *parts)
    country = ISRC_COUNTRIES[value % len(ISRC_COUNTRIES)]
    registrant = "".join(string.ascii_uppercase[(value >> shift) % 26] for shift in (8, 16, 24))
    return f"{country}{registrant}{year % 100:02d}{(value >> 40) % 100_000:05d}"


def upc(*parts: object) -> str:
    """A UPC-A barcode: eleven digits and their check digit."""
    body = f"{digest('upc', *parts) % 10**11:011d}"
    total = 3 * sum(int(digit) for digit in body[::2]) + sum(int(digit) for digit in body[1::2])
    return f"{body}{-total % 10}"


def seeded(*parts: object) -> Random:
    """A generator that depends on the parts only; worlds are no secrets."""
    return Random("\x1f".join(str(part) for part in parts))  # noqa: S311
