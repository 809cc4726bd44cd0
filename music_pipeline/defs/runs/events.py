"""What became of an artist at a stage, as Dagster's events; one for each artist and stage, never for a track.

How the work is done, and when a run counts as failed, is not for here.
"""

from collections.abc import Sequence

import dagster as dg

from music_pipeline.defs.partitions import ensure_partitions
from music_pipeline.worker.outcomes import Outcome

SAMPLE = 20
Context = dg.AssetExecutionContext | dg.OpExecutionContext


def complaint(outcome: Outcome) -> str | None:
    """Why the outcome is no success, in words: it failed, or it waits for a provider. None for a success."""
    if outcome.error is not None:
        return outcome.error
    return None if outcome.is_done else outcome.text


def event(asset: dg.AssetKey, outcome: Outcome, *, asked_for: bool) -> dg.AssetMaterialization | dg.AssetObservation:
    """Changed, or asked for by hand: a materialization. Unchanged, failed or waiting: an observation."""
    if complaint(outcome) is not None:
        return dg.AssetObservation(
            asset_key=asset,
            partition=outcome.artist_key,
            metadata={"error": complaint(outcome), "waiting": outcome.is_waiting, "buried": outcome.is_dead},
        )
    kind = dg.AssetMaterialization if outcome.has_changed or asked_for else dg.AssetObservation
    return kind(
        asset_key=asset,
        partition=outcome.artist_key,
        metadata=metadata_of(outcome),
        tags={"dagster/data_version": outcome.content_hash},
    )


def metadata_of(outcome: Outcome) -> dict[str, int | bool | str]:
    """What the UI shows of an artist at a stage."""
    return {"dagster/partition_row_count": outcome.rows, "unchanged": not outcome.has_changed, "what": outcome.text}


def log_outcomes(context: Context, asset: dg.AssetKey, outcomes: Sequence[Outcome], *, asked_for: bool) -> None:
    """Log an event for each outcome that has an artist; a name that was not resolved to one has no partition."""
    known = [outcome for outcome in outcomes if outcome.artist_key is not None]
    ensure_partitions(context.instance, {outcome.artist_key for outcome in known if outcome.artist_key is not None})
    for outcome in known:
        context.log_event(event(asset, outcome, asked_for=asked_for))


def failures(outcomes: Sequence[Outcome]) -> dict[str, str]:
    """Artist key, or what was asked for where there is none, to why it failed."""
    found = {outcome.artist_key or outcome.subject: complaint(outcome) for outcome in outcomes}
    return {who: why for who, why in found.items() if why is not None}
