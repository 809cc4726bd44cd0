"""The four assets of the catalogue, partitioned by artist. What a run of them does is in `defs/runs/refresh.py`.

A range of artists is one run, and all four stages are one step, so that an artist who fails at one stage keeps nobody
else from the next. The everyday work is done by the queues (`defs/assets/queues.py`).
"""

from collections.abc import Iterator

import dagster as dg

from music_pipeline.defs.checks import check_specs
from music_pipeline.defs.keys import asset_of
from music_pipeline.defs.partitions import ARTIST
from music_pipeline.settings import SCHEMA
from music_pipeline.work.model import CATALOG_STAGES, Stage
from music_pipeline.worker.outcomes import ASSET_OF_STAGE

OWNER = "team:catalog"
DESCRIPTIONS = {
    Stage.ARTIST_DISCOVERY: "Artists whom an operator named, resolved by provider ids, never by first hit.",
    Stage.ALBUM_DISCOVERY: "Their albums, singles and compilations, as complete as the provider's own list proves.",
    Stage.TRACK_DISCOVERY: "The tracks of the releases and their recordings: one recording may be on several releases.",
    Stage.PRODUCER_IDENTIFICATION: "Who produced the recordings, with role, name as credited, sources and confidence.",
}
KINDS = {
    Stage.ARTIST_DISCOVERY: {"postgres", "spotify"},
    Stage.ALBUM_DISCOVERY: {"postgres", "spotify"},
    Stage.TRACK_DISCOVERY: {"postgres", "spotify"},
    Stage.PRODUCER_IDENTIFICATION: {"postgres", "musicbrainz", "discogs", "genius"},
}


def asset_specs() -> list[dg.AssetSpec]:
    """The four assets, each after the one before it."""
    return [
        dg.AssetSpec(
            asset_of(stage),
            deps=[asset_of(before) for before in CATALOG_STAGES[max(place - 1, 0) : place]],
            description=DESCRIPTIONS[stage],
            group_name="catalog",
            kinds=KINDS[stage],
            owners=[OWNER],
            metadata={"dagster/table_name": f"{SCHEMA}.{ASSET_OF_STAGE[stage]}"},
            skippable=True,
        )
        for place, stage in enumerate(CATALOG_STAGES)
    ]


@dg.multi_asset(
    name="catalog",
    can_subset=True,
    partitions_def=ARTIST,
    backfill_policy=dg.BackfillPolicy.single_run(),
    specs=asset_specs(),
    check_specs=[spec for stage in CATALOG_STAGES for spec in check_specs(stage)],
)
def catalog(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """Ask afresh for the chosen artists at the chosen stages; who fails at one stage does not enter the next."""
    from music_pipeline.defs.runs.refresh import refresh_artists

    yield from refresh_artists(context)
