"""Producers: one row for each identity that shared or linked provider ids prove.

A name is never evidence here. Their credits are in `credits`.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa

from music_pipeline.catalog.external_ids import external_id_row
from music_pipeline.database.queries import query
from music_pipeline.database.rows import content_hash, write_rows
from music_pipeline.database.uuid7 import new_id
from music_pipeline.matching.evidence import ProviderId, Verdict
from music_pipeline.matching.names import normalise_name
from music_pipeline.matching.people import PersonIds, same_person
from music_pipeline.matching.roles import ProducerKind, producer_kind

MERGED = "Linked by provider ids to another row of the same person."


@dataclass(frozen=True, slots=True)
class Person:
    """A person that a provider credits, under the name it uses."""

    id: ProviderId
    name: str


@dataclass(frozen=True, slots=True)
class Link:
    """Two providers' ids of one person, as `source` links them."""

    left: ProviderId
    right: ProviderId
    source: str


def write_producers(
    connection: sa.Connection, people: Sequence[Person], links: Sequence[Link]
) -> dict[ProviderId, UUID]:
    """Write new producers and merge those that a link proves to be one. Return the producer of each person."""
    names = {person.id: person.name for person in people}
    groups = linked_groups(names, links)
    known = known_producers(connection, [id for group in groups for id in group])
    found: dict[ProviderId, UUID] = {}
    new: list[dict[str, object]] = []
    for group in groups:
        rows = list(dict.fromkeys(known[id] for id in sorted(group) if id in known))
        producer_id = rows[0] if rows else new_id()
        for merged in rows[1:]:
            _merge(connection, kept=producer_id, merged=merged)
        if not rows:
            new.append(_producer_row(producer_id, names[min(id for id in group if id in names)]))
        found |= dict.fromkeys(group, producer_id)
    write_rows(connection, "write_producers", new)
    _write_ids(connection, found, known, links)
    return found


def linked_groups(people: Iterable[ProviderId], links: Sequence[Link]) -> list[frozenset[ProviderId]]:
    """Group people by the ids that links give them. No two groups share an id, and their order is fixed.

    A link that would give one person two ids of one provider is a contradiction, and joins nothing.
    """
    group_of: dict[ProviderId, frozenset[ProviderId]] = {id: frozenset([id]) for id in people}
    for link in sorted(links, key=lambda one: (one.left, one.right)):
        left = group_of.get(link.left, frozenset([link.left]))
        right = group_of.get(link.right, frozenset([link.right]))
        if same_person(PersonIds(left, frozenset([link.right])), PersonIds(right)) is Verdict.SAME:
            group_of |= dict.fromkeys(left | right, left | right)
    wanted = set(people)
    return sorted({group for group in group_of.values() if group & wanted}, key=min)


def known_producers(connection: sa.Connection, ids: Iterable[ProviderId]) -> dict[ProviderId, UUID]:
    """Our producers by provider id.

    A merged id gives the kept one. Unknown ids are left out.
    """
    people = json.dumps([{"provider": provider, "id": id} for provider, id in ids])
    rows = connection.execute(query("producers_of_external_ids"), {"people": people})
    return {(row.provider, row.id): row.producer_id for row in rows}


def ids_of_names(connection: sa.Connection, names: Iterable[str]) -> dict[str, list[ProviderId]]:
    """The provider ids of producers that have one of these normalised names, by name."""
    found: dict[str, list[ProviderId]] = {}
    for row in connection.execute(query("producers_named"), {"names": sorted(set(names))}):
        found.setdefault(row.name_normalised, []).append((row.provider, row.id))
    return found


def producers_without_look_up(connection: sa.Connection, artist_id: UUID) -> list[tuple[UUID, str]]:
    """Id and name of each producer of an artist's recordings whose profiles were never looked up."""
    rows = connection.execute(query("producers_without_look_up"), {"artist_id": artist_id})
    return [(row.producer_id, row.name) for row in rows]


def _producer_row(producer_id: UUID, name: str) -> dict[str, object]:
    kind = "company" if producer_kind(name) is ProducerKind.COMPANY else "person"
    return {
        "producer_id": producer_id,
        "name": name,
        "name_normalised": normalise_name(name),
        "kind": kind,
        "content_hash": content_hash(name, kind),
    }


def _write_ids(
    connection: sa.Connection,
    found: Mapping[ProviderId, UUID],
    known: Mapping[ProviderId, UUID],
    links: Sequence[Link],
) -> None:
    """Write new ids and those that a link proves.

    An id is as sure as its link, whichever came first.
    """
    linked_by = {id: link.source for link in links for id in (link.left, link.right)}
    rows = [
        external_id_row(
            "producer",
            producer_id,
            provider,
            id,
            source=linked_by.get((provider, id), provider),
            confidence=0.95 if (provider, id) in linked_by else 1.0,
        )
        for (provider, id), producer_id in sorted(found.items())
        if (provider, id) not in known or (provider, id) in linked_by
    ]
    write_rows(connection, "write_external_ids", rows)


def _merge(connection: sa.Connection, *, kept: UUID, merged: UUID) -> None:
    """Move ids and credits to the kept row. The merged row stays, and points at it."""
    ids = {"kept_id": kept, "merged_id": merged}
    connection.execute(query("merge_credit_sources"), ids)
    connection.execute(query("inactivate_merged_credits"), ids | {"reason": MERGED})
    connection.execute(query("move_credits"), ids)
    connection.execute(query("move_producer_ids"), ids)
    for name in ("move_producer_values", "move_producer_profiles", "move_profile_followers"):
        connection.execute(query(name), ids)
    connection.execute(query("redirect_producer"), ids | {"reason": MERGED})
