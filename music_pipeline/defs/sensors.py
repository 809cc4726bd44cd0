"""What runs on an event. What runs by the clock is in `defs/schedules.py`."""

import dagster as dg

from music_pipeline.defs.schedules import default_status
from music_pipeline.work.model import Stage
from music_pipeline.work.stages import STAGES

LOOK_SECONDS = 30


def providers_are_back() -> dg.SensorDefinition:
    """The sensor that requests one sweep of enrichment each time a breaker closes."""

    @dg.sensor(
        name="providers_are_back",
        job_name=STAGES[Stage.ENRICHMENT].job,
        minimum_interval_seconds=LOOK_SECONDS,
        default_status=dg.DefaultSensorStatus(default_status().value),
        description="When a provider's breaker has closed, fetches what was not fetched while it was open.",
    )
    def look(_context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        from music_pipeline.defs.runs.ticks import providers_back_request

        return providers_back_request()

    return look


def sensors() -> list[dg.SensorDefinition]:
    """All sensors. They start in the same status as the schedules."""
    return [providers_are_back()]
