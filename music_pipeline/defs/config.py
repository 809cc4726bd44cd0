"""What the launch pad can configure: sweeps, and the job that reprocesses."""

from collections.abc import Mapping

import dagster as dg
from pydantic import Field

from music_pipeline.work.stages import LaunchOption


class SweepConfig(dg.Config):
    """What one sweep of a queue does."""

    time_box_seconds: float = Field(default=300, gt=0, description="No work is begun after this time.")
    limit: int | None = Field(default=None, gt=0, description="At most this many pieces of work.")


class DiscoverConfig(SweepConfig):
    """A sweep of requested artists, with more artists to request first."""

    artists: list[str] = Field(default=[], description="Names, Spotify ids or links of artists to discover first.")
    force: bool = Field(default=False, description="Discover them again even if that was just done.")


class EnrichmentSweepConfig(SweepConfig):
    """A sweep of enrichment that no longer waits for some providers."""

    providers_back: list[str] = Field(
        default=[], description="Providers that are back: whatever waits for them is due now."
    )


CONFIG_OF_LAUNCH: Mapping[LaunchOption | None, type[SweepConfig]] = {
    None: SweepConfig,
    "artists": DiscoverConfig,
    "providers_back": EnrichmentSweepConfig,
}


class ReprocessConfig(dg.Config):
    """Which rows to fetch again. Without a filter: all that failed."""

    dry_run: bool = Field(default=False, description="Only show what would be fetched again.")
    days: int | None = Field(default=None, gt=0, description="What failed within this many days.")
    start_date: str | None = Field(default=None, description="What failed from this day on (2026-01-31, UTC).")
    end_date: str | None = Field(default=None, description="What failed before this day (2026-01-31, UTC).")
    track_id: list[str] = Field(default=[], description="These tracks or recordings, by our id or a provider's.")
    retriable_only: bool = Field(default=False, description="What was not fetched: breaker open, quota used up.")
    non_retriable_only: bool = Field(default=False, description="What was fetched and failed.")
    source: list[str] = Field(default=[], description="These sources only.")
    status: list[str] = Field(default=[], description="Recordings that are completed, partial, failed or pending.")
    limit: int | None = Field(default=None, gt=0, description="At most this many recordings, latest failure first.")
    trigger_now: bool = Field(default=False, description="Fetch in this run instead of the next sweep.")
