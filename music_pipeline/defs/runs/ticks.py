"""What the schedules and sensors decide when they tick: whether a run has something to do."""

from collections.abc import Sequence

import dagster as dg
import sqlalchemy as sa

from music_pipeline.actions.reprocess import ReprocessFilters, reprocess
from music_pipeline.database.queries import query
from music_pipeline.defs.keys import ENRICHMENT_QUEUE_OP, SWEEP_TAG
from music_pipeline.defs.runs.opening import open_database
from music_pipeline.stages.enrichment import due as enrichment
from music_pipeline.stages.profiles import producers as profiles
from music_pipeline.work import status
from music_pipeline.work.model import Stage
from music_pipeline.work.sweeps import Sweep, abandoned_sweep, sweeps_in_progress


def sweep_request(instance: dg.DagsterInstance, stage: Stage, *, job_name: str) -> dg.RunRequest | dg.SkipReason:
    """A run of the job that sweeps the stage, or why there is none; it asks the ledger, and Dagster's queue of runs."""
    engine = open_database()
    queued = dg.RunsFilter(job_name=job_name, statuses=[dg.DagsterRunStatus.QUEUED])
    return decision(
        stage,
        due=is_due(engine, stage),
        in_progress=sweeps_in_progress(engine),
        queued=instance.get_runs_count(queued),
    )


def is_due(engine: sa.Engine, stage: Stage) -> bool:
    """Whether a sweep of the stage would find something to do."""
    if status.due(engine, [stage])[stage]:
        return True
    if stage is Stage.SOCIAL_ENRICHMENT:
        return profiles.is_due(engine)
    if abandoned_sweep(engine, stage.value) is not None:
        return True
    return stage is Stage.ENRICHMENT and enrichment.is_due(engine)


def decision(stage: Stage, *, due: bool, in_progress: Sequence[Sweep], queued: int) -> dg.RunRequest | dg.SkipReason:
    """Sweep if something is due, no sweep of the stage has a living heartbeat, and none waits for its turn."""
    for sweep in in_progress:
        if sweep.kind == stage.value:
            return dg.SkipReason(f"Run {sweep.run_id} is sweeping {stage.value} since {sweep.started_at:%H:%M:%S} UTC.")
    if not due:
        return dg.SkipReason(f"No work of {stage.value} is due.")
    if queued:
        return dg.SkipReason(f"A run that will sweep {stage.value} waits in Dagster's queue.")
    return dg.RunRequest(tags={SWEEP_TAG: stage.value})


def enrichment_request() -> dg.RunRequest | dg.SkipReason:
    """A run of enrichment for the providers that are back, or why there is none."""
    return request_for(open_database())


def request_for(engine: sa.Engine) -> dg.RunRequest | dg.SkipReason:
    """A run for the providers that are back while something waits for them."""
    with engine.connect() as connection:
        back = connection.execute(query("providers_that_are_back")).all()
    if not back:
        return dg.SkipReason("Nothing waits for a provider whose breaker is closed.")
    return dg.RunRequest(
        run_key=", ".join(f"{row.provider} {row.changed_at.isoformat()}" for row in back),
        run_config={"ops": {ENRICHMENT_QUEUE_OP: {"config": {"providers_back": [row.provider for row in back]}}}},
        tags={SWEEP_TAG: Stage.ENRICHMENT.value},
    )


def reprocessing_request() -> dg.RunRequest | dg.SkipReason:
    """A run that asks again what failed, if anything did."""
    meant = reprocess(open_database(), ReprocessFilters(limit=1), by="the weekly schedule", dry_run=True)
    return dg.RunRequest() if meant.rows else dg.SkipReason("No enrichment stands as failed.")
