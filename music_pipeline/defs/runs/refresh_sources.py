"""What a run of the assets of enrichment does: it asks the chosen sources afresh about the artists of its partitions.

How sources are asked is in `stages/`; the everyday work is done by the queue (`running/queues.py`).
"""

from collections.abc import Iterator, Sequence

import dagster as dg
import sqlalchemy as sa

from music_pipeline.defs.keys import ENRICHED_TRACKS, source_asset
from music_pipeline.defs.runs.checks import Verdict
from music_pipeline.defs.runs.events import failures, log_outcomes
from music_pipeline.defs.runs.opening import open_database
from music_pipeline.defs.runs.progress import progress_to
from music_pipeline.defs.runs.refresh import asked_at, materialize_result, why_empty
from music_pipeline.defs.runs.source_checks import counted_enrichment_verdicts, enriched_verdicts, source_verdicts
from music_pipeline.defs.runs.source_events import (
    SourceOutcome,
    enriched_versions,
    log_source_outcomes,
    source_metadata,
    source_outcomes,
)
from music_pipeline.stages.enrichment.sources import SOURCES
from music_pipeline.work.model import Stage
from music_pipeline.worker import runner
from music_pipeline.worker.outcomes import Outcome, Status

Result = dg.MaterializeResult[None] | dg.AssetCheckResult


def ask_sources(context: dg.AssetExecutionContext) -> Iterator[Result]:
    """Ask the chosen sources afresh about the chosen artists; one that fails is recorded so, and stops no other."""
    engine = open_database()
    if not context.selected_asset_keys:
        yield from chosen_checks(context, counted_enrichment_verdicts(engine, afresh=True))
        return
    artists = list(context.partition_keys)
    if not artists:
        raise dg.Failure(why_empty(context.run.tags), allow_retries=False)
    chosen = [name for name in SOURCES if source_asset(name) in context.selected_asset_keys]
    outcomes = asked(context, artists, chosen)
    told = {name: source_outcomes(outcomes, name) for name in chosen}
    for name in chosen:
        yield from source_results(context, told[name])
        yield from chosen_checks(context, source_verdicts(engine, name, outcomes))
    if ENRICHED_TRACKS in context.selected_asset_keys:
        yield from enriched_results(context, engine, artists)
        yield from chosen_checks(context, enriched_verdicts(engine, outcomes))
    if complaints := nothing_done([one for name in chosen for one in told[name]]):
        raise dg.Failure(
            f"Nothing that was asked for could be done: {next(iter(complaints.values()))}",
            metadata={"failed": dg.MetadataValue.json(complaints)},
            allow_retries=False,
        )


def asked(context: dg.AssetExecutionContext, artists: Sequence[str], chosen: Sequence[str]) -> list[Outcome]:
    """The outcomes of asking these sources about exactly these artists; none, if no source is chosen."""
    if not chosen:
        return []
    return runner.refresh(
        Stage.ENRICHMENT,
        artists,
        run_id=context.run.run_id,
        cutoff=asked_at(context),
        sources=chosen,
        on_chunk=progress_to(context.log, "enrichment", expected=len(artists)),
    )


def source_results(context: dg.AssetExecutionContext, outcomes: Sequence[SourceOutcome]) -> Iterator[Result]:
    """A source's events. A MaterializeResult is recorded for all artists of the run, so it needs the success of all."""
    is_complete = len(outcomes) == len(context.partition_keys) and not any(
        one.count.is_failed or one.count.is_skipped for one in outcomes
    )
    if is_complete:
        last = outcomes[-1]
        yield dg.MaterializeResult(
            asset_key=source_asset(last.source),
            metadata=source_metadata(last.count) if len(outcomes) == 1 else {"artists": len(outcomes)},
            data_version=dg.DataVersion(str(last.count.version)),
        )
    if not is_complete or len(outcomes) > 1:
        # The one result of a range carries one data version, and each artist has its own.
        log_source_outcomes(context, outcomes, asked_for=True)


def enriched_results(context: dg.AssetExecutionContext, engine: sa.Engine, artists: Sequence[str]) -> Iterator[Result]:
    """The events of `enriched_tracks`: it is derived from what there is, and waits for nobody."""
    outcomes = shown(engine, artists)
    is_complete = not failures(outcomes)
    if is_complete:
        yield materialize_result(ENRICHED_TRACKS, outcomes)
    if not is_complete or len(outcomes) > 1:
        log_outcomes(context, ENRICHED_TRACKS, outcomes, asked_for=True)


def shown(engine: sa.Engine, artists: Sequence[str]) -> list[Outcome]:
    """What the catalogue shows of each artist's recordings now, as outcomes."""
    versions = enriched_versions(engine, artists)
    return [
        Outcome(
            subject=key,
            artist_key=key,
            rows=versions[key].rows if key in versions else 0,
            content_hash=versions[key].hash if key in versions else "",
            status=Status.CHANGED if key in versions else Status.FAILED,
            error=None if key in versions else "The catalogue has no artist with this key.",
            text=f"{key}: {versions[key].rows} recordings with values" if key in versions else key,
        )
        for key in artists
    ]


def chosen_checks(context: dg.AssetExecutionContext, verdicts: Sequence[Verdict]) -> Iterator[dg.AssetCheckResult]:
    """The results of those checks that the run is to make."""
    chosen = context.selected_asset_check_keys
    return (found.result() for found in verdicts if found.key in chosen)


def nothing_done(outcomes: Sequence[SourceOutcome]) -> dict[str, str | None]:
    """Why the run was in vain, by source and artist; nothing, if anything at all was done or could only be skipped."""
    if any(one.count.is_done for one in outcomes):
        return {}
    return {f"{one.source}: {one.artist_key}": one.count.error for one in outcomes if one.count.is_failed}
