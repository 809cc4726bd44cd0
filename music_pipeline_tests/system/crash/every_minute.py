"""The pipeline's definitions, with schedules that tick every minute."""

from dataclasses import replace

from music_pipeline.definitions import definitions
from music_pipeline.work.stages import STAGES

EVERY_MINUTE = "* * * * *"
STAGES.update({stage: replace(spec, cron=EVERY_MINUTE) for stage, spec in STAGES.items()})

__all__ = ["definitions"]
