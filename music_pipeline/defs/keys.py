"""The keys of the assets, and the tag by which a sweep is known: what the declarations and the runs both name."""

import dagster as dg

from music_pipeline.work.model import CATALOG_STAGES, Stage
from music_pipeline.worker.outcomes import ASSET_OF_STAGE

ENRICHED_TRACKS = dg.AssetKey("enriched_tracks")
SOCIAL_QUEUE = dg.AssetKey(["queue", "social"])
ENRICHMENT_QUEUE_OP = "queue__enrichment"
SWEEP_TAG = "music/sweep"
CHAIN = "sweep"
SWEPT_STAGES = (*CATALOG_STAGES, Stage.ENRICHMENT)


def asset_of(stage: Stage) -> dg.AssetKey:
    """The partitioned asset that a stage fills."""
    return dg.AssetKey(ASSET_OF_STAGE[stage])


def queue_of(stage: Stage) -> dg.AssetKey:
    """The queue asset that drains a stage's open work."""
    return dg.AssetKey(["queue", "enrichment" if stage is Stage.ENRICHMENT else ASSET_OF_STAGE[stage]])


def source_asset(source: str) -> dg.AssetKey:
    """The asset of a source."""
    return dg.AssetKey(["enrichment", source])
