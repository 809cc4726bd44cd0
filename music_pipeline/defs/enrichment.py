"""The assets of enrichment, partitioned by artist: one for each source, and the tracks with what they say.

A source can be chosen alone; one that fails stops no other. How sources are asked is in `stages/`; the everyday work is
done by the queue (`defs/queues.py`).
"""

from collections.abc import Iterator, Sequence

import dagster as dg

from music_pipeline import database
from music_pipeline.defs.catalog import OWNER, asked_at, materialize_result, why_empty
from music_pipeline.defs.checks import Verdict, asset_of
from music_pipeline.defs.enrichment_checks import (
    all_check_specs,
    counted_enrichment_verdicts,
    enriched_verdicts,
    source_verdicts,
)
from music_pipeline.defs.enrichment_events import (
    ENRICHED_TRACKS,
    SourceOutcome,
    enriched_versions,
    log_source_outcomes,
    source_asset,
    source_metadata,
    source_outcomes,
)
from music_pipeline.defs.events import failures, log_outcomes
from music_pipeline.defs.partitions import ARTIST
from music_pipeline.defs.progress import progress_to
from music_pipeline.stages import runner
from music_pipeline.stages.enrichment_plan import Source
from music_pipeline.stages.enrichment_sources import SOURCES
from music_pipeline.stages.runner import Outcome
from music_pipeline.work import Stage

GROUP = "enrichment"
TOLD_BY_CREDITS = ("musicbrainz", "discogs")
NEEDED = {"spotify_id": "Spotify's id", "isrc": "the ISRC", "mbid": "the MBID", "title": "artist and title"}
Result = dg.MaterializeResult[None] | dg.AssetCheckResult


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
            "dagster/table_name": f"{database.SCHEMA}.recording_sources",
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
        metadata={"dagster/table_name": f"{database.SCHEMA}.tracks"},
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
    if not context.selected_asset_keys:
        yield from chosen_checks(context, counted_enrichment_verdicts(database.engine(), afresh=True))
        return
    artists = list(context.partition_keys)
    if not artists:
        raise dg.Failure(why_empty(context.run.tags), allow_retries=False)
    chosen = [name for name in SOURCES if source_asset(name) in context.selected_asset_keys]
    outcomes = asked(context, artists, chosen)
    told = {name: source_outcomes(outcomes, name) for name in chosen}
    for name in chosen:
        yield from source_results(context, told[name])
        yield from chosen_checks(context, source_verdicts(database.engine(), name, outcomes))
    if ENRICHED_TRACKS in context.selected_asset_keys:
        yield from enriched_results(context, artists)
        yield from chosen_checks(context, enriched_verdicts(database.engine(), outcomes))
    if complaints := nothing_done([one for name in chosen for one in told[name]]):
        raise dg.Failure(
            f"Nothing that was asked for could be done: {next(iter(complaints.values()))}",
            metadata={"failed": dg.MetadataValue.json(complaints)},
            allow_retries=False,
        )


def asked(context: dg.AssetExecutionContext, artists: Sequence[str], chosen: Sequence[str]) -> list[Outcome]:
    """The outcomes of asking these sources about exactly these artists; none, if no source is chosen."""
    if not chosen:
        return []
    return runner.refresh(
        Stage.ENRICHMENT,
        artists,
        run_id=context.run.run_id,
        cutoff=asked_at(context),
        sources=chosen,
        on_chunk=progress_to(context.log, "enrichment", expected=len(artists)),
    )


def source_results(context: dg.AssetExecutionContext, outcomes: Sequence[SourceOutcome]) -> Iterator[Result]:
    """A source's events. A MaterializeResult is recorded for all artists of the run, so it needs the success of all."""
    is_complete = len(outcomes) == len(context.partition_keys) and not any(
        one.is_failed or one.is_skipped for one in outcomes
    )
    if is_complete:
        last = outcomes[-1]
        yield dg.MaterializeResult(
            asset_key=source_asset(last.source),
            metadata=source_metadata(last) if len(outcomes) == 1 else {"artists": len(outcomes)},
            data_version=dg.DataVersion(str(last.version)),
        )
    if not is_complete or len(outcomes) > 1:
        # The one result of a range carries one data version, and each artist has its own.
        log_source_outcomes(context, outcomes, asked_for=True)


def enriched_results(context: dg.AssetExecutionContext, artists: Sequence[str]) -> Iterator[Result]:
    """The events of `enriched_tracks`: it is derived from what there is, and waits for nobody."""
    outcomes = shown(artists)
    is_complete = not failures(outcomes)
    if is_complete:
        yield materialize_result(ENRICHED_TRACKS, outcomes)
    if not is_complete or len(outcomes) > 1:
        log_outcomes(context, ENRICHED_TRACKS, outcomes, asked_for=True)


def shown(artists: Sequence[str]) -> list[Outcome]:
    """What the catalogue shows of each artist's recordings now, as outcomes."""
    versions = enriched_versions(database.engine(), artists)
    return [
        Outcome(
            subject=key,
            artist_key=key,
            rows=versions[key].rows if key in versions else 0,
            content_hash=versions[key].hash if key in versions else "",
            changed=True,
            error=None if key in versions else "The catalogue has no artist with this key.",
            waiting=False,
            buried=False,
            text=f"{key}: {versions[key].rows} recordings with values" if key in versions else key,
        )
        for key in artists
    ]


def chosen_checks(context: dg.AssetExecutionContext, verdicts: Sequence[Verdict]) -> Iterator[dg.AssetCheckResult]:
    """The results of those checks that the run is to make."""
    chosen = context.selected_asset_check_keys
    return (found.result() for found in verdicts if found.key in chosen)


def nothing_done(outcomes: Sequence[SourceOutcome]) -> dict[str, str | None]:
    """Why the run was in vain, by source and artist; nothing, if anything at all was done or could only be skipped."""
    if any(one.is_done for one in outcomes):
        return {}
    return {f"{one.source}: {one.artist_key}": one.error for one in outcomes if one.is_failed}
