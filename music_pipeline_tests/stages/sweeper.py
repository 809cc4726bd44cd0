"""A process that sweeps all stages again and again, as the schedules do: `sweeper.py RUN_ID SECONDS`."""

import logging
import sys
import time

from music_pipeline import database, logs
from music_pipeline.stages.enrichment_due import enqueue_due_enrichment
from music_pipeline.stages.runner import drain
from music_pipeline.work import CATALOG_STAGES, Stage

PAUSE_SECONDS = 0.05
CHUNK = 1  # so that several processes share what is due


def main(run_id: str, seconds: float) -> None:
    logs.configure(level=logging.CRITICAL)
    engine, end = database.engine(), time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        enqueue_due_enrichment(engine)
        outcomes = [
            outcome
            for stage in (*CATALOG_STAGES, Stage.ENRICHMENT)
            for outcome in drain(stage, run_id=run_id, time_box=left, limit=CHUNK)
        ]
        if not outcomes:
            time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
