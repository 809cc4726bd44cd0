"""The job that counts the checks over the whole catalogue, and its schedule. What is counted is in `checks`.

Sweeps of a small catalogue count by themselves (`counting`).
"""

import dagster as dg
import sqlalchemy as sa

from music_pipeline import database
from music_pipeline.defs.checks import Verdict, counted_verdicts
from music_pipeline.defs.counting import are_behind
from music_pipeline.defs.enrichment_checks import counted_enrichment_verdicts
from music_pipeline.defs.schedules import are_on
from music_pipeline.work import CATALOG_STAGES

JOB = "count_catalogue"
HOURLY = "47 * * * *"


def recounted(engine: sa.Engine) -> list[Verdict]:
    """The verdicts of all checks that are counted over the catalogue, counted now."""
    of_stages = [verdict for stage in CATALOG_STAGES for verdict in counted_verdicts(engine, stage, afresh=True)]
    return [*of_stages, *counted_enrichment_verdicts(engine, afresh=True)]


@dg.op(name=f"{JOB}_checks", description="Counts every check that is about the whole catalogue.")
def count_checks(context: dg.OpExecutionContext) -> None:
    """Count, and log each verdict on its asset; the sweeps report the same until the next time."""
    found = recounted(database.engine())
    for verdict in found:
        # Dagster takes it, as it does from an asset's context; only its annotation does not know.
        context.log_event(verdict.evaluation())  # type: ignore[arg-type]
    context.add_output_metadata({"checks": len(found), "failed": sum(not verdict.passed for verdict in found)})


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
        if are_behind(database.engine()):
            return dg.RunRequest()
        return dg.SkipReason(
            "The catalogue is small, and counted by the sweeps, or no work was done since it was counted."
        )

    return tick
