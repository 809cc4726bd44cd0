"""The Dagster events of enrichment: one per artist and source."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import dagster as dg
import sqlalchemy as sa

from music_pipeline.database.queries import query
from music_pipeline.database.rows import Version
from music_pipeline.defs.keys import ENRICHED_TRACKS, source_asset
from music_pipeline.defs.runs.events import Context, Event, complaint, log_events, log_outcomes
from music_pipeline.stages.enrichment.sources import SOURCES
from music_pipeline.worker.outcomes import Outcome, SourceCount


@dataclass(frozen=True, slots=True)
class SourceOutcome:
    """One artist at one source."""

    artist_key: str
    source: str
    count: SourceCount


def sources_of(outcomes: Sequence[Outcome]) -> list[str]:
    """The sources in the outcomes, in the order of SOURCES."""
    found = {name for outcome in outcomes for name in outcome.detail.get("sources", {})}
    return [name for name in SOURCES if name in found]


def source_outcomes(outcomes: Sequence[Outcome], source: str) -> list[SourceOutcome]:
    """The artists of these outcomes at one source.

    Outcomes without an artist are left out.
    """
    return [_source_outcome(one, one.artist_key, source) for one in outcomes if one.artist_key is not None]


def _source_outcome(outcome: Outcome, artist_key: str, source: str) -> SourceOutcome:
    sources = outcome.detail.get("sources", {})
    if source in sources:
        return SourceOutcome(artist_key, source, SourceCount(**sources[source]))
    return SourceOutcome(artist_key, source, _unreached(complaint(outcome) or f"The run did not report on {source}."))


def _unreached(why: str) -> SourceCount:
    return SourceCount(
        rows=0, version=None, changed=False, found=0, absent=0, failed=0, retriable=0, waiting=0, unneeded=0, skipped=0,
        error=why,
    )  # fmt: skip


def source_event(one: SourceOutcome, *, requested: bool) -> Event:
    """A materialization of changed artists and of requested ones with an answer.

    An observation of all others.
    """
    count = one.count
    is_answered = requested and not count.is_failed and not count.is_skipped
    kind = dg.AssetMaterialization if count.changed or is_answered else dg.AssetObservation
    return kind(
        asset_key=source_asset(one.source),
        partition=one.artist_key,
        metadata=source_metadata(count),
        tags={} if count.version is None else {"dagster/data_version": count.version},
    )


def source_metadata(count: SourceCount) -> dict[str, int | bool | str]:
    """What the UI shows of an artist at a source."""
    shown: dict[str, int | bool | str] = {
        "dagster/partition_row_count": count.rows,
        "unchanged": not count.changed,
        "attempted": count.attempted,
        "succeeded": count.found,
        "absent": count.absent,
        "failed": count.failed,
        "retriable": count.retriable,
        "waiting": count.waiting,
        "unneeded": count.unneeded,
        "skipped": count.skipped,
    }
    return shown if count.error is None else {**shown, "error": count.error}


def log_source_outcomes(context: Context, outcomes: Sequence[SourceOutcome], *, requested: bool) -> None:
    """Log an event for each artist and source."""
    log_events(context, [source_event(one, requested=requested) for one in outcomes])


def log_enrichment(context: Context, engine: sa.Engine, outcomes: Sequence[Outcome]) -> None:
    """Log what a sweep did: at each source with news, and on `enriched_tracks`."""
    found = [one for source in sources_of(outcomes) for one in source_outcomes(_with(source, outcomes), source)]
    log_source_outcomes(context, [one for one in found if one.count.is_news], requested=False)
    log_outcomes(context, ENRICHED_TRACKS, with_chosen_values(engine, outcomes), requested=False)


def _with(source: str, outcomes: Sequence[Outcome]) -> list[Outcome]:
    return [one for one in outcomes if source in one.detail.get("sources", {})]


def with_chosen_values(engine: sa.Engine, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The outcomes with the version of the chosen values.

    Other sources and the operator contribute to these.
    """
    done = [one for one in outcomes if one.artist_key is not None and complaint(one) is None]
    versions = chosen_versions(engine, [str(one.artist_key) for one in done])
    found = {id(one): versions[str(one.artist_key)] for one in done}
    return [
        replace(one, rows=found[id(one)].rows, content_hash=found[id(one)].hash) if id(one) in found else one
        for one in outcomes
    ]


def chosen_versions(engine: sa.Engine, artist_keys: Sequence[str]) -> Mapping[str, Version]:
    """How many recordings of each artist have a chosen value, and a hash of these.

    Unknown artists are left out.
    """
    if not artist_keys:
        return {}
    with engine.connect() as connection:
        rows = connection.execute(query("enriched_versions"), {"artist_keys": list(artist_keys)})
        return {row.artist_key: Version(row.rows, row.version) for row in rows}
