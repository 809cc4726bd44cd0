"""Sweep the stages, as schedules do, until stdin ends: `sweeper.py RUN_ID`."""

import logging
import select
import sys

from music_pipeline import logs
from music_pipeline.work.stages import catalog_stages
from music_pipeline.worker.runner import sweep

PAUSE_SECONDS = 0.05
CHUNK = 1  # small, so that several processes share the due work
TIME_BOX_SECONDS = 60


def has_ended(seconds: float) -> bool:
    """Whether stdin ends within the time."""
    return bool(select.select([sys.stdin], [], [], seconds)[0])


def main(run_id: str) -> None:
    logs.configure(level=logging.CRITICAL)
    pause = 0.0
    while not has_ended(pause):
        outcomes = [
            outcome
            for stage in catalog_stages()
            for outcome in sweep(stage, run_id=run_id, time_box=TIME_BOX_SECONDS, limit=CHUNK)
        ]
        pause = 0.0 if outcomes else PAUSE_SECONDS


if __name__ == "__main__":
    main(sys.argv[1])
