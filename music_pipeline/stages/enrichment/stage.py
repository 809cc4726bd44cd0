"""Stage `enrichment`: what every source knows about an artist's recordings, each source on its own.

Of a recording, sources of one wave are asked at the same time, waves one after the other: what is cheap and wide, and
what finds ids, before what is slow, and what needs them. Recordings go through the waves in groups, one behind another:
the slow sources of the last wave are at work while the first wave still asks about the next group. A source that fails
makes its rows failed and stops nothing.
"""

import asyncio
import itertools
import time
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
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
from music_pipeline.database.queries import query
from music_pipeline.database.rows import Version, content_hash
from music_pipeline.gateway.errors import OutOfTime, ProviderError
from music_pipeline.stages.enrichment.audio import outdated_rows
from music_pipeline.stages.enrichment.fetch import FETCH, Asked
from music_pipeline.stages.enrichment.log import is_news, is_skipped, log_sources, log_tracks
from music_pipeline.stages.enrichment.plan import ID_FOUND_FOR, Decision, awaited_source, decide, waits_for_discovery
from music_pipeline.stages.enrichment.rows import (
    Said,
    SourceAnswer,
    row_of_answer,
    row_unasked,
    row_waiting_for_discovery,
)
from music_pipeline.stages.enrichment.sources import SOURCES, Source
from music_pipeline.work.model import WorkItem
from music_pipeline.worker.concurrency import as_they_end, settled
from music_pipeline.worker.outcomes import SourceCount
from music_pipeline.worker.stage import Reading, ReadResult, Result, StageContext, artist_of, fresh_since

log = structlog.get_logger()

# A common multiple of the sources' batches, so that a group fills them. The first are smaller, and each twice the one
# before: the slowest source, which is asked last, has something to do early, and until the next group is there.
GROUP, FIRST_GROUP = 400, 80


@dataclass(slots=True)
class Enrichment:
    """One artist being enriched. `values`: how sure each source by now is of each field of each recording.

    `discovered`: the recordings with the ids of discovery only; `recordings`: with those that sources have found, too.
    """

    item: WorkItem
    artist: Artist
    recordings: dict[UUID, EnrichableRecording]
    discovered: Mapping[UUID, EnrichableRecording]
    known: dict[RowKey, KnownRow]
    silence: frozenset[str]
    sources: tuple[Source, ...]
    values: defaultdict[UUID, dict[str, dict[str, float]]] = field(default_factory=lambda: defaultdict(dict))
    rows: dict[RowKey, SourceRow] = field(default_factory=dict)
    is_out_of_time: bool = False
    started: float = field(default_factory=time.monotonic)


Pair = tuple[Enrichment, UUID]
"""An artist being enriched, and one of the artist's recordings."""


async def read_stage(
    context: StageContext, items: Sequence[WorkItem]
) -> AsyncGenerator[tuple[WorkItem, ReadResult], None]:
    """Ask about the recordings of all artists of the chunk together, so that batches are full."""
    await context.in_database(lambda connection: connection.execute(query("analyze_new_tables")))
    opened = await settled(_open(context, item) for item in items)
    enrichments = [one for one in opened if isinstance(one, Enrichment)]
    groups = _groups(enrichments)
    open_groups = Counter(work_id for group in groups for work_id in _work_of(group))
    for item, one in zip(items, opened, strict=True):
        if not isinstance(one, Enrichment):
            yield item, one
        elif item.work_id not in open_groups:
            yield item, _reading(one)
    in_turn = {name: asyncio.Lock() for name in SOURCES}  # whoever waits first comes first: groups stay in order
    of_work = {one.item.work_id: one for one in enrichments}
    async with aclosing(as_they_end(_enrich(context, group, enrichments, in_turn) for group in groups)) as asked:
        async for group in asked:
            for work_id in _work_of(group):
                open_groups[work_id] -= 1
                if open_groups[work_id] == 0:
                    yield of_work[work_id].item, _reading(of_work[work_id])


def _work_of(group: Sequence[Pair]) -> set[UUID]:
    """The ids of the work whose recordings are in a group."""
    return {enrichment.item.work_id for enrichment, _ in group}


def _groups(enrichments: Sequence[Enrichment]) -> list[list[Pair]]:
    """All artists' recordings in groups, each once: one of two artists is asked about for him who asks for more."""
    by_demand = sorted(enrichments, key=lambda one: (one.item.force, len(one.sources)))
    whose = {recording_id: enrichment for enrichment in by_demand for recording_id in enrichment.recordings}
    pairs = iter([(enrichment, recording_id) for recording_id, enrichment in whose.items()])
    groups, size = [], FIRST_GROUP
    while group := list(itertools.islice(pairs, size)):
        groups.append(group)
        size = min(2 * size, GROUP)
    return groups


async def _enrich(
    context: StageContext,
    group: Sequence[Pair],
    enrichments: Sequence[Enrichment],
    in_turn: Mapping[str, asyncio.Lock],
) -> Sequence[Pair]:
    """Ask about a group wave by wave, each source when the group before is through with it; answers the group."""
    for wave in sorted({source.wave for source in SOURCES.values()}):

        async def ask(source: Source) -> None:
            async with in_turn[source.name]:
                await _ask_source(context, source, group, enrichments)

        for defect in await settled(ask(source) for source in SOURCES.values() if source.wave == wave):
            if defect is not None:
                raise defect
    return group


async def _open(context: StageContext, item: WorkItem) -> Enrichment:
    artist = await artist_of(context, item)
    chosen = item.payload.get("sources") or list(SOURCES)

    def look(connection: sa.Connection) -> Enrichment:
        recordings = {one.recording_id: one for one in recordings_to_enrich(connection, artist.artist_id)}
        silence = settled_providers(connection, artist.artist_id)
        known = known_rows(connection, list(recordings))
        sources = tuple(SOURCES[name] for name in chosen)
        enrichment = Enrichment(item, artist, recordings, dict(recordings), known, silence, sources)
        for (recording_id, name), row in known.items():
            _take(enrichment, recording_id, name, row.fields, row.confidence)
        return enrichment

    return await context.in_database(look)


async def _ask_source(
    context: StageContext, source: Source, group: Sequence[Pair], enrichments: Sequence[Enrichment]
) -> None:
    """Decide for each recording, ask in full batches, and make rows of what comes."""
    wanted = list(_wanted(source, group, datetime.now(UTC)))
    batches = [wanted[start : start + source.batch] for start in range(0, len(wanted), source.batch)]
    # The first alone: what is learnt from it (an endpoint that is gone) spares the others their requests.
    for together in (batches[:1], batches[1:]):
        for defect in await settled(_ask_batch(context, source, batch, enrichments) for batch in together):
            if defect is not None:
                raise defect


def _wanted(source: Source, group: Sequence[Pair], now: datetime) -> Iterator[tuple[Enrichment, Asked]]:
    """Whom to ask about; for the others, their rows are made here."""
    for enrichment, recording_id in group:
        if source not in enrichment.sources:
            continue
        recording = enrichment.recordings[recording_id]
        known = enrichment.known.get((recording_id, source.name))
        values = _values_of_others(enrichment, recording_id, source)
        decision = decide(source, recording, known, values, now=now, force=enrichment.item.force)
        awaited = awaited_source(source, known, values, _troubled(enrichment, recording_id), now=now)
        if decision is Decision.ASK and waits_for_discovery(source, recording, enrichment.silence):
            if known is None or known.status != "found":
                enrichment.rows[recording_id, source.name] = row_waiting_for_discovery(source, recording)
        elif decision is Decision.ASK and (awaited is None or enrichment.item.force):
            yield enrichment, _asked(enrichment, source, recording_id, known)
        elif (row := row_unasked(source, recording, known, decision, awaited, now=now)) is not None:
            enrichment.rows[recording_id, source.name] = row


def _values_of_others(enrichment: Enrichment, recording_id: UUID, source: Source) -> dict[str, float]:
    """How sure the other sources are of the fields that decide whether this one is asked."""
    said = [fields for name, fields in enrichment.values[recording_id].items() if name != source.name]
    return {name: max((fields.get(name, 0.0) for fields in said), default=0.0) for name in source.only_without}


def _troubled(enrichment: Enrichment, recording_id: UUID) -> list[Source]:
    """The sources that could not answer about the recording and will be asked again, or wait for an id of such."""
    keys = {name: (recording_id, name) for name in SOURCES}
    stands = {name: enrichment.rows.get(key) or enrichment.known.get(key) for name, key in keys.items()}
    failing = [
        SOURCES[name]
        for name, row in stands.items()
        if row is not None and row.status == "failed" and row.next_attempt_at is not None
    ]
    hoped_for = frozenset[str]().union(*(source.gives for source in failing))
    held_up = [
        SOURCES[name]
        for name, row in stands.items()
        if row is not None and row.status == "waiting" and ID_FOUND_FOR.get(SOURCES[name].needs) in hoped_for
    ]
    return failing + held_up


def _asked(enrichment: Enrichment, source: Source, recording_id: UUID, known: KnownRow | None) -> Asked:
    """The question; where somebody asked for a fresh answer, no older one counts, nor what is concluded from one.

    A source is not told the id that it has found itself: it would only repeat it.
    """
    finds_ids = bool(source.gives & set(ID_FOUND_FOR.values()))
    recording = (enrichment.discovered if finds_ids else enrichment.recordings)[recording_id]
    requested_at = known.requested_at if known is not None else None
    since = [one for one in (fresh_since(enrichment.item), requested_at) if one is not None]
    return Asked(recording, max(since, default=None), frozenset() if since else enrichment.silence)


async def _ask_batch(
    context: StageContext,
    source: Source,
    batch: Sequence[tuple[Enrichment, Asked]],
    enrichments: Sequence[Enrichment],
) -> None:
    answers = await _answers(context, source, [asked for _, asked in batch])
    now = datetime.now(UTC)
    for enrichment, asked in batch:
        recording_id = asked.recording.recording_id
        answer = answers[recording_id]
        if isinstance(answer, OutOfTime):
            enrichment.is_out_of_time = True
            continue
        known = enrichment.known.get((recording_id, source.name))
        enrichment.rows[recording_id, source.name] = row_of_answer(source, asked.recording, known, answer, now=now)
        if isinstance(answer, Said):
            for sharing in enrichments:
                if recording_id in sharing.recordings:
                    _take(sharing, recording_id, source.name, answer.fields, answer.confidence)


async def _answers(context: StageContext, source: Source, asked: Sequence[Asked]) -> dict[UUID, SourceAnswer]:
    """The answers of a batch; a request that fails, fails for all that it asked about."""
    try:
        return await FETCH[source.name](context.providers, asked)
    except (ProviderError, OutOfTime) as error:
        return {one.recording.recording_id: error for one in asked}
    except Exception as defect:
        # A defect in the reading of one source is that source's failure, and must not cost the others their answers.
        log.exception("enrichment.defect", source=source.name, run_id=context.run_id)
        return {one.recording.recording_id: defect for one in asked}


def _take(
    enrichment: Enrichment, recording_id: UUID, source: str, fields: Mapping[str, Any], confidence: float | None
) -> None:
    """Keep how sure the fields are by now; an id that one source found is what the next one needs."""
    enrichment.values[recording_id][source] = dict.fromkeys(fields, confidence or 0.0)
    recording = enrichment.recordings[recording_id]
    if "musicbrainz_id" in fields and not recording.mbids:
        enrichment.recordings[recording_id] = replace(recording, mbids=(fields["musicbrainz_id"],))


def _reading(enrichment: Enrichment) -> Reading:
    trouble = OutOfTime("The sweep's time is over.") if enrichment.is_out_of_time else None
    return Reading(write=partial(_write, enrichment=enrichment), trouble=trouble)


def _write(connection: sa.Connection, *, enrichment: Enrichment) -> Result:
    artist, names = enrichment.artist, [source.name for source in enrichment.sources]
    before = source_versions(connection, artist.artist_id, names)
    for outdated in outdated_rows(connection, list(enrichment.rows), enrichment.recordings):
        del enrichment.rows[outdated]
    rows, run_id = list(enrichment.rows.values()), enrichment.item.correlation_id
    write_source_rows(connection, rows, enrichment.known, run_id=run_id)
    news = [row for row in rows if is_news(row, enrichment.known.get((row.recording_id, row.source)))]
    log_sources(news, correlation_id=run_id)
    log_tracks(connection, news, correlation_id=run_id, duration_seconds=time.monotonic() - enrichment.started)
    after = source_versions(connection, artist.artist_id, names)
    counts = {name: _count(enrichment, name, before[name], after[name]) for name in names}
    known = sum(one.rows for one in after.values())
    return Result(
        artist_key=artist.artist_key,
        version=Version(known, content_hash([(name, after[name].hash) for name in sorted(after)])),
        changed=any(one.changed for one in counts.values()),
        text=f"{artist.name}: {len(enrichment.recordings)} recordings, {known} answers of {len(names)} sources",
        detail={"sources": {name: asdict(one) for name, one in counts.items()}},
        notes=tuple(_errors(enrichment)),
    )


def _count(enrichment: Enrichment, source: str, before: Version, after: Version) -> SourceCount:
    rows = [row for (_, name), row in enrichment.rows.items() if name == source]
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
    """How this time's attempt ended. What a source found before stays found while it fails, or cannot be asked."""
    if row.status != "found" or row.error is None:
        return row.status
    return "skipped" if is_skipped(row) else "failed"


def _errors(enrichment: Enrichment) -> Iterable[tuple[str, str]]:
    """Each error of a source once, however many recordings met it."""
    seen = {(row.provider, row.error) for row in enrichment.rows.values() if _end_of(row) == "failed" and row.error}
    return sorted((provider, error) for provider, error in seen if error is not None)
