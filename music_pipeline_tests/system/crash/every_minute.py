"""The pipeline's definitions, with schedules that tick every minute."""

from music_pipeline.defs import schedules, social

EVERY_MINUTE = "* * * * *"
schedules.CADENCE.update(dict.fromkeys(schedules.CADENCE, EVERY_MINUTE))
social.HOURLY = EVERY_MINUTE

from music_pipeline.definitions import definitions  # noqa: E402 - the schedules are made when this is loaded

__all__ = ["definitions"]
