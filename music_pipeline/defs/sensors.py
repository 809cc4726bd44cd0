"""What runs on an event: a provider that is back lets what waited for it be asked for again.

What runs by the clock is in `defs/schedules.py`.
"""

import dagster as dg
import sqlalchemy as sa

from music_pipeline import database
from music_pipeline.defs.queues import SWEEP_TAG
from music_pipeline.defs.schedules import ENRICHMENT_SWEEP, are_on
from music_pipeline.work import Stage

LOOK_SECONDS = 30
ENRICHMENT_QUEUE_OP = "queue__enrichment"


def providers_are_back(status: dg.DefaultSensorStatus) -> dg.SensorDefinition:
    """The sensor that requests a sweep of enrichment when a breaker has closed; once for each time that one closes."""

    @dg.sensor(
        name="providers_are_back",
        job_name=ENRICHMENT_SWEEP,
        minimum_interval_seconds=LOOK_SECONDS,
        default_status=status,
        description="When a provider's breaker has closed, takes up what was not asked because it was open.",
    )
    def look(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        return request_for(database.engine())

    return look


def request_for(engine: sa.Engine) -> dg.RunRequest | dg.SkipReason:
    """A run for the providers that are back while something waits for them."""
    with engine.connect() as connection:
        back = connection.execute(database.query("providers_that_are_back")).all()
    if not back:
        return dg.SkipReason("Nothing waits for a provider whose breaker is closed.")
    return dg.RunRequest(
        run_key=", ".join(f"{row.provider} {row.changed_at.isoformat()}" for row in back),
        run_config={"ops": {ENRICHMENT_QUEUE_OP: {"config": {"providers_back": [row.provider for row in back]}}}},
        tags={SWEEP_TAG: Stage.ENRICHMENT.value},
    )


def sensors() -> list[dg.SensorDefinition]:
    """All sensors; they begin on where the schedules do."""
    return [providers_are_back(dg.DefaultSensorStatus.RUNNING if are_on() else dg.DefaultSensorStatus.STOPPED)]
