"""Asset keys, and the tag of runs that sweep. Declarations and runs share them."""

import dagster as dg

from music_pipeline.work.model import Stage
from music_pipeline.work.stages import STAGES

ENRICHED_TRACKS = dg.AssetKey(STAGES[Stage.ENRICHMENT].asset)
SWEEP_TAG = "music/sweep"
CHAIN = "sweep"


def asset_of(stage: Stage) -> dg.AssetKey:
    """The asset that a stage fills, partitioned by artist."""
    return dg.AssetKey(STAGES[stage].asset)


def queue_of(stage: Stage) -> dg.AssetKey:
    """The queue asset whose materialization sweeps the stage."""
    return dg.AssetKey(["queue", STAGES[stage].queue])


def source_asset(source: str) -> dg.AssetKey:
    """The asset of a source of enrichment."""
    return dg.AssetKey(["enrichment", source])
