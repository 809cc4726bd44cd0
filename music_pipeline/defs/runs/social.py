"""Materialize the queue of producers. `stages/profiles/producers.py` looks them up."""

import time
from collections.abc import Sequence

import dagster as dg
import sqlalchemy as sa

from music_pipeline.database.queries import query
from music_pipeline.defs.assets.queues import Drain
from music_pipeline.defs.keys import SOCIAL_QUEUE
from music_pipeline.defs.runs.events import SAMPLE, Context
from music_pipeline.defs.runs.heartbeat import sweeping
from music_pipeline.defs.runs.opening import open_database
from music_pipeline.defs.runs.progress import progress_to
from music_pipeline.defs.runs.sweep import counts
from music_pipeline.stages.profiles.producers import enqueue_due
from music_pipeline.work.model import Stage
from music_pipeline.work.status import due
from music_pipeline.worker import runner
from music_pipeline.worker.outcomes import Outcome

STAGE = Stage.SOCIAL_ENRICHMENT


def look_up_producers(context: dg.AssetExecutionContext, config: Drain) -> dg.MaterializeResult[None]:
    """Look up the producers that are due, and answer with the counts."""
    engine, began = open_database(), time.monotonic()
    outcomes = swept_producers(context, engine, config)
    seconds = round(time.monotonic() - began, 2)
    return dg.MaterializeResult(
        metadata={**counts(outcomes), **coverage(engine), "seconds": seconds},
        check_results=[last_run(outcomes)],
    )


def swept_producers(context: Context, engine: sa.Engine, config: Drain) -> list[Outcome]:
    """The outcomes of a sweep; none where another one is at it."""
    with sweeping(engine, STAGE.value, run_id=context.run.run_id, log=context.log) as begun:
        if not begun:
            context.log.info("Another sweep is at it, and takes what is due.")
            return []
        context.log.info("%d producers fell due.", enqueue_due(engine))
        outcomes = []
        report = progress_to(context.log, "producers", expected=due(engine, [STAGE])[STAGE])
        for outcome in runner.sweep(
            STAGE,
            run_id=context.run.run_id,
            time_box=config.time_box_seconds,
            limit=config.limit,
            on_chunk=report,
        ):
            context.log.log(20 if outcome.is_done else 30, outcome.text)
            outcomes.append(outcome)
        return outcomes


def last_run(outcomes: Sequence[Outcome]) -> dg.AssetCheckResult:
    """Passed if nothing failed or waits."""
    failed = [outcome.text for outcome in outcomes if not outcome.is_done]
    return dg.AssetCheckResult(
        passed=not failed,
        asset_key=SOCIAL_QUEUE,
        check_name="last_run",
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"attempted": len(outcomes), "failed": len(failed), "sample": sorted(failed)[:SAMPLE]},
    )


def coverage(engine: sa.Engine) -> dict[str, int]:
    """Producers, those that were looked up, that have a profile, and whose followers are known: they plot in the UI."""
    with engine.connect() as connection:
        return dict(connection.execute(query("profile_counts")).mappings().one())
