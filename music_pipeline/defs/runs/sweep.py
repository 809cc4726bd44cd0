"""What the materialization of a queue does: it drains what is due for a time, and tells Dagster artist by artist.

The ledger knows what is due, `stages/` how it is done.
"""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

import dagster as dg
import sqlalchemy as sa

from music_pipeline.actions.request_artist import request_artist
from music_pipeline.database.queries import query
from music_pipeline.defs.assets.queues import Drain, DrainAndDiscover, DrainEnrichment
from music_pipeline.defs.keys import asset_of
from music_pipeline.defs.runs.checks import Verdict, dead_work, verdicts
from music_pipeline.defs.runs.counts import counted
from music_pipeline.defs.runs.events import Context, log_outcomes
from music_pipeline.defs.runs.heartbeat import sweeping
from music_pipeline.defs.runs.opening import open_database
from music_pipeline.defs.runs.progress import progress_to
from music_pipeline.defs.runs.source_checks import enrichment_verdicts
from music_pipeline.defs.runs.source_events import log_enrichment
from music_pipeline.ops.quotas import standing_days
from music_pipeline.settings import settings
from music_pipeline.stages.enrichment.due import enqueue_due
from music_pipeline.work.model import Stage
from music_pipeline.work.status import due
from music_pipeline.work.sweeps import Sweep, abandoned_sweep
from music_pipeline.worker import runner
from music_pipeline.worker.outcomes import ASSET_OF_STAGE, Outcome, Status


def drain(context: dg.AssetExecutionContext, stage: Stage, config: Drain) -> dg.MaterializeResult[None]:
    """Work off what is due, and answer with its counts; with none, if nothing is due or another sweep is at it."""
    engine = open_database()
    began = time.monotonic()
    outcomes = swept(context, engine, stage, config)
    if outcomes:
        for verdict in verdicts_of(engine, stage, outcomes):
            context.log_event(verdict.evaluation())
    return dg.MaterializeResult(
        metadata=counts(outcomes)
        | {"seconds": round(time.monotonic() - began, 2)}
        | row_counts(engine, stage)
        | days_left(context, engine),
        check_results=[dead_work(engine, stage).result()],
    )


def verdicts_of(engine: sa.Engine, stage: Stage, outcomes: Sequence[Outcome]) -> list[Verdict]:
    """The verdicts of the checks of all assets that the stage fills."""
    if stage is Stage.ENRICHMENT:
        return enrichment_verdicts(engine, outcomes)
    return verdicts(engine, stage, outcomes)


def swept(context: Context, engine: sa.Engine, stage: Stage, config: Drain) -> list[Outcome]:
    """The outcomes of a sweep of the stage. Nothing is written where nothing is due."""
    expected, abandoned = due(engine, [stage])[stage], abandoned_sweep(engine, stage.value)
    if not expected and abandoned is None:
        context.log.info("%s: nothing is due.", ASSET_OF_STAGE[stage])
        return []
    with sweeping(engine, stage.value, run_id=context.run.run_id, log=context.log) as begun:
        if not begun:
            context.log.info("%s: another sweep is at it, and takes what is due.", ASSET_OF_STAGE[stage])
            return []
        if abandoned is not None:
            tell_for(context, engine, stage, abandoned)
        return list(told(context, stage, config, expected))


def tell_for(context: Context, engine: sa.Engine, stage: Stage, abandoned: Sweep) -> None:
    """Log what a sweep finished whose run ended without a word: it may have died before it told Dagster."""
    finished = runner.finished_by(engine, stage, abandoned)
    context.log.warning(
        "%s: run %s ended without a word. What it had finished is recorded again: %d.",
        ASSET_OF_STAGE[stage], abandoned.run_id, len(finished),
    )  # fmt: skip
    for outcome in finished:
        tell(context, engine, stage, outcome)


def told(context: Context, stage: Stage, config: Drain, expected: int) -> Iterator[Outcome]:
    """Each outcome, as soon as it is there, logged on the asset of the stage."""
    with closing(
        runner.sweep(
            stage,
            run_id=context.run.run_id,
            time_box=config.time_box_seconds,
            limit=config.limit,
            on_chunk=progress_to(context.log, ASSET_OF_STAGE[stage], expected=expected),
        )
    ) as outcomes:
        for outcome in outcomes:
            tell(context, open_database(), stage, outcome)
            yield outcome


def tell(context: Context, engine: sa.Engine, stage: Stage, outcome: Outcome) -> None:
    """Log an outcome on the assets that the stage fills."""
    if stage is Stage.ENRICHMENT:
        log_enrichment(context, engine, outcome)
    else:
        log_outcomes(context, asset_of(stage), [outcome], asked_for=False)


def counts(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """Claimed, succeeded, failed (to be tried again), waiting for a provider, dead: they plot in the UI."""
    ended = Counter(outcome.status for outcome in outcomes)
    return {
        "claimed": len(outcomes),
        "succeeded": sum(outcome.is_done for outcome in outcomes),
        "failed": ended[Status.FAILED],
        "waiting": ended[Status.WAITING],
        "dead": ended[Status.DEAD],
    }


def row_counts(engine: sa.Engine, stage: Stage) -> dict[str, Any]:
    """How many rows the stage's table has now, and what is still due; of enrichment, how far the recordings are."""
    still_due = {"still_due": due(engine, [stage])[stage]}
    if stage is Stage.ENRICHMENT:
        count = counted(engine, "enrichment_counts")
        return still_due | {f"recordings_{status}": rows for status, rows in count.row.items()} | count.told
    count = counted(engine, "catalog_row_counts")
    return still_due | {"dagster/row_count": count.row[ASSET_OF_STAGE[stage]]} | count.told


def days_left(context: Context, engine: sa.Engine) -> dict[str, Any]:
    """How many calls are left to each provider that counts days, or a month's; who waits is said in the log."""
    days = standing_days(engine, settings()) or ()
    for day in days:
        if day.paused:
            context.log.warning("%s: %s.", day.provider, day.text)
    left = {"day": "calls_left_today", "month": "calls_left_of_the_month"}
    return {f"{left[day.quota.period]}/{day.provider}": day.left for day in days}


def take_up(context: dg.AssetExecutionContext, config: DrainEnrichment) -> None:
    """Enqueue the artists with a source whose time has come, or whose provider is back."""
    engine = open_database()
    if config.providers_back:
        with engine.begin() as connection:
            taken = connection.execute(query("take_up_waiting_rows"), {"providers": config.providers_back})
            context.log.info("%s: %d answers are waited for.", ", ".join(config.providers_back), taken.rowcount)
    context.log.info("enrichment: %d artists fell due.", enqueue_due(engine))


def discover(context: dg.AssetExecutionContext, config: DrainAndDiscover) -> None:
    """Enqueue the artists of the launch pad; one that cannot be is named in the log, and stops no other."""
    for text in config.artists:
        requested = request_artist(open_database(), text, force=config.force, correlation_id=context.run.run_id)
        if requested.answer is None:
            context.log.warning("%s: refused. %s", text[:200], requested.refused)
        else:
            context.log.info("%s: %s", text, requested.answer.answer)
