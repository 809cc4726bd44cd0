"""The heartbeat of a sweep, which shows that it is in progress."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from music_pipeline.work.sweeps import begin_sweep, end_sweep, sweep_heartbeat

HEARTBEAT_SECONDS = 20.0


@contextmanager
def sweeping(engine: sa.Engine, kind: str, *, run_id: str, log: logging.Logger) -> Iterator[bool]:
    """Begin the only sweep of its kind, and beat until the block ends.

    Yields False if another sweep is alive.
    """
    if not begin_sweep(engine, kind, run_id):
        yield False
        return
    ended = threading.Event()
    beating = threading.Thread(target=_beat, args=(engine, kind, run_id, ended, log), daemon=True)
    beating.start()
    try:
        yield True
    finally:
        ended.set()
        beating.join()
        end_sweep(engine, kind, run_id)


def _beat(engine: sa.Engine, kind: str, run_id: str, ended: threading.Event, log: logging.Logger) -> None:
    while not ended.wait(HEARTBEAT_SECONDS):
        try:
            sweep_heartbeat(engine, kind, run_id)
        except (sa.exc.OperationalError, sa.exc.TimeoutError) as error:
            # The next beat may succeed. The sweep's own statements decide whether the run goes on.
            log.warning("The heartbeat of the sweep did not reach the database: %s", error)
