"""The demo's progress bars: a bar a stage, fed from the ledger by a thread of its own."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

import sqlalchemy as sa
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from music_pipeline.database.queries import query
from music_pipeline.work.model import Stage
from music_pipeline.work.stages import STAGES

EVERY_SECONDS = 0.25


def terminal() -> Console:
    """A console on the terminal itself: Dagster diverts stderr while it executes a run in this process."""
    own: TextIO = os.fdopen(os.dup(sys.stderr.fileno()), "w")
    return Console(file=own)


@contextmanager
def progress_bars(engine: sa.Engine, console: Console) -> Iterator[None]:
    """Show how far each stage is while the block lasts."""
    columns = (TextColumn("{task.description:<17}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        bars = {stage: progress.add_task(spec.asset, total=None) for stage, spec in STAGES.items()}
        ended = threading.Event()
        watching = threading.Thread(target=_watch, args=(engine, progress, bars, ended), daemon=True)
        watching.start()
        try:
            yield
        finally:
            ended.set()
            watching.join()


def _watch(engine: sa.Engine, progress: Progress, bars: dict[Stage, TaskID], ended: threading.Event) -> None:
    while True:
        last = ended.wait(EVERY_SECONDS)
        with engine.connect() as connection:
            for row in connection.execute(query("stage_progress")):
                progress.update(bars[Stage(row.stage)], completed=row.ended, total=row.known)
        if last:
            return
