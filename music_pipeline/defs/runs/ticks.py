"""What schedules and sensors decide: whether a run would have something to do."""

from collections.abc import Sequence

import dagster as dg
import sqlalchemy as sa

from music_pipeline.actions.reprocess import ReprocessFilters, reprocess
from music_pipeline.database.queries import query
from music_pipeline.defs.keys import SWEEP_TAG, queue_of
from music_pipeline.defs.runs.opening import open_database
from music_pipeline.work import status
from music_pipeline.work.model import Stage
from music_pipeline.work.stages import STAGES, due_hook
from music_pipeline.work.sweeps import Sweep, abandoned_sweep, sweeps_in_progress


def sweep_request(instance: dg.DagsterInstance, stage: Stage) -> dg.RunRequest | dg.SkipReason:
    """Request a run that sweeps the stage, or say why not.

    Asks the ledger, and Dagster's queue of runs.
    """
    engine = open_database()
    queued = dg.RunsFilter(job_name=STAGES[stage].job, statuses=[dg.DagsterRunStatus.QUEUED])
    return decide(
        stage,
        due=is_due(engine, stage),
        in_progress=sweeps_in_progress(engine),
        queued=instance.get_runs_count(queued),
    )


def is_due(engine: sa.Engine, stage: Stage) -> bool:
    """Whether a sweep of the stage would find something to do."""
    if status.due(engine, [stage])[stage] or abandoned_sweep(engine, stage.value) is not None:
        return True
    hook = due_hook(stage)
    return hook is not None and hook.is_due(engine)


def decide(stage: Stage, *, due: bool, in_progress: Sequence[Sweep], queued: int) -> dg.RunRequest | dg.SkipReason:
    """Sweep if something is due, and no sweep of the stage is alive or queued."""
    for sweep in in_progress:
        if sweep.kind == stage:
            return dg.SkipReason(f"Run {sweep.run_id} is sweeping {stage} since {sweep.started_at:%H:%M:%S} UTC.")
    if not due:
        return dg.SkipReason(f"No work of {stage} is due.")
    if queued:
        return dg.SkipReason(f"A run that will sweep {stage} waits in Dagster's queue.")
    return dg.RunRequest(tags={SWEEP_TAG: stage.value})


def providers_back_request() -> dg.RunRequest | dg.SkipReason:
    """Request a sweep of enrichment for the providers that are back, or say why not."""
    return request_for(open_database())


def request_for(engine: sa.Engine) -> dg.RunRequest | dg.SkipReason:
    """Request a sweep if rows wait for a provider whose breaker is closed."""
    with engine.connect() as connection:
        back = connection.execute(query("providers_that_are_back")).all()
    if not back:
        return dg.SkipReason("Nothing waits for a provider whose breaker is closed.")
    config = {"providers_back": [row.provider for row in back]}
    return dg.RunRequest(
        run_key=", ".join(f"{row.provider} {row.changed_at.isoformat()}" for row in back),
        run_config={"ops": {queue_of(Stage.ENRICHMENT).to_python_identifier(): {"config": config}}},
        tags={SWEEP_TAG: Stage.ENRICHMENT.value},
    )


def reprocess_request() -> dg.RunRequest | dg.SkipReason:
    """Request a run that fetches again what failed, if anything did."""
    found = reprocess(open_database(), ReprocessFilters(limit=1), by="the weekly schedule", dry_run=True)
    return dg.RunRequest() if found.rows else dg.SkipReason("No enrichment stands as failed.")
