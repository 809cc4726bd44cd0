"""The queues: one unpartitioned asset a stage, whose materialization drains what is due, of whichever artists.

The ledger knows what is due, `stages/` how it is done; here it is run for a time, and told to Dagster artist by artist.
No edge leads from a queue to an asset of the catalogue: each sweep would make every artist stale.
"""

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import dagster as dg
import sqlalchemy as sa
from pydantic import Field

from music_pipeline import database, work
from music_pipeline.defs.catalog import OWNER
from music_pipeline.defs.checks import Verdict, asset_of, dead_work, queue_of, verdicts
from music_pipeline.defs.counting import counted
from music_pipeline.defs.enrichment_checks import enrichment_verdicts
from music_pipeline.defs.enrichment_events import log_enrichment
from music_pipeline.defs.events import Context, complaint, log_outcomes
from music_pipeline.defs.progress import progress_to
from music_pipeline.defs.sweeping import sweeping
from music_pipeline.quota_standing import standing_days
from music_pipeline.settings import settings
from music_pipeline.stages import runner
from music_pipeline.stages.enrichment_due import enqueue_due_enrichment
from music_pipeline.stages.requests import request_artist
from music_pipeline.stages.runner import ASSET_OF_STAGE, Outcome
from music_pipeline.work import CATALOG_STAGES, Stage, Sweep

SWEEP_TAG = "music/sweep"
CHAIN = "sweep"
SWEPT_STAGES = (*CATALOG_STAGES, Stage.ENRICHMENT)


class Drain(dg.Config):
    """What one materialization of a queue does."""

    time_box_seconds: float = Field(default=300, gt=0, description="No work is begun after this time.")
    limit: int | None = Field(default=None, gt=0, description="At most so many pieces of work.")


class DrainAndDiscover(Drain):
    """The first queue can be told whom to discover."""

    artists: list[str] = Field(default=[], description="Names, Spotify ids or links of artists to discover first.")
    force: bool = Field(default=False, description="Ask for them afresh, even if they were just done.")


class DrainEnrichment(Drain):
    """The last queue can be told whom not to wait for any longer."""

    providers_back: list[str] = Field(
        default=[], description="Providers that are back: what waits for them is due now, whatever time it was given."
    )


def drain(context: dg.AssetExecutionContext, stage: Stage, config: Drain) -> dg.MaterializeResult[None]:
    """Work off what is due, and answer with its counts; with none, if nothing is due or another sweep is at it."""
    engine = database.engine()
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
    expected, abandoned = work.due(engine, [stage])[stage], work.abandoned_sweep(engine, stage.value)
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
    for outcome in runner.drain(
        stage,
        run_id=context.run.run_id,
        time_box=config.time_box_seconds,
        limit=config.limit,
        on_chunk=progress_to(context.log, ASSET_OF_STAGE[stage], expected=expected),
    ):
        tell(context, database.engine(), stage, outcome)
        yield outcome


def tell(context: Context, engine: sa.Engine, stage: Stage, outcome: Outcome) -> None:
    """Log an outcome on the assets that the stage fills."""
    if stage is Stage.ENRICHMENT:
        log_enrichment(context, engine, outcome)
    else:
        log_outcomes(context, asset_of(stage), [outcome], asked_for=False)


def counts(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """Claimed, succeeded, failed (to be tried again), waiting for a provider, dead: they plot in the UI."""
    dead = sum(outcome.buried for outcome in outcomes)
    waiting = sum(outcome.waiting and not outcome.buried for outcome in outcomes)
    succeeded = sum(complaint(outcome) is None for outcome in outcomes)
    return {
        "claimed": len(outcomes),
        "succeeded": succeeded,
        "failed": len(outcomes) - succeeded - waiting - dead,
        "waiting": waiting,
        "dead": dead,
    }


def row_counts(engine: sa.Engine, stage: Stage) -> dict[str, Any]:
    """How many rows the stage's table has now, and what is still due; of enrichment, how far the recordings are."""
    still_due = {"still_due": work.due(engine, [stage])[stage]}
    if stage is Stage.ENRICHMENT:
        count = counted(engine, "enrichment_counts")
        return still_due | {f"recordings_{status}": rows for status, rows in count.row.items()} | count.told
    count = counted(engine, "catalog_row_counts")
    return still_due | {"dagster/row_count": count.row[ASSET_OF_STAGE[stage]]} | count.told


def days_left(context: Context, engine: sa.Engine) -> dict[str, Any]:
    """How many calls each provider that counts days has left today; who waits for more is said in the log."""
    days = standing_days(engine, settings()) or ()
    for day in days:
        if day.paused:
            context.log.warning("%s: %s.", day.provider, day.text)
    return {f"calls_left_today/{day.provider}": day.left for day in days}


def take_up(context: dg.AssetExecutionContext, config: DrainEnrichment) -> None:
    """Enqueue the artists with a source whose time has come, or whose provider is back."""
    engine = database.engine()
    if config.providers_back:
        with engine.begin() as connection:
            taken = connection.execute(database.query("take_up_waiting_rows"), {"providers": config.providers_back})
            context.log.info("%s: %d answers are waited for.", ", ".join(config.providers_back), taken.rowcount)
    context.log.info("enrichment: %d artists fell due.", enqueue_due_enrichment(engine))


def discover(context: dg.AssetExecutionContext, config: DrainAndDiscover) -> None:
    """Enqueue the artists of the launch pad; one that cannot be is named in the log, and stops no other."""
    for text in config.artists:
        requested = request_artist(database.engine(), text, force=config.force, correlation_id=context.run.run_id)
        if requested.answer is None:
            context.log.warning("%s: refused. %s", text[:200], requested.refused)
        else:
            context.log.info("%s: %s", text, requested.answer.answer)


def queue(stage: Stage, after: Sequence[Stage], body: Callable[..., dg.MaterializeResult[None]]) -> dg.AssetsDefinition:
    """The queue asset of a stage, materialized by `body(context, config)`."""
    return dg.asset(
        key=queue_of(stage),
        deps=[queue_of(before) for before in after],
        group_name="queue",
        kinds={"postgres"},
        owners=[OWNER],
        metadata={"dagster/table_name": f"{database.SCHEMA}.work", "stage": stage.value},
        check_specs=[
            dg.AssetCheckSpec("dead_work", asset=queue_of(stage), description="No work of the stage was given up.")
        ],
        description=(
            f"Open work of the stage {stage.value}. To materialize it is to drain what is due, for as long as its time "
            f"box lasts; each artist is then recorded on `{ASSET_OF_STAGE[stage]}`."
        ),
    )(body)


def first_queue() -> dg.AssetsDefinition:
    """The queue of the artists, who may be named for it."""

    # Dagster knows the bare class only as an annotation.
    def body(context: dg.AssetExecutionContext, config: DrainAndDiscover) -> dg.MaterializeResult:  # type: ignore[type-arg]
        discover(context, config)
        return drain(context, Stage.ARTIST_DISCOVERY, config)

    return queue(Stage.ARTIST_DISCOVERY, [], body)


def later_queue(stage: Stage, before: Stage) -> dg.AssetsDefinition:
    """The queue of a stage that another stage fills."""

    def body(context: dg.AssetExecutionContext, config: Drain) -> dg.MaterializeResult:  # type: ignore[type-arg]
        return drain(context, stage, config)

    return queue(stage, [before], body)


def enrichment_queue() -> dg.AssetsDefinition:
    """The queue of enrichment, which what fell due enters when it is drained."""

    def body(context: dg.AssetExecutionContext, config: DrainEnrichment) -> dg.MaterializeResult:  # type: ignore[type-arg]
        take_up(context, config)
        return drain(context, Stage.ENRICHMENT, config)

    return queue(Stage.ENRICHMENT, [Stage.PRODUCER_IDENTIFICATION], body)


def queues() -> list[dg.AssetsDefinition]:
    """All queues, in the order of the chain."""
    return [
        first_queue(),
        *(later_queue(stage, before) for before, stage in itertools.pairwise(CATALOG_STAGES)),
        enrichment_queue(),
    ]
