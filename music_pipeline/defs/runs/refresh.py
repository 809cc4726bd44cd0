"""What a run of the catalogue's assets does: it asks afresh for the artists of its partition or range.

What a stage does is in `stages/`; the everyday work is done by the queues (`running/queues.py`).
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import dagster as dg
import sqlalchemy as sa

from music_pipeline.defs.checks import check_specs
from music_pipeline.defs.keys import asset_of
from music_pipeline.defs.runs.checks import standing_verdicts, verdicts
from music_pipeline.defs.runs.events import failures, log_outcomes, metadata_of
from music_pipeline.defs.runs.opening import open_database
from music_pipeline.defs.runs.progress import progress_to
from music_pipeline.work.model import CATALOG_STAGES, Stage
from music_pipeline.worker import runner
from music_pipeline.worker.outcomes import ASSET_OF_STAGE, Outcome

NAMED_IN_A_FAILURE = 20
RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"


def refresh_artists(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """Ask afresh for the chosen artists at the chosen stages; who fails at one stage does not enter the next."""
    engine = open_database()
    if not context.selected_asset_keys:
        yield from checked(context, engine)
        return
    artists = list(context.partition_keys)
    if not artists:
        raise dg.Failure(why_empty(context.run.tags), allow_retries=False)
    failed: dict[str, str] = {}
    for stage in CATALOG_STAGES:
        if asset_of(stage) in context.selected_asset_keys and artists:
            outcomes = refreshed(context, stage, artists)
            yield from results(context, engine, stage, outcomes)
            failed |= {artist: f"{ASSET_OF_STAGE[stage]}: {why}" for artist, why in failures(outcomes).items()}
            artists = [artist for artist in artists if artist not in failed]
    if failed:
        raise failure(failed, asked=len(context.partition_keys))


def checked(context: dg.AssetExecutionContext, engine: sa.Engine) -> Iterator[dg.AssetCheckResult]:
    """The checks that somebody executed by themselves: counted now, whatever the size of the catalogue."""
    chosen = context.selected_asset_check_keys
    for stage in CATALOG_STAGES:
        if {check.key for check in check_specs(stage)} & chosen:
            found = standing_verdicts(engine, stage, afresh=True)
            yield from (one.result() for one in found if one.key in chosen)


def refreshed(context: dg.AssetExecutionContext, stage: Stage, artists: Sequence[str]) -> list[Outcome]:
    """The outcomes of one stage for exactly these artists, one each."""
    report = progress_to(context.log, ASSET_OF_STAGE[stage], expected=len(artists))
    outcomes = runner.refresh(stage, artists, run_id=context.run.run_id, cutoff=asked_at(context), on_chunk=report)
    of_artist = {outcome.artist_key: outcome for outcome in outcomes}
    if unknown := sorted(set(artists) - of_artist.keys()):
        raise dg.Failure(f"The stage {stage.value} said nothing about {', '.join(unknown)}.", allow_retries=False)
    return [of_artist[artist] for artist in artists]


def asked_at(context: dg.AssetExecutionContext) -> datetime:
    """When the run was first asked for: what a crashed run has fetched since is fresh enough for its retry."""
    record = context.instance.get_run_record_by_id(context.run.root_run_id or context.run.run_id)
    if record is None:
        raise dg.Failure(f"Dagster has no record of run {context.run.run_id}.")
    created: datetime = record.create_timestamp
    return created


def results(
    context: dg.AssetExecutionContext, engine: sa.Engine, stage: Stage, outcomes: Sequence[Outcome]
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """A stage's events. A MaterializeResult is recorded for all artists of the run, so it needs the success of all."""
    asset = asset_of(stage)
    complete = len(outcomes) == len(context.partition_keys) and not failures(outcomes)
    if complete:
        yield materialize_result(asset, outcomes)
    if not complete or len(outcomes) > 1:
        # The one result of a range carries one data version, and each artist has its own.
        log_outcomes(context, asset, outcomes, asked_for=True)
    chosen = context.selected_asset_check_keys
    yield from (found.result() for found in verdicts(engine, stage, outcomes) if found.key in chosen)


def materialize_result(asset: dg.AssetKey, outcomes: Sequence[Outcome]) -> dg.MaterializeResult[None]:
    """The result of a stage at which every artist succeeded; its data version is that of the last of them."""
    return dg.MaterializeResult(
        asset_key=asset,
        metadata=metadata_of(outcomes[0]) if len(outcomes) == 1 else {"artists": len(outcomes)},
        data_version=dg.DataVersion(outcomes[-1].content_hash),
    )


def failure(failed: dict[str, str], *, asked: int) -> dg.Failure:
    """The failure that ends a run, naming whom it could not do."""
    names = sorted(failed)
    more = f" and {len(names) - NAMED_IN_A_FAILURE} more" if len(names) > NAMED_IN_A_FAILURE else ""
    return dg.Failure(
        f"{len(names)} of {asked} artists failed: {', '.join(names[:NAMED_IN_A_FAILURE])}{more}.",
        metadata={"failed": dg.MetadataValue.json(failed)},
        allow_retries=False,
    )


def why_empty(tags: Mapping[str, str]) -> str:
    """Why a run has no artists, from the tags of its range."""
    return (
        f"The range {tags.get(RANGE_START, '?')}…{tags.get(RANGE_END, '?')} holds no artist. Artists stand in the "
        "order in which they were discovered, as the Partitions page lists them: the first key of a range has to "
        "stand before the last. Swap the two, or name the artists one by one."
    )
