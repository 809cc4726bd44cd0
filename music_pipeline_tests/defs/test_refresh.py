"""Asset runs by partition and range, on a real instance."""

from typing import Any

import dagster as dg
import pytest

from music_pipeline.defs.assets.catalog import catalog
from music_pipeline.work.model import Stage
from music_pipeline.work.stages import catalog_stages
from music_pipeline_tests.defs.conftest import Stages

ARTISTS = ("abba", "beyonce", "can", "devo", "eels")
ASSETS = ("artists", "releases", "tracks", "producers")


@pytest.fixture(autouse=True)
def _artists(instance: dg.DagsterInstance) -> None:
    instance.add_dynamic_partitions("artist", list(ARTISTS))


def refresh(instance: dg.DagsterInstance, first: str, last: str, **options: Any) -> dg.ExecuteInProcessResult:
    """Run the catalogue's assets for a range of artists."""
    tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
    return dg.materialize([catalog()], instance=instance, tags=tags, raise_on_error=False, **options)


def materialized(instance: dg.DagsterInstance, asset: str) -> set[str]:
    return instance.get_materialized_partitions(dg.AssetKey(asset))


def latest_version(instance: dg.DagsterInstance, asset: str, artist: str) -> str | None:
    records = instance.fetch_materializations(
        dg.AssetRecordsFilter(dg.AssetKey(asset), asset_partitions=[artist]), limit=1
    ).records
    found = records[0].asset_materialization
    assert found is not None
    return (found.tags or {}).get("dagster/data_version")


def test_of_five_artists_the_second_fails_at_the_first_stage_and_the_four_others_are_recorded_at_every_stage(
    instance: dg.DagsterInstance, stages: Stages
) -> None:
    stages.failing = {(Stage.ARTIST_DISCOVERY, "beyonce"): "the provider answered 404"}
    result = refresh(instance, "abba", "eels")
    others = {"abba", "can", "devo", "eels"}
    assert not result.success
    assert {asset: materialized(instance, asset) for asset in ASSETS} == dict.fromkeys(ASSETS, others)
    assert stages.asked == [
        (Stage.ARTIST_DISCOVERY, ARTISTS),
        *((stage, ("abba", "can", "devo", "eels")) for stage in catalog_stages()[1:]),
    ]
    failed = result.failure_data_for_node("catalog")
    assert failed is not None
    assert "1 of 5 artists failed: beyonce" in str(failed.user_failure_data or failed.error)


def test_who_failed_is_red_from_that_stage_on_and_nobody_else_is(instance: dg.DagsterInstance, stages: Stages) -> None:
    stages.failing = {(Stage.TRACK_DISCOVERY, "devo"): "the list was cut off"}
    assert not refresh(instance, "abba", "eels").success
    attempted_in_vain = (
        instance.event_log_storage.get_latest_asset_partition_materialization_attempts_without_materializations
    )
    red = {asset: set(attempted_in_vain(dg.AssetKey(asset))) for asset in ASSETS}
    assert red == {"artists": set(), "releases": set(), "tracks": {"devo"}, "producers": {"devo"}}


def test_every_artist_of_a_range_has_the_data_version_of_its_own_content(
    instance: dg.DagsterInstance, stages: Stages
) -> None:
    assert refresh(instance, "abba", "can").success
    assert {(asset, artist): latest_version(instance, asset, artist) for asset in ASSETS for artist in ARTISTS[:3]} == {
        (asset, artist): f"{artist}-v1" for asset in ASSETS for artist in ARTISTS[:3]
    }


def test_a_run_of_one_artist_is_one_materialization_an_asset_and_its_cutoff_is_when_it_was_asked_for(
    instance: dg.DagsterInstance, stages: Stages
) -> None:
    result = dg.materialize([catalog()], instance=instance, partition_key="devo")
    assert result.success
    assert [
        event.asset_key.to_user_string() for event in result.get_asset_materialization_events() if event.asset_key
    ] == [*ASSETS]
    assert latest_version(instance, "producers", "devo") == "devo-v1"
    record = instance.get_run_record_by_id(result.run_id)
    assert record is not None
    assert stages.cutoffs == {record.create_timestamp}


def test_a_reversed_range_fails_with_the_order_explained(instance: dg.DagsterInstance, stages: Stages) -> None:
    result = refresh(instance, "eels", "abba")
    failed = result.failure_data_for_node("catalog")
    assert not result.success
    assert failed is not None
    assert "eels…abba holds no artist" in str(failed.user_failure_data or failed.error)
    assert stages.asked == []


def test_one_stage_alone_can_be_chosen(instance: dg.DagsterInstance, stages: Stages) -> None:
    assert refresh(instance, "abba", "can", selection="tracks").success
    assert stages.asked == [(Stage.TRACK_DISCOVERY, ARTISTS[:3])]
    assert {asset for asset in ASSETS if materialized(instance, asset)} == {"tracks"}


def test_the_checks_of_a_failed_run_are_recorded_too(instance: dg.DagsterInstance, stages: Stages) -> None:
    stages.failing = {(Stage.ARTIST_DISCOVERY, "beyonce"): "the provider answered 404"}
    result = refresh(instance, "abba", "eels")
    evaluations = {
        (found.asset_key.to_user_string(), found.check_name): found.passed
        for found in result.get_asset_check_evaluations()
    }
    assert evaluations["artists", "last_run"] is False
    assert evaluations["producers", "last_run"] is True
    assert len(evaluations) == 25
