"""A range of artists through all four stages, with real stages, a real ledger and providers that answer over HTTP."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest
import sqlalchemy as sa

from music_pipeline.actions.request_artist import request_artist
from music_pipeline.catalog.artists import write_artist
from music_pipeline.definitions import definitions
from music_pipeline.defs.assets.catalog import catalog
from music_pipeline.work.dead_letters import list_dead
from music_pipeline.work.model import Selector

if TYPE_CHECKING:
    from music_pipeline.sandbox.process import SandboxProcess

ASSETS = ("artists", "releases", "tracks", "producers")


@pytest.fixture
def few_releases(sandbox: Callable[..., "SandboxProcess"], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The Spotify ids of four artists with little to read, in a sandbox to which the clients turn."""
    process = sandbox(speed=60.0)
    monkeypatch.setenv("MUSIC_SANDBOX_URL", process.url)
    bounds = process.bound([artist["spotify_id"] for artist in process.artists()])["artists"]
    return [row["spotify_id"] for row in sorted(bounds, key=lambda row: row["spotify"] + row["discogs"])[:4]]


def discover(engine: sa.Engine, instance: dg.DagsterInstance, spotify_id: str) -> None:
    assert request_artist(engine, spotify_id).answer is not None
    assert definitions().resolve_job_def("artist_discovery").execute_in_process(instance=instance).success


def discover_five(engine: sa.Engine, instance: dg.DagsterInstance, spotify_ids: list[str]) -> list[str]:
    """Five artists in the order of their partitions, of whom Spotify no longer knows the second."""
    discover(engine, instance, spotify_ids[0])
    with engine.begin() as connection:
        vanished = write_artist(connection, "Somebody Who Vanished", "0" * 22).artist_key
    instance.add_dynamic_partitions("artist", [vanished])
    for spotify_id in spotify_ids[1:]:
        discover(engine, instance, spotify_id)
    return list(instance.get_dynamic_partitions("artist"))


def refresh(instance: dg.DagsterInstance, artists: list[str]) -> dg.ExecuteInProcessResult:
    tags = {
        "dagster/asset_partition_range_start": artists[0],
        "dagster/asset_partition_range_end": artists[-1],
    }
    return dg.materialize([catalog()], instance=instance, tags=tags, raise_on_error=False)


def versions(instance: dg.DagsterInstance, asset: str) -> dict[str, Any]:
    """The latest data version of each artist."""
    records = instance.fetch_materializations(dg.AssetKey(asset), limit=100, ascending=True).records
    found = [record.asset_materialization for record in records if record.asset_materialization]
    return {str(one.partition): (one.tags or {}).get("dagster/data_version") for one in found}


def test_four_of_five_are_recorded_at_every_stage_and_the_run_names_the_one_that_spotify_does_not_know(
    engine: sa.Engine, instance: dg.DagsterInstance, few_releases: list[str]
) -> None:
    artists = discover_five(engine, instance, few_releases)
    result = refresh(instance, artists)
    failed = result.failure_data_for_node("catalog")
    assert not result.success
    assert failed is not None
    assert f"1 of 5 artists failed: {artists[1]}" in str(failed.user_failure_data or failed.error)
    others = {artists[0], *artists[2:]}
    assert {asset: instance.get_materialized_partitions(dg.AssetKey(asset)) for asset in ASSETS} == dict.fromkeys(
        ASSETS, others
    )
    assert [dead.partition_key for dead in list_dead(engine, Selector())] == [artists[1]]

    before = {asset: versions(instance, asset) for asset in ASSETS}
    assert all(len(set(before[asset].values())) > 1 for asset in ASSETS)
    refresh(instance, artists)
    assert {asset: versions(instance, asset) for asset in ASSETS} == before
