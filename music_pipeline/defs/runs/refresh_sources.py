"""What a run of enrichment's assets does: fetch the chosen sources again.

The everyday work is done by sweeps of the queue (`defs/runs/sweep.py`).
"""

from collections.abc import Iterator, Sequence

import dagster as dg
import sqlalchemy as sa

from music_pipeline.defs.keys import ENRICHED_TRACKS, source_asset
from music_pipeline.defs.runs.events import failures, log_outcomes
from music_pipeline.defs.runs.opening import open_database
from music_pipeline.defs.runs.progress import progress_to
from music_pipeline.defs.runs.refresh import materialize_result, requested_at, why_empty
from music_pipeline.defs.runs.source_checks import counted_source_results, enriched_results, source_results
from music_pipeline.defs.runs.source_events import (
    SourceOutcome,
    chosen_versions,
    log_source_outcomes,
    source_metadata,
    source_outcomes,
)
from music_pipeline.defs.runs.stage_checks import CheckResult
from music_pipeline.stages.enrichment.sources import SOURCES
from music_pipeline.work.model import Stage
from music_pipeline.worker import runner
from music_pipeline.worker.outcomes import Outcome, Status

Result = dg.MaterializeResult[None] | dg.AssetCheckResult


def refresh_sources(context: dg.AssetExecutionContext) -> Iterator[Result]:
    """Fetch the chosen sources again for the chosen artists.

    A failing source is recorded and stops no other.
    """
    engine = open_database()
    if not context.selected_asset_keys:
        yield from chosen_checks(context, counted_source_results(engine, afresh=True))
        return
    artists = list(context.partition_keys)
    if not artists:
        raise dg.Failure(why_empty(context.run.tags), allow_retries=False)
    chosen = [name for name in SOURCES if source_asset(name) in context.selected_asset_keys]
    outcomes = fetch(context, artists, chosen)
    by_source = {name: source_outcomes(outcomes, name) for name in chosen}
    for name in chosen:
        yield from report_source(context, by_source[name])
        yield from chosen_checks(context, source_results(engine, name, outcomes))
    if ENRICHED_TRACKS in context.selected_asset_keys:
        yield from report_enriched_tracks(context, engine, artists)
        yield from chosen_checks(context, enriched_results(engine, outcomes))
    if complaints := why_in_vain([one for name in chosen for one in by_source[name]]):
        raise dg.Failure(
            f"No chosen source could be fetched: {next(iter(complaints.values()))}",
            metadata={"failed": dg.MetadataValue.json(complaints)},
            allow_retries=False,
        )


def fetch(context: dg.AssetExecutionContext, artists: Sequence[str], chosen: Sequence[str]) -> list[Outcome]:
    """Fetch these sources for exactly these artists, and return their outcomes.

    No source, no outcomes.
    """
    if not chosen:
        return []
    return runner.refresh(
        Stage.ENRICHMENT,
        artists,
        run_id=context.run.run_id,
        cutoff=requested_at(context),
        sources=chosen,
        on_chunk=progress_to(context.log, Stage.ENRICHMENT, expected=len(artists)),
    )


def report_source(context: dg.AssetExecutionContext, outcomes: Sequence[SourceOutcome]) -> Iterator[Result]:
    """Report a source.

    A MaterializeResult counts for all artists of the run, so all must have succeeded.
    """
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
        # The one result of a range has one data version, but each artist has its own.
        log_source_outcomes(context, outcomes, requested=True)


def report_enriched_tracks(
    context: dg.AssetExecutionContext, engine: sa.Engine, artists: Sequence[str]
) -> Iterator[Result]:
    """Report `enriched_tracks`.

    It is derived from the rows of all sources, whatever this run fetched.
    """
    outcomes = chosen_values(engine, artists)
    is_complete = not failures(outcomes)
    if is_complete:
        yield materialize_result(ENRICHED_TRACKS, outcomes)
    if not is_complete or len(outcomes) > 1:
        log_outcomes(context, ENRICHED_TRACKS, outcomes, requested=True)


def chosen_values(engine: sa.Engine, artists: Sequence[str]) -> list[Outcome]:
    """The values chosen for each artist's recordings now, as outcomes."""
    versions = chosen_versions(engine, artists)
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


def chosen_checks(context: dg.AssetExecutionContext, found: Sequence[CheckResult]) -> Iterator[dg.AssetCheckResult]:
    """The results that the run was asked for."""
    chosen = context.selected_asset_check_keys
    return (one.result() for one in found if one.key in chosen)


def why_in_vain(outcomes: Sequence[SourceOutcome]) -> dict[str, str | None]:
    """Why the run achieved nothing, by source and artist.

    Empty if it achieved anything, or could only skip.
    """
    if any(one.count.is_done for one in outcomes):
        return {}
    return {f"{one.source}: {one.artist_key}": one.count.error for one in outcomes if one.count.is_failed}
