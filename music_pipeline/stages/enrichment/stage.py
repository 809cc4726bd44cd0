"""Stage `enrichment`: what every source knows about an artist's recordings, each source on its own.

The sources of one wave are asked at the same time, the waves one after the other: cheap and wide sources, and those
that find ids, come before slow ones, and those that need ids. Recordings go through the waves in groups: while the last
wave is busy with one group, the first asks about the next. A source that fails makes its rows failed and stops nothing.
"""

import asyncio
import itertools
import time
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
import structlog

from music_pipeline.catalog.artists import Artist
from music_pipeline.catalog.provider_answers import settled_providers
from music_pipeline.catalog.source_rows import (
    EnrichableRecording,
    KnownRow,
    RowKey,
    SourceRow,
    known_rows,
    recordings_to_enrich,
    source_versions,
    write_source_rows,
)
from music_pipeline.database.rows import Version, content_hash
from music_pipeline.gateway.errors import OutOfTime, ProviderError
from music_pipeline.stages.enrichment.audio import outdated_rows
from music_pipeline.stages.enrichment.fetch import FETCH, FetchRequest
from music_pipeline.stages.enrichment.log import is_news, is_skipped, log_sources, log_tracks
from music_pipeline.stages.enrichment.plan import ID_FOUND_FOR, Decision, awaited_source, decide, waits_for_discovery
from music_pipeline.stages.enrichment.rows import (
    SourceAnswer,
    SourceValues,
    row_of_answer,
    row_unasked,
    row_waiting_for_discovery,
)
from music_pipeline.stages.enrichment.sources import SOURCES, Source
from music_pipeline.work.model import WorkItem
from music_pipeline.worker.concurrency import batches, gather_results, in_completion_order
from music_pipeline.worker.outcomes import SourceCount, Status
from music_pipeline.worker.stage import ReadResult, StageContext, StageData, StageResult, artist_of, fresh_since

log = structlog.get_logger()

# A common multiple of the sources' batches, so that a group fills them. The first groups are smaller, and each is twice
# the one before: the slowest source, which is asked last, starts early and never runs dry.
GROUP, FIRST_GROUP = 400, 80


@dataclass(frozen=True, slots=True)
class SourceRows:
    """What the sources said about an artist's recordings. `known`: the rows as they were before.

    `seconds`: how long it took to read them.
    """

    artist: Artist
    sources: tuple[str, ...]
    recordings: Mapping[UUID, EnrichableRecording]
    rows: Mapping[RowKey, SourceRow]
    known: Mapping[RowKey, KnownRow]
    seconds: float


@dataclass(slots=True)
class EnrichedArtist:
    """One artist being enriched. `values`: how sure each source is, so far, of each field of each recording.

    `discovered`: the recordings with the ids of discovery only; `recordings`: also with those that sources found.
    `absent_sources`: providers that had no more to say when discovery asked about the artist's releases.
    """

    item: WorkItem
    artist: Artist
    recordings: dict[UUID, EnrichableRecording]
    discovered: Mapping[UUID, EnrichableRecording]
    known: dict[RowKey, KnownRow]
    absent_sources: frozenset[str]
    sources: tuple[Source, ...]
    values: defaultdict[UUID, dict[str, dict[str, float]]] = field(default_factory=lambda: defaultdict(dict))
    rows: dict[RowKey, SourceRow] = field(default_factory=dict)
    is_out_of_time: bool = False
    started: float = field(default_factory=time.monotonic)

    def data(self) -> StageData[SourceRows]:
        """What was read until now."""
        setback = OutOfTime("The sweep's time is over.") if self.is_out_of_time else None
        names = tuple(source.name for source in self.sources)
        seconds = time.monotonic() - self.started
        return StageData(SourceRows(self.artist, names, self.recordings, self.rows, self.known, seconds), setback)


Pair = tuple[EnrichedArtist, UUID]
"""An artist being enriched, and one of the artist's recordings."""


async def read_many(
    context: StageContext, items: Sequence[WorkItem]
) -> AsyncGenerator[tuple[WorkItem, ReadResult], None]:
    """Ask about the recordings of all artists of the chunk together, so that batches are full."""
    opened = await gather_results(_open(context, item) for item in items)
    enrichments = [one for one in opened if isinstance(one, EnrichedArtist)]
    groups = _groups(enrichments)
    open_groups = Counter(work_id for group in groups for work_id in _work_of(group))
    for item, enrichment in zip(items, opened, strict=True):
        if not isinstance(enrichment, EnrichedArtist):
            yield item, enrichment
        elif item.work_id not in open_groups:
            yield item, enrichment.data()
    in_turn = {name: asyncio.Lock() for name in SOURCES}  # a lock serves its waiters in order: groups stay in order
    of_work = {enrichment.item.work_id: enrichment for enrichment in enrichments}
    enriching = (_enrich(context, group, enrichments, in_turn) for group in groups)
    async with aclosing(in_completion_order(enriching)) as ended:
        async for group in ended:
            for work_id in _work_of(group):
                open_groups[work_id] -= 1
                if open_groups[work_id] == 0:
                    yield of_work[work_id].item, of_work[work_id].data()


def _work_of(group: Sequence[Pair]) -> set[UUID]:
    """The ids of the work whose recordings are in a group."""
    return {enrichment.item.work_id for enrichment, _ in group}


def _groups(enrichments: Sequence[EnrichedArtist]) -> list[list[Pair]]:
    """Group all artists' recordings.

    A recording shared by two artists is fetched once, for the artist with more sources.
    """
    by_demand = sorted(enrichments, key=lambda one: (one.item.force, len(one.sources)))
    artist_of_recording = {id: enrichment for enrichment in by_demand for id in enrichment.recordings}
    pairs = iter([(enrichment, recording_id) for recording_id, enrichment in artist_of_recording.items()])
    groups, size = [], FIRST_GROUP
    while group := list(itertools.islice(pairs, size)):
        groups.append(group)
        size = min(2 * size, GROUP)
    return groups


async def _enrich(
    context: StageContext,
    group: Sequence[Pair],
    enrichments: Sequence[EnrichedArtist],
    in_turn: Mapping[str, asyncio.Lock],
) -> Sequence[Pair]:
    """Ask about a group wave by wave, each source once the group before is through with it. Return the group."""
    for wave in sorted({source.wave for source in SOURCES.values()}):

        async def ask(source: Source) -> None:
            async with in_turn[source.name]:
                await _ask_source(context, source, group, enrichments)

        for defect in await gather_results(ask(source) for source in SOURCES.values() if source.wave == wave):
            if defect is not None:
                raise defect
    return group


async def _open(context: StageContext, item: WorkItem) -> EnrichedArtist:
    artist = await artist_of(context, item)
    chosen = item.payload.get("sources") or list(SOURCES)

    def read_rows(connection: sa.Connection) -> EnrichedArtist:
        recordings = {one.recording_id: one for one in recordings_to_enrich(connection, artist.artist_id)}
        absent_sources = settled_providers(connection, artist.artist_id)
        known = known_rows(connection, list(recordings))
        sources = tuple(SOURCES[name] for name in chosen)
        enrichment = EnrichedArtist(item, artist, recordings, dict(recordings), known, absent_sources, sources)
        for (recording_id, name), row in known.items():
            _take(enrichment, recording_id, name, row.fields, row.confidence)
        return enrichment

    return await context.in_database(read_rows)


async def _ask_source(
    context: StageContext, source: Source, group: Sequence[Pair], enrichments: Sequence[EnrichedArtist]
) -> None:
    """Decide for each recording, ask in full batches, and make rows of what comes."""
    wanted = list(_wanted(source, group, datetime.now(UTC)))
    in_batches = list(batches(wanted, source.batch))
    # The first goes alone: what is learnt from it (that an endpoint is gone) spares the others their requests.
    for together in (in_batches[:1], in_batches[1:]):
        for defect in await gather_results(_ask_batch(context, source, batch, enrichments) for batch in together):
            if defect is not None:
                raise defect


def _wanted(source: Source, group: Sequence[Pair], now: datetime) -> Iterator[tuple[EnrichedArtist, FetchRequest]]:
    """Yield the requests about those recordings that are asked about. Make the rows of the others."""
    for enrichment, recording_id in group:
        if source not in enrichment.sources:
            continue
        recording = enrichment.recordings[recording_id]
        known = enrichment.known.get((recording_id, source.name))
        values = _values_of_others(enrichment, recording_id, source)
        decision = decide(source, recording, known, values, now=now, force=enrichment.item.force)
        awaited = awaited_source(source, known, values, _troubled(enrichment, recording_id), now=now)
        if decision is Decision.ASK and waits_for_discovery(source, recording, enrichment.absent_sources):
            if known is None or known.status != "found":
                enrichment.rows[recording_id, source.name] = row_waiting_for_discovery(source, recording)
        elif decision is Decision.ASK and (awaited is None or enrichment.item.force):
            yield enrichment, _fetch_request(enrichment, source, recording_id, known)
        elif (row := row_unasked(source, recording, known, decision, awaited, now=now)) is not None:
            enrichment.rows[recording_id, source.name] = row


def _values_of_others(enrichment: EnrichedArtist, recording_id: UUID, source: Source) -> dict[str, float]:
    """How sure the other sources are of the fields that decide whether this one is asked."""
    others = [fields for name, fields in enrichment.values[recording_id].items() if name != source.name]
    return {name: max((fields.get(name, 0.0) for fields in others), default=0.0) for name in source.only_without}


def _troubled(enrichment: EnrichedArtist, recording_id: UUID) -> list[Source]:
    """The sources that failed about the recording and will be asked again, or wait for an id of such a source."""
    keys = {name: (recording_id, name) for name in SOURCES}
    states = {name: enrichment.rows.get(key) or enrichment.known.get(key) for name, key in keys.items()}
    failing = [
        SOURCES[name]
        for name, row in states.items()
        if row is not None and row.status == "failed" and row.next_attempt_at is not None
    ]
    hoped_for = frozenset[str]().union(*(source.gives for source in failing))
    held_up = [
        SOURCES[name]
        for name, row in states.items()
        if row is not None and row.status == "waiting" and ID_FOUND_FOR.get(SOURCES[name].needs) in hoped_for
    ]
    return failing + held_up


def _fetch_request(
    enrichment: EnrichedArtist, source: Source, recording_id: UUID, known: KnownRow | None
) -> FetchRequest:
    """The request to a source. After a request for a fresh answer, neither older answers nor older absences count.

    A source is not given the id that it found itself: it would only repeat it.
    """
    finds_ids = bool(source.gives & set(ID_FOUND_FOR.values()))
    recording = (enrichment.discovered if finds_ids else enrichment.recordings)[recording_id]
    requested_at = known.requested_at if known is not None else None
    since = [moment for moment in (fresh_since(enrichment.item), requested_at) if moment is not None]
    return FetchRequest(recording, max(since, default=None), frozenset() if since else enrichment.absent_sources)


async def _ask_batch(
    context: StageContext,
    source: Source,
    batch: Sequence[tuple[EnrichedArtist, FetchRequest]],
    enrichments: Sequence[EnrichedArtist],
) -> None:
    answers = await _answers(context, source, [request for _, request in batch])
    now = datetime.now(UTC)
    for enrichment, request in batch:
        recording_id = request.recording.recording_id
        answer = answers[recording_id]
        if isinstance(answer, OutOfTime):
            enrichment.is_out_of_time = True
            continue
        known = enrichment.known.get((recording_id, source.name))
        enrichment.rows[recording_id, source.name] = row_of_answer(source, request.recording, known, answer, now=now)
        if isinstance(answer, SourceValues):
            for sharing in enrichments:
                if recording_id in sharing.recordings:
                    _take(sharing, recording_id, source.name, answer.fields, answer.confidence)


async def _answers(context: StageContext, source: Source, requests: Sequence[FetchRequest]) -> dict[UUID, SourceAnswer]:
    """Fetch the answers of a batch. An error is the answer for the whole batch."""
    try:
        return await FETCH[source.name](context.providers, requests)
    except (ProviderError, OutOfTime) as error:
        return {request.recording.recording_id: error for request in requests}
    except Exception as defect:
        # A defect in reading one source is that source's failure, and must not cost the others their answers.
        log.exception("enrichment.defect", source=source.name, run_id=context.run_id)
        return {request.recording.recording_id: defect for request in requests}


def _take(
    enrichment: EnrichedArtist, recording_id: UUID, source: str, fields: Mapping[str, Any], confidence: float | None
) -> None:
    """Keep how sure the fields are by now, and the id that one source found and the next one needs."""
    enrichment.values[recording_id][source] = dict.fromkeys(fields, confidence or 0.0)
    recording = enrichment.recordings[recording_id]
    if "musicbrainz_id" in fields and not recording.mbids:
        enrichment.recordings[recording_id] = replace(recording, mbids=(fields["musicbrainz_id"],))


def store(connection: sa.Connection, item: WorkItem, found: SourceRows) -> StageResult:
    """Write the rows that changed, and log what is new in them."""
    artist, names = found.artist, found.sources
    before = source_versions(connection, artist.artist_id, names)
    outdated = set(outdated_rows(connection, list(found.rows), found.recordings))
    rows = [row for key, row in found.rows.items() if key not in outdated]
    write_source_rows(connection, rows, found.known, run_id=item.correlation_id)
    news = [row for row in rows if is_news(row, found.known.get((row.recording_id, row.source)))]
    log_sources(news, correlation_id=item.correlation_id)
    log_tracks(connection, news, correlation_id=item.correlation_id, duration_seconds=found.seconds)
    after = source_versions(connection, artist.artist_id, names)
    counts = {name: _count(rows, name, before[name], after[name]) for name in names}
    answers = sum(version.rows for version in after.values())
    return StageResult(
        artist_key=artist.artist_key,
        version=Version(answers, content_hash([(name, after[name].hash) for name in sorted(after)])),
        status=Status.of_change(has_changed=any(count.changed for count in counts.values())),
        text=f"{artist.name}: {len(found.recordings)} recordings, {answers} answers of {len(names)} sources",
        detail={"sources": {name: asdict(count) for name, count in counts.items()}},
        notes=tuple(sorted({(row.provider, row.error) for row in rows if _end_of(row) == "failed" and row.error})),
    )


def _count(all_rows: Sequence[SourceRow], source: str, before: Version, after: Version) -> SourceCount:
    rows = [row for row in all_rows if row.source == source]
    ends = Counter(_end_of(row) for row in rows)
    errors = [row.error for row in rows if _end_of(row) in ("failed", "skipped") and row.error]
    return SourceCount(
        rows=after.rows,
        version=after.hash,
        changed=after != before,
        found=ends["found"],
        absent=ends["absent"],
        failed=ends["failed"],
        retriable=sum(row.is_retriable for row in rows),
        waiting=ends["waiting"],
        unneeded=ends["unneeded"],
        skipped=ends["skipped"],
        error=errors[0] if errors else None,
    )


def _end_of(row: SourceRow) -> str:
    """How this attempt ended. What a source found before stays found while it fails, or cannot be asked."""
    if row.status != "found" or row.error is None:
        return row.status
    return "skipped" if is_skipped(row) else "failed"
