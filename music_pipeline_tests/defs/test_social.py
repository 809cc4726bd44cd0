"""The queue of producers' profiles: what its sweep tells Dagster, and when it is run."""

from uuid import UUID

import dagster as dg
import sqlalchemy as sa

from music_pipeline.definitions import definitions
from music_pipeline.work.enqueue import enqueue
from music_pipeline.work.model import Stage
from music_pipeline.worker.outcomes import Outcome
from music_pipeline_tests.defs.conftest import Stages, outcome_of
from music_pipeline_tests.support.ledger import value
from music_pipeline_tests.support.rows import write_small_catalogue

QUEUE = dg.AssetKey(["queue", "social"])


def sweep(instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    return definitions().resolve_job_def("social_enrichment").execute_in_process(instance=instance)


def told(result: dg.ExecuteInProcessResult) -> dict[str, object]:
    (materialization,) = result.asset_materializations_for_node("queue__social")
    return {name: one.value for name, one in materialization.metadata.items()}


def swept(instance: dg.DagsterInstance, stages: Stages, outcomes: list[Outcome]) -> dg.ExecuteInProcessResult:
    stages.due = {Stage.SOCIAL_ENRICHMENT: outcomes}
    return sweep(instance)


def test_a_sweep_enqueues_who_is_due_and_tells_how_many_were_looked_up(
    instance: dg.DagsterInstance, engine: sa.Engine, stages: Stages
) -> None:
    write_small_catalogue(engine, ["Sinnerman"])
    result = swept(instance, stages, [outcome_of(None), outcome_of(None, error="Discogs is away", waiting=True)])
    assert value(engine, "SELECT subject FROM work WHERE stage = 'social_enrichment'") == str(
        value(engine, "SELECT producer_id FROM producers")
    )
    numbers = told(result)
    assert (numbers["claimed"], numbers["succeeded"], numbers["waiting"]) == (2, 1, 1)
    assert (numbers["producers"], numbers["looked_up"]) == (1, 0)
    (check,) = [one for one in result.get_asset_check_evaluations() if one.check_name == "last_run"]
    assert (check.asset_key, check.check_name, check.passed) == (QUEUE, "last_run", False)


def test_a_sweep_without_failures_passes(instance: dg.DagsterInstance, stages: Stages) -> None:
    checks = swept(instance, stages, [outcome_of(None)]).get_asset_check_evaluations()
    assert {one.check_name: one.passed for one in checks} == {"last_run": True, "dead_work": True}


def test_the_hourly_schedule_asks_for_a_run_only_where_something_is_due(
    instance: dg.DagsterInstance, engine: sa.Engine
) -> None:
    schedule = definitions().resolve_schedule_def("social_enrichment_schedule")
    assert schedule.cron_schedule == "17 * * * *"

    def tick() -> dg.RunRequest | dg.SkipReason:
        (answer,) = [schedule(dg.build_schedule_context(instance=instance))]
        assert isinstance(answer, dg.RunRequest | dg.SkipReason)
        return answer

    assert isinstance(tick(), dg.SkipReason)
    with engine.begin() as connection:
        enqueue(
            connection,
            Stage.SOCIAL_ENRICHMENT,
            {"producerId": str(UUID(int=1)), "producerName": "Hal Mooney"},
            subject=str(UUID(int=1)),
            idempotency_key="hal mooney",
        )
    assert isinstance(tick(), dg.RunRequest)
