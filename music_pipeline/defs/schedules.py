"""The jobs and when they run: a sweep for each queue, in UTC, and the whole chain as one job for a person to launch.

What runs on an event, and not by the clock, is in `defs/sensors.py`.
"""

import os

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from music_pipeline.defs.keys import CHAIN, ENRICHED_TRACKS, SWEEP_TAG, SWEPT_STAGES, asset_of, queue_of, source_asset
from music_pipeline.stages.enrichment.sources import SOURCES
from music_pipeline.work.model import CATALOG_STAGES, Stage

CADENCE = {
    Stage.ARTIST_DISCOVERY: "*/2 * * * *",
    Stage.ALBUM_DISCOVERY: "*/5 * * * *",
    Stage.TRACK_DISCOVERY: "*/5 * * * *",
    Stage.PRODUCER_IDENTIFICATION: "*/10 * * * *",
    Stage.ENRICHMENT: "*/10 * * * *",
}
ENRICHMENT_SWEEP = "process_pending_enrichments"


def sweep_name(stage: Stage) -> str:
    """The name of the job that sweeps a stage."""
    return ENRICHMENT_SWEEP if stage is Stage.ENRICHMENT else stage.value


def sweep_job(stage: Stage) -> UnresolvedAssetJobDefinition:
    """The job that drains one queue."""
    return dg.define_asset_job(
        name=sweep_name(stage),
        selection=dg.AssetSelection.assets(queue_of(stage)),
        description=f"Drain what is due of {stage.value}.",
        tags={SWEEP_TAG: stage.value},
    )


def sweep_schedule(stage: Stage, status: dg.DefaultScheduleStatus) -> dg.ScheduleDefinition:
    """The schedule of one sweep; it asks the ledger, never Dagster, whether a sweep is in progress."""

    @dg.schedule(
        name=f"{sweep_name(stage)}_schedule",
        job_name=sweep_name(stage),
        cron_schedule=CADENCE[stage],
        execution_timezone="UTC",
        default_status=status,
        description=f"Sweeps {stage.value} if something is due and no sweep is in progress.",
    )
    def tick(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        from music_pipeline.defs.runs.ticks import sweep_request

        return sweep_request(context.instance, stage, job_name=sweep_name(stage))

    return tick


def chain_job() -> UnresolvedAssetJobDefinition:
    """The job that drains all queues, one after the other."""
    return dg.define_asset_job(
        name=CHAIN,
        selection=dg.AssetSelection.assets(*(queue_of(stage) for stage in SWEPT_STAGES)),
        description="The whole chain in one run: artists, their releases, the tracks, the producers, the enrichment.",
        tags={SWEEP_TAG: CHAIN},
    )


def refresh_job() -> UnresolvedAssetJobDefinition:
    """The job that asks afresh for artists of the catalogue, by partition."""
    return dg.define_asset_job(
        name="artist_refresh",
        selection=dg.AssetSelection.assets(*(asset_of(stage) for stage in CATALOG_STAGES)),
        description="Ask afresh for the chosen artists, at all stages.",
    )


def enrichment_job() -> UnresolvedAssetJobDefinition:
    """The job that asks all sources afresh about artists of the catalogue, by partition."""
    return dg.define_asset_job(
        name="enrichment_refresh",
        selection=dg.AssetSelection.assets(*(source_asset(name) for name in SOURCES), ENRICHED_TRACKS),
        description="Ask all sources afresh about the recordings of the chosen artists.",
    )


def jobs() -> list[UnresolvedAssetJobDefinition]:
    """All jobs."""
    return [*(sweep_job(stage) for stage in SWEPT_STAGES), chain_job(), refresh_job(), enrichment_job()]


def schedules() -> list[dg.ScheduleDefinition]:
    """All schedules; they begin on where MUSIC_SCHEDULES is "on" (as in `make dev`), else off."""
    status = dg.DefaultScheduleStatus.RUNNING if are_on() else dg.DefaultScheduleStatus.STOPPED
    return [sweep_schedule(stage, status) for stage in SWEPT_STAGES]


def are_on() -> bool:
    """Whether schedules and sensors begin on."""
    return os.environ.get("MUSIC_SCHEDULES") == "on"
