"""The queues: one unpartitioned asset a stage, whose materialization drains what is due, of whichever artists.

The ledger knows what is due, `stages/` how it is done; how it is run, and told to Dagster, in `defs/runs/sweep.py`.
No edge leads from a queue to an asset of the catalogue: each sweep would make every artist stale.
"""

import itertools
from collections.abc import Callable, Sequence

import dagster as dg
from pydantic import Field

from music_pipeline.defs.assets.catalog import OWNER
from music_pipeline.defs.keys import queue_of
from music_pipeline.settings import SCHEMA
from music_pipeline.work.model import CATALOG_STAGES, Stage
from music_pipeline.worker.outcomes import ASSET_OF_STAGE


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


def queue(stage: Stage, after: Sequence[Stage], body: Callable[..., dg.MaterializeResult[None]]) -> dg.AssetsDefinition:
    """The queue asset of a stage, materialized by `body(context, config)`."""
    return dg.asset(
        key=queue_of(stage),
        deps=[queue_of(before) for before in after],
        group_name="queue",
        kinds={"postgres"},
        owners=[OWNER],
        metadata={"dagster/table_name": f"{SCHEMA}.work", "stage": stage.value},
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
        from music_pipeline.defs.runs.sweep import discover, drain

        discover(context, config)
        return drain(context, Stage.ARTIST_DISCOVERY, config)

    return queue(Stage.ARTIST_DISCOVERY, [], body)


def later_queue(stage: Stage, before: Stage) -> dg.AssetsDefinition:
    """The queue of a stage that another stage fills."""

    def body(context: dg.AssetExecutionContext, config: Drain) -> dg.MaterializeResult:  # type: ignore[type-arg]
        from music_pipeline.defs.runs.sweep import drain

        return drain(context, stage, config)

    return queue(stage, [before], body)


def enrichment_queue() -> dg.AssetsDefinition:
    """The queue of enrichment, which what fell due enters when it is drained."""

    def body(context: dg.AssetExecutionContext, config: DrainEnrichment) -> dg.MaterializeResult:  # type: ignore[type-arg]
        from music_pipeline.defs.runs.sweep import drain, take_up

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
