"""The jobs: sweeps, the whole chain, refreshes, the recount and the reprocessing.

When they run is in `defs/schedules.py` and `defs/sensors.py`. What they do is in `defs/runs/`.
"""

from typing import TYPE_CHECKING

import dagster as dg

from music_pipeline.defs.config import ReprocessConfig
from music_pipeline.defs.keys import CHAIN, ENRICHED_TRACKS, SWEEP_TAG, asset_of, queue_of, source_asset
from music_pipeline.stages.enrichment.sources import SOURCES
from music_pipeline.work.model import Stage
from music_pipeline.work.stages import STAGES, artist_stages, catalog_stages

if TYPE_CHECKING:  # it loads more of Dagster than the definitions need
    from music_pipeline.defs.instance.private import UnresolvedAssetJobDefinition


def sweep_job(stage: Stage) -> "UnresolvedAssetJobDefinition":
    """The job that sweeps one queue."""
    return dg.define_asset_job(
        name=STAGES[stage].job,
        selection=dg.AssetSelection.assets(queue_of(stage)),
        description=f"Sweep the due work of {stage}.",
        tags={SWEEP_TAG: stage.value},
    )


def chain_job() -> "UnresolvedAssetJobDefinition":
    """The job that sweeps the queues of all stages about artists, one after the other."""
    return dg.define_asset_job(
        name=CHAIN,
        selection=dg.AssetSelection.assets(*(queue_of(stage) for stage in artist_stages())),
        description="The whole chain in one run: artists, their releases, the tracks, the producers, the enrichment.",
        tags={SWEEP_TAG: CHAIN},
    )


def refresh_job() -> "UnresolvedAssetJobDefinition":
    """The job that refreshes chosen artists at every stage of the catalogue."""
    return dg.define_asset_job(
        name="refresh_artists",
        selection=dg.AssetSelection.assets(*(asset_of(stage) for stage in catalog_stages())),
        description="Refresh the chosen artists at every stage.",
    )


def enrichment_job() -> "UnresolvedAssetJobDefinition":
    """The job that refreshes every source for chosen artists."""
    return dg.define_asset_job(
        name="enrichment_refresh",
        selection=dg.AssetSelection.assets(*(source_asset(name) for name in SOURCES), ENRICHED_TRACKS),
        description="Fetch the recordings of the chosen artists from every source again.",
    )


@dg.op(description="Count every check that covers the whole catalogue.")
def count_catalogue_checks(context: dg.OpExecutionContext) -> None:
    """Count the checks and log each result.

    Sweeps report these counts until the next run.
    """
    from music_pipeline.defs.runs.recount import count_checks

    count_checks(context)


@dg.job(
    description="Count the checks that cover the whole catalogue. Sweeps of a large catalogue do not.",
    executor_def=dg.in_process_executor,
)
def count_catalogue() -> None:
    count_catalogue_checks()


@dg.op(description="Reset the chosen rows, so that their sources are fetched again.")
def reset_enrichments(context: dg.OpExecutionContext, config: ReprocessConfig) -> None:
    """Reset the rows, and fetch at once if the config says so.

    Invalid filters fail the run with the reason.
    """
    from music_pipeline.defs.runs.reprocess import reset

    reset(context, config)


@dg.job(
    description="Fetch again what failed, or what the config selects: the flags of `music-pipeline reprocess`.",
    tags={SWEEP_TAG: Stage.ENRICHMENT.value},
    executor_def=dg.in_process_executor,
)
def reprocess_failed_enrichments() -> None:
    reset_enrichments()


def jobs() -> "list[UnresolvedAssetJobDefinition | dg.JobDefinition]":
    """All jobs."""
    return [
        *(sweep_job(stage) for stage in STAGES),
        chain_job(),
        refresh_job(),
        enrichment_job(),
        count_catalogue,
        reprocess_failed_enrichments,
    ]
