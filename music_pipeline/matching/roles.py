"""Roles in credits as Discogs, MusicBrainz and Genius print them, and which of them are production. Pure.

`track_ranges` reads which tracks a credit covers.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from rapidfuzz import fuzz


@dataclass(frozen=True, slots=True)
class Role:
    """One role of a credit.

    `head`: the role outside brackets, as printed. `qualifier`: the contents of the brackets, joined with "; ".
    `printed`: the whole role as printed.
    """

    head: str
    qualifier: str | None
    printed: str


class RoleClass(StrEnum):
    """The kind of a production credit. OTHER: production of a part, or help with it."""

    PRODUCER = "producer"
    CO = "co"
    ADDITIONAL = "additional"
    EXECUTIVE = "executive"
    COMPILATION = "compilation"
    REISSUE = "reissue"
    OTHER = "other"


class ProducerKind(StrEnum):
    """The kind of producer that a credited name shows."""

    COMPANY = "company"
    GROUP = "group"


_PRODUCTION_HEAD = re.compile(r"^(?:(?P<prefix>.*)\s)?(?P<joined>co)?(?:producers?|produced by)$")
_GENIUS_PRODUCTION = re.compile(r"^(?P<prefix>(?:.*\s)?)(?:co-?)?production(?:\s+by)?$", re.IGNORECASE)
_OPENING, _CLOSING = "[(", "])"

_HELP = frozenset({"assistant", "assistance", "assisted", "assisting", "associate"})
_EXECUTIVE = frozenset({"executive", "exec"})
_COMPILATION = frozenset({"compilation", "compiled", "compiler"})
_REISSUE = frozenset({"reissue", "reissued", "reissues", "rerelease"})
_CO = frozenset({"co", "joint", "coproducer", "coproduced", "coproduction"})
# Prefixes of production of the music as a whole. Any other word means production of something else.
_WHOLE_MUSIC = frozenset(
    {"record", "recording", "music", "musical", "song", "track", "album", "audio", "sound", "main", "lead", "original"}
    | {"artistic", "the", "and", "all", "tracks", "songs", "produced", "by", "producer"}
)
_PART = frozenset(
    {"vocal", "vocals", "voice", "film", "video", "dvd", "movie", "visual", "string", "strings", "horn", "horns"}
    | {"drum", "drums", "percussion", "beat", "beats", "choir", "line", "post", "stage", "tour", "photo", "artwork"}
)

_COMPANY_WORDS = frozenset(
    {"productions", "records", "recordings", "ltd", "limited", "gmbh", "inc", "incorporated", "llc", "llp", "plc"}
    | {"corp", "corporation", "entertainment", "enterprises", "publishing", "music group", "verlag"}
    | {"broadcasting", "pty", "s.r.l", "srl", "b.v", "s.p.a", "s.a.r.l", "sarl", "e.v", "kg", "sp. z o.o"}
)
# Legal forms so short that only their place at the end, in capitals, tells them from a word or a name.
_COMPANY_ENDING = re.compile(r"\s(?:SA|S\.A\.?|AG|AB|AS|A/S|ApS|BV|NV|N\.V\.?|Oy|OY|SpA|KK|K\.K\.?|Co\.|& Co\.?)$")
_GROUP = re.compile(
    r"\S\s+(?:&|and|und|et|y|\+|/)\s+\S|\b(?:orchestra|ensemble|choir|quartet|trio|band)$", re.IGNORECASE
)


@lru_cache(maxsize=16384)
def parse_roles(text: str) -> tuple[Role, ...]:
    """The roles of a Discogs role text, split at commas outside brackets: "Remix, Producer [Additional]" is two.

    An unclosed bracket ends with the text.
    """
    return tuple(_read_role(printed) for part in _outside_brackets(text) if (printed := part.strip()))


@lru_cache(maxsize=16384)
def production_role(role: Role) -> RoleClass | None:
    """The class of a production role. None: the role is no production.

    A production role has the head *producer* or *produced by* with any prefix ("Film Producer"). Brackets refine the
    class of such a head; they make no other head production ("Coordinator [Production Coordinator]").
    """
    found = _PRODUCTION_HEAD.match(" ".join(_words(role.head)))
    if found is None:
        return None
    prefix = [*_words(found["prefix"] or ""), *(["co"] if found["joined"] else [])]
    by_head = _class_of_prefix(prefix)
    if by_head not in (RoleClass.PRODUCER, RoleClass.CO) or role.qualifier is None:
        return by_head
    by_bracket = _class_said(_words(role.qualifier))
    return by_head if by_bracket is None else by_bracket


def musicbrainz_role(relation_type: str, attributes: Sequence[str] = (), task: str | None = None) -> Role:
    """A MusicBrainz artist relationship as a role: type "producer" with ["co", "executive"] has that head.

    `attributes`: those of the relationship ("additional", "assistant", "co", "executive", …). `task`: the text of its
    "task" attribute, if any. Source: https://musicbrainz.org/relationship/5c0ceac3-feb4-41f0-868d-dc06f6e27fc0
    """
    prefixes = [attribute for attribute in attributes if attribute != "task"]
    head = " ".join([*prefixes, relation_type])
    return Role(head, task or None, f"{head} [{task}]" if task else head)


def genius_role(label: str) -> Role:
    """A label of Genius's `custom_performances` as a role.

    Genius names the work where others name the worker. A label that ends in "Production" or "Production By"
    ("Additional Production", "Co-Production") becomes the head "… Producer". "Post Production", "Production Company"
    and "Production Coordinator" stay as they are: they are no production.
    """
    printed = label.strip()
    read = _read_role(printed)
    found = _GENIUS_PRODUCTION.match(read.head)
    if found is None or _words(read.head)[0] == "post":
        return read
    co = "Co-" if re.search(r"co-?production", read.head, re.IGNORECASE) else ""
    return Role(f"{found['prefix']}{co}Producer", read.qualifier, printed)


def producer_kind(name: str) -> ProducerKind | None:
    """What a credited name says about its bearer: a company, a group, or nothing (None: most often a person or alias).

    A company has a legal form or a word of its trade (Ltd., GmbH, Inc., Productions, Records, Entertainment, …). A
    group joins names ("Gamble & Huff") or is called an orchestra, a band or the like.
    """
    if _COMPANY_ENDING.search(name) or _has_company_word(name):
        return ProducerKind.COMPANY
    return ProducerKind.GROUP if _GROUP.search(name) else None


def _outside_brackets(text: str) -> Iterator[str]:
    start = depth = 0
    for index, char in enumerate(text):
        depth = max(0, depth + (char in _OPENING) - (char in _CLOSING))
        if char == "," and depth == 0:
            yield text[start:index]
            start = index + 1
    yield text[start:]


def _read_role(printed: str) -> Role:
    outside, inside = _split_brackets(printed)
    qualifier = "; ".join(piece for piece in inside if piece)
    return Role(" ".join(outside.split()), qualifier or None, printed)


def _split_brackets(printed: str) -> tuple[str, list[str]]:
    """The text outside all brackets, and the content of each outermost bracket."""
    outside: list[str] = []
    inside: list[list[str]] = []
    depth = 0
    for char in printed:
        if char in _OPENING:
            depth += 1
            if depth == 1:
                inside.append([])
                outside.append(" ")
        elif char in _CLOSING:
            depth = max(0, depth - 1)
        elif depth:
            inside[-1].append(char)
        else:
            outside.append(char)
    return "".join(outside), [" ".join("".join(piece).split()) for piece in inside]


def _words(text: str) -> list[str]:
    joined = re.sub(r"\bre-(?=issue|release)", "re", text.casefold())
    return re.findall(r"[^\W_]+", joined)


def _class_of_prefix(prefix: list[str]) -> RoleClass:
    said = _class_said(prefix)
    if said is not None:
        return said
    return RoleClass.PRODUCER if _WHOLE_MUSIC.issuperset(prefix) else RoleClass.OTHER


def _class_said(words: Sequence[str]) -> RoleClass | None:
    """The class that words before "producer", or in its brackets, name: the first that applies."""
    classes = (
        (RoleClass.OTHER, _HELP),
        (RoleClass.EXECUTIVE, _EXECUTIVE),
        (RoleClass.COMPILATION, _COMPILATION),
        (RoleClass.REISSUE, _REISSUE),
    )
    said = next((role_class for role_class, names in classes if not names.isdisjoint(words)), None)
    if said is not None:
        return said
    if any(_is_additional(word) for word in words):
        return RoleClass.ADDITIONAL
    if not _CO.isdisjoint(words):
        return RoleClass.CO
    return RoleClass.OTHER if not _PART.isdisjoint(words) else None


def _is_additional(word: str) -> bool:
    """ "additional", its short form, or a misprint of it ("Addiotional" occurs)."""
    return word == "add" or fuzz.ratio(word, "additional") >= 85


def _has_company_word(name: str) -> bool:
    padded = f" {re.sub(r'[.,;()]+(?= |$)|[,;()]', ' ', name.casefold())} "
    spaced = f" {' '.join(padded.split())} "
    return any(f" {word} " in spaced for word in _COMPANY_WORDS)
