"""What runs on an event: a provider that is back lets what waited for it be asked for again.

What runs by the clock is in `defs/schedules.py`.
"""

import dagster as dg

from music_pipeline.defs.schedules import ENRICHMENT_SWEEP, are_on

LOOK_SECONDS = 30


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
        from music_pipeline.defs.runs.ticks import enrichment_request

        return enrichment_request()

    return look


def sensors() -> list[dg.SensorDefinition]:
    """All sensors; they begin on where the schedules do."""
    return [providers_are_back(dg.DefaultSensorStatus.RUNNING if are_on() else dg.DefaultSensorStatus.STOPPED)]
