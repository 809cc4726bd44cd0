"""Stage `producers`: who produced an artist's recordings, by evidence of MusicBrainz, Discogs and Genius.

MusicBrainz is asked for a chunk of artists at once: for its links to Spotify artists, and to people at Discogs. How
each provider is asked about one artist is in `musicbrainz`, `discogs` and `genius`.
"""

from collections import defaultdict
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from uuid import UUID

import sqlalchemy as sa

from music_pipeline.catalog.artists import Artist
from music_pipeline.catalog.credits import write_credits
from music_pipeline.catalog.external_ids import external_id_row, external_ids_of
from music_pipeline.catalog.producers import Link, ids_of_names, known_producers, producers_without_look_up
from music_pipeline.catalog.provider_answers import settled_providers, write_answers
from music_pipeline.database.queries import query
from music_pipeline.database.rows import version_of, write_rows
from music_pipeline.gateway.errors import OutOfTime, ProviderError
from music_pipeline.matching.evidence import ProviderId
from music_pipeline.matching.names import normalise_name
from music_pipeline.providers.musicbrainz import MOST_NAMES, MOST_URLS
from music_pipeline.stages.credits.discogs import look_up_at_discogs
from music_pipeline.stages.credits.genius import is_genius_due, look_up_at_genius
from music_pipeline.stages.credits.held_releases import narrowed, read_catalogue
from music_pipeline.stages.credits.lookup import CreditLookup, Findings, attempt, sum_findings
from music_pipeline.stages.credits.musicbrainz import look_up_at_musicbrainz
from music_pipeline.work.model import Stage, WorkItem
from music_pipeline.worker.concurrency import batches, gather_results, in_completion_order, most_severe
from music_pipeline.worker.follow_ups import follow_up, look_up_producers
from music_pipeline.worker.outcomes import Status
from music_pipeline.worker.stage import ReadResult, StageContext, StageData, StageResult, artist_of, fresh_since

LINKED_BY_MUSICBRAINZ = 0.95
MATCHED = 0.9
# Artists whose people are linked in one request. Waiting for more would keep the next stage waiting.
LINKED_TOGETHER = 5


Looked = tuple[CreditLookup, Findings | Exception]
"""A look-up, and what came of it."""


@dataclass(frozen=True, slots=True)
class ArtistCredits:
    """The credits found for an artist. `without_producer`: how many of its recordings have no producer now."""

    artist: Artist
    recording_ids: tuple[UUID, ...]
    without_producer: int
    found: Findings


async def read_many(
    context: StageContext, items: Sequence[WorkItem]
) -> AsyncGenerator[tuple[WorkItem, ReadResult], None]:
    """Look up all artists of the chunk at once. Yield each as soon as it is read."""
    opened = await gather_results(_open(context, item) for item in items)
    for item, lookup in zip(items, opened, strict=True):
        if not isinstance(lookup, CreditLookup):
            yield item, lookup
    lookups = await _link_artists(context, [lookup for lookup in opened if isinstance(lookup, CreditLookup)])
    async with aclosing(_in_groups(lookups)) as groups:
        async for group in groups:
            for lookup, found in await _link_people(context, group):
                yield lookup.item, _stage_data(lookup, found) if isinstance(found, Findings) else found


async def _open(context: StageContext, item: WorkItem) -> CreditLookup:
    artist = await artist_of(context, item)
    release_id, track_id = (
        UUID(item.payload[name]) if name in item.payload else None for name in ("albumId", "trackId")
    )

    def read_rows(connection: sa.Connection) -> CreditLookup:
        catalogue = narrowed(read_catalogue(connection, artist), release_id=release_id, track_id=track_id)
        recording_ids = [str(one) for one in catalogue.recordings]
        credited = connection.execute(query("recordings_with_producer"), {"recording_ids": recording_ids})
        releases = [release.held.release_id for release in catalogue.releases]
        mbids = external_ids_of(connection, "artist", "musicbrainz", [artist.artist_id])
        return CreditLookup(
            context=context,
            item=item,
            catalogue=catalogue,
            credited=frozenset(row.recording_id for row in credited),
            discogs_ids=external_ids_of(connection, "release", "discogs", releases),
            mbids=tuple(mbids.get(artist.artist_id, ())),
        )

    return await context.in_database(read_rows)


async def _link_artists(context: StageContext, lookups: Sequence[CreditLookup]) -> list[CreditLookup]:
    """Find MusicBrainz's artists: those it links to Spotify artists, else those of the name."""
    found = {lookup.item.work_id: lookup for lookup in lookups}
    unlinked = [lookup for lookup in lookups if lookup.catalogue.artist.spotify_id and not lookup.mbids]
    for batch in batches(unlinked, MOST_URLS):
        found |= {lookup.item.work_id: lookup for lookup in await _linked_to_spotify(context, batch)}
    unnamed = [lookup for lookup in found.values() if not lookup.mbids and lookup.mbid_setback is None]
    for batch in batches(unnamed, MOST_NAMES):
        found |= {lookup.item.work_id: lookup for lookup in await _namesakes(context, batch)}
    return list(found.values())


async def _linked_to_spotify(context: StageContext, lookups: Sequence[CreditLookup]) -> list[CreditLookup]:
    ids = [str(lookup.catalogue.artist.spotify_id) for lookup in lookups]
    try:
        linked = await context.providers.musicbrainz.artists_by_spotify_id(ids, fresh_since=_newest(lookups))
    except (ProviderError, OutOfTime) as setback:
        return [replace(lookup, mbid_setback=setback) for lookup in lookups]
    return [replace(lookup, mbids=linked.get(id, ())) for id, lookup in zip(ids, lookups, strict=True)]


async def _namesakes(context: StageContext, lookups: Sequence[CreditLookup]) -> list[CreditLookup]:
    """Search for several names at once. If the page does not hold all hits, each name is searched by itself later."""
    names = [lookup.catalogue.artist.name for lookup in lookups]
    try:
        page = await context.providers.musicbrainz.search_artists_named(names, fresh_since=_newest(lookups))
    except (ProviderError, OutOfTime) as setback:
        return [replace(lookup, mbid_setback=setback) for lookup in lookups]
    if page.total is None or page.total > len(page.items):
        return list(lookups)
    return [replace(lookup, namesakes=page.items) for lookup in lookups]


def _newest(lookups: Iterable[CreditLookup]) -> datetime | None:
    """How fresh an answer must be that serves all of these."""
    return max((since for lookup in lookups if (since := fresh_since(lookup.item))), default=None)


async def _in_groups(lookups: Sequence[CreditLookup]) -> AsyncGenerator[list[Looked], None]:
    """Look all artists up, and yield them in groups as they end."""
    group: list[Looked] = []
    remaining = len(lookups)
    async with aclosing(in_completion_order(_look_up(lookup) for lookup in lookups)) as ended:
        async for looked in ended:
            group.append(looked)
            remaining -= 1
            if remaining == 0 or len(group) == LINKED_TOGETHER:
                yield group
                group = []


async def _look_up(lookup: CreditLookup) -> Looked:
    (found,) = await gather_results([_look_up_everywhere(lookup)])
    return lookup, found


async def _look_up_everywhere(lookup: CreditLookup) -> Findings:
    """Ask one provider after the other: Discogs by MusicBrainz's links, Genius for what both leave open."""
    found = await attempt(lookup, "musicbrainz", "releases", look_up_at_musicbrainz)
    lookup = replace(lookup, discogs_ids={**lookup.discogs_ids, **found.discogs_ids})
    found = sum_findings([found, await attempt(lookup, "discogs", "releases", look_up_at_discogs)])
    if is_genius_due(found.setbacks):
        lookup = replace(lookup, credited=lookup.credited | found.credited)
        found = sum_findings([found, await attempt(lookup, "genius", "songs", look_up_at_genius)])
    return found


async def _link_people(context: StageContext, group: Sequence[Looked]) -> list[Looked]:
    """Ask MusicBrainz which of its people a Discogs person is, where it credits somebody of that name.

    A link is evidence; the name only says where to look for one. Without an answer the two stay apart.
    """
    wanted = await context.in_database(partial(_people_to_link, [found for _, found in group]))
    links: list[Link] = []
    notes: tuple[tuple[str, str], ...] = ()
    for batch in batches(sorted(wanted), MOST_URLS):
        try:
            linked = await context.providers.musicbrainz.artists_by_discogs_id(batch)
        except (ProviderError, OutOfTime) as setback:
            notes = (("musicbrainz", f"People at Discogs and MusicBrainz were not compared: {setback}"),)
            break
        links += [
            Link(("discogs", discogs_id), ("musicbrainz", mbid), "musicbrainz")
            for discogs_id, mbids in linked.items()
            for mbid in mbids
        ]
    return [(lookup, _with_links(found, links, notes)) for lookup, found in group]


def _with_links(
    found: Findings | Exception, links: Sequence[Link], notes: tuple[tuple[str, str], ...]
) -> Findings | Exception:
    """Add the links between people that are credited here."""
    if isinstance(found, Exception):
        return found
    people = {credit.person.id for credit in found.credits}
    theirs = tuple(link for link in links if {link.left, link.right} & people)
    return sum_findings([found, Findings(links=theirs, notes=notes)])


def _people_to_link(group: Sequence[Findings | Exception], connection: sa.Connection) -> set[str]:
    """The Discogs people that have a namesake at MusicBrainz, and are not linked to it yet."""
    by_name: defaultdict[str, set[ProviderId]] = defaultdict(set)
    for found in group:
        for credit in found.credits if isinstance(found, Findings) else ():
            by_name[normalise_name(credit.person.name)].add(credit.person.id)
    for name, ids in ids_of_names(connection, by_name).items():
        by_name[name] |= set(ids)
    namesakes = [ids for ids in by_name.values() if {"musicbrainz", "discogs"} <= {provider for provider, _ in ids}]
    known = known_producers(connection, {id for ids in namesakes for id in ids})
    return {
        id
        for ids in namesakes
        for provider, id in ids
        if provider == "discogs" and id.isdecimal() and not _is_linked(("discogs", id), ids, known)
    }


def _is_linked(person: ProviderId, namesakes: Iterable[ProviderId], known: Mapping[ProviderId, UUID]) -> bool:
    at_musicbrainz = {known.get(one) for one in namesakes if one[0] == "musicbrainz"}
    return person in known and known[person] in at_musicbrainz


def _stage_data(lookup: CreditLookup, found: Findings) -> StageData[ArtistCredits]:
    recordings = lookup.catalogue.recordings
    data = ArtistCredits(
        artist=lookup.catalogue.artist,
        recording_ids=tuple(recordings),
        without_producer=len(lookup.without_producer - found.credited),
        found=replace(found, discogs_ids={**lookup.discogs_ids, **found.discogs_ids}),
    )
    return StageData(data, most_severe(found.setbacks.values()))


def store(connection: sa.Connection, item: WorkItem, credits: ArtistCredits) -> StageResult:
    """Write ids, producers, credits and answers. Hand over to enrichment and to the producers' profiles."""
    artist, found = credits.artist, credits.found
    before = version_of(connection, "credits_version", artist.artist_id)
    _write_ids(connection, artist.artist_id, found)
    write_credits(
        connection,
        artist.artist_id,
        found.credits,
        found.links,
        recording_ids=credits.recording_ids,
        places_read=found.places_read,
    )
    after = version_of(connection, "credits_version", artist.artist_id)
    settled_before = settled_providers(connection, artist.artist_id)
    write_answers(connection, list(found.answers.values()))
    settled_now = settled_providers(connection, artist.artist_id)
    window = f"{item.cutoff.isoformat()}:{after.hash}:{','.join(sorted(settled_now))}"
    is_fresh = before == after and settled_before == settled_now  # a source may wait for just that answer
    recordings = len(credits.recording_ids)
    return StageResult(
        artist_key=artist.artist_key,
        version=after,
        status=Status.of_change(has_changed=before != after),
        text=f"{artist.name}: {after.rows} credits, {credits.without_producer} of {recordings} without producer",
        detail={"credits": after.rows, "recordings": recordings, "without_producer": credits.without_producer},
        follow_ups=(
            follow_up(item, Stage.ENRICHMENT, artist, window=window, fresh=is_fresh),
            *look_up_producers(item, producers_without_look_up(connection, artist.artist_id)),
        ),
        notes=found.notes,
    )


def _write_ids(connection: sa.Connection, artist_id: UUID, found: Findings) -> None:
    """Keep what MusicBrainz and Discogs call the artist, its releases and recordings."""
    claims = [
        ("release", "musicbrainz", found.release_mbids),
        ("release", "discogs", found.discogs_ids),
        ("recording", "musicbrainz", found.recording_mbids),
    ]
    rows = [
        external_id_row(entity, entity_id, provider, id, source=provider, confidence=MATCHED)
        for entity, provider, ids in claims
        for id, entity_id in sorted(_undisputed(ids).items())
    ]
    if found.artist_mbid is not None:
        rows.append(
            external_id_row(
                "artist", artist_id, "musicbrainz", found.artist_mbid,
                source="musicbrainz", confidence=LINKED_BY_MUSICBRAINZ,
            )
        )  # fmt: skip
    write_rows(connection, "write_external_ids", rows)


def _undisputed(ids: Mapping[UUID, Iterable[str]]) -> dict[str, UUID]:
    """Map each provider id to its entity. Drop ids that two entities claim."""
    claimants: defaultdict[str, set[UUID]] = defaultdict(set)
    for entity_id, provider_ids in ids.items():
        for id in provider_ids:
            claimants[id].add(entity_id)
    return {id: entity_ids.pop() for id, entity_ids in claimants.items() if len(entity_ids) == 1}
