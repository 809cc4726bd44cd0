"""The readable key of an artist: the name of its partition. It never changes.

This module spells a key. Other modules decide when an artist gets one, and what a merge does to it.
"""

import hashlib
import re
from collections.abc import Container
from itertools import count

from anyascii import anyascii

LONGEST_KEY = 80


def artist_key(name: str, taken: Container[str], identity: str) -> str:
    """A key of `[a-z0-9-]`, at most 80 characters, that is not in `taken`.

    It is the transliterated name. Namesakes get "-2", "-3", …. If transliteration leaves nothing, the key is "artist-"
    and 8 hex digits of the SHA-256 of `identity`, which never changes.
    """
    stem = _spelled_in_ascii(name) or f"artist-{hashlib.sha256(identity.encode()).hexdigest()[:8]}"
    if stem not in taken:
        return stem
    return next(key for key in (_numbered(stem, number) for number in count(2)) if key not in taken)


def _spelled_in_ascii(name: str) -> str:
    spoken = re.sub("['’‘`]", "", anyascii(name).casefold()).replace("&", " and ")
    return _cut(re.sub(r"[^a-z0-9]+", "-", spoken), LONGEST_KEY)


def _numbered(stem: str, number: int) -> str:
    suffix = f"-{number}"
    return _cut(stem, LONGEST_KEY - len(suffix)) + suffix


def _cut(key: str, length: int) -> str:
    return key.strip("-")[:length].strip("-")
