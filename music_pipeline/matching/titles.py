"""Titles of tracks and releases: what they name, which version of it they are, and how they compare. Pure.

The vocabulary is in `version_words`. `recordings` and `releases` compare recordings and releases.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz import fuzz, process

from music_pipeline.matching.names import fold_text
from music_pipeline.matching.version_words import (
    ANNOTATION,
    EDITION,
    FEATURED_IN_BRACKETS,
    FEATURED_IN_TEXT,
    KINDS_OFTEN_UNSPECIFIED,
    LEADING_KINDS,
    LIVE_PLACE,
    MERGEABLE_KINDS,
    QUALIFIED_FIRST,
    RECORDED_PLACE,
    RELEASE_KINDS,
    VERSION_PHRASES,
    YEARS_OF_LIVE,
)

CLOSE_TITLE = 90.0


@dataclass(frozen=True, slots=True)
class Title:
    """The parts of a track's title.

    `base`: the title without version, guests and annotations, as printed. `base_normalised`: its form for comparison,
    never empty if anything is visible. `versions`: kinds of version, with their qualifier after a colon ("live",
    "remix:r3hab", "remaster:2011"). `featured`: guests as printed. `annotations`: what else stood beside the title.
    """

    base: str
    base_normalised: str
    versions: frozenset[str]
    featured: tuple[str, ...]
    annotations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReleaseTitle:
    """The parts of a release's title: key for comparison, edition words, "ep" or "single" if named, versions."""

    key: str
    editions: tuple[str, ...]
    kind: str | None
    versions: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Reading:
    """What one piece beside a title says. All empty: the piece belongs to the title itself."""

    versions: frozenset[str] = frozenset()
    featured: tuple[str, ...] = ()
    annotations: tuple[str, ...] = ()

    def says_something(self) -> bool:
        return bool(self.versions or self.featured or self.annotations)


_OPENING = "([{（［【〔「『"
_CLOSING = ")]}）］】〕」』"
_DASH = re.compile(r"\s+[-–—]\s+")
_YEAR = re.compile(r"\b(?:1[89]|20)\d\d\b")
_DATE = re.compile(r"^(?:(?:1[89]|20)\d\d|[a-z]+ (?:\d{1,2} )?(?:1[89]|20)\d\d|\d{1,2} [a-z]+ (?:1[89]|20)\d\d)$")
_GUESTS = re.compile(
    r"\s*,?\s+(?:&|and|x|und|et|feat\.|ft\.)\s+|\s*[,;/]\s*(?:(?:feat|ft)\.\s+|and\s+|&\s+)?", re.IGNORECASE
)
_POSSESSIVE = re.compile(r"(?<=\w)['’]s\b", re.IGNORECASE)
_INCHES = re.compile(r"(?<=\d)\s*(?:\"|''|”|″|-inch)")
_PART = re.compile(r"\b(?:pt|pts|part|parts|teil|parte|partie|часть|ч) (?P<number>\d+|[ivx]+|[a-z]+)\b")
_VOLUME = re.compile(r"\b(?:vol|volume|vols) (?=\w)")
_LONGEST_PHRASE = 4
_NUMBER_WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_ROMAN_NUMBERS = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x")
_NOT_A_QUALIFIER = frozenset({"the", "by", "version"})


@lru_cache(maxsize=32768)
def parse_title(text: str) -> Title:
    """Take a track's title apart. Any text can be read.

    Versions, guests and annotations are sought in brackets that do not begin the title, after " - " at its end, and
    after "feat.". Anything that is not recognised stays in the base, so that nothing is lost.
    """
    base, pieces = _without_brackets(" ".join(text.split()))
    base, suffixes = _without_suffixes(base)
    base, guests = _without_guests(base)
    readings = [*pieces, *suffixes, guests]
    return Title(
        base=base,
        base_normalised=_normalised_base(base),
        versions=frozenset(version for reading in readings for version in reading.versions),
        featured=tuple(dict.fromkeys(guest for reading in readings for guest in reading.featured)),
        annotations=tuple(note for reading in readings for note in reading.annotations),
    )


@lru_cache(maxsize=32768)
def identity_versions(title: Title) -> frozenset[str]:
    """The versions that tell recordings apart: all but remaster, original, album, explicit and stereo."""
    return frozenset(version for version in title.versions if not _is_mergeable(version))


def same_version(left: Title, right: Title) -> bool:
    """Whether both titles name the same version. A remaster equals the original; "live" does not equal "demo"."""
    return identity_versions(left) == identity_versions(right)


def versions_may_agree(left: Title, right: Title) -> bool:
    """Whether the versions are equal except for a place or date that one title omits ("Live", "Live at Wembley")."""
    ours, theirs = identity_versions(left), identity_versions(right)
    if {_kind(version) for version in ours} != {_kind(version) for version in theirs}:
        return False
    return all(_may_stand_for(version, theirs) for version in ours) and all(_may_stand_for(v, ours) for v in theirs)


def titles_are_close(left: Title, right: Title) -> bool:
    """Whether the bases differ in spelling at most. Different numbers ("Part 1", "Part 2") are never close."""
    ours, theirs = left.base_normalised, right.base_normalised
    if ours == theirs:
        return True
    if re.findall(r"\d+", ours) != re.findall(r"\d+", theirs):
        return False
    return fuzz.ratio(ours, theirs, score_cutoff=CLOSE_TITLE) >= CLOSE_TITLE


def close_titles(title: Title, others: Mapping[int, Title]) -> list[int]:
    """The keys of the others for which `titles_are_close`, without comparing each of them in Python."""
    bases = {key: other.base_normalised for key, other in others.items()}
    near = process.extract(title.base_normalised, bases, scorer=fuzz.ratio, score_cutoff=CLOSE_TITLE, limit=None)
    return sorted(key for _, _, key in near if titles_are_close(title, others[key]))


@lru_cache(maxsize=16384)
def parse_release_title(text: str) -> ReleaseTitle:
    """Take a release's title apart: edition words (deluxe, remastered, expanded, …) and "EP" or "Single" beside it."""
    pieces, base = _release_pieces(" ".join(text.split()))
    folded = [fold_text(piece) for piece in pieces]
    kinds = [kind for piece in folded for kind in [_release_kind(piece)] if kind is not None]
    editions = tuple(piece for piece in folded if _release_kind(piece) is None and EDITION.search(piece))
    others = [_read_piece(piece) for piece, fold in zip(pieces, folded, strict=True) if fold not in editions]
    versions = frozenset(v for reading in others for v in reading.versions if not _is_mergeable(v))
    key = " | ".join([_normalised_base(base), *sorted(versions)])
    return ReleaseTitle(key, editions, kinds[0] if kinds else None, versions)


def release_title_key(text: str) -> str:
    """The key for looking releases up by title: without edition, "EP" or "Single", with version words."""
    return parse_release_title(text).key


def same_release_title(left: str, right: str) -> bool:
    """Whether two release titles name the same work in any edition. An EP is not the single of its name."""
    ours, theirs = parse_release_title(left), parse_release_title(right)
    same_kind = ours.kind is None or theirs.kind is None or ours.kind == theirs.kind
    return same_kind and ours.key == theirs.key


def _without_brackets(text: str) -> tuple[str, list[_Reading]]:
    """The text without the brackets that add something to it, and what they add."""
    kept: list[str] = []
    readings: list[_Reading] = []
    end = 0
    for start, stop in _brackets(text):
        reading = _read_list(text[start + 1 : stop - 1]) if text[:start].strip() else _Reading()
        if reading.says_something():
            kept.append(text[end:start])
            readings.append(reading)
            end = stop
    kept.append(text[end:])
    return " ".join(" ".join(kept).split()), readings


def _brackets(text: str) -> Iterator[tuple[int, int]]:
    """The start and stop of each outermost closed bracket."""
    depth = start = 0
    for index, char in enumerate(text):
        if char in _OPENING:
            start = index if depth == 0 else start
            depth += 1
        elif char in _CLOSING and depth:
            depth -= 1
            if depth == 0:
                yield start, index + 1


def _without_suffixes(text: str) -> tuple[str, list[_Reading]]:
    """The text without the pieces after " - " at its end that add something, and what they add."""
    pieces = _DASH.split(text)
    readings: list[_Reading] = []
    while len(pieces) > 1:
        reading, length = _read_suffix(pieces, bool(readings))
        if not length:
            break
        readings.append(reading)
        del pieces[-length:]
    kept = " - ".join(pieces) if readings else text
    return kept, readings


def _read_suffix(pieces: list[str], something_was_read: bool) -> tuple[_Reading, int]:
    """What the last piece says, and how many pieces that takes: 2 for a version with its date, 0 for nothing."""
    reading = _read_list(_without_outer_brackets(pieces[-1]))
    if reading.says_something():
        return reading, 1
    if not _DATE.match(fold_text(pieces[-1])):
        return _Reading(), 0
    if something_was_read:
        return _Reading(annotations=(pieces[-1],)), 1
    dated = _read_list(f"{pieces[-2]} {pieces[-1]}") if len(pieces) > 2 else _Reading()
    return (dated, 2) if dated.versions else (_Reading(), 0)


def _without_outer_brackets(piece: str) -> str:
    inner = piece.strip()
    return inner[1:-1] if inner[:1] in tuple(_OPENING) and inner[-1:] in tuple(_CLOSING) else inner


def _without_guests(text: str) -> tuple[str, _Reading]:
    found = FEATURED_IN_TEXT.search(text)
    if found is None:
        return text, _Reading()
    return text[: found.start()].strip(), _Reading(featured=_guests(found["names"]))


def _read_list(text: str) -> _Reading:
    """What a piece says, which may be a list: "Remix; feat. Cardi B", "Remastered 2009, Mono"."""
    readings = [_read_listed(piece) for piece in text.split(";") if piece.strip()]
    return _joined(readings) if all(reading.says_something() for reading in readings) else _Reading()


def _read_listed(text: str) -> _Reading:
    pieces = [_read_piece(piece) for piece in text.split(",")] if "," in text else []
    if len(pieces) > 1 and all(piece.versions for piece in pieces):
        return _joined(pieces)
    return _read_piece(text)


def _joined(readings: list[_Reading]) -> _Reading:
    return _Reading(
        frozenset(version for reading in readings for version in reading.versions),
        tuple(guest for reading in readings for guest in reading.featured),
        tuple(note for reading in readings for note in reading.annotations),
    )


def _read_piece(piece: str) -> _Reading:
    featured = FEATURED_IN_BRACKETS.match(piece)
    if featured is not None:
        return _Reading(featured=_guests(featured["names"]))
    inner, guests = _without_guests(piece)
    folded = fold_text(_POSSESSIVE.sub("", _INCHES.sub(" inch", inner)))
    if ANNOTATION.match(folded):
        return _Reading(annotations=(piece.strip(),), featured=guests.featured)
    versions = _versions(folded)
    return _Reading(versions=versions, featured=guests.featured) if versions else _Reading()


def _guests(names: str) -> tuple[str, ...]:
    return tuple(name for part in _GUESTS.split(names) if (name := part.strip(" ()[]")))


def _versions(folded: str) -> frozenset[str]:
    """The versions that a folded piece names. Empty: it is something else."""
    if RECORDED_PLACE.match(folded) or (LIVE_PLACE.match(folded) and "live" not in folded.split()[1:]):
        return _live_versions(folded)
    words = folded.split()
    spans = list(_phrases(words))
    if not spans or not _is_version(words, spans):
        return frozenset()
    kinds = dict.fromkeys(kind for start, stop in spans for kind in VERSION_PHRASES[" ".join(words[start:stop])])
    covered = {index for start, stop in spans for index in range(start, stop)}
    rest = [word for index, word in enumerate(words) if index not in covered and word not in _NOT_A_QUALIFIER]
    return _qualified(list(kinds), rest)


def _live_versions(folded: str) -> frozenset[str]:
    words = re.sub(r"^(?:recorded )?(?:live|en vivo|ao vivo|en directo|en direct|dal vivo)?", "", folded).split()
    kinds = {
        kind for word in words for kind in VERSION_PHRASES.get(word, ()) if kind in {"acoustic", "edit", "remaster"}
    }
    rest = [word for word in words if not kinds.intersection(VERSION_PHRASES.get(word, ()))]
    place = [word for word in rest if word not in {"at", "in", "from", "on", "the", "version", "recorded"}]
    return frozenset({f"live:{' '.join(place)}" if place else "live", *kinds})


def _phrases(words: list[str]) -> Iterator[tuple[int, int]]:
    """The start and stop of the version phrases among the words, the longest phrase at each place."""
    index = 0
    while index < len(words):
        stops = range(min(len(words), index + _LONGEST_PHRASE), index, -1)
        stop = next((stop for stop in stops if " ".join(words[index:stop]) in VERSION_PHRASES), None)
        if stop is not None:
            yield index, stop
        index = stop or index + 1


def _is_version(words: list[str], spans: list[tuple[int, int]]) -> bool:
    """Whether phrases make the whole piece a version: at its end, or at its start if they may lead."""
    if "live" in words and not YEARS_OF_LIVE.match(" ".join(words)) and len(spans) < 2:
        return len(words) == spans[0][1] - spans[0][0]
    ends_with_phrase = all(_YEAR.fullmatch(word) for word in words[spans[-1][1] :])
    leading = VERSION_PHRASES[" ".join(words[spans[0][0] : spans[0][1]])]
    return ends_with_phrase or (spans[0][0] == 0 and not LEADING_KINDS.isdisjoint(leading))


def _qualified(kinds: list[str], rest: list[str]) -> frozenset[str]:
    """The kinds, of which one gets the words beside them. A plain "version" beside another kind says nothing."""
    telling = [kind for kind in kinds if kind != "version"] or kinds
    if not rest:
        return frozenset(telling)
    bearer = next((kind for kind in QUALIFIED_FIRST if kind in telling), telling[-1])
    return frozenset({f"{kind}:{' '.join(rest)}" if kind == bearer else kind for kind in telling})


def _normalised_base(base: str) -> str:
    folded = fold_text(base)
    numbered = _PART.sub(lambda found: f"part {_as_number(found['number'])}", folded)
    return _VOLUME.sub("vol ", numbered)


def _as_number(word: str) -> str:
    series = next((series for series in (_NUMBER_WORDS, _ROMAN_NUMBERS) if word in series), None)
    return word if series is None else str(series.index(word) + 1)


def _kind(version: str) -> str:
    return version.partition(":")[0]


def _is_mergeable(version: str) -> bool:
    """Whether a version is the ordinary recording: "Album Version" is, "Chris Simmonds Original" is not."""
    kind, _, qualifier = version.partition(":")
    return kind in MERGEABLE_KINDS and (not qualifier or kind in {"remaster", "stereo"})


def _may_stand_for(version: str, others: frozenset[str]) -> bool:
    kind = _kind(version)
    if version in others:
        return True
    return kind in KINDS_OFTEN_UNSPECIFIED and (version == kind or kind in others)


def _release_pieces(text: str) -> tuple[list[str], str]:
    """The pieces beside a release's title that add something to it, and the title without them."""
    pieces = [text[start + 1 : stop - 1] for start, stop in _brackets(text) if text[:start].strip()]
    telling = [piece for piece in pieces if _tells_of_release(piece)]
    base = text
    for start, stop in reversed([span for span in _brackets(text) if text[: span[0]].strip()]):
        if text[start + 1 : stop - 1] in telling:
            base = f"{base[:start]} {base[stop:]}"
    parts = _DASH.split(" ".join(base.split()))
    while len(parts) > 1 and _tells_of_release(parts[-1]):
        telling.append(parts.pop())
    return telling, " - ".join(parts)


def _tells_of_release(piece: str) -> bool:
    folded = fold_text(piece)
    return _release_kind(folded) is not None or bool(EDITION.search(folded)) or _read_piece(piece).says_something()


def _release_kind(folded: str) -> str | None:
    return folded if folded in RELEASE_KINDS else None
