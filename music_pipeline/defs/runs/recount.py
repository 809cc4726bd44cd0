"""What the job `count_catalogue` does."""

import dagster as dg
import sqlalchemy as sa

from music_pipeline.defs.runs.counts import are_behind, count
from music_pipeline.defs.runs.opening import open_database
from music_pipeline.defs.runs.source_checks import counted_source_results
from music_pipeline.defs.runs.stage_checks import CheckResult, as_of, counted_results
from music_pipeline.work.stages import STAGES, catalog_stages


def count_checks(context: dg.OpExecutionContext) -> None:
    """Count the checks and log each result.

    Sweeps report these counts until the next run.
    """
    found = recount(open_database())
    for result in found:
        # Dagster accepts it, as in an asset's context. Only the annotation lacks it.
        context.log_event(result.evaluation())  # type: ignore[arg-type]
    context.add_output_metadata({"checks": len(found), "failed": sum(not one.passed for one in found)})


def recount(engine: sa.Engine) -> list[CheckResult]:
    """Count afresh all that sweeps report of a large catalogue. Returns the checks."""
    for statement in sorted({spec.counts for spec in STAGES.values()}):
        count(engine, statement, afresh=True)
    for stage in catalog_stages():
        as_of(engine, stage, afresh=True)
    of_stages = [one for stage in catalog_stages() for one in counted_results(engine, stage, afresh=True)]
    return [*of_stages, *counted_source_results(engine, afresh=True)]


def recount_request() -> dg.RunRequest | dg.SkipReason:
    """Request a run if the catalogue is large and work was done since its last count."""
    if are_behind(open_database()):
        return dg.RunRequest()
    return dg.SkipReason("The catalogue is small and counted by sweeps, or no work was done since its last count.")
