"""The assets of the catalogue, partitioned by artist.

What a run of them does is in `defs/runs/refresh.py`.

A range of artists is one run, and all stages are one step. So an artist who fails at one stage holds up nobody else.
The everyday work is done by the queues (`defs/assets/queues.py`).
"""

from collections.abc import Iterator

import dagster as dg

from music_pipeline.defs.checks import stage_check_specs
from music_pipeline.defs.keys import asset_of
from music_pipeline.defs.partitions import ARTIST
from music_pipeline.settings import SCHEMA
from music_pipeline.work.model import Stage
from music_pipeline.work.stages import STAGES, catalog_stages

OWNER = "team:catalog"


def asset_spec(stage: Stage) -> dg.AssetSpec:
    """The asset that a stage fills, downstream of the stage it follows."""
    spec = STAGES[stage]
    return dg.AssetSpec(
        asset_of(stage),
        deps=[] if spec.follows is None else [asset_of(spec.follows)],
        description=spec.description,
        group_name="catalog",
        kinds=set(spec.kinds),
        owners=[OWNER],
        metadata={"dagster/table_name": f"{SCHEMA}.{spec.table}"},
        skippable=True,
    )


def catalog() -> dg.AssetsDefinition:
    """The assets of every stage that reports artist by artist."""

    @dg.multi_asset(
        name="catalog",
        can_subset=True,
        partitions_def=ARTIST,
        backfill_policy=dg.BackfillPolicy.single_run(),
        specs=[asset_spec(stage) for stage in catalog_stages()],
        check_specs=[check for stage in catalog_stages() for check in stage_check_specs(stage)],
    )
    def refresh(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        from music_pipeline.defs.runs.refresh import refresh_artists

        yield from refresh_artists(context)

    return refresh
