"""Sweeps: what a drained queue tells Dagster, on a real instance and a real ledger."""

from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa

from music_pipeline.actions.request_artist import request_artist
from music_pipeline.definitions import definitions
from music_pipeline.defs.runs import sweep as queues
from music_pipeline.work.dead_letters import open_work
from music_pipeline.work.model import Selector, Stage
from music_pipeline.work.sweeps import begin_sweep, sweep_heartbeat, sweeps_in_progress
from music_pipeline_tests.defs.conftest import Stages, outcome_of

ARTISTS = dg.AssetKey("artists")


def sweep(instance: dg.DagsterInstance, job: str = "artist_discovery", **config: Any) -> dg.ExecuteInProcessResult:
    """Run a sweep's job in this process."""
    found = definitions().resolve_job_def(job)
    run_config = {"ops": {"queue__artists": {"config": config}}} if config else None
    return found.execute_in_process(instance=instance, run_config=run_config)


def numbers(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, Any]:
    """The metadata of a queue's own materialization."""
    materialization = result.asset_materializations_for_node(f"queue__{asset}")[-1]
    return {name: value.value for name, value in materialization.metadata.items()}


@pytest.fixture
def due(engine: sa.Engine, stages: Stages) -> Stages:
    """Something is due at the first stage, so that a sweep begins."""
    request_artist(engine, "Somebody")
    return stages


def test_a_changed_artist_is_materialized_with_its_data_version_and_becomes_a_partition_first(
    instance: dg.DagsterInstance, due: Stages
) -> None:
    due.due = {Stage.ARTIST_DISCOVERY: [outcome_of("abba"), outcome_of("can", version="v7")]}
    sweep(instance)
    assert instance.get_dynamic_partitions("artist") == ["abba", "can"]
    assert instance.get_materialized_partitions(ARTISTS) == {"abba", "can"}
    record = instance.fetch_materializations(dg.AssetRecordsFilter(ARTISTS, asset_partitions=["can"]), limit=1).records[
        0
    ]
    assert record.asset_materialization is not None
    assert (record.asset_materialization.tags or {})["dagster/data_version"] == "can-v7"


def test_artists_of_one_batch_keep_their_own_versions(instance: dg.DagsterInstance, due: Stages) -> None:
    outcomes = [outcome_of(f"artist-{number:03}", changed=number % 3 > 0) for number in range(120)]
    due.due = {Stage.ARTIST_DISCOVERY: outcomes}
    result = sweep(instance)
    changed = {one.artist_key for one in outcomes if one.has_changed}
    assert instance.get_materialized_partitions(ARTISTS) == changed
    records = instance.fetch_materializations(ARTISTS, limit=200).records
    found = {one.partition_key: one.asset_materialization.tags for one in records if one.asset_materialization}
    assert {key: (tags or {})["dagster/data_version"] for key, tags in found.items()} == {
        key: f"{key}-v1" for key in changed
    }
    assert len(instance.fetch_observations(ARTISTS, limit=200).records) == len(outcomes) - len(changed)
    logged = instance.all_logs(result.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
    assert sum(one.get_dagster_event().asset_key == ARTISTS for one in logged) == len(changed)


def test_an_unchanged_one_and_one_that_failed_are_observations_and_a_name_without_artist_is_none(
    instance: dg.DagsterInstance, due: Stages
) -> None:
    outcomes = [
        outcome_of("abba", changed=False),
        outcome_of("can", error="the list was cut off"),
        outcome_of("devo", waiting=True),
        outcome_of(None, error="two artists have this name"),
    ]
    due.due = {Stage.ARTIST_DISCOVERY: outcomes}
    result = sweep(instance)
    assert result.success
    assert instance.get_materialized_partitions(ARTISTS) == set()
    observations = instance.fetch_observations(ARTISTS, limit=10).records
    assert {
        (
            found.partition_key,
            found.asset_observation.metadata.get("error") and found.asset_observation.metadata["error"].value,
        )
        for found in observations
        if found.asset_observation
    } == {("abba", None), ("can", "the list was cut off"), ("devo", "3 rows")}
    assert {
        name: numbers(result, "artists")[name] for name in ("claimed", "succeeded", "failed", "waiting", "dead")
    } == {
        "claimed": 4,
        "succeeded": 1,
        "failed": 2,
        "waiting": 1,
        "dead": 0,
    }


def test_the_checks_of_the_stage_are_logged_once_in_the_run_that_materialized(
    instance: dg.DagsterInstance, due: Stages
) -> None:
    due.due = {Stage.ARTIST_DISCOVERY: [outcome_of("abba"), outcome_of("can", error="the list was cut off")]}
    result = sweep(instance)
    evaluations = [
        (found.asset_key.to_user_string(), found.check_name, found.passed)
        for found in result.get_asset_check_evaluations()
    ]
    assert sorted(evaluations) == [
        ("artists", "coverage", True),
        ("artists", "last_run", False),
        ("artists", "orphans", True),
        ("artists", "overdue", True),
        ("artists", "uniqueness", True),
        ("queue/artists", "dead_work", True),
    ]


def test_the_whole_chain_goes_on_after_a_queue_in_which_all_failed(instance: dg.DagsterInstance, due: Stages) -> None:
    due.due = {Stage.ARTIST_DISCOVERY: [outcome_of("abba", error="the provider is down")]}
    result = sweep(instance, "sweep")
    assert result.success
    assert [numbers(result, asset)["claimed"] for asset in ("artists", "releases", "tracks", "producers")] == [
        1,
        0,
        0,
        0,
    ]


def test_artists_named_on_the_launch_pad_are_enqueued_and_what_cannot_be_one_is_refused(
    engine: sa.Engine, instance: dg.DagsterInstance, stages: Stages
) -> None:
    sweep(instance, artists=["ABBA", "Various Artists", "", "Can"])
    assert sorted(open_row.subject for open_row in open_work(engine, Selector(stage=Stage.ARTIST_DISCOVERY))) == [
        "abba",
        "can",
    ]


def test_a_sweep_in_progress_is_not_doubled(engine: sa.Engine, instance: dg.DagsterInstance, due: Stages) -> None:
    assert begin_sweep(engine, Stage.ARTIST_DISCOVERY.value, "another run")
    due.due = {Stage.ARTIST_DISCOVERY: [outcome_of("abba")]}
    result = sweep(instance)
    assert numbers(result, "artists")["claimed"] == 0
    assert due.due
    assert [found.run_id for found in sweeps_in_progress(engine)] == ["another run"]


def test_a_sweep_has_ended_when_its_run_has(engine: sa.Engine, instance: dg.DagsterInstance, due: Stages) -> None:
    due.due = {Stage.ARTIST_DISCOVERY: [outcome_of("abba")]}
    sweep(instance)
    assert sweeps_in_progress(engine) == []


def test_where_nothing_is_due_a_sweep_writes_nothing(
    engine: sa.Engine, instance: dg.DagsterInstance, stages: Stages
) -> None:
    sweep(instance, "sweep")
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM sweeps")).scalar_one() == 0


def test_the_heartbeat_goes_on_while_a_sweep_lasts(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    import logging
    import threading

    from music_pipeline.defs.runs import heartbeat as sweeping

    beaten = threading.Event()
    heartbeat = sweep_heartbeat

    def noticed(*arguments: Any) -> bool:
        answered = heartbeat(*arguments)
        beaten.set()
        return answered

    monkeypatch.setattr(sweeping, "HEARTBEAT_SECONDS", 0.01)
    monkeypatch.setattr(sweeping, "sweep_heartbeat", noticed)
    with sweeping.sweeping(engine, "artist_discovery", run_id="this run", log=logging.getLogger(__name__)) as begun:
        assert begun
        assert beaten.wait(10)
        assert [found.run_id for found in sweeps_in_progress(engine)] == ["this run"]
    assert sweeps_in_progress(engine) == []


def test_counts_are_disjoint() -> None:
    outcomes = [outcome_of("a"), outcome_of("b", error="no"), outcome_of("c", waiting=True)]
    assert queues.outcome_counts(outcomes) == {"claimed": 3, "succeeded": 1, "failed": 1, "waiting": 1, "dead": 0}
