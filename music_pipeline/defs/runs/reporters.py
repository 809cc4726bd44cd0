"""How a sweep reports its events, checks and counts, by `StageSpec.reports`."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from music_pipeline.defs.keys import asset_of, queue_of
from music_pipeline.defs.runs.counts import Count
from music_pipeline.defs.runs.events import Context, complaint, log_outcomes
from music_pipeline.defs.runs.source_checks import swept_source_results
from music_pipeline.defs.runs.source_events import log_enrichment
from music_pipeline.defs.runs.stage_checks import CheckResult, last_run, stage_results
from music_pipeline.work.model import Stage
from music_pipeline.work.stages import STAGES, Reporting
from music_pipeline.worker.outcomes import Outcome


@dataclass(frozen=True, slots=True)
class Reporter:
    """`log`: log the events of some outcomes.

    `checks`: the results of the checks on the assets that the stage fills.

    `queue_checks`: those on its queue, besides `dead_work`. `counts`: the stage's counts as metadata.
    """

    log: Callable[[Context, sa.Engine, Stage, Sequence[Outcome]], None]
    checks: Callable[[sa.Engine, Stage, Sequence[Outcome]], list[CheckResult]]
    queue_checks: Callable[[Stage, Sequence[Outcome]], list[CheckResult]]
    counts: Callable[[Stage, Count], dict[str, Any]]


def _log_artists(context: Context, _engine: sa.Engine, stage: Stage, outcomes: Sequence[Outcome]) -> None:
    log_outcomes(context, asset_of(stage), outcomes, requested=False)


def _log_sources(context: Context, engine: sa.Engine, _stage: Stage, outcomes: Sequence[Outcome]) -> None:
    log_enrichment(context, engine, outcomes)


def _log_work(context: Context, _engine: sa.Engine, _stage: Stage, outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        context.log.log(logging.INFO if complaint(outcome) is None else logging.WARNING, outcome.text)


def _row_count(stage: Stage, counted: Count) -> dict[str, Any]:
    return {"dagster/row_count": counted.row[STAGES[stage].asset]}


def _recordings(_stage: Stage, counted: Count) -> dict[str, Any]:
    return {f"recordings_{status}": rows for status, rows in counted.row.items()}


REPORTERS: Mapping[Reporting, Reporter] = {
    "artist": Reporter(
        log=_log_artists,
        checks=stage_results,
        queue_checks=lambda _stage, _outcomes: [],
        counts=_row_count,
    ),
    "source": Reporter(
        log=_log_sources,
        checks=lambda engine, _stage, outcomes: swept_source_results(engine, outcomes),
        queue_checks=lambda _stage, _outcomes: [],
        counts=_recordings,
    ),
    "work": Reporter(
        log=_log_work,
        checks=lambda _engine, _stage, _outcomes: [],
        queue_checks=lambda stage, outcomes: [last_run(queue_of(stage), outcomes)],
        counts=lambda _stage, counted: counted.row,
    ),
}


def reporter_of(stage: Stage) -> Reporter:
    """The reporter of a stage."""
    return REPORTERS[STAGES[stage].reports]
