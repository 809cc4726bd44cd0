"""All that the benchmarks use of the pipeline's moving parts, in one place, so that a rename there is one edit here.

Settings, rows and made-up stages are not here: `servers`, `writing` and `synthetic` use those directly. Imports that
load Dagster or a client are inside functions, since the start of a measured process counts.
"""

import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import sqlalchemy as sa

from music_pipeline import logs
from music_pipeline.actions.request_artist import request_artist
from music_pipeline.database.engine import get_engine
from music_pipeline.database.queries import query
from music_pipeline.settings import settings
from music_pipeline.work.claim import claim
from music_pipeline.work.dead_letters import open_work
from music_pipeline.work.model import Selector, Stage
from music_pipeline.work.stages import catalog_stages
from music_pipeline.work.status import due, overdue
from music_pipeline.worker import runner

if TYPE_CHECKING:
    from music_pipeline.providers.registry import Providers

__all__ = ["CATALOG_STAGES", "Stage", "get_engine"]

CATALOG_STAGES = catalog_stages()
TIME_BOX_SECONDS = 3_600.0


class SweepFailed(Exception):
    """A sweep met an artist that failed; the text names the stage and the error."""


def configure_logs() -> None:
    """Write this process's log to a file of the benchmarks' home."""
    logs.configure(file=settings().home / "benchmarks.log")


def request_artists(spotify_ids: Iterable[str]) -> None:
    """Ask for artists. Raises RuntimeError for one that is refused."""
    engine = get_engine()
    for spotify_id in spotify_ids:
        requested = request_artist(engine, spotify_id)
        if requested.refused is not None:
            raise RuntimeError(requested.refused)


def sweep(stage: Stage, *, may_wait: bool = False) -> None:
    """Do what is due of a stage. Raises SweepFailed; `may_wait`: not for an artist that waits for its next attempt."""
    for outcome in runner.sweep(stage, run_id=f"benchmark {stage.value}", time_box=TIME_BOX_SECONDS):
        if not outcome.is_done and not (may_wait and outcome.is_waiting):
            raise SweepFailed(f"{stage.value}: {outcome.text}")


def sweep_stages(stages: Sequence[Stage]) -> None:
    """Do what is due of the stages, one after the other: a run without Dagster. Raises SweepFailed."""
    for stage in stages:
        sweep(stage)


def has_open_work(engine: sa.Engine, stages: Sequence[Stage]) -> bool:
    """Whether any work of the stages is open."""
    return any(open_work(engine, Selector(stage=stage), limit=1) for stage in stages)


def enqueue_due_enrichment(engine: sa.Engine) -> None:
    """Put the artists whose sources are due into the queue of enrichment."""
    from music_pipeline.stages.enrichment import due as enrichment_due

    enrichment_due.enqueue_due(engine)


def seconds_to_next_enrichment(engine: sa.Engine) -> float | None:
    """Seconds until the first source that waits for a quota may be asked; None when none waits."""
    with engine.connect() as connection:
        seconds = connection.execute(query("next_enrichment")).scalar_one()
    return None if seconds is None else float(seconds)


def sources_by_provider() -> Mapping[str, int]:
    """How many sources of enrichment each provider serves, counting those that are asked about every recording."""
    from collections import Counter

    from music_pipeline.stages.enrichment.sources import SOURCES, asked_about_all

    return Counter(SOURCES[name].provider for name in asked_about_all())


@contextlib.asynccontextmanager
async def open_clients(engine: sa.Engine) -> AsyncIterator["Providers"]:
    """The clients of all providers on one open gateway, as a stage is given them."""
    from music_pipeline.gateway.gateway import open_gateway
    from music_pipeline.gateway.request import Priority
    from music_pipeline.providers.registry import providers_on

    async with open_gateway(engine, priority=Priority.INTERACTIVE, run_id="benchmark") as gateway:
        yield providers_on(gateway)


def due_work(engine: sa.Engine) -> object:
    """What is due of the catalogue's stages: a schedule's first question."""
    return due(engine, CATALOG_STAGES)


def overdue_work(engine: sa.Engine) -> object:
    """How long the first stage's oldest work has been due: a check's question."""
    return overdue(engine, Stage.ARTIST_DISCOVERY)


def claim_work(engine: sa.Engine, limit: int) -> object:
    """Claim work of the first stage."""
    return claim(engine, Stage.ARTIST_DISCOVERY, run_id="benchmark", limit=limit)


def count_checks(engine: sa.Engine, *, afresh: bool) -> None:
    """Count every check of the catalogue's assets; `afresh`: also those that a sweep reports from the last count."""
    from music_pipeline.defs.runs.stage_checks import counted_results

    for stage in CATALOG_STAGES:
        counted_results(engine, stage, afresh=afresh)


def number_of_checks() -> int:
    """How many checks `count_checks` counts."""
    from music_pipeline.defs.checks import CATALOG_CHECKS

    return len(CATALOG_CHECKS)
