"""How far a run has come, as lines of its log: one for each chunk of work."""

import logging
from collections.abc import Callable

from music_pipeline.worker.outcomes import Progress


def progress_line(noun: str, chunk: Progress, *, expected: int) -> str:
    """Such as "releases: 120 of ~400 artists, 3 failed, after 12 s"; more may have fallen due than were expected."""
    failed = f", {chunk.failed} failed" if chunk.failed else ""
    return f"{noun}: {chunk.done} of ~{max(expected, chunk.done)} artists{failed}, after {chunk.seconds:.0f} s"


def progress_to(log: logging.Logger, noun: str, *, expected: int) -> Callable[[Progress], None]:
    """What writes a line to `log` for each chunk that it is called with."""

    def report(chunk: Progress) -> None:
        log.info(progress_line(noun, chunk, expected=expected))

    return report
