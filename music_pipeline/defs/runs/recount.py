"""What the job does that counts the checks over the whole catalogue. What is counted is in `checks`."""

import dagster as dg
import sqlalchemy as sa

from music_pipeline.defs.runs.checks import Verdict, counted_verdicts
from music_pipeline.defs.runs.counts import are_behind
from music_pipeline.defs.runs.opening import open_database
from music_pipeline.defs.runs.source_checks import counted_enrichment_verdicts
from music_pipeline.work.model import CATALOG_STAGES


def count(context: dg.OpExecutionContext) -> None:
    """Count, and log each verdict on its asset; the sweeps report the same until the next time."""
    found = recounted(open_database())
    for verdict in found:
        # Dagster takes it, as it does from an asset's context; only its annotation does not know.
        context.log_event(verdict.evaluation())  # type: ignore[arg-type]
    context.add_output_metadata({"checks": len(found), "failed": sum(not verdict.passed for verdict in found)})


def recounted(engine: sa.Engine) -> list[Verdict]:
    """The verdicts of all checks that are counted over the catalogue, counted now."""
    of_stages = [verdict for stage in CATALOG_STAGES for verdict in counted_verdicts(engine, stage, afresh=True)]
    return [*of_stages, *counted_enrichment_verdicts(engine, afresh=True)]


def recounting_request() -> dg.RunRequest | dg.SkipReason:
    """A run that counts anew, if the catalogue is large and work was done since it was counted."""
    if are_behind(open_database()):
        return dg.RunRequest()
    return dg.SkipReason("The catalogue is small, and counted by the sweeps, or no work was done since it was counted.")
