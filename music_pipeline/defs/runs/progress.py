"""The progress of a run, as one log line per chunk of work."""

import logging
from collections.abc import Callable, Mapping

from music_pipeline.work.model import Stage
from music_pipeline.work.stages import STAGES, Subject
from music_pipeline.worker.outcomes import Chunk

PLURALS: Mapping[Subject, str] = {"request": "artists", "artist": "artists", "producer": "producers"}


def progress_line(stage: Stage, chunk: Chunk, *, expected: int) -> str:
    """Format as "releases: 120 of ~400 artists, 3 failed, after 12 s".

    More may fall due than were expected.
    """
    spec = STAGES[stage]
    failed = f", {chunk.failed} failed" if chunk.failed else ""
    done = f"{chunk.done} of ~{max(expected, chunk.done)} {PLURALS[spec.subject]}"
    return f"{spec.asset}: {done}{failed}, after {chunk.seconds:.0f} s"


def progress_to(log: logging.Logger, stage: Stage, *, expected: int) -> Callable[[Chunk], None]:
    """A callback that logs a line for each chunk."""

    def report(chunk: Chunk) -> None:
        log.info(progress_line(stage, chunk, expected=expected))

    return report
