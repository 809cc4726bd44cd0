"""The assets of enrichment, by artist: one per source, and `enriched_tracks`.

Each source can be run alone, and a source that fails stops no other. What a run does is in
`defs/runs/refresh_sources.py`. The everyday work is done by the queue (`defs/assets/queues.py`).
"""

from collections.abc import Iterator

import dagster as dg

from music_pipeline.defs.assets.catalog import OWNER
from music_pipeline.defs.checks import enrichment_check_specs
from music_pipeline.defs.keys import ENRICHED_TRACKS, asset_of, source_asset
from music_pipeline.defs.partitions import ARTIST
from music_pipeline.settings import SCHEMA
from music_pipeline.stages.enrichment.sources import SOURCES, Source
from music_pipeline.work.model import Stage
from music_pipeline.work.stages import STAGES

GROUP = "enrichment"
FED_BY_CREDITS = ("musicbrainz", "discogs")
NEEDED = {"spotify_id": "Spotify's id", "isrc": "the ISRC", "mbid": "the MBID", "title": "artist and title",
          "audio_url": "an address of their audio that an operator gives"}  # fmt: skip


def describe(source: Source) -> str:
    """What a source gives, and how it finds recordings."""
    only = f" Fetched only where {_listed(source.only_without)} is missing." if source.only_without else ""
    return (
        f"What {source.label} knows of the recordings ({_listed(source.gives)}), found by {NEEDED[source.needs]}; "
        f"kept for {source.keeps.days} days.{only}"
    )


def _listed(names: frozenset[str]) -> str:
    return ", ".join(name.replace("_", " ") for name in sorted(names))


def dependencies(source: Source) -> list[dg.AssetKey]:
    """The assets that a source's recordings and their ids come from."""
    credits = [asset_of(Stage.PRODUCER_IDENTIFICATION)] if source.name in FED_BY_CREDITS else []
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


def enriched_tracks_spec() -> dg.AssetSpec:
    """The tracks with the values chosen from the sources."""
    spec = STAGES[Stage.ENRICHMENT]
    return dg.AssetSpec(
        ENRICHED_TRACKS,
        deps=[source_asset(name) for name in SOURCES],
        description=spec.description,
        group_name=GROUP,
        kinds=set(spec.kinds),
        owners=[OWNER],
        metadata={"dagster/table_name": f"{SCHEMA}.{spec.table}"},
        skippable=True,
    )


def enrichment() -> dg.AssetsDefinition:
    """The assets of every source, and `enriched_tracks`."""

    @dg.multi_asset(
        name="enrichment",
        can_subset=True,
        partitions_def=ARTIST,
        backfill_policy=dg.BackfillPolicy.single_run(),
        specs=[*(source_spec(source) for source in SOURCES.values()), enriched_tracks_spec()],
        check_specs=enrichment_check_specs(),
    )
    def refresh(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        from music_pipeline.defs.runs.refresh_sources import refresh_sources

        yield from refresh_sources(context)

    return refresh
