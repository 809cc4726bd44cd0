"""The product's definitions with schedules that tick every minute, so that a test need not wait for ten."""

from music_pipeline.defs import schedules

schedules.CADENCE.update(dict.fromkeys(schedules.CADENCE, "* * * * *"))

from music_pipeline.definitions import definitions  # noqa: E402 - the schedules are made when this is loaded

__all__ = ["definitions"]
