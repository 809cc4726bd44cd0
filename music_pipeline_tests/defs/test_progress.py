"""The lines by which a run's log tells how far it is."""

import logging

import pytest

from music_pipeline.defs.runs.progress import progress_line, progress_to
from music_pipeline.work.model import Stage
from music_pipeline.worker.outcomes import Progress


@pytest.mark.parametrize(
    ("chunk", "line"),
    [
        (Progress(120, 3, 12.4), "releases: 120 of ~400 artists, 3 failed, after 12 s"),
        (Progress(450, 0, 60.0), "releases: 450 of ~450 artists, after 60 s"),
    ],
)
def test_a_line_tells_how_many_of_how_many(chunk: Progress, line: str) -> None:
    assert progress_line(Stage.ALBUM_DISCOVERY, chunk, expected=400) == line


def test_every_chunk_writes_a_line(caplog: pytest.LogCaptureFixture) -> None:
    report = progress_to(logging.getLogger("a run"), Stage.TRACK_DISCOVERY, expected=2)
    with caplog.at_level(logging.INFO):
        report(Progress(1, 0, 1.0))
        report(Progress(2, 1, 2.0))
    assert caplog.messages == ["tracks: 1 of ~2 artists, after 1 s", "tracks: 2 of ~2 artists, 1 failed, after 2 s"]
