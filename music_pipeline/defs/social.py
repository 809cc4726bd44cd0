"""The queue of producers' profiles, and its hourly sweep. What is looked up, and where, is in `stages/social.py`.

A producer is no partition: what the sweep did is told by its own materialization and its checks.
"""

import time
from collections.abc import Sequence

import dagster as dg
import sqlalchemy as sa
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from music_pipeline import database, work
from music_pipeline.defs.catalog import OWNER
from music_pipeline.defs.events import SAMPLE, Context
from music_pipeline.defs.progress import progress_to
from music_pipeline.defs.queues import SWEEP_TAG, Drain, counts
from music_pipeline.defs.schedules import are_on, decision
from music_pipeline.defs.sweeping import sweeping
from music_pipeline.stages import runner
from music_pipeline.stages.runner import Outcome
from music_pipeline.stages.social import enqueue_due_look_ups, look_ups_are_due
from music_pipeline.work import Stage

STAGE = Stage.SOCIAL_ENRICHMENT
QUEUE = dg.AssetKey(["queue", "social"])
HOURLY = "17 * * * *"


def swept_producers(context: Context, engine: sa.Engine, config: Drain) -> list[Outcome]:
    """The outcomes of a sweep; none where another one is at it."""
    with sweeping(engine, STAGE.value, run_id=context.run.run_id, log=context.log) as begun:
        if not begun:
            context.log.info("Another sweep is at it, and takes what is due.")
            return []
        context.log.info("%d producers fell due.", enqueue_due_look_ups(engine))
        outcomes = []
        report = progress_to(context.log, "producers", expected=work.due(engine, [STAGE])[STAGE])
        for outcome in runner.drain(
            STAGE,
            run_id=context.run.run_id,
            time_box=config.time_box_seconds,
            limit=config.limit,
            on_chunk=report,
        ):
            context.log.log(30 if outcome.error else 20, outcome.text)
            outcomes.append(outcome)
        return outcomes


def last_run(outcomes: Sequence[Outcome]) -> dg.AssetCheckResult:
    """Passed if nothing failed or waits."""
    failed = [outcome.text for outcome in outcomes if outcome.error is not None]
    return dg.AssetCheckResult(
        passed=not failed,
        asset_key=QUEUE,
        check_name="last_run",
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"attempted": len(outcomes), "failed": len(failed), "sample": sorted(failed)[:SAMPLE]},
    )


def coverage(engine: sa.Engine) -> dict[str, int]:
    """Producers, those that were looked up, that have a profile, and whose followers are known: they plot in the UI."""
    with engine.connect() as connection:
        return dict(connection.execute(database.query("profile_counts")).mappings().one())


@dg.asset(
    key=QUEUE,
    group_name="queue",
    deps=[dg.AssetKey(["queue", "producers"])],
    kinds={"postgres"},
    owners=[OWNER],
    metadata={"dagster/table_name": f"{database.SCHEMA}.producer_profiles", "stage": STAGE.value},
    check_specs=[dg.AssetCheckSpec("last_run", asset=QUEUE, description="In the last run nothing failed.")],
    description=(
        "Open work of the stage social_enrichment: where else producers are to be found, by evidence of MusicBrainz, "
        "Discogs and Genius, and how many follow them at Instagram. To materialize it is to drain what is due."
    ),
)
def social_queue(context: dg.AssetExecutionContext, config: Drain) -> dg.MaterializeResult:  # type: ignore[type-arg]
    engine, began = database.engine(), time.monotonic()
    outcomes = swept_producers(context, engine, config)
    seconds = round(time.monotonic() - began, 2)
    return dg.MaterializeResult(
        metadata={**counts(outcomes), **coverage(engine), "seconds": seconds},
        check_results=[last_run(outcomes)],
    )


def social_job() -> UnresolvedAssetJobDefinition:
    """The job that drains the queue."""
    return dg.define_asset_job(
        name=STAGE.value,
        selection=dg.AssetSelection.assets(QUEUE),
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
        engine = database.engine()
        queued = dg.RunsFilter(job_name=STAGE.value, statuses=[dg.DagsterRunStatus.QUEUED])
        return decision(
            STAGE,
            due=bool(work.due(engine, [STAGE])[STAGE]) or look_ups_are_due(engine),
            in_progress=work.sweeps_in_progress(engine),
            queued=context.instance.get_runs_count(queued),
        )

    return tick
