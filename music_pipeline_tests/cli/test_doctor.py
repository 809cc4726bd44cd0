"""What `doctor` finds."""

import shutil
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, ScheduleInstigatorData
from dagster._daemon.types import DaemonHeartbeat

from music_pipeline import credentials
from music_pipeline.cli import main
from music_pipeline.cli.terminal import human_duration
from music_pipeline.definitions import definitions
from music_pipeline.defs.instance.health import health_of
from music_pipeline.ops import doctor
from music_pipeline.ops.doctor import DagsterHealth, dagster_findings, disk_finding, provider_findings, sandbox_finding
from music_pipeline.settings import settings

HEALTHY = DagsterHealth(daemon_alive=True, daemon_errors=(), schedules_on=("a",), schedules_off=())


def states(findings: object) -> dict[str, str]:
    return {finding.subject: finding.state for finding in findings}  # type: ignore[attr-defined]


def test_a_bare_installation_is_told_what_it_lacks_and_what_to_do(
    engine: sa.Engine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    assert main.run(["doctor"]) == 1
    said = capsys.readouterr().out
    assert "ok    database: Postgres" in said
    assert "WRONG daemon: " in said
    assert "music-pipeline credentials set SPOTIFY_CLIENT_ID" in said
    assert "note  genius: has no GENIUS_ACCESS_TOKEN, and is skipped" in said
    assert "ok    providers: the real ones" in said


def test_a_database_that_is_away_is_a_finding_and_the_rest_is_looked_at(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MUSIC_PIPELINE_HOME", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", "postgresql://127.0.0.1:1/catalogue")
    assert main.run(["doctor"]) == 1
    said = capsys.readouterr().out
    assert "WRONG database: Postgres at 127.0.0.1:1" in said
    assert "disk: " in said


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp() as made:
        yield made


def test_the_daemon_is_alive_when_every_part_of_it_beats(instance: dg.DagsterInstance) -> None:
    assert not health_of(instance, definitions()).daemon_alive
    for kind in instance.get_required_daemon_types():
        instance.add_daemon_heartbeat(DaemonHeartbeat(time.time(), kind, "daemon", []))
    health = health_of(instance, definitions())
    assert health.daemon_alive
    assert health.schedules_on == ()
    assert "count_catalogue_schedule" in health.schedules_off
    assert health.sensors_off == ("providers_are_back",)


def test_a_schedule_is_on_when_the_instance_says_so(instance: dg.DagsterInstance) -> None:
    first, second, *_ = health_of(instance, definitions()).schedules_off
    for name, status in ((first, InstigatorStatus.RUNNING), (second, InstigatorStatus.STOPPED)):
        instance.add_instigator_state(InstigatorState(origin_of(name), dg_schedule_type(), status, schedule_data()))
    assert health_of(instance, definitions()).schedules_on == (first,)


def origin_of(name: str) -> object:
    from dagster._core.remote_origin import InProcessCodeLocationOrigin, RemoteInstigatorOrigin, RemoteRepositoryOrigin
    from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

    location = InProcessCodeLocationOrigin(LoadableTargetOrigin(module_name="music_pipeline.definitions"))
    return RemoteInstigatorOrigin(RemoteRepositoryOrigin(location, "repository"), name)


def dg_schedule_type() -> object:
    from dagster._core.definitions.run_request import InstigatorType

    return InstigatorType.SCHEDULE


def schedule_data() -> ScheduleInstigatorData:
    return ScheduleInstigatorData("* * * * *", time.time())


@pytest.mark.parametrize(
    ("health", "subject", "advice"),
    [
        (DagsterHealth(False, (), ("a",), ()), "daemon", "make dev"),
        (DagsterHealth(True, ("out of slots",), ("a",), ()), "daemon", "log"),
        (DagsterHealth(True, (), (), ("a",)), "schedules", "switch them on"),
    ],
)
def test_each_trouble_of_dagster_is_wrong_and_has_its_advice(health: DagsterHealth, subject: str, advice: str) -> None:
    (wrong,) = [finding for finding in dagster_findings(health) if finding.state == "wrong"]
    assert wrong.subject == subject
    assert wrong.advice is not None
    assert advice in wrong.advice
    assert set(states(dagster_findings(HEALTHY)).values()) == {"ok"}


def test_credentials_make_a_provider_right_and_a_block_wrong(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUSICBRAINZ_CONTACT", "me@example.org")
    monkeypatch.setenv("SPOTIFY_CLIENT_ID", "id")
    without_key = dict.fromkeys(("genius", "lastfm", "getsongbpm", "instagram", "sonoteller"), "note")
    keyless = dict.fromkeys(("musicbrainz", "deezer", "reccobeats", "acousticbrainz"), "ok")
    assert states(provider_findings(engine, settings())) == {
        "spotify": "wrong", "discogs": "note", **without_key, **keyless,
    }  # fmt: skip
    credentials.store(engine, "SPOTIFY_CLIENT_SECRET", "very-secret")
    credentials.store(engine, "DISCOGS_TOKEN", "very-secret")
    found = list(provider_findings(engine, settings()))
    assert states(found) == {"spotify": "ok", "discogs": "ok", **without_key, **keyless}
    assert "very-secret" not in repr(found)
    with engine.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO provider_blocks (scope, kind, provider, until, reason)"
                " VALUES ('s', 'retry_after', 'spotify', now() + interval '1 day', 'asked to wait 86400 s')"
            )
        )
        connection.execute(
            sa.text(
                "INSERT INTO provider_blocks (scope, kind, provider, until, reason)"
                " VALUES ('d', 'credentials_refused', 'discogs', now() + interval '1 hour', 'HTTP 401')"
            )
        )
    found = {finding.subject: finding for finding in provider_findings(engine, settings())}
    assert (found["spotify"].state, found["discogs"].state) == ("wrong", "wrong")
    assert "86400" in found["spotify"].text
    assert "ends by itself" in str(found["spotify"].advice)
    assert "credentials set DISCOGS_TOKEN" in str(found["discogs"].advice)


def test_a_sandbox_that_does_not_answer_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSIC_SANDBOX_URL", "http://127.0.0.1:1")
    finding = sandbox_finding(settings())
    assert finding.state == "wrong"
    assert finding.advice is not None
    assert "MUSIC_SANDBOX_URL" in finding.advice


@pytest.mark.parametrize(("free", "state"), [(0.5, "wrong"), (3, "note"), (50, "ok")])
def test_the_disk_is_judged_by_what_is_free_where_our_data_will_be(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, free: float, state: str
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=int(free * doctor.GIBIBYTE))
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    finding = disk_finding(tmp_path / "not" / "there" / "yet")
    assert finding.state == state
    assert str(tmp_path) in finding.text


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        (timedelta(seconds=0.2), "0 s"),
        (timedelta(seconds=61), "1 min 1 s"),
        (timedelta(hours=3, minutes=20, seconds=5), "3 h 20 min"),
        (timedelta(days=2), "2 d"),
    ],
)
def test_durations_are_spoken_in_two_units(duration: timedelta, words: str) -> None:
    assert human_duration(duration) == words
