"""What the records of all providers have in common. A provider's own records are in its own file."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")


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
class Page(Generic[Item]):
    """One page of a list.

    `total`: the length of the list as the provider says it, None where it does not. `next_offset`: what to ask for
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
    """Parse each entry; those that hold nothing (`parse` answers None) are dropped and counted."""
    parsed = [parse(entry) for entry in entries]
    items = tuple(item for item in parsed if item is not None)
    return Kept(items=items, nulls=len(parsed) - len(items))
