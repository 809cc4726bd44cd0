"""Adding a stage takes one row, a payload, a module and its SQL. Everything that lists stages then has it."""

import json

import dagster as dg
import pytest
import sqlalchemy as sa

from music_pipeline.catalog.artists import write_artist
from music_pipeline.cli import main
from music_pipeline.database import queries
from music_pipeline.definitions import definitions
from music_pipeline.defs.instance.health import health_of
from music_pipeline.demo.progress import bars
from music_pipeline.ops.doctor import dagster_findings
from music_pipeline.work.enqueue import enqueue
from music_pipeline.work.model import Stage
from music_pipeline.work.payloads import InvalidPayload
from music_pipeline.work.stages import STAGES, StageSpec
from music_pipeline_tests.defs.toy_stage import CALLS_AN_ARTIST, ToyPayload

TOY = Stage("toy")


@pytest.fixture(autouse=True)
def _toy(monkeypatch: pytest.MonkeyPatch) -> None:
    row = StageSpec(
        stage=TOY,
        module="music_pipeline_tests.defs.toy_stage",
        payload=ToyPayload,
        asset="toys",
        table="artists",
        queue="toys",
        job="toy",
        follows=Stage.PRODUCER_IDENTIFICATION,
        cron="*/7 * * * *",
        kinds=frozenset({"postgres"}),
        description="The letters of the artists' names.",
        counts="toy_counts",
        estimate="music_pipeline_tests.defs.toy_stage:estimate",
    )
    monkeypatch.setitem(STAGES, TOY, row)
    monkeypatch.setitem(queries._statements(), "toy_counts", "SELECT count(*) AS toys FROM artists")


@pytest.fixture
def due(engine: sa.Engine) -> sa.Engine:
    """Toy work for one artist."""
    with engine.begin() as connection:
        artist = write_artist(connection, "ABBA", "0" * 22)
        payload = {"artistId": str(artist.artist_id), "artistName": artist.name}
        enqueue(
            connection, TOY, payload, subject=payload["artistId"], idempotency_key="k", partition_key=artist.artist_key
        )
    return engine


def test_dagster_has_its_assets_job_schedule_and_checks() -> None:
    declared = definitions()
    specs = {spec.key.to_user_string(): spec for spec in declared.resolve_all_asset_specs()}
    assert [one.asset_key.to_user_string() for one in specs["queue/toys"].deps] == ["queue/producers"]
    assert [one.asset_key.to_user_string() for one in specs["toys"].deps] == ["producers"]
    assert declared.resolve_job_def("toy").asset_layer.executable_asset_keys == {dg.AssetKey(["queue", "toys"])}
    assert dg.AssetKey(["queue", "toys"]) in declared.resolve_job_def("sweep").asset_layer.executable_asset_keys
    assert dg.AssetKey("toys") in declared.resolve_job_def("refresh_artists").asset_layer.executable_asset_keys
    assert declared.resolve_schedule_def("toy_schedule").cron_schedule == "*/7 * * * *"
    checks = {key.to_user_string() for key in declared.resolve_asset_graph().asset_check_keys}
    assert {"toys:last_run", "toys:overdue", "queue/toys:dead_work"} <= checks


def test_a_sweep_works_off_what_is_due_and_reports_it(due: sa.Engine, instance: dg.DagsterInstance) -> None:
    schedule = definitions().resolve_schedule_def("toy_schedule")
    assert isinstance(schedule(dg.build_schedule_context(instance=instance)), dg.RunRequest)
    result = definitions().resolve_job_def("toy").execute_in_process(instance=instance)
    assert result.success
    assert instance.get_materialized_partitions(dg.AssetKey("toys")) == {"abba"}
    (reported,) = result.asset_materializations_for_node("queue__toys")[-1:]
    assert {name: reported.metadata[name].value for name in ("claimed", "succeeded", "dagster/row_count")} == {
        "claimed": 1, "succeeded": 1, "dagster/row_count": 1,
    }  # fmt: skip
    evaluations = {one.asset_check_key.to_user_string(): one.passed for one in result.get_asset_check_evaluations()}
    assert evaluations == {"toys:last_run": True, "toys:overdue": True, "queue/toys:dead_work": True}
    assert isinstance(schedule(dg.build_schedule_context(instance=instance)), dg.SkipReason)


def test_its_payload_is_checked(due: sa.Engine) -> None:
    with due.begin() as connection, pytest.raises(InvalidPayload, match="artistId"):
        enqueue(connection, TOY, {"artistId": "nobody"}, subject="nobody", idempotency_key="n")


def test_status_plan_and_doctor_have_a_line_on_it(
    due: sa.Engine, instance: dg.DagsterInstance, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.run(["status"]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("│ toy ")]
    assert [cell.strip() for cell in line.split("│")[2:4]] == ["1", "1"]
    assert main.run(["plan", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["providers"]["deezer"]["calls"] == CALLS_AN_ARTIST
    schedules = {one.subject: one for one in dagster_findings(health_of(instance, definitions()))}["schedules"]
    assert schedules.state == "wrong"
    assert "toy_schedule" in schedules.text


def test_the_demo_shows_its_bar() -> None:
    assert bars()[TOY] == "toys"
