"""What became of an artist at a source of enrichment, as Dagster's events; one for each artist and source.

How a source is asked is in `stages/`; when a run counts as failed is in `defs/assets/enrichment.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import dagster as dg
import sqlalchemy as sa

from music_pipeline.database.queries import query
from music_pipeline.database.rows import Version
from music_pipeline.defs.keys import ENRICHED_TRACKS, source_asset
from music_pipeline.defs.partitions import ensure_partitions
from music_pipeline.defs.runs.events import Context, complaint, log_outcomes
from music_pipeline.stages.enrichment.sources import SOURCES
from music_pipeline.worker.outcomes import Outcome, SourceCount


@dataclass(frozen=True, slots=True)
class SourceOutcome:
    """One artist at one source."""

    artist_key: str
    source: str
    count: SourceCount


def sources_of(outcomes: Sequence[Outcome]) -> list[str]:
    """The sources that the outcomes tell of, in the order of SOURCES."""
    told = {name for outcome in outcomes for name in outcome.detail.get("sources", {})}
    return [name for name in SOURCES if name in told]


def source_outcomes(outcomes: Sequence[Outcome], source: str) -> list[SourceOutcome]:
    """How the artists did at one source; outcomes without an artist have none."""
    return [_source_outcome(one, one.artist_key, source) for one in outcomes if one.artist_key is not None]


def _source_outcome(outcome: Outcome, artist_key: str, source: str) -> SourceOutcome:
    told = outcome.detail.get("sources", {})
    if source in told:
        return SourceOutcome(artist_key, source, SourceCount(**told[source]))
    return SourceOutcome(artist_key, source, _unreached(complaint(outcome) or f"The run said nothing about {source}."))


def _unreached(why: str) -> SourceCount:
    return SourceCount(
        rows=0, version=None, changed=False, found=0, absent=0, failed=0, retriable=0, waiting=0, unneeded=0, skipped=0,
        error=why,
    )  # fmt: skip


def source_event(one: SourceOutcome, *, asked_for: bool) -> dg.AssetMaterialization | dg.AssetObservation:
    """Changed, or asked for and answered: a materialization. Unchanged, failed or skipped: an observation."""
    count = one.count
    is_answered = asked_for and not count.is_failed and not count.is_skipped
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


def log_source_outcomes(context: Context, outcomes: Sequence[SourceOutcome], *, asked_for: bool) -> None:
    """Log an event for each."""
    ensure_partitions(context.instance, {one.artist_key for one in outcomes})
    for one in outcomes:
        context.log_event(source_event(one, asked_for=asked_for))


def log_enrichment(context: Context, engine: sa.Engine, outcome: Outcome) -> None:
    """Log what a sweep did for one artist: at each source at which something happened, and on `enriched_tracks`."""
    told = [one for source in sources_of([outcome]) for one in source_outcomes([outcome], source)]
    log_source_outcomes(context, [one for one in told if one.count.is_news], asked_for=False)
    log_outcomes(context, ENRICHED_TRACKS, [as_shown(engine, outcome)], asked_for=False)


def as_shown(engine: sa.Engine, outcome: Outcome) -> Outcome:
    """The outcome with the version of the values that are shown, which other sources and the operator have part in."""
    if outcome.artist_key is None or complaint(outcome) is not None:
        return outcome
    version = enriched_versions(engine, [outcome.artist_key])[outcome.artist_key]
    return replace(outcome, rows=version.rows, content_hash=version.hash)


def enriched_versions(engine: sa.Engine, artist_keys: Sequence[str]) -> Mapping[str, Version]:
    """By artist: how many recordings have a chosen value, and a hash of these. Unknown artists are left out."""
    with engine.connect() as connection:
        rows = connection.execute(query("enriched_versions"), {"artist_keys": list(artist_keys)})
        return {row.artist_key: Version(row.rows, row.version) for row in rows}
