"""Names of artists and people as text: how they compare, and which names stand for no artist. Pure.

`artists` and `recordings` decide what names prove about identity.
"""

import re
import unicodedata
from functools import lru_cache
from itertools import dropwhile

from anyascii import anyascii
from rapidfuzz.distance import OSA

LONGEST_NAME = 200

_INVISIBLE = re.compile("[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufe00-\ufe0f\ufeff]")
# Accents of Latin, Greek and Cyrillic only: in other scripts a mark is a vowel or another consonant. The Cyrillic
# letters й, ў and ї decompose into a letter and an accent but are letters of their own.
_ACCENTS = re.compile("(?<![иуі])[\u0300-\u036f]")
_LETTERS_WITHOUT_DECOMPOSITION = str.maketrans(
    {"ø": "o", "æ": "ae", "œ": "oe", "đ": "d", "ł": "l", "ð": "d", "þ": "th", "ı": "i", "ħ": "h", "ŧ": "t"}
)
_APOSTROPHES = re.compile("['’‘`´ʼʻ′]")
_ACRONYM_POINT = re.compile(r"(?<=\b\w)\.(?=\w\b|\s|$)")
_AND = re.compile(r"&|(?<=\s)\+(?=\s)")
_DOLLAR_FOR_S = re.compile(r"\$(?=[^\W\d_])|(?<=[^\W\d_])\$")
_TRAILING_ARTICLE = re.compile(r"^(.+),\s+the\s*$", re.IGNORECASE | re.DOTALL)
_NAMESAKE_SUFFIX = re.compile(r"^(?P<name>.*\S)\s+\((?P<number>\d{1,4})\)$", re.DOTALL)

_VARIOUS = "various artists are not one artist"
_UNKNOWN = "an unknown artist cannot be looked up"
_TRADITIONAL = "traditional music has no artist"
_ANONYMOUS = "an anonymous artist cannot be looked up"
_NOT_A_NAME = "the name stands for the absence of an artist"

_NOBODY: dict[str, tuple[str, ...]] = {
    _VARIOUS: (
        "various", "various artist", "various artists", "various interprets", "various performers", "various composers",
        "v a", "va", "multiple artists", "verschiedene", "verschiedene interpreten", "verschiedene künstler",
        "diverse interpreten", "diverse künstler", "diverse artister", "diverse artiesten", "diverse kunstnere",
        "blandade artister", "artistes divers", "divers artistes", "artistes variés", "varios", "varios artistas",
        "varios intérpretes", "vários", "vários artistas", "vários intérpretes", "artisti vari", "autori vari",
        "różni wykonawcy", "různí interpreti", "rôzni interpreti", "různí", "különböző előadók", "válogatás",
        "razni izvođači", "çeşitli sanatçılar", "eri esittäjiä", "artiști diverși", "разные исполнители",
        "разные артисты", "різні виконавці", "сборник", "διάφοροι καλλιτέχνες", "διάφοροι", "オムニバス",
        "ヴァリアス アーティスト", "ヴァリアス", "群星", "合輯", "合辑", "여러 아티스트",
        "فنانون متنوعون", "אמנים שונים",
    ),
    _UNKNOWN: (
        "unknown", "unknown artist", "unknown artists", "artist unknown", "unknown performer", "unbekannt",
        "unbekannter künstler", "unbekannter interpret", "inconnu", "artiste inconnu", "desconocido",
        "artista desconocido", "desconhecido", "artista desconhecido", "sconosciuto", "artista sconosciuto", "onbekend",
        "onbekende artiest", "okänd", "okänd artist", "ukjent artist", "ukendt kunstner", "tuntematon esittäjä",
        "nieznany", "nieznany wykonawca", "neznámý interpret", "ismeretlen előadó", "bilinmeyen sanatçı", "неизвестен",
        "неизвестный", "неизвестный исполнитель", "неизвестный артист", "невідомий виконавець",
        "άγνωστος καλλιτέχνης", "未知", "未知艺术家", "未知藝人", "不明", "アーティスト不明", "알 수 없는 아티스트",
    ),
    _TRADITIONAL: (
        "traditional", "trad", "traditionell", "traditionnel", "tradicional", "tradizionale", "traditioneel",
        "volksweise", "volkslied", "народная", "народные", "народная песня", "παραδοσιακό",
    ),
    _ANONYMOUS: ("anonymous", "anonym", "anonyme", "anonimo", "anónimo", "anônimo", "anoniem", "аноним"),
    _NOT_A_NAME: ("no artist", "not an artist", "none", "n a", "not applicable", "not on label"),
}  # fmt: skip
# MusicBrainz's special-purpose artists, named in square brackets: https://musicbrainz.org/doc/Style/Unknown_and_untitled
_NOBODY_IN_BRACKETS = frozenset(
    {"data", "dialogue", "language instruction", "nature sounds", "christmas music", "church chimes", "theatre"}
    | {"soundtrack", "musical", "untitled", "blank", "silence", "no label", "disney", "crowd noise"}
)


class InvalidName(ValueError):
    """A requested name that cannot be a name. The text says why, for the person who asked."""


@lru_cache(maxsize=65536)
def fold_text(text: str) -> str:
    """The words of a text for comparison: without case, accents, punctuation and spacing; "&" as "and".

    Letters of other scripts stay. A text of symbols only ("!!!") is returned as it is, in lower case: the result is
    empty only if nothing in the text is visible.
    """
    plain = _without_case_and_accents(text)
    words = "".join(char if _is_part_of_a_word(char) else " " for char in _spelled_out(plain))
    return _spaced(words) or _spaced(plain) or _spaced(_INVISIBLE.sub("", text).casefold())


@lru_cache(maxsize=65536)
def normalise_name(text: str) -> str:
    """The form in which names are compared for equality: `fold_text` without a leading or trailing "the".

    "The Beatles", "Beatles, The" and "beatles" are equal; "The The" stays whole.
    """
    folded = fold_text(_TRAILING_ARTICLE.sub(r"the \1", text))
    without_article = " ".join(dropwhile(lambda word: word == "the", folded.split(" ")))
    return without_article or folded


def strip_namesake_suffix(name: str) -> tuple[str, int | None]:
    """A Discogs name without its namesake number, and that number: "DJ X (2)" is ("DJ X", 2).

    The "*" of a name variation ("A. Delano*") is dropped too. The number tells two artists apart: drop it for
    comparison only, never for identity.
    """
    unmarked = name.strip().removesuffix("*").rstrip() or name.strip()
    found = _NAMESAKE_SUFFIX.match(unmarked)
    if found is None:
        return unmarked, None
    return found["name"].removesuffix("*").rstrip() or found["name"], int(found["number"])


def is_not_an_artist(name: str) -> str | None:
    """Why a name stands for no artist (Various, Unknown Artist, Traditional, …). None: it may be an artist.

    A Discogs name with a namesake number ("Artist Unknown (5)") is a real artist of that name, and passes.
    """
    folded = fold_text(name)
    if _is_in_square_brackets(name) and folded in _NOBODY_IN_BRACKETS:
        return _NOT_A_NAME
    return _names_of_nobody().get(folded)


def check_requested_name(text: str) -> str:
    """A requested name, trimmed and in Unicode's composed form.

    Raises InvalidName if it is empty, longer than 200 characters, or has control characters or characters that were
    lost in decoding. SQL, emoji and right-to-left text are legal names.
    """
    name = unicodedata.normalize("NFC", text).strip().strip("\ufeff").strip()
    if not _INVISIBLE.sub("", name).strip():
        raise InvalidName("The name is empty: give the artist's name, Spotify id or Spotify link.")
    if len(name) > LONGEST_NAME:
        raise InvalidName(f"The name has {len(name)} characters, at most {LONGEST_NAME} are possible: {name[:40]!r}….")
    unusable = next((char for char in name if _is_unusable(char)), None)
    if unusable is not None:
        raise InvalidName(f"The name {name!r} holds the character U+{ord(unusable):04X}, which no name can contain.")
    return name


def names_are_close(left: str, right: str) -> bool:
    """Whether two names could be spellings of one name, so that neither may be chosen while the other is a candidate.

    They are if they are equal without spaces or in transliteration, or differ by one edit in 6 to 11 letters or by two
    in more. Names with different digits are not close.
    """
    ours, theirs = _squeezed(left), _squeezed(right)
    if ours == theirs:
        return True
    if re.sub(r"\D", "", ours) != re.sub(r"\D", "", theirs):
        return False
    edits = _edits_allowed(min(len(ours), len(theirs)))
    return OSA.distance(ours, theirs, score_cutoff=edits) <= edits


def _without_case_and_accents(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    bare = _ACCENTS.sub("", _INVISIBLE.sub("", decomposed))
    return unicodedata.normalize("NFC", bare.translate(_LETTERS_WITHOUT_DECOMPOSITION))


def _spaced(text: str) -> str:
    return " ".join(text.split())


def _spelled_out(plain: str) -> str:
    without_points = _ACRONYM_POINT.sub("", _APOSTROPHES.sub("", plain))
    return _DOLLAR_FOR_S.sub("s", _AND.sub(" and ", without_points))


def _is_part_of_a_word(char: str) -> bool:
    return char.isalnum() or unicodedata.category(char).startswith("M")


def _is_in_square_brackets(name: str) -> bool:
    return name.strip().startswith("[") and name.strip().endswith("]")


@lru_cache(maxsize=1)
def _names_of_nobody() -> dict[str, str]:
    return {fold_text(name): reason for reason, names in _NOBODY.items() for name in names}


def _is_unusable(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cs") or char == "\ufffd"


@lru_cache(maxsize=65536)
def _squeezed(name: str) -> str:
    normalised = normalise_name(name)
    return re.sub(r"[^a-z0-9]", "", anyascii(normalised).casefold()) or normalised


def _edits_allowed(letters: int) -> int:
    if letters < 6:
        return 0
    return 1 if letters < 12 else 2
