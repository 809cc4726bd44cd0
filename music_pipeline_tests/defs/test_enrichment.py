"""The assets of enrichment by partition and range, on a real instance: what each source tells Dagster."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa

from music_pipeline.definitions import definitions
from music_pipeline.defs.assets.enrichment import enrichment
from music_pipeline.defs.runs.source_checks import swept_source_results
from music_pipeline.stages.enrichment.sources import SOURCES
from music_pipeline.work.claim import claim
from music_pipeline.work.enqueue import enqueue
from music_pipeline.work.finish import finish
from music_pipeline.work.model import Stage
from music_pipeline.work.sweeps import SWEEP_HEARTBEAT_YOUNG, begin_sweep
from music_pipeline_tests.defs.conftest import Stages, outcome_of, source_count
from music_pipeline_tests.support.ledger import pass_time

ARTISTS = ("abba", "can", "devo")
DOWN = {"found": 0, "failed": 2, "retriable": 2, "changed": False,
        "error": "Last.fm enrichment error: Circuit breaker 'lastfm' is OPEN"}  # fmt: skip
# As it stands in the archives of databases that are in use; written out, so that no change of ours changes it too.
ARCHIVED = {
    "subject": "00000000-0000-0000-0000-0000000000a1", "artist_key": "abba", "rows": 7, "content_hash": "c1",
    "changed": True, "error": None, "waiting": False, "buried": False, "text": "abba: 4 recordings",
    "detail": {
        "sources": {
            "deezer": {
                "rows": 3, "version": "v7", "changed": True, "found": 3, "absent": 1, "failed": 0, "retriable": 0,
                "waiting": 0, "unneeded": 0, "skipped": 0, "error": None,
            },
            "lastfm": {
                "rows": 4, "version": "v8", "changed": False, "found": 2, "absent": 0, "failed": 2, "retriable": 2,
                "waiting": 0, "unneeded": 0, "skipped": 0, "error": "HTTP 503",
            },
        }
    },
}  # fmt: skip
SKIPPED = {"found": 0, "skipped": 2, "changed": False, "error": "lastfm needs LASTFM_API_KEY"}


@pytest.fixture(autouse=True)
def _artists(instance: dg.DagsterInstance, engine: sa.Engine) -> None:
    instance.add_dynamic_partitions("artist", list(ARTISTS))
    with engine.begin() as connection:
        for key in ARTISTS:
            connection.execute(
                sa.text(
                    "INSERT INTO artists (artist_key, name, name_normalised, content_hash) "
                    "VALUES (:key, :key, :key, 'h')"
                ),
                {"key": key},
            )


def enrich(
    instance: dg.DagsterInstance, first: str = "abba", last: str = "devo", **options: Any
) -> dg.ExecuteInProcessResult:
    """Run enrichment's assets for a range of artists."""
    tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
    return dg.materialize([enrichment()], instance=instance, tags=tags, raise_on_error=False, **options)


def materialized(instance: dg.DagsterInstance, asset: str) -> set[str]:
    return instance.get_materialized_partitions(dg.AssetKey(asset.split("/")))


def errors(instance: dg.DagsterInstance, asset: str) -> dict[str | None, Any]:
    """The errors of the asset's observations, by artist."""
    records = instance.fetch_observations(dg.AssetKey(asset.split("/")), limit=20).records
    found = {record.partition_key: record.asset_observation for record in records}
    return {key: one.metadata["error"].value for key, one in found.items() if one and "error" in one.metadata}


def checks(result: dg.ExecuteInProcessResult) -> dict[tuple[str, str], dg.AssetCheckEvaluation]:
    return {
        (found.asset_key.to_user_string(), found.check_name): found for found in result.get_asset_check_evaluations()
    }


def test_every_source_is_recorded_for_every_artist_and_enriched_tracks_with_them(
    instance: dg.DagsterInstance, stages: Stages
) -> None:
    result = enrich(instance)
    assert result.success
    recorded = [f"enrichment/{name}" for name in SOURCES] + ["enriched_tracks"]
    assert {asset: materialized(instance, asset) for asset in recorded} == {key: set(ARTISTS) for key in recorded}
    assert len(checks(result)) == 2 * len(SOURCES) + 3


def test_a_source_that_fails_stops_no_other_nor_enriched_tracks_and_no_run(
    instance: dg.DagsterInstance, stages: Stages
) -> None:
    stages.answers = {("lastfm", key): source_count(**DOWN) for key in ARTISTS}
    result = enrich(instance)
    assert result.success
    assert materialized(instance, "enrichment/lastfm") == set()
    assert errors(instance, "enrichment/lastfm") == dict.fromkeys(ARTISTS, DOWN["error"])
    assert materialized(instance, "enrichment/deezer") == set(ARTISTS)
    assert materialized(instance, "enriched_tracks") == set(ARTISTS)
    last_run = checks(result)["enrichment/lastfm", "last_run"]
    assert (last_run.passed, last_run.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert {name: last_run.metadata[name].value for name in ("attempted", "succeeded", "failed", "retriable")} == {
        "attempted": 6, "succeeded": 0, "failed": 6, "retriable": 6,
    }  # fmt: skip
    assert checks(result)["enrichment/deezer", "last_run"].passed


def test_an_artist_at_whom_one_source_fails_is_missing_there_and_nowhere_else(
    instance: dg.DagsterInstance, stages: Stages
) -> None:
    stages.answers = {("lastfm", "can"): source_count(**DOWN)}
    assert enrich(instance).success
    assert materialized(instance, "enrichment/lastfm") == {"abba", "devo"}
    assert materialized(instance, "enriched_tracks") == set(ARTISTS)


def test_news_beside_failures_is_a_materialization_that_tells_of_them(
    instance: dg.DagsterInstance, stages: Stages
) -> None:
    stages.answers = {("lastfm", key): source_count(**DOWN | {"found": 3, "changed": True}) for key in ARTISTS}
    result = enrich(instance)
    assert result.success
    assert materialized(instance, "enrichment/lastfm") == set(ARTISTS)
    assert not checks(result)["enrichment/lastfm", "last_run"].passed


def test_a_skipped_source_is_an_observation_with_what_to_set_and_no_failure(
    instance: dg.DagsterInstance, stages: Stages
) -> None:
    stages.answers = {("lastfm", key): source_count(**SKIPPED) for key in ARTISTS}
    result = enrich(instance, selection=["enrichment/lastfm"])
    assert result.success
    assert materialized(instance, "enrichment/lastfm") == set()
    assert errors(instance, "enrichment/lastfm") == dict.fromkeys(ARTISTS, SKIPPED["error"])
    last_run = checks(result)["enrichment/lastfm", "last_run"]
    assert last_run.passed
    assert last_run.metadata["skipped"].value == 6


def test_a_run_fails_only_if_nothing_that_was_asked_for_could_be_done(
    instance: dg.DagsterInstance, stages: Stages
) -> None:
    stages.answers = {("lastfm", key): source_count(**DOWN) for key in ARTISTS}
    result = enrich(instance, selection=["enrichment/lastfm"])
    failed = result.failure_data_for_node("enrichment")
    assert not result.success
    assert failed is not None
    assert "Circuit breaker 'lastfm' is OPEN" in str(failed.user_failure_data or failed.error)
    assert checks(result)["enrichment/lastfm", "last_run"].passed is False
    stages.answers = {("lastfm", key): source_count(**DOWN) for key in ("abba", "can")}
    assert enrich(instance, selection=["enrichment/lastfm"]).success


def test_a_subset_asks_the_chosen_sources_only_and_makes_their_checks_only(
    instance: dg.DagsterInstance, stages: Stages
) -> None:
    result = enrich(instance, selection=["enrichment/deezer", "enrichment/lastfm"])
    assert stages.asked_sources[0] == ("deezer", "lastfm")
    assert {asset for asset, _ in checks(result)} == {"enrichment/deezer", "enrichment/lastfm"}
    assert materialized(instance, "enrichment/reccobeats") == set()


def test_enriched_tracks_alone_ask_nobody(instance: dg.DagsterInstance, stages: Stages) -> None:
    assert enrich(instance, selection=["enriched_tracks"]).success
    assert stages.asked == []
    assert materialized(instance, "enriched_tracks") == set(ARTISTS)


def test_an_artist_on_whom_another_run_works_fails_at_all_sources_and_alone(
    instance: dg.DagsterInstance, stages: Stages
) -> None:
    stages.failing = {(Stage.ENRICHMENT, "can"): "Another run is working on this artist."}
    result = enrich(instance)
    assert result.success
    assert materialized(instance, "enrichment/deezer") == {"abba", "devo"}
    assert errors(instance, "enrichment/deezer") == {"can": "Another run is working on this artist."}
    assert not checks(result)["enriched_tracks", "last_run"].passed


def test_unchanged_sources_of_a_sweep_are_observations(
    instance: dg.DagsterInstance, stages: Stages, engine: sa.Engine
) -> None:
    with engine.begin() as connection:
        artist_id = connection.execute(sa.text("SELECT artist_id FROM artists WHERE artist_key = 'abba'")).scalar_one()
        enqueue(connection, Stage.ENRICHMENT, {"artistId": str(artist_id)}, subject=str(artist_id), idempotency_key="k")
    told = {
        "deezer": source_count(),
        "lastfm": source_count(changed=False),
        "spotify": source_count(found=0, changed=False),
    }
    stages.due = {Stage.ENRICHMENT: [replace(outcome_of("abba"), detail={"sources": told})]}
    result = definitions().resolve_job_def("process_pending_enrichments").execute_in_process(instance=instance)
    assert result.success
    assert materialized(instance, "enrichment/deezer") == {"abba"}
    assert materialized(instance, "enriched_tracks") == {"abba"}
    assert materialized(instance, "enrichment/lastfm") == set()
    assert len(instance.fetch_observations(dg.AssetKey(["enrichment", "lastfm"]), limit=5).records) == 1
    assert instance.fetch_observations(dg.AssetKey(["enrichment", "spotify"]), limit=5).records == []
    assert ("queue/enrichment", "dead_work") in checks(result)
    assert ("enrichment/deezer", "coverage") in checks(result)


def archive(engine: sa.Engine, result: dict[str, Any], *, run_id: str) -> None:
    """Leave behind what a sweep does that has finished an artist and died."""
    assert begin_sweep(engine, Stage.ENRICHMENT.value, run_id)
    artist_id = result["subject"]
    with engine.begin() as connection:
        enqueue(connection, Stage.ENRICHMENT, {"artistId": artist_id}, subject=artist_id, idempotency_key="k")
    [item] = claim(engine, Stage.ENRICHMENT, run_id=run_id, limit=1)
    with engine.begin() as connection:
        finish(connection, item, run_id=run_id, result=result)
    pass_time(engine, SWEEP_HEARTBEAT_YOUNG + timedelta(seconds=1))


def test_what_stands_in_the_archive_of_a_sweep_that_died_is_told_for_every_source(
    instance: dg.DagsterInstance, stages: Stages, engine: sa.Engine
) -> None:
    archive(engine, ARCHIVED, run_id="dead")
    result = definitions().resolve_job_def("process_pending_enrichments").execute_in_process(instance=instance)
    assert result.success
    told = instance.get_latest_materialization_event(dg.AssetKey(["enrichment", "deezer"]))
    assert told is not None
    assert told.asset_materialization is not None
    shown = {name: value.value for name, value in told.asset_materialization.metadata.items()}
    assert shown == {
        "dagster/partition_row_count": 3, "unchanged": False, "attempted": 4, "succeeded": 3, "absent": 1, "failed": 0,
        "retriable": 0, "waiting": 0, "unneeded": 0, "skipped": 0,
    }  # fmt: skip
    assert (told.asset_materialization.tags or {})["dagster/data_version"] == "v7"
    assert materialized(instance, "enrichment/lastfm") == set()
    assert errors(instance, "enrichment/lastfm") == {"abba": "HTTP 503"}


def verdicts(engine: sa.Engine) -> dict[tuple[str, str], bool]:
    told = {name: source_count() for name in SOURCES}
    outcomes = [replace(outcome_of("abba"), detail={"sources": told})]
    return {
        (found.asset.to_user_string(), found.name): found.passed for found in swept_source_results(engine, outcomes)
    }


RECORDING = """
INSERT INTO recordings (recording_id, title, title_normalised, artist_names, duration_ms, content_hash)
VALUES ('00000000-0000-0000-0000-0000000000c1', 'Tiger', 'tiger', '{abba}', 175000, 'h')
"""
SAID = """
INSERT INTO recording_sources (recording_id, source, provider, status, fields, confidence, error)
VALUES ('00000000-0000-0000-0000-0000000000c1', 'lastfm', 'lastfm', '%s', '%s', 0.8, %s)
"""


def run(engine: sa.Engine, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def test_an_empty_catalogue_passes_every_check_of_enrichment(engine: sa.Engine) -> None:
    assert all(verdicts(engine).values())


def test_a_recording_without_isrc_warns_and_one_that_nobody_knows_is_no_coverage(engine: sa.Engine) -> None:
    run(engine, RECORDING)
    found = verdicts(engine)
    assert not found["enriched_tracks", "recordings_without_isrc"]
    assert not found["enriched_tracks", "coverage"]
    run(engine, SAID % ("found", '{"listeners": 3}', "NULL"),
        "INSERT INTO recording_isrcs (recording_id, isrc, source) "
        "VALUES ('00000000-0000-0000-0000-0000000000c1', 'SEAYD7601020', 'spotify')")  # fmt: skip
    assert all(verdicts(engine).values())


def test_a_failure_anywhere_in_the_catalogue_fails_the_coverage_of_its_source_only(engine: sa.Engine) -> None:
    run(engine, RECORDING, SAID % ("failed", "{}", "'Last.fm enrichment error: no'"))
    found = verdicts(engine)
    assert not found["enrichment/lastfm", "coverage"]
    assert all(passed for (asset, name), passed in found.items() if (name, asset) != ("coverage", "enrichment/lastfm")
               and asset != "enriched_tracks")  # fmt: skip
