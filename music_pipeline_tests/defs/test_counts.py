"""A sweep of a large catalogue reports what was last counted over it, and when; the job counts it anew."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
import sqlalchemy as sa

from music_pipeline.definitions import definitions
from music_pipeline.defs.checks import CATALOG_CHECKS
from music_pipeline.defs.jobs import count_catalogue
from music_pipeline.defs.keys import asset_of
from music_pipeline.defs.runs import counts
from music_pipeline.defs.runs.recount import recount
from music_pipeline.defs.runs.stage_checks import as_of, counted_results
from music_pipeline.defs.runs.sweep import stage_counts
from music_pipeline.defs.schedules import recount_schedule
from music_pipeline.stages.enrichment.sources import SOURCES
from music_pipeline.work.model import Stage
from music_pipeline_tests.defs.test_checks import SOUND, run

BROKEN = "UPDATE releases SET total_tracks = 10"
FINISHED = """
INSERT INTO work_archive (work_id, stage, subject, payload, origin, priority, force, correlation_id, idempotency_key,
                          cutoff, attempts, enqueued_at, outcome, result, run_id)
SELECT gen_random_uuid(), 'track_discovery', 's', '{}', 'batch', 7, false, 'c', 'k', now(), 0, now(), 'succeeded',
       '{}', 'r'
"""


@pytest.fixture
def large(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> sa.Engine:
    """A catalogue of one track, which counts as large here."""
    monkeypatch.setattr(counts, "SMALL_CATALOGUE", 0)
    run(engine, SOUND)
    return engine


def coverage(engine: sa.Engine, *, afresh: bool = False) -> tuple[bool, str]:
    """Whether the tracks' coverage passes, and as of when that is said."""
    (found,) = [one for one in counted_results(engine, Stage.TRACK_DISCOVERY, afresh=afresh) if one.name == "coverage"]
    return found.passed, found.metadata["counted_at"]


def kept(engine: sa.Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(sa.text("SELECT count(*) FROM kept_counts")).scalar_one())


def count_again(instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    return definitions().resolve_job_def(count_catalogue.name).execute_in_process(instance=instance)


def test_a_small_catalogue_is_counted_every_time_and_nothing_is_kept(engine: sa.Engine) -> None:
    run(engine, SOUND)
    assert coverage(engine)[0]
    run(engine, BROKEN)
    assert not coverage(engine)[0]
    assert kept(engine) == 0


def test_of_a_large_catalogue_a_sweep_says_what_was_last_counted_and_when(large: sa.Engine) -> None:
    first = coverage(large)
    run(large, "UPDATE kept_counts SET counted_at = now() - interval '50 minutes'")
    run(large, BROKEN)
    passed, at = coverage(large)
    assert first[0]
    assert passed
    assert timedelta(minutes=49) < datetime.now(UTC) - datetime.fromisoformat(at) < timedelta(minutes=52)


def test_a_new_count_is_what_the_sweeps_say_from_then_on(large: sa.Engine) -> None:
    assert coverage(large)[0]
    run(large, BROKEN)
    assert not coverage(large, afresh=True)[0]
    assert not coverage(large)[0]


def test_the_job_counts_every_check_that_is_about_the_whole_catalogue(
    large: sa.Engine, instance: dg.DagsterInstance
) -> None:
    assert all(verdict.passed for verdict in recount(large) if verdict.asset != dg.AssetKey("enriched_tracks"))
    run(large, BROKEN)
    evaluations = count_again(instance).get_asset_check_evaluations()
    assert len(evaluations) == len(CATALOG_CHECKS) + len(SOURCES) + 2
    failed = {(one.asset_key.to_user_string(), one.check_name) for one in evaluations if not one.passed}
    assert failed == {("tracks", "coverage"), ("enriched_tracks", "coverage")}


def test_the_count_is_made_hourly_only_where_work_was_done_since(
    large: sa.Engine, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tick() -> dg.RunRequest | dg.SkipReason:
        answer = recount_schedule()(dg.build_schedule_context(instance=instance))
        assert isinstance(answer, dg.RunRequest | dg.SkipReason)
        return answer

    recount(large)
    assert isinstance(tick(), dg.SkipReason)
    run(large, FINISHED)
    assert isinstance(tick(), dg.RunRequest)
    monkeypatch.setattr(counts, "SMALL_CATALOGUE", 1)
    assert isinstance(tick(), dg.SkipReason)


def test_a_check_that_is_executed_by_itself_is_counted_afresh_and_asks_nobody(
    large: sa.Engine, instance: dg.DagsterInstance
) -> None:
    assert coverage(large)[0]
    run(large, BROKEN)
    key = dg.AssetCheckKey(asset_of(Stage.TRACK_DISCOVERY), "coverage")
    assert executed(instance, key) == {key: False}


def test_checks_about_a_run_say_nothing_when_there_is_none(large: sa.Engine, instance: dg.DagsterInstance) -> None:
    for asset in ("tracks", "enriched_tracks"):
        last_run, coverage = (dg.AssetCheckKey(dg.AssetKey(asset), name) for name in ("last_run", "coverage"))
        assert executed(instance, last_run, coverage).keys() == {coverage}


def executed(instance: dg.DagsterInstance, *keys: dg.AssetCheckKey) -> dict[dg.AssetCheckKey, bool]:
    """The checks that a run of exactly these logged, and whether they pass."""
    job = dg.Definitions(
        assets=list(definitions().assets or ()),
        jobs=[dg.define_asset_job("only_checks", selection=dg.AssetSelection.checks(*keys))],
        executor=dg.in_process_executor,
    ).resolve_job_def("only_checks")
    evaluations = job.execute_in_process(instance=instance).get_asset_check_evaluations()
    return {one.asset_check_key: one.passed for one in evaluations}


def test_recount_renews_row_counts_and_ages(large: sa.Engine) -> None:
    assert stage_counts(large, Stage.ARTIST_DISCOVERY)["dagster/row_count"] == 1
    run(
        large,
        "INSERT INTO artists (artist_key, name, name_normalised, content_hash) VALUES ('can', 'Can', 'can', 'h')",
    )
    assert stage_counts(large, Stage.ARTIST_DISCOVERY)["dagster/row_count"] == 1
    ages_before = kept_at(large, "catalogue_ages")
    recount(large)
    assert stage_counts(large, Stage.ARTIST_DISCOVERY)["dagster/row_count"] == 2
    assert kept_at(large, "catalogue_ages") > ages_before


def kept_at(engine: sa.Engine, statement: str) -> datetime:
    """When the oldest kept count of a statement was made."""
    as_of(engine, Stage.ARTIST_DISCOVERY)
    with engine.connect() as connection:
        found = "SELECT min(counted_at) FROM kept_counts WHERE name LIKE :name"
        kept_since: datetime = connection.execute(sa.text(found), {"name": f"{statement} %"}).scalar_one()
    return kept_since
