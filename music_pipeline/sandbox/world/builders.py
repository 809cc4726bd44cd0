"""Make records of what a catalogue says, and derive what it does not say.

This module derives ids, ISRCs, durations and kinds in the same way for all catalogues.
"""

import re
from collections.abc import Iterable

from music_pipeline.sandbox.world import hashing
from music_pipeline.sandbox.world.model import (
    ArtistCredit,
    ArtistKind,
    Format,
    ReleaseKind,
    WorldArtist,
    WorldRecording,
)
from music_pipeline.sandbox.world.text import fold

NAMESAKE_SUFFIX = re.compile(r"\s\(\d+\)$")
COMPANY_WORDS = re.compile(
    r"\b(ltd|inc|llc|gmbh|records|recordings|productions?|entertainment|studios?|corp|company|music group)\b",
    re.IGNORECASE,
)
SPECIAL_NAMES = frozenset({"various", "various artists", "unknown artist", "traditional", "no artist", "anonymous"})
SHARE_WITHOUT_ISRC = 0.15
SHARE_OF_GROUPS = 0.4
COUNTRIES = ("US", "GB", "DE", "FR", "SE", "JP", "NL", "IT", "CA", "BR")
SINGLE_WORDS = frozenset({"single", "ep", "maxi-single", "mini-album"})
LONGEST_SINGLE = 6


class Numbers:
    """Hand out whole numbers by hash, each once."""

    def __init__(self) -> None:
        self._taken: set[tuple[str, int]] = set()

    def take(self, space: str, low: int, high: int, *parts: object) -> int:
        """A free number of the space, from low to high."""
        for attempt in range(1_000):
            candidate = hashing.number(low, high, space, *parts, attempt)
            if self.claim(space, candidate):
                return candidate
        raise ValueError(f"the number space {space} from {low} to {high} is full")

    def claim(self, space: str, value: int) -> bool:
        """Take a number that the catalogue gives, and return whether it was free."""
        if (space, value) in self._taken:
            return False
        self._taken.add((space, value))
        return True


def make_artist(
    numbers: Numbers,
    key: str,
    discogs_name: str,
    *,
    discogs_id: int | None = None,
    aliases: Iterable[str] = (),
    kind: ArtistKind | None = None,
    decoy: bool = False,
) -> WorldArtist:
    """Make an artist of a name as Discogs prints it, with the suffix of namesakes."""
    name = NAMESAKE_SUFFIX.sub("", discogs_name).strip() or discogs_name
    return WorldArtist(
        key=key,
        name=name,
        discogs_name=discogs_name,
        kind=kind or _kind_of(key, name),
        aliases=tuple(sorted({alias for alias in aliases if fold(alias) != fold(name)})),
        special=name.casefold() in SPECIAL_NAMES,
        decoy=decoy,
        spotify_id=hashing.base62_id("artist", key),
        mbid=hashing.mbid("artist", key),
        discogs_id=discogs_id
        if discogs_id is not None
        else numbers.take("discogs artist", 20_000_000, 29_999_999, key),
        genius_id=numbers.take("genius artist", 1, 3_999_999, key),
        country=hashing.pick(COUNTRIES, "country", key) if hashing.fraction("has country", key) < 0.8 else None,
    )


def _kind_of(key: str, name: str) -> ArtistKind:
    if COMPANY_WORDS.search(name):
        return "company"
    return "group" if hashing.fraction("group", key) < SHARE_OF_GROUPS else "person"


def make_recording(
    numbers: Numbers,
    key: str,
    title: str,
    artists: tuple[ArtistCredit, ...],
    *,
    year: int,
    duration_ms: int | None,
    popularity: int | None = None,
    features: tuple[tuple[str, float], ...] = (),
) -> WorldRecording:
    """Make a recording; its ISRC is its own, or missing for the share that has none."""
    without_isrc = hashing.fraction("without isrc", key) < SHARE_WITHOUT_ISRC
    return WorldRecording(
        key=key,
        title=title,
        artists=artists,
        isrc=None if without_isrc else hashing.isrc(year, key),
        duration_ms=duration_ms if duration_ms is not None else hashing.number(95_000, 390_000, "duration", key),
        mbid=hashing.mbid("recording", key),
        genius_id=numbers.take("genius song", 1, 11_999_999, key),
        popularity=popularity if popularity is not None else hashing.number(0, 90, "popularity", key),
        features=features,
    )


def milliseconds(duration: str, *parts: object) -> int | None:
    """`m:ss` or `h:mm:ss` in milliseconds. None if unreadable.

    The hash gives the part below a second.
    """
    if not re.fullmatch(r"\d+(:\d{1,2}){1,2}", duration):
        return None
    seconds = 0
    for piece in duration.split(":"):
        seconds = seconds * 60 + int(piece)
    return seconds * 1_000 + hashing.number(0, 999, "milliseconds", *parts) if seconds else None


def year_of(date: str) -> int:
    """The year of a printed date. Without one it is 2000, since an ISRC needs a year."""
    return int(date[:4]) if re.match(r"[12]\d{3}", date) else 2000


def discs_and_numbers(positions: list[str]) -> list[tuple[int, int]]:
    """Disc and running number of each position; what stands before a dash (`CD2-1`, `1-3`) is a disc."""
    discs: dict[str, int] = {}
    counts: dict[int, int] = {}
    placed = []
    for position in positions:
        disc = discs.setdefault(_disc_label(position), len(discs) + 1)
        counts[disc] = counts.get(disc, 0) + 1
        placed.append((disc, counts[disc]))
    return placed


def _disc_label(position: str) -> str:
    label, dash, _ = position.strip().rpartition("-")
    return label.casefold() if dash and not re.fullmatch(r"[A-Za-z]?", label) else ""


def kind_of_release(formats: tuple[Format, ...], tracks: int) -> ReleaseKind:
    """The kind of a release that a streaming service would show."""
    descriptions = {description.casefold() for made in formats for description in made.descriptions}
    if "compilation" in descriptions:
        return "compilation"
    if descriptions & SINGLE_WORDS or ('12"' in descriptions and tracks <= LONGEST_SINGLE):
        return "single"
    return "album"
