"""The demo's progress bars: one per stage, updated from the ledger by a thread."""

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
    """A console on the terminal itself, since Dagster redirects stderr in its runs."""
    own: TextIO = os.fdopen(os.dup(sys.stderr.fileno()), "w")
    return Console(file=own)


def bars() -> dict[Stage, str]:
    """The bars: one for each stage, named after its asset."""
    return {stage: spec.asset for stage, spec in STAGES.items()}


@contextmanager
def progress_bars(engine: sa.Engine, console: Console) -> Iterator[None]:
    """Show the progress of each stage while the block runs."""
    columns = (TextColumn("{task.description:<17}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        tasks = {stage: progress.add_task(name, total=None) for stage, name in bars().items()}
        ended = threading.Event()
        watching = threading.Thread(target=_watch, args=(engine, progress, tasks, ended), daemon=True)
        watching.start()
        try:
            yield
        finally:
            ended.set()
            watching.join()


def _watch(engine: sa.Engine, progress: Progress, tasks: dict[Stage, TaskID], ended: threading.Event) -> None:
    while True:
        last = ended.wait(EVERY_SECONDS)
        with engine.connect() as connection:
            for row in connection.execute(query("stage_progress")):
                progress.update(tasks[Stage(row.stage)], completed=row.ended, total=row.known)
        if last:
            return
