"""What a run of the catalogue's assets does: refresh the artists of its range.

The everyday work is done by sweeps of the queues (`defs/runs/sweep.py`).
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import dagster as dg
import sqlalchemy as sa

from music_pipeline.defs.checks import stage_check_specs
from music_pipeline.defs.keys import asset_of
from music_pipeline.defs.runs.events import failures, log_outcomes, outcome_metadata
from music_pipeline.defs.runs.opening import open_database
from music_pipeline.defs.runs.progress import progress_to
from music_pipeline.defs.runs.stage_checks import stage_results, standing_results
from music_pipeline.work.model import Stage
from music_pipeline.work.stages import STAGES, catalog_stages
from music_pipeline.worker import runner
from music_pipeline.worker.outcomes import Outcome

NAMED_IN_A_FAILURE = 20
RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"


def refresh_artists(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """Refresh the chosen artists at the chosen stages.

    An artist who fails at one stage does not enter the next.
    """
    engine = open_database()
    if not context.selected_asset_keys:
        yield from standing_checks(context, engine)
        return
    artists = list(context.partition_keys)
    if not artists:
        raise dg.Failure(why_empty(context.run.tags), allow_retries=False)
    failed: dict[str, str] = {}
    for stage in catalog_stages():
        if asset_of(stage) in context.selected_asset_keys and artists:
            outcomes = refresh_stage(context, stage, artists)
            yield from results(context, engine, stage, outcomes)
            failed |= {artist: f"{STAGES[stage].asset}: {why}" for artist, why in failures(outcomes).items()}
            artists = [artist for artist in artists if artist not in failed]
    if failed:
        raise failure(failed, asked=len(context.partition_keys))


def standing_checks(context: dg.AssetExecutionContext, engine: sa.Engine) -> Iterator[dg.AssetCheckResult]:
    """Run checks that were executed by themselves.

    They are counted now, whatever the size of the catalogue.
    """
    chosen = context.selected_asset_check_keys
    for stage in catalog_stages():
        if {check.key for check in stage_check_specs(stage)} & chosen:
            found = standing_results(engine, stage, afresh=True)
            yield from (one.result() for one in found if one.key in chosen)


def refresh_stage(context: dg.AssetExecutionContext, stage: Stage, artists: Sequence[str]) -> list[Outcome]:
    """Refresh exactly these artists at one stage, and return one outcome each."""
    report = progress_to(context.log, stage, expected=len(artists))
    outcomes = runner.refresh(stage, artists, run_id=context.run.run_id, cutoff=requested_at(context), on_chunk=report)
    of_artist = {outcome.artist_key: outcome for outcome in outcomes}
    if unknown := sorted(set(artists) - of_artist.keys()):
        raise dg.Failure(f"The stage {stage} returned nothing for {', '.join(unknown)}.", allow_retries=False)
    return [of_artist[artist] for artist in artists]


def requested_at(context: dg.AssetExecutionContext) -> datetime:
    """When the run was first requested.

    What a crashed run fetched since is fresh enough for its retry.
    """
    record = context.instance.get_run_record_by_id(context.run.root_run_id or context.run.run_id)
    if record is None:
        raise dg.Failure(f"Dagster has no record of run {context.run.run_id}.")
    created: datetime = record.create_timestamp
    return created


def results(
    context: dg.AssetExecutionContext, engine: sa.Engine, stage: Stage, outcomes: Sequence[Outcome]
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """Report a stage.

    A MaterializeResult counts for all artists of the run, so all must have succeeded.
    """
    asset = asset_of(stage)
    complete = len(outcomes) == len(context.partition_keys) and not failures(outcomes)
    if complete:
        yield materialize_result(asset, outcomes)
    if not complete or len(outcomes) > 1:
        # The one result of a range has one data version, but each artist has its own.
        log_outcomes(context, asset, outcomes, requested=True)
    chosen = context.selected_asset_check_keys
    yield from (found.result() for found in stage_results(engine, stage, outcomes) if found.key in chosen)


def materialize_result(asset: dg.AssetKey, outcomes: Sequence[Outcome]) -> dg.MaterializeResult[None]:
    """The result of a stage at which every artist succeeded.

    Its data version is that of the last artist.
    """
    return dg.MaterializeResult(
        asset_key=asset,
        metadata=outcome_metadata(outcomes[0]) if len(outcomes) == 1 else {"artists": len(outcomes)},
        data_version=dg.DataVersion(outcomes[-1].content_hash),
    )


def failure(failed: dict[str, str], *, asked: int) -> dg.Failure:
    """The failure that ends a run and names the artists that failed."""
    names = sorted(failed)
    more = f" and {len(names) - NAMED_IN_A_FAILURE} more" if len(names) > NAMED_IN_A_FAILURE else ""
    return dg.Failure(
        f"{len(names)} of {asked} artists failed: {', '.join(names[:NAMED_IN_A_FAILURE])}{more}.",
        metadata={"failed": dg.MetadataValue.json(failed)},
        allow_retries=False,
    )


def why_empty(tags: Mapping[str, str]) -> str:
    """Why a run has no artists, judging by its tags."""
    return (
        f"The range {tags.get(RANGE_START, '?')}…{tags.get(RANGE_END, '?')} holds no artist. Artists are ordered by "
        "their discovery, as on the Partitions page, and the first key of a range must come before the last. "
        "Swap the two, or select the artists one by one."
    )
