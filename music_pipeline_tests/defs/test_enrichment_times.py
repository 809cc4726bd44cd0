"""When enrichment runs by itself: its schedule, the sensor of providers that are back, the weekly repetition."""

from collections.abc import Generator
from datetime import UTC, datetime

import dagster as dg
import pytest
import sqlalchemy as sa

from music_pipeline.actions.reprocess import InvalidFilters
from music_pipeline.definitions import definitions
from music_pipeline.defs.config import ReprocessConfig
from music_pipeline.defs.runs.reprocess import filters_of
from music_pipeline.defs.runs.ticks import request_for
from music_pipeline.defs.schedules import reprocess_schedule, schedules
from music_pipeline.defs.sensors import sensors
from music_pipeline.work.model import Stage
from music_pipeline.worker import runner
from music_pipeline.worker.outcomes import Outcome
from music_pipeline_tests.support.rows import write_small_catalogue

FAILED = """
INSERT INTO recording_sources (recording_id, source, provider, status, error, attempts, next_attempt_at, is_retriable)
SELECT recording_id, 'lastfm', 'lastfm', 'failed', 'Last.fm enrichment error: no', 1, :due, :retriable FROM recordings
"""
PAST = datetime(2020, 1, 1, tzinfo=UTC)
FUTURE = datetime(2100, 1, 1, tzinfo=UTC)


@pytest.fixture
def catalogue(engine: sa.Engine) -> sa.Engine:
    """One recording of one artist."""
    write_small_catalogue(engine, ["Sinnerman"])
    return engine


def fail(engine: sa.Engine, *, due: datetime | None, retriable: bool = False) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text(FAILED), {"due": due, "retriable": retriable})


def set_breaker(engine: sa.Engine, state: str) -> None:
    with engine.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO provider_breakers (provider, state, changed_at) VALUES ('lastfm', :state, now()) "
                "ON CONFLICT (provider) DO UPDATE SET state = :state, changed_at = clock_timestamp()"
            ),
            {"state": state},
        )


def tick(instance: dg.DagsterInstance, name: str) -> dg.RunRequest | str | None:
    """What a schedule decides now: a run, or its reason against one."""
    [schedule] = [one for one in schedules() if one.name == name]
    context = dg.build_schedule_context(instance=instance, scheduled_execution_time=datetime.now(UTC))
    ticked = schedule.evaluate_tick(context)
    return ticked.run_requests[0] if ticked.run_requests else ticked.skip_message


def test_the_sweep_runs_when_a_rows_time_has_come_and_not_before(
    catalogue: sa.Engine, instance: dg.DagsterInstance
) -> None:
    name = "process_pending_enrichments_schedule"
    assert tick(instance, name) == "No work of enrichment is due."
    fail(catalogue, due=FUTURE)
    assert tick(instance, name) == "No work of enrichment is due."
    with catalogue.begin() as connection:
        connection.execute(sa.text("UPDATE recording_sources SET next_attempt_at = :past"), {"past": PAST})
    requested = tick(instance, name)
    assert isinstance(requested, dg.RunRequest)
    assert requested.tags["music/sweep"] == "enrichment"


def test_the_sensor_asks_for_a_sweep_once_for_each_time_that_a_breaker_closes(catalogue: sa.Engine) -> None:
    assert isinstance(request_for(catalogue), dg.SkipReason)
    fail(catalogue, due=FUTURE, retriable=True)
    set_breaker(catalogue, "open")
    assert isinstance(request_for(catalogue), dg.SkipReason)
    set_breaker(catalogue, "closed")
    first, again = request_for(catalogue), request_for(catalogue)
    assert isinstance(first, dg.RunRequest)
    assert isinstance(again, dg.RunRequest)
    assert first.run_key == again.run_key
    assert first.run_config == {"ops": {"queue__enrichment": {"config": {"providers_back": ["lastfm"]}}}}
    set_breaker(catalogue, "open")
    set_breaker(catalogue, "closed")
    later = request_for(catalogue)
    assert isinstance(later, dg.RunRequest)
    assert later.run_key != first.run_key


def test_the_run_that_the_sensor_asks_for_takes_up_what_waited(
    catalogue: sa.Engine, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    drained: list[str] = []

    def drain(stage: Stage, **_: object) -> Generator[Outcome, None, None]:
        drained.append(stage.value)
        yield from ()

    monkeypatch.setattr(runner, "sweep", drain)
    fail(catalogue, due=FUTURE, retriable=True)
    set_breaker(catalogue, "closed")
    requested = request_for(catalogue)
    assert isinstance(requested, dg.RunRequest)
    job = definitions().resolve_job_def("process_pending_enrichments")
    assert job.execute_in_process(instance=instance, run_config=requested.run_config).success
    assert drained == ["enrichment"]
    with catalogue.connect() as connection:
        due = "SELECT count(*) FROM recording_sources WHERE next_attempt_at <= now()"
        assert connection.execute(sa.text(due)).scalar_one() == 1


def test_the_sensor_watches_the_sweeps_job_and_is_on_where_the_schedules_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSIC_SCHEDULES", "on")
    [sensor] = sensors()
    assert (sensor.job_name, sensor.default_status) == (
        "process_pending_enrichments",
        dg.DefaultSensorStatus.RUNNING,
    )
    monkeypatch.delenv("MUSIC_SCHEDULES")
    assert {one.default_status for one in sensors()} == {dg.DefaultSensorStatus.STOPPED}


def test_once_a_week_what_failed_for_good_is_asked_again(catalogue: sa.Engine, instance: dg.DagsterInstance) -> None:
    name = "reprocess_failed_enrichments_schedule"
    schedule = reprocess_schedule()
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 5 * * 0", "UTC")
    assert tick(instance, name) == "No enrichment stands as failed."
    fail(catalogue, due=None)
    assert isinstance(tick(instance, name), dg.RunRequest)
    result = definitions().resolve_job_def("reprocess_failed_enrichments").execute_in_process(instance=instance)
    assert result.success
    with catalogue.connect() as connection:
        row = connection.execute(sa.text("SELECT status, attempts, error FROM recording_sources")).one()
        assert tuple(row) == ("pending", 0, None)
    assert tick(instance, name) == "No enrichment stands as failed."


def test_a_dry_run_from_the_launch_pad_changes_nothing_and_filters_that_mean_nothing_fail_with_the_reason(
    catalogue: sa.Engine, instance: dg.DagsterInstance
) -> None:
    fail(catalogue, due=None)
    job = definitions().resolve_job_def("reprocess_failed_enrichments")

    def launch(**config: object) -> dg.ExecuteInProcessResult:
        run_config = {"ops": {"reset_enrichments": {"config": config}}}
        return job.execute_in_process(instance=instance, run_config=run_config, raise_on_error=False)

    assert launch(dry_run=True).success
    with catalogue.connect() as connection:
        assert connection.execute(sa.text("SELECT status FROM recording_sources")).scalar_one() == "failed"
    refused = launch(source=["spotyfi"])
    failed = refused.failure_data_for_node("reset_enrichments")
    assert failed is not None
    assert "There is no source 'spotyfi'" in str(failed.user_failure_data or failed.error)


def test_the_config_means_what_the_flags_mean() -> None:
    meant = filters_of(ReprocessConfig(days=7, retriable_only=True, source=["lastfm"], status=["partial"], limit=5))
    assert (meant.days, meant.retriable, meant.sources, meant.statuses, meant.limit) == (
        7, True, ("lastfm",), ("partial",), 5,
    )  # fmt: skip
    assert filters_of(ReprocessConfig(non_retriable_only=True)).retriable is False
    assert filters_of(ReprocessConfig(start_date="2026-01-31")).start_date == datetime(2026, 1, 31, tzinfo=UTC)
    with pytest.raises(InvalidFilters, match="exclude each other"):
        filters_of(ReprocessConfig(retriable_only=True, non_retriable_only=True))
    with pytest.raises(InvalidFilters, match="is no day"):
        filters_of(ReprocessConfig(end_date="tomorrow"))
