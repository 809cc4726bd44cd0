"""Near the end of a daily quota: batch work waits visibly and resumes later; urgent work goes on."""

from datetime import timedelta

import pytest

from music_pipeline.cli import main
from music_pipeline.defs.runs.sweep import calls_left
from music_pipeline.work.enqueue import request_artist_discovery
from music_pipeline.work.model import Origin, Stage
from music_pipeline.worker.runner import sweep
from music_pipeline_tests.support.pipeline import Pipeline

BUCKET = "spotify:sandbox:developer"


class Log:
    """What a run would write to Dagster's log."""

    def __init__(self) -> None:
        self.log = self
        self.lines: list[str] = []

    def warning(self, text: str, *values: object) -> None:
        self.lines.append(text % values)


@pytest.fixture
def nearly_spent(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """Of Spotify's 40 calls of the day, 33 are spent: less than a fifth is left."""
    monkeypatch.setenv("SPOTIFY_DAILY_QUOTA", "40")
    with pipeline.engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO quota_day_slices VALUES (%s, extract(epoch FROM now()), 33)", (BUCKET,))
    return pipeline


def discover(pipeline: Pipeline, artist: str, origin: Origin) -> None:
    with pipeline.engine.begin() as connection:
        request_artist_discovery(connection, artist, origin=origin, fresh_for=timedelta(hours=24))


def test_only_batch_work_waits_near_the_quota(
    nearly_spent: Pipeline, small_artists: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    batch, manual = small_artists[:2]
    discover(nearly_spent, batch, "batch")
    discover(nearly_spent, manual, "manual")
    outcomes = {one.subject: one for one in sweep(Stage.ARTIST_DISCOVERY, run_id="sweep", time_box=60)}
    assert outcomes[manual].error is None
    assert outcomes[batch].is_waiting
    assert not outcomes[batch].is_dead
    [waits] = nearly_spent.rows("SELECT * FROM work WHERE stage = 'artist_discovery'")
    assert (waits.attempts, waits.waiting_provider, waits.origin) == (0, "spotify", "batch")
    assert "8 are kept for more urgent work; batch work waits" in waits.last_error
    day = timedelta(days=1) / nearly_spent.sandbox.info()["speed"]
    assert day - timedelta(minutes=1) < waits.available_at - waits.waiting_since < day * 1.02

    main.run(["status"])
    main.run(["doctor"])
    said = capsys.readouterr().out
    assert "batch work waits until" in said
    assert "note  spotify quota: " in said
    log = Log()
    assert 0 < calls_left(log, nearly_spent.engine)["calls_left_today/spotify"] < 8  # type: ignore[arg-type]
    assert "batch work waits until" in log.lines[0]


def test_what_waited_goes_on_once_calls_are_left_again(nearly_spent: Pipeline, small_artists: list[str]) -> None:
    discover(nearly_spent, small_artists[0], "batch")
    list(sweep(Stage.ARTIST_DISCOVERY, run_id="sweep", time_box=60))
    nearly_spent.make_due()
    with nearly_spent.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE quota_day_slices SET began_at = began_at - 86400")
    [outcome] = sweep(Stage.ARTIST_DISCOVERY, run_id="later", time_box=60)
    assert outcome.error is None
