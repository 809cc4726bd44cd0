"""The Dagster events of stages: one per artist and stage, never one per track."""

from collections.abc import Iterable, Sequence

import dagster as dg

from music_pipeline.defs.instance.event_log import asset_events_in_batches
from music_pipeline.defs.partitions import ensure_partitions
from music_pipeline.worker.outcomes import Outcome

SAMPLE = 20
Context = dg.AssetExecutionContext | dg.OpExecutionContext
Event = dg.AssetMaterialization | dg.AssetObservation


def complaint(outcome: Outcome) -> str | None:
    """Why the work did not succeed: it failed, or it waits for a provider.

    None for a success.
    """
    if outcome.error is not None:
        return outcome.error
    return None if outcome.is_done else outcome.text


def event(asset: dg.AssetKey, outcome: Outcome, *, requested: bool) -> Event:
    """A materialization of changed or requested artists, an observation of all others."""
    if complaint(outcome) is not None:
        return dg.AssetObservation(
            asset_key=asset,
            partition=outcome.artist_key,
            metadata={"error": complaint(outcome), "waiting": outcome.is_waiting, "buried": outcome.is_dead},
        )
    kind = dg.AssetMaterialization if outcome.has_changed or requested else dg.AssetObservation
    return kind(
        asset_key=asset,
        partition=outcome.artist_key,
        metadata=outcome_metadata(outcome),
        tags={"dagster/data_version": outcome.content_hash},
    )


def outcome_metadata(outcome: Outcome) -> dict[str, int | bool | str]:
    """What the UI shows of an artist at a stage."""
    return {"dagster/partition_row_count": outcome.rows, "unchanged": not outcome.has_changed, "what": outcome.text}


def log_outcomes(context: Context, asset: dg.AssetKey, outcomes: Sequence[Outcome], *, requested: bool) -> None:
    """Log an event for each outcome with an artist.

    A name that was not resolved has no partition.
    """
    log_events(context, [event(asset, one, requested=requested) for one in outcomes if one.artist_key is not None])


def log_events(context: Context, events: Sequence[Event]) -> None:
    """Log events of artists, whose keys become partitions first."""
    ensure_partitions(context.instance, [str(one.partition) for one in events])
    with asset_events_in_batches(context.instance):
        for one in events:
            context.log_event(one)


def failures(outcomes: Iterable[Outcome]) -> dict[str, str]:
    """Why each artist, or each unresolved subject, failed."""
    found = {outcome.artist_key or outcome.subject: complaint(outcome) for outcome in outcomes}
    return {key: why for key, why in found.items() if why is not None}
