"""The assets of enrichment, partitioned by artist: one for each source, and the tracks with what they say.

A source can be chosen alone; one that fails stops no other. What a run of them does is in
`defs/runs/refresh_sources.py`; the everyday work is done by the queue (`defs/assets/queues.py`).
"""

from collections.abc import Iterator

import dagster as dg

from music_pipeline.defs.assets.catalog import OWNER
from music_pipeline.defs.checks import all_check_specs
from music_pipeline.defs.keys import ENRICHED_TRACKS, asset_of, source_asset
from music_pipeline.defs.partitions import ARTIST
from music_pipeline.settings import SCHEMA
from music_pipeline.stages.enrichment.sources import SOURCES, Source
from music_pipeline.work.model import Stage

GROUP = "enrichment"
TOLD_BY_CREDITS = ("musicbrainz", "discogs")
NEEDED = {"spotify_id": "Spotify's id", "isrc": "the ISRC", "mbid": "the MBID", "title": "artist and title",
          "audio_url": "an address of their audio that an operator gives"}  # fmt: skip


def describe(source: Source) -> str:
    """A sentence on what a source gives, and by what it knows recordings."""
    only = f" Asked only where {_listed(source.only_without)} is missing." if source.only_without else ""
    return (
        f"What {source.label} says of the recordings ({_listed(source.gives)}), which it knows by "
        f"{NEEDED[source.needs]}; kept for {source.keeps.days} days.{only}"
    )


def _listed(names: frozenset[str]) -> str:
    return ", ".join(name.replace("_", " ") for name in sorted(names))


def dependencies(source: Source) -> list[dg.AssetKey]:
    """What a source's recordings and their ids come from."""
    credits = [asset_of(Stage.PRODUCER_IDENTIFICATION)] if source.name in TOLD_BY_CREDITS else []
    finder = [source_asset("musicbrainz")] if source.needs == "mbid" else []
    return [asset_of(Stage.TRACK_DISCOVERY), *credits, *finder]


def source_spec(source: Source) -> dg.AssetSpec:
    """The asset of a source."""
    return dg.AssetSpec(
        source_asset(source.name),
        deps=dependencies(source),
        description=describe(source),
        group_name=GROUP,
        kinds={"postgres", source.provider},
        owners=[OWNER],
        metadata={
            "dagster/table_name": f"{SCHEMA}.recording_sources",
            "provider": source.provider,
            "gives": sorted(source.gives),
            "needs": source.needs,
            "recordings_a_request": source.batch,
            "confidence": source.confidence,
        },
        skippable=True,
    )


def enrichment_specs() -> list[dg.AssetSpec]:
    """The sources, and the tracks with the values that are chosen among what they say."""
    enriched = dg.AssetSpec(
        ENRICHED_TRACKS,
        deps=[source_asset(name) for name in SOURCES],
        description="The tracks with the value chosen for each field: the operator's, else the most trusted source's.",
        group_name=GROUP,
        kinds={"postgres"},
        owners=[OWNER],
        metadata={"dagster/table_name": f"{SCHEMA}.tracks"},
        skippable=True,
    )
    return [*(source_spec(source) for source in SOURCES.values()), enriched]


@dg.multi_asset(
    name="enrichment",
    can_subset=True,
    partitions_def=ARTIST,
    backfill_policy=dg.BackfillPolicy.single_run(),
    specs=enrichment_specs(),
    check_specs=all_check_specs(),
)
def enrichment(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """Ask the chosen sources afresh about the chosen artists; one that fails is recorded so, and stops no other."""
    from music_pipeline.defs.runs.refresh_sources import ask_sources

    yield from ask_sources(context)
