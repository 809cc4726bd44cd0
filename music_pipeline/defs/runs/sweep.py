"""What materializing a queue does: work through what is due, and report it."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from functools import singledispatch
from typing import Any

import dagster as dg
import sqlalchemy as sa

from music_pipeline.actions.request_artist import request_artist
from music_pipeline.database.queries import query
from music_pipeline.defs.config import DiscoverConfig, EnrichmentSweepConfig, SweepConfig
from music_pipeline.defs.runs.counts import count
from music_pipeline.defs.runs.events import Context
from music_pipeline.defs.runs.heartbeat import sweeping
from music_pipeline.defs.runs.opening import open_database
from music_pipeline.defs.runs.progress import progress_to
from music_pipeline.defs.runs.reporters import reporter_of
from music_pipeline.defs.runs.stage_checks import dead_work
from music_pipeline.ops.quotas import daily_quota_status
from music_pipeline.settings import settings
from music_pipeline.work.model import Stage
from music_pipeline.work.stages import STAGES, due_hook
from music_pipeline.work.status import due
from music_pipeline.work.sweeps import Sweep, abandoned_sweep
from music_pipeline.worker import runner
from music_pipeline.worker.outcomes import Outcome, Status

REPORTED_AT_ONCE = 50
# An outcome is shown at most so late, unless no other follows it.
LONGEST_UNREPORTED_SECONDS = 5.0


def sweep_queue(context: dg.AssetExecutionContext, stage: Stage, config: SweepConfig) -> dg.MaterializeResult[None]:
    """Work through what is due, and return its counts and checks.

    Does nothing if another sweep is in progress.
    """
    engine, began = open_database(), time.monotonic()
    prepare(context, engine, stage, config)
    outcomes = sweep_stage(context, engine, stage, config)
    reporter = reporter_of(stage)
    for result in reporter.checks(engine, stage, outcomes) if outcomes else ():
        context.log_event(result.evaluation())
    return dg.MaterializeResult(
        metadata=outcome_counts(outcomes)
        | {"seconds": round(time.monotonic() - began, 2)}
        | stage_counts(engine, stage)
        | calls_left(context, engine),
        check_results=[one.result() for one in (dead_work(engine, stage), *reporter.queue_checks(stage, outcomes))],
    )


def prepare(context: dg.AssetExecutionContext, engine: sa.Engine, stage: Stage, config: SweepConfig) -> None:
    """Do what the launch pad asked for, and enqueue what fell due by itself."""
    launch(config, context, engine)
    hook = due_hook(stage)
    if hook is not None:
        context.log.info("%s: %d fell due.", STAGES[stage].asset, hook.enqueue_due(engine))


def sweep_stage(context: Context, engine: sa.Engine, stage: Stage, config: SweepConfig) -> list[Outcome]:
    """Sweep the stage, and return the outcomes. Writes nothing if nothing is due."""
    name, expected, abandoned = STAGES[stage].asset, due(engine, [stage])[stage], abandoned_sweep(engine, stage.value)
    if not expected and abandoned is None:
        context.log.info("%s: nothing is due.", name)
        return []
    with sweeping(engine, stage.value, run_id=context.run.run_id, log=context.log) as begun:
        if not begun:
            context.log.info("%s: another sweep is in progress and takes what is due.", name)
            return []
        if abandoned is not None:
            report_abandoned(context, engine, stage, abandoned)
        outcomes = runner.sweep(
            stage,
            run_id=context.run.run_id,
            time_box=config.time_box_seconds,
            limit=config.limit,
            on_chunk=progress_to(context.log, stage, expected=expected),
        )
        with closing(outcomes):
            return list(report_as_done(context, engine, stage, outcomes))


def report_abandoned(context: Context, engine: sa.Engine, stage: Stage, abandoned: Sweep) -> None:
    """Report what a dead run's sweep finished but may not have reported."""
    finished = runner.finished_by(engine, stage, abandoned)
    context.log.warning(
        "%s: run %s ended without a word. What it had finished is recorded again: %d.",
        STAGES[stage].asset, abandoned.run_id, len(finished),
    )  # fmt: skip
    for start in range(0, len(finished), REPORTED_AT_ONCE):
        reporter_of(stage).log(context, engine, stage, finished[start : start + REPORTED_AT_ONCE])


def report_as_done(context: Context, engine: sa.Engine, stage: Stage, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
    """Yield each outcome, and report them in batches.

    To store each event by itself cost seven times as much CPU.
    """
    waiting: list[Outcome] = []
    reported_at = time.monotonic()
    try:
        for outcome in outcomes:
            waiting.append(outcome)
            if len(waiting) >= REPORTED_AT_ONCE or time.monotonic() - reported_at > LONGEST_UNREPORTED_SECONDS:
                reporter_of(stage).log(context, engine, stage, waiting)
                waiting, reported_at = [], time.monotonic()
            yield outcome
    finally:
        if waiting:
            reporter_of(stage).log(context, engine, stage, waiting)


def outcome_counts(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """Count the claimed, succeeded, failed (retried later), waiting and dead work. The UI plots them."""
    ended = Counter(outcome.status for outcome in outcomes)
    return {
        "claimed": len(outcomes),
        "succeeded": sum(outcome.is_done for outcome in outcomes),
        "failed": ended[Status.FAILED],
        "waiting": ended[Status.WAITING],
        "dead": ended[Status.DEAD],
    }


def stage_counts(engine: sa.Engine, stage: Stage) -> dict[str, Any]:
    """What is still due, and the stage's own counts."""
    counted = count(engine, STAGES[stage].counts)
    return {"still_due": due(engine, [stage])[stage]} | reporter_of(stage).counts(stage, counted) | counted.metadata


def calls_left(context: Context, engine: sa.Engine) -> dict[str, Any]:
    """The calls left to each provider with a quota per day or month.

    Logs who waits for one.
    """
    quotas = daily_quota_status(engine, settings()) or ()
    for one in quotas:
        if one.paused:
            context.log.warning("%s: %s.", one.provider, one.text)
    names = {"day": "calls_left_today", "month": "calls_left_of_the_month"}
    return {f"{names[one.quota.period]}/{one.provider}": one.left for one in quotas}


@singledispatch
def launch(config: SweepConfig, context: Context, engine: sa.Engine) -> None:
    """Do what the launch pad asked for before the sweep.

    A plain sweep asks for nothing.
    """


@launch.register
def request_artists(config: DiscoverConfig, context: Context, engine: sa.Engine) -> None:
    """Enqueue the artists named on the launch pad.

    Logs each refused one, which stops no other.
    """
    for text in config.artists:
        requested = request_artist(engine, text, force=config.force, correlation_id=context.run.run_id)
        if requested.answer is None:
            context.log.warning("%s: refused. %s", text[:200], requested.refused)
        else:
            context.log.info("%s: %s", text, requested.answer.answer)


@launch.register
def end_waiting(config: EnrichmentSweepConfig, context: Context, engine: sa.Engine) -> None:
    """Make the rows due that wait for providers which are back."""
    if config.providers_back:
        with engine.begin() as connection:
            taken = connection.execute(query("take_up_waiting_rows"), {"providers": config.providers_back})
        context.log.info("%s: %d rows waited for them.", ", ".join(config.providers_back), taken.rowcount)
