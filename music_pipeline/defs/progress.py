"""How far a run has come, as lines of its log: one for each chunk of work."""

import logging

from music_pipeline.stages.runner import Chunk


class Progress:
    """Counts the chunks of one stage of one run, and writes a line for each.

    `expected` is about how many artists there will be: more may fall due while the run is at it.
    """

    def __init__(self, log: logging.Logger, noun: str, *, expected: int) -> None:
        self._log = log
        self._noun = noun
        self._expected = expected
        self._done = 0
        self._failed = 0
        self._waiting = 0

    def chunk_done(self, chunk: Chunk) -> None:
        """Count a finished chunk."""
        self._done += chunk.claimed
        self._failed += chunk.failed
        self._waiting += chunk.waiting
        self._log.info(self.line())

    def line(self) -> str:
        """As of now: "releases: 120 of ~400 artists, 3 failed, 1 waiting"."""
        expected = max(self._expected, self._done)
        troubles = [
            f"{count} {what}" for count, what in ((self._failed, "failed"), (self._waiting, "waiting")) if count
        ]
        return ", ".join([f"{self._noun}: {self._done} of ~{expected} artists", *troubles])
