"""Words of names and titles, as a search engine sees them."""

import re
import unicodedata
from functools import lru_cache

WORD = re.compile(r"\w+")


@lru_cache(maxsize=200_000)
def words(text: str) -> tuple[str, ...]:
    """The folded words of a text; a text of signs only (`!!!`) is one word."""
    folded = fold(text)
    return tuple(WORD.findall(folded)) or ((folded.strip(),) if folded.strip() else ())


def fold(text: str) -> str:
    """The text without case, compatibility forms and accents; apostrophes are removed."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    kept = "".join(character for character in decomposed if not unicodedata.combining(character))
    return unicodedata.normalize("NFC", kept.replace("'", "").replace("’", ""))


def contains_phrase(haystack: tuple[str, ...], needle: tuple[str, ...]) -> bool:
    """Whether the words of the needle follow one another in the haystack."""
    width = len(needle)
    return any(haystack[start : start + width] == needle for start in range(len(haystack) - width + 1))
