"""The queue of producers' profiles, and its hourly sweep. What it does is in `defs/runs/social.py`.

A producer is no partition: what the sweep did is told by its own materialization and its checks.
"""

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from music_pipeline.defs.assets.catalog import OWNER
from music_pipeline.defs.assets.queues import Drain
from music_pipeline.defs.keys import SOCIAL_QUEUE, SWEEP_TAG
from music_pipeline.defs.schedules import are_on
from music_pipeline.settings import SCHEMA
from music_pipeline.work.model import Stage

STAGE = Stage.SOCIAL_ENRICHMENT
HOURLY = "17 * * * *"


@dg.asset(
    key=SOCIAL_QUEUE,
    group_name="queue",
    deps=[dg.AssetKey(["queue", "producers"])],
    kinds={"postgres"},
    owners=[OWNER],
    metadata={"dagster/table_name": f"{SCHEMA}.producer_profiles", "stage": STAGE.value},
    check_specs=[dg.AssetCheckSpec("last_run", asset=SOCIAL_QUEUE, description="In the last run nothing failed.")],
    description=(
        "Open work of the stage social_enrichment: where else producers are to be found, by evidence of MusicBrainz, "
        "Discogs and Genius, and how many follow them at Instagram. To materialize it is to drain what is due."
    ),
)
def social_queue(context: dg.AssetExecutionContext, config: Drain) -> dg.MaterializeResult:  # type: ignore[type-arg]
    from music_pipeline.defs.runs.social import look_up_producers

    return look_up_producers(context, config)


def social_job() -> UnresolvedAssetJobDefinition:
    """The job that drains the queue."""
    return dg.define_asset_job(
        name=STAGE.value,
        selection=dg.AssetSelection.assets(SOCIAL_QUEUE),
        description="Look up the producers that are due.",
        tags={SWEEP_TAG: STAGE.value},
    )


def social_schedule() -> dg.ScheduleDefinition:
    """The hourly sweep, if something is due and none is in progress."""

    @dg.schedule(
        name=f"{STAGE.value}_schedule",
        job_name=STAGE.value,
        cron_schedule=HOURLY,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING if are_on() else dg.DefaultScheduleStatus.STOPPED,
        description="Looks producers up if some are due and no sweep is in progress.",
    )
    def tick(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        from music_pipeline.defs.runs.ticks import sweep_request

        return sweep_request(context.instance, STAGE, job_name=STAGE.value)

    return tick
