"""What runs by the clock, in UTC. What runs on an event is in `defs/sensors.py`."""

from collections.abc import Callable

import dagster as dg

from music_pipeline.defs.jobs import count_catalogue, reprocess_failed_enrichments
from music_pipeline.settings import settings
from music_pipeline.work.model import Stage
from music_pipeline.work.stages import STAGES

HOURLY = "47 * * * *"
WEEKLY = "0 5 * * 0"

Tick = Callable[[dg.ScheduleEvaluationContext], dg.RunRequest | dg.SkipReason]


def schedule(job_name: str, cron: str, description: str) -> Callable[[Tick], dg.ScheduleDefinition]:
    """Declare the schedule of a job. It starts in `default_status()`."""
    return dg.schedule(
        name=f"{job_name}_schedule",
        job_name=job_name,
        cron_schedule=cron,
        execution_timezone="UTC",
        default_status=default_status(),
        description=description,
    )


def sweep_schedule(stage: Stage) -> dg.ScheduleDefinition:
    """The schedule of a stage's sweep.

    The ledger, not Dagster, says whether a sweep is in progress.
    """
    spec = STAGES[stage]

    @schedule(spec.job, spec.cron, f"Sweeps {stage} if something is due and no sweep is in progress.")
    def tick(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        from music_pipeline.defs.runs.ticks import sweep_request

        return sweep_request(context.instance, stage)

    return tick


def recount_schedule() -> dg.ScheduleDefinition:
    """The hourly schedule of the checks over the whole catalogue."""

    @schedule(count_catalogue.name, HOURLY, "Recounts the checks of a large catalogue if work was done since.")
    def tick(_context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        from music_pipeline.defs.runs.recount import recount_request

        return recount_request()

    return tick


def reprocess_schedule() -> dg.ScheduleDefinition:
    """The weekly schedule that fetches again what failed and is no longer retried."""

    @schedule(reprocess_failed_enrichments.name, WEEKLY, "Fetches again what failed, if anything did.")
    def tick(_context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        from music_pipeline.defs.runs.ticks import reprocess_request

        return reprocess_request()

    return tick


def schedules() -> list[dg.ScheduleDefinition]:
    """All schedules."""
    return [*(sweep_schedule(stage) for stage in STAGES), recount_schedule(), reprocess_schedule()]


def default_status() -> dg.DefaultScheduleStatus:
    """Running where MUSIC_SCHEDULES is "on", as in `make dev`. Otherwise stopped."""
    return dg.DefaultScheduleStatus.RUNNING if settings().schedules_on else dg.DefaultScheduleStatus.STOPPED
