"""Stage `producers`: who produced an artist's recordings, by evidence of MusicBrainz, Discogs and Genius.

A chunk of artists is asked for together where a provider takes many at once: MusicBrainz's links of Spotify artists,
and its links of people to Discogs. How each provider is asked is in `producer_sources`.
"""

from collections import defaultdict
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from functools import partial
from typing import TypeVar
from uuid import UUID

import sqlalchemy as sa

from music_pipeline.catalog.credits import write_credits
from music_pipeline.catalog.external_ids import add_external_id, external_ids_of
from music_pipeline.catalog.producers import Link, ids_of_names, known_producers
from music_pipeline.catalog.provider_answers import settled_providers, write_answers
from music_pipeline.database.queries import query
from music_pipeline.database.rows import version_of, write_rows
from music_pipeline.gateway.errors import OutOfTime, ProviderError
from music_pipeline.matching.names import normalise_name
from music_pipeline.providers.musicbrainz import MOST_NAMES, MOST_URLS
from music_pipeline.stages.credits.discogs import ask_discogs
from music_pipeline.stages.credits.genius import ask_genius, is_genius_due
from music_pipeline.stages.credits.held_releases import narrowed, read_catalogue
from music_pipeline.stages.credits.lookup import Inquiry, ask
from music_pipeline.stages.credits.musicbrainz import ask_musicbrainz
from music_pipeline.stages.profiles.producers import look_ups_of_artist
from music_pipeline.work.model import Stage, WorkItem
from music_pipeline.worker.concurrency import as_they_end, settled
from music_pipeline.worker.stage import (
    Reading,
    ReadResult,
    Result,
    StageContext,
    artist_of,
    follow_up,
    fresh_since,
    worst,
)

LINKED_BY_MUSICBRAINZ = 0.95
MATCHED = 0.9
# Artists whose people are looked up in one request: to wait for more would keep the next stage waiting.
LINKED_TOGETHER = 5

Thing = TypeVar("Thing")


async def read_stage(
    context: StageContext, items: Sequence[WorkItem]
) -> AsyncGenerator[tuple[WorkItem, ReadResult], None]:
    """Ask about all artists of the chunk at once; each answers for itself."""
    opened = await settled(_open(context, item) for item in items)
    inquiries = [one for one in opened if isinstance(one, Inquiry)]
    await _ask_mbids(context, inquiries)
    await _ask_names(context, [one for one in inquiries if not one.known_mbids and one.mbid_trouble is None])
    for item, one in zip(items, opened, strict=True):
        if not isinstance(one, Inquiry):
            yield item, one
    async with aclosing(_ended_together(inquiries)) as ended:
        async for together in ended:
            await _link_people(context, [inquiry for inquiry, _ in together])
            for inquiry, defect in together:
                yield inquiry.item, _reading(inquiry, defect)


async def _ended_together(
    inquiries: Sequence[Inquiry],
) -> AsyncGenerator[list[tuple[Inquiry, Exception | None]], None]:
    """The inquiries as they end, some at a time, each with the defect that it met."""
    together: list[tuple[Inquiry, Exception | None]] = []
    left = len(inquiries)
    async with aclosing(as_they_end(_inquired(inquiry) for inquiry in inquiries)) as ended:
        async for one in ended:
            together.append(one)
            left -= 1
            if left == 0 or len(together) == LINKED_TOGETHER:
                yield together
                together = []


async def _inquired(inquiry: Inquiry) -> tuple[Inquiry, Exception | None]:
    (defect,) = await settled([_inquire(inquiry)])
    return inquiry, defect


async def _open(context: StageContext, item: WorkItem) -> Inquiry:
    artist = await artist_of(context, item)

    def look(connection: sa.Connection) -> Inquiry:
        held = read_catalogue(connection, artist)
        ours = narrowed(held, release_id=_uuid(item, "albumId"), track_id=_uuid(item, "trackId"))
        mbids = external_ids_of(connection, "artist", "musicbrainz", [artist.artist_id])
        rows = connection.execute(
            query("recordings_with_producer"), {"recording_ids": [str(one) for one in ours.recordings]}
        )
        known = tuple(mbids.get(artist.artist_id, ()))
        inquiry = Inquiry(context, item, ours, known, frozenset(row.recording_id for row in rows))
        releases = [release.held.release_id for release in ours.releases]
        inquiry.discogs_ids = external_ids_of(connection, "release", "discogs", releases)
        return inquiry

    return await context.in_database(look)


def _uuid(item: WorkItem, name: str) -> UUID | None:
    return UUID(item.payload[name]) if name in item.payload else None


async def _ask_mbids(context: StageContext, inquiries: Sequence[Inquiry]) -> None:
    """Which MusicBrainz artists are linked to our artists' Spotify ids, 50 to a request."""
    asked = {one.ours.artist.spotify_id: one for one in inquiries if one.ours.artist.spotify_id and not one.known_mbids}
    for batch in _batches(asked, MOST_URLS):
        since = _newest(asked[one] for one in batch)
        try:
            linked = await context.providers.musicbrainz.artists_by_spotify_id(batch, fresh_since=since)
        except (ProviderError, OutOfTime) as trouble:
            for spotify_id in batch:
                asked[spotify_id].mbid_trouble = trouble
            continue
        for spotify_id, mbids in linked.items():
            asked[spotify_id].known_mbids = mbids


async def _ask_names(context: StageContext, inquiries: Sequence[Inquiry]) -> None:
    """MusicBrainz's artists of the other names, 20 to a search; where a search has more than it shows, each is asked
    for by itself later.
    """
    for batch in _batches(inquiries, MOST_NAMES):
        names = [one.ours.artist.name for one in batch]
        try:
            found = await context.providers.musicbrainz.search_artists_named(names, fresh_since=_newest(batch))
        except (ProviderError, OutOfTime) as trouble:
            for inquiry in batch:
                inquiry.mbid_trouble = trouble
            continue
        if found.total is not None and found.total <= len(found.items):
            for inquiry in batch:
                inquiry.named_at_musicbrainz = found.items


def _newest(inquiries: Iterable[Inquiry]) -> datetime | None:
    """How fresh an answer has to be that serves all of these."""
    return max((since for one in inquiries if (since := fresh_since(one.item))), default=None)


def _batches(things: Iterable[Thing], size: int) -> list[list[Thing]]:
    wanted = list(things)
    return [wanted[start : start + size] for start in range(0, len(wanted), size)]


async def _inquire(inquiry: Inquiry) -> None:
    await ask(inquiry, "musicbrainz", "releases", ask_musicbrainz)
    await ask(inquiry, "discogs", "releases", ask_discogs)
    if is_genius_due(inquiry):
        await ask(inquiry, "genius", "songs", ask_genius)


async def _link_people(context: StageContext, inquiries: Sequence[Inquiry]) -> None:
    """Ask MusicBrainz which of its people a Discogs person is, where it credits somebody of that name.

    A link is evidence, the name only says where to look for one. Without an answer the two stay apart.
    """
    wanted = await context.in_database(partial(_people_to_link, inquiries))
    links: list[Link] = []
    for batch in _batches(sorted(wanted), MOST_URLS):
        try:
            found = await context.providers.musicbrainz.artists_by_discogs_id(batch)
        except (ProviderError, OutOfTime) as trouble:
            for inquiry in inquiries:
                inquiry.note("musicbrainz", f"People at Discogs and MusicBrainz were not compared: {trouble}")
            break
        links += [
            Link(("discogs", discogs_id), ("musicbrainz", mbid), "musicbrainz")
            for discogs_id, mbids in found.items()
            for mbid in mbids
        ]
    for inquiry in inquiries:
        people = {one.person.id for one in inquiry.credits}
        inquiry.links += [link for link in links if {link.left, link.right} & people]


def _people_to_link(inquiries: Sequence[Inquiry], connection: sa.Connection) -> set[str]:
    by_name: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    for inquiry in inquiries:
        for one in inquiry.credits:
            by_name[normalise_name(one.person.name)].add(one.person.id)
    for name, ids in ids_of_names(connection, by_name).items():
        by_name[name] |= set(ids)
    namesakes = {name: ids for name, ids in by_name.items() if _is_known_twice(ids)}
    known = known_producers(connection, {id for ids in namesakes.values() for id in ids})
    return {
        id
        for ids in namesakes.values()
        for provider, id in ids
        if provider == "discogs" and id.isdecimal() and not _is_linked(("discogs", id), ids, known)
    }


def _is_known_twice(ids: Iterable[tuple[str, str]]) -> bool:
    return {"musicbrainz", "discogs"} <= {provider for provider, _ in ids}


def _is_linked(
    person: tuple[str, str], namesakes: Iterable[tuple[str, str]], known: Mapping[tuple[str, str], UUID]
) -> bool:
    theirs = {known.get(one) for one in namesakes if one[0] == "musicbrainz"}
    return person in known and known[person] in theirs


def _reading(inquiry: Inquiry, ended: Exception | None) -> ReadResult:
    """What was found; an artist whose data met a defect of ours answers that instead."""
    if ended is not None:
        return ended
    trouble = worst(inquiry.troubles.values())
    return Reading(write=partial(_write, inquiry=inquiry), trouble=trouble)


def _write(connection: sa.Connection, *, inquiry: Inquiry) -> Result:
    artist = inquiry.ours.artist
    before = version_of(connection, "credits_version", artist.artist_id)
    _write_ids(connection, inquiry)
    write_credits(
        connection,
        artist.artist_id,
        inquiry.credits,
        inquiry.links,
        recording_ids=inquiry.ours.recordings,
        read_again=lambda provider, id: (provider, id) in inquiry.read,
    )
    after = version_of(connection, "credits_version", artist.artist_id)
    settled_before = settled_providers(connection, artist.artist_id)
    write_answers(connection, list(inquiry.answers.values()))
    settled_now = settled_providers(connection, artist.artist_id)
    without = len(inquiry.without_producer())
    window = f"{inquiry.item.cutoff.isoformat()}:{after.hash}:{','.join(sorted(settled_now))}"
    is_fresh = before == after and settled_before == settled_now  # a source may wait for just that answer
    return Result(
        artist_key=artist.artist_key,
        version=after,
        changed=before != after,
        text=f"{artist.name}: {after.rows} credits, {without} of {len(inquiry.ours.recordings)} without producer",
        detail={"credits": after.rows, "recordings": len(inquiry.ours.recordings), "without_producer": without},
        follow_ups=(
            follow_up(inquiry.item, Stage.ENRICHMENT, artist, window=window, fresh=is_fresh),
            *look_ups_of_artist(connection, artist.artist_id, inquiry.item),
        ),
        notes=tuple(inquiry.notes),
    )


def _write_ids(connection: sa.Connection, inquiry: Inquiry) -> None:
    """Keep what MusicBrainz and Discogs call the artist, its releases and recordings."""
    if inquiry.artist_mbid is not None:
        add_external_id(
            connection, "artist", inquiry.ours.artist.artist_id, "musicbrainz", inquiry.artist_mbid,
            source="musicbrainz", confidence=LINKED_BY_MUSICBRAINZ,
        )  # fmt: skip
    claimed = _claims("release", "musicbrainz", inquiry.release_mbids)
    claimed |= _claims("release", "discogs", inquiry.discogs_ids)
    claimed |= _claims("recording", "musicbrainz", inquiry.recording_mbids)
    rows = [
        {"entity": entity, "provider": provider, "id": id, "entity_id": ours, "source": provider, "confidence": MATCHED}
        for (entity, provider, id), ours in sorted(claimed.items())
    ]
    write_rows(connection, "write_external_ids", rows)


def _claims(entity: str, provider: str, ids: Mapping[UUID, Iterable[str]]) -> dict[tuple[str, str, str], UUID]:
    """Whose each id is; one that two of ours have a claim to is nobody's."""
    claimants: defaultdict[str, set[UUID]] = defaultdict(set)
    for ours, theirs in ids.items():
        for id in theirs:
            claimants[id].add(ours)
    return {(entity, provider, id): ours.pop() for id, ours in claimants.items() if len(ours) == 1}
