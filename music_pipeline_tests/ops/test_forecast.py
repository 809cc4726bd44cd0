"""What `plan` says the open work will ask, against what it then asks of the sandbox."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from music_pipeline.cli import main
from music_pipeline.gateway.daily_quota import DayQuota, reserved_shares
from music_pipeline.ops.forecast import calls_ahead, done_at, forecast
from music_pipeline.ops.quotas import DayUse
from music_pipeline.sandbox.process import SandboxProcess
from music_pipeline.stages.credits.estimate import calls_of_artist
from music_pipeline.stages.sizes import ASSUMED_ARTIST, ArtistSize, OpenArtist
from music_pipeline.work.model import Stage
from music_pipeline.work.stages import catalog_stages
from music_pipeline.worker.runner import sweep
from music_pipeline_tests.support.pipeline import SPEED, Pipeline
from music_pipeline_tests.support.rows import write_small_catalogue

NOW = datetime(2026, 11, 22, tzinfo=UTC)
ARTISTS = 4
# Of a few calls, one more is a large share; and what was learnt of seven artists is a small sample for each provider.
FEW_CALLS = 12
TOLERANCE, TOLERANCE_IN_ALL = 0.35, 0.25


def day(*, limit: int, used: int) -> DayUse:
    return DayUse("genius", DayQuota("genius:developer", limit, 86_400.0, reserved_shares()), used, (), None)


def test_calls_take_as_long_as_the_rate_the_block_and_the_day_say() -> None:
    assert done_at(NOW, 0, 1.0, day=None, blocked_until=None) == NOW
    assert done_at(NOW, 60, 2.0, day=None, blocked_until=None) == NOW + timedelta(seconds=30)
    blocked = NOW + timedelta(hours=3)
    assert done_at(NOW, 60, 2.0, day=None, blocked_until=blocked) == blocked + timedelta(seconds=30)
    assert done_at(NOW, 60, 2.0, day=day(limit=100, used=40), blocked_until=None) == NOW + timedelta(seconds=30)
    assert done_at(NOW, 161, 2.0, day=day(limit=100, used=40), blocked_until=None) == NOW + timedelta(days=2)


def test_known_artist_is_counted_by_its_own_size(engine: sa.Engine) -> None:
    known = OpenArtist(Stage.TRACK_DISCOVERY, releases=3, tracks=30, unread_pages=2, is_known=True, has_tracks=False)
    unknown = OpenArtist(Stage.ALBUM_DISCOVERY, releases=0, tracks=0, unread_pages=0, is_known=False, has_tracks=False)
    done = replace(known, stage=Stage.ENRICHMENT, has_tracks=True)
    with engine.connect() as connection:
        assert calls_ahead(connection, [known], ASSUMED_ARTIST)["spotify"] == 3
        assert calls_ahead(connection, [unknown], ASSUMED_ARTIST)["spotify"] == 1 + 15
        assert sum(calls_ahead(connection, [done], ASSUMED_ARTIST).values()) == 0


def test_producers_of_an_artist_of_ten_releases() -> None:
    calls = calls_of_artist(ArtistSize(releases=10, tracks=100, measured=False))
    assert calls == pytest.approx({"musicbrainz": 1.42, "discogs": 9.0, "genius": 23.0})


@pytest.fixture
def own_pipeline(
    pipeline: Pipeline, sandbox: Callable[..., SandboxProcess], monkeypatch: pytest.MonkeyPatch
) -> Pipeline:
    """Against a sandbox whose counts are this test's alone."""
    running = sandbox(speed=SPEED, seed=91)
    monkeypatch.setenv("MUSIC_SANDBOX_URL", running.url)
    return Pipeline(pipeline.engine, running)


def test_the_plan_for_artists_whose_releases_are_known_is_what_the_run_then_asks(own_pipeline: Pipeline) -> None:
    listed = [one["spotify_id"] for one in own_pipeline.sandbox.artists(2 * ARTISTS)]
    own_pipeline.discover(*listed[:ARTISTS])  # from whom it is learnt what this catalogue is like
    for stage in (*catalog_stages(), Stage.ENRICHMENT):
        list(sweep(stage, run_id="before", time_box=120))
    with own_pipeline.engine.begin() as connection:  # profiles are another matter
        connection.exec_driver_sql("DELETE FROM work WHERE stage = 'social_enrichment'")
    own_pipeline.discover(*listed[ARTISTS:])
    for stage in catalog_stages()[:2]:
        list(sweep(stage, run_id="sweep", time_box=60))
    ahead = forecast(own_pipeline.engine, sandboxed=True, speed=SPEED)
    assert (ahead.known, ahead.assumed) == (ARTISTS, 0)
    own_pipeline.sandbox.reset_stats()
    for stage in (*catalog_stages()[2:], Stage.ENRICHMENT):
        list(sweep(stage, run_id="sweep", time_box=120))
    stats = own_pipeline.sandbox.stats()
    planned = {one.provider: one.calls for one in ahead.providers}
    asked = {name: stats[name]["requests"] for name in planned}
    for name, calls in asked.items():
        if calls > FEW_CALLS:
            assert planned[name] == pytest.approx(calls, rel=TOLERANCE), (planned, asked, stats["spotify"])
    assert sum(planned.values()) == pytest.approx(sum(asked.values()), rel=TOLERANCE_IN_ALL), (planned, asked)


def test_plan_names_the_slowest_and_what_hinders(
    own_pipeline: Pipeline, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENIUS_DAILY_QUOTA", "10")
    own_pipeline.discover(own_pipeline.sandbox.artists(1)[0]["spotify_id"])
    with own_pipeline.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO provider_blocks VALUES ('discogs:x', 'retry_after', 'discogs', now() + interval '1 day', 'so')"
        )
    capsys.readouterr()
    assert main.run(["plan", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["slowest"] == "discogs"
    assert said["artists"] == {"known": 0, "assumed": 1}
    assert said["providers"]["discogs"]["obstacle"]["what"] == "retry_after"
    assert said["providers"]["genius"]["day"] == {"limit": 10, "left": 10, "waits": []}
    assert main.run(["plan"]) == 0
    text = capsys.readouterr().out
    assert "the slowest is discogs" in text
    assert "1 of 10 releases and 100 tracks each, an assumption" in text


def test_recordings_that_are_to_be_listened_to_count_for_the_month(
    own_pipeline: Pipeline, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SONOTELLER_MONTHLY_QUOTA", "2")
    written = write_small_catalogue(own_pipeline.engine)
    with own_pipeline.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO operator_values (entity, entity_id, field, value, why, set_by) SELECT 'recording', "
            "recording_id, 'audio_url', to_jsonb('https://audio.example.org/' || recording_id), 'x', 'x' "
            "FROM recordings"
        )
    capsys.readouterr()
    assert main.run(["plan", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    asked = said["providers"]["sonoteller"]
    assert (asked["calls"], asked["day"]) == (len(written.track_ids), None)
    assert asked["month"] == {"limit": 2, "left": 2, "waits": []}
    until_done = datetime.fromisoformat(asked["done_at"]) - datetime.fromisoformat(said["at"])
    assert until_done == timedelta(days=31) / SPEED  # the third is the next month's


def test_nothing_open_is_nothing_to_ask(own_pipeline: Pipeline, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["plan"]) == 0
    assert "No call is needed." in capsys.readouterr().out
