"""The job that counts the checks over the whole catalogue, and its schedule. It works in `defs/runs/recount.py`.

Sweeps of a small catalogue count by themselves (`running/counting.py`).
"""

import dagster as dg

from music_pipeline.defs.schedules import are_on

JOB = "count_catalogue"
HOURLY = "47 * * * *"


@dg.op(name=f"{JOB}_checks", description="Counts every check that is about the whole catalogue.")
def count_checks(context: dg.OpExecutionContext) -> None:
    """Count, and log each verdict on its asset; the sweeps report the same until the next time."""
    from music_pipeline.defs.runs.recount import count

    count(context)


@dg.job(
    name=JOB,
    description="Counts the checks over the whole catalogue, which a sweep of a large one does not.",
    executor_def=dg.in_process_executor,
)
def count_catalogue() -> None:
    count_checks()


def recounting_schedule() -> dg.ScheduleDefinition:
    """The hourly schedule of the count; it begins on where the others do."""

    @dg.schedule(
        name=f"{JOB}_schedule",
        job=count_catalogue,
        cron_schedule=HOURLY,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING if are_on() else dg.DefaultScheduleStatus.STOPPED,
        description="Counts the checks of a large catalogue anew, if work was done since.",
    )
    def tick(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        from music_pipeline.defs.runs.recount import recounting_request

        return recounting_request()

    return tick
