"""Records that several providers share. Each provider's file has its own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from music_pipeline.gateway.errors import UnreadableAnswer
from music_pipeline.gateway.fields import Reader

Item = TypeVar("Item")


class Paged(Protocol):
    """A page that knows where the next one begins."""

    @property
    def next_offset(self) -> int | None: ...


PagedAnswer = TypeVar("PagedAnswer", bound=Paged)


@dataclass(frozen=True, slots=True)
class NamedId:
    """A person, band or company as a provider knows it; `id` is the provider's."""

    id: str
    name: str | None


@dataclass(frozen=True, slots=True)
class Credit:
    """One person in one role, as a provider says it.

    `role`: as printed, or attributes and type joined; `credited_as`: the name printed on the release, where it differs.
    `task`: what the role was about, in the provider's free text.
    """

    provider: str
    person_id: str
    name: str | None
    credited_as: str | None
    role: str
    type: str
    attributes: tuple[str, ...]
    task: str | None


@dataclass(frozen=True, slots=True)
class AudioFeatures:
    """What a recording sounds like, by Spotify's names and in its units; None if it is not known.

    `tempo`: beats a minute; `loudness`: dB; `key`: 0 for C to 11 for B; `mode`: 1 major, 0 minor; `time_signature`:
    beats a bar; the others from 0 to 1. https://developer.spotify.com/documentation/web-api/reference/get-audio-features
    """

    danceability: float | None
    energy: float | None
    key: int | None
    loudness: float | None
    mode: int | None
    speechiness: float | None
    acousticness: float | None
    instrumentalness: float | None
    liveness: float | None
    valence: float | None
    tempo: float | None
    time_signature: int | None


def read_audio_features(read: Reader, found: Mapping[str, object]) -> AudioFeatures:
    """The features by their names. What could not be detected (key -1, tempo 0) is None. Raises UnreadableAnswer."""

    def number(name: str) -> float | None:
        return read.number(found.get(name), f"audio features.{name}")

    def whole(name: str, smallest: int) -> int | None:
        value = read.integer(found.get(name), f"audio features.{name}")
        return value if value is not None and value >= smallest else None

    return AudioFeatures(
        danceability=number("danceability"),
        energy=number("energy"),
        key=whole("key", 0),
        loudness=number("loudness"),
        mode=whole("mode", 0),
        speechiness=number("speechiness"),
        acousticness=number("acousticness"),
        instrumentalness=number("instrumentalness"),
        liveness=number("liveness"),
        valence=number("valence"),
        tempo=number("tempo") or None,
        time_signature=whole("time_signature", 1),
    )


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """One page of a list.

    `total`: the length of the list as the provider says it, None if it does not. `next_offset`: what to ask for
    next (a page number at providers that count pages), None at the end. `nulls`: entries that were null or had no id,
    and are not in `items`.
    """

    items: tuple[Item, ...]
    total: int | None
    next_offset: int | None
    nulls: int


@dataclass(frozen=True, slots=True)
class Kept(Generic[Item]):
    """The usable entries of a list, and how many were not."""

    items: tuple[Item, ...]
    nulls: int


def kept(entries: list[object], parse: Callable[[object], Item | None]) -> Kept[Item]:
    """Parse each entry; entries for which `parse` returns None are dropped and counted."""
    parsed = [parse(entry) for entry in entries]
    items = tuple(item for item in parsed if item is not None)
    return Kept(items=items, nulls=len(parsed) - len(items))


def onward(parse: Callable[[object], PagedAnswer], offset: int, provider: str) -> Callable[[object], PagedAnswer]:
    """`parse` for the page that begins at `offset`: one that only an earlier one, or itself, follows is unreadable.

    Else a provider that repeats a page would be asked for ever.
    """

    def parsed(payload: object) -> PagedAnswer:
        page = parse(payload)
        if page.next_offset is not None and page.next_offset <= offset:
            raise UnreadableAnswer(provider, f"the page after {offset}", page.next_offset)
        return page

    return parsed
