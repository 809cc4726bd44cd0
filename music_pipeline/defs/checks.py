"""The checks of the assets, and what they tolerate.

Their results are made in `defs/runs/`.

Each run that materializes an asset logs its checks once, at the end. A second evaluation in the same run would replace
the first, and a newer materialization hides older evaluations. Checks of a large catalogue report the last counts,
and when they were made (`defs/runs/counts.py`).
"""

from dataclasses import dataclass
from datetime import timedelta

import dagster as dg

from music_pipeline.defs.keys import ENRICHED_TRACKS, asset_of, queue_of, source_asset
from music_pipeline.stages.enrichment.sources import SOURCES
from music_pipeline.work.model import Stage
from music_pipeline.work.stages import STAGES

# Three ticks of producers, the slowest queue with this check. Work due for longer shows that the pipeline falls behind.
LONGEST_OVERDUE = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class CatalogCheck:
    """A check counted by the statement `check_<asset>_<name>`.

    Fails if more than the share `tolerated` is bad.
    """

    stage: Stage
    name: str
    description: str
    tolerated: float = 0.0
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.WARN


ERROR = dg.AssetCheckSeverity.ERROR
NOTHING_FAILED = "In the last run nothing failed."
CATALOG_CHECKS = (
    CatalogCheck(Stage.ARTIST_DISCOVERY, "coverage", "Identity resolved at least 90 % of what was asked for.", 0.1),
    CatalogCheck(Stage.ARTIST_DISCOVERY, "uniqueness", "No artist is two in one, and none is there twice."),
    CatalogCheck(Stage.ARTIST_DISCOVERY, "orphans", "Every id of a provider belongs to an artist.", 0, ERROR),
    CatalogCheck(
        Stage.ALBUM_DISCOVERY, "coverage", "At least 95 % of the artists have releases, or none to have.", 0.05
    ),
    CatalogCheck(
        Stage.ALBUM_DISCOVERY, "uniqueness", "At most 2 % of the releases have a twin under another id.", 0.02
    ),
    CatalogCheck(Stage.ALBUM_DISCOVERY, "orphans", "Every release is some artist's.", 0, ERROR),
    CatalogCheck(Stage.ALBUM_DISCOVERY, "incomplete_answers", "No list is held back because it shrank too much."),
    CatalogCheck(Stage.TRACK_DISCOVERY, "coverage", "At least 98 % of the tracks that releases have are held.", 0.02),
    CatalogCheck(Stage.TRACK_DISCOVERY, "uniqueness", "No recording is there twice."),
    CatalogCheck(Stage.TRACK_DISCOVERY, "orphans", "Recordings are on tracks, tracks on releases.", 0, ERROR),
    CatalogCheck(Stage.TRACK_DISCOVERY, "releases_without_tracks", "No release is without tracks."),
    CatalogCheck(Stage.TRACK_DISCOVERY, "incomplete_answers", "No track list is held back or known in part only."),
    CatalogCheck(Stage.PRODUCER_IDENTIFICATION, "coverage", "Sources of credits spoke of 95 % of the artists.", 0.05),
    CatalogCheck(Stage.PRODUCER_IDENTIFICATION, "uniqueness", "No recording has one producer twice."),
    CatalogCheck(Stage.PRODUCER_IDENTIFICATION, "orphans", "Credits have sources, producers credits.", 0, ERROR),
    CatalogCheck(Stage.PRODUCER_IDENTIFICATION, "recordings_with_a_producer", "At least 30 % of the recordings.", 0.7),
    CatalogCheck(
        Stage.PRODUCER_IDENTIFICATION, "incomplete_answers", "No credits are held back or known in part only."
    ),
)


def checks_of(stage: Stage) -> list[CatalogCheck]:
    """The checks of a stage that are counted over the catalogue."""
    return [check for check in CATALOG_CHECKS if check.stage is stage]


def stage_check_specs(stage: Stage) -> list[dg.AssetCheckSpec]:
    """The checks of a stage's asset."""
    asset = asset_of(stage)
    return [
        dg.AssetCheckSpec("last_run", asset=asset, description=NOTHING_FAILED),
        dg.AssetCheckSpec("overdue", asset=asset, description=f"No work is due for more than {LONGEST_OVERDUE}."),
        *(dg.AssetCheckSpec(check.name, asset=asset, description=check.description) for check in checks_of(stage)),
    ]


def queue_check_specs(stage: Stage) -> list[dg.AssetCheckSpec]:
    """The checks of a stage's queue.

    Where no asset has events, the queue says how the last run went.
    """
    asset = queue_of(stage)
    dead_work = dg.AssetCheckSpec("dead_work", asset=asset, description="No work of the stage was given up.")
    if STAGES[stage].reports != "work":
        return [dead_work]
    return [dead_work, dg.AssetCheckSpec("last_run", asset=asset, description=NOTHING_FAILED)]


def source_check_specs(source: str) -> list[dg.AssetCheckSpec]:
    """The checks of a source's asset."""
    asset = source_asset(source)
    return [
        dg.AssetCheckSpec("last_run", asset=asset, description="In the last run every request was answered."),
        dg.AssetCheckSpec("coverage", asset=asset, description="No recording of the catalogue has a failure here."),
    ]


def enriched_check_specs() -> list[dg.AssetCheckSpec]:
    """The checks of `enriched_tracks`."""
    described = {
        "last_run": "In the last run every artist was reached.",
        "coverage": "At least 95 % of the recordings have values of some provider.",
        "recordings_without_isrc": "Every recording has an ISRC, by which most sources know recordings.",
    }
    return [dg.AssetCheckSpec(name, asset=ENRICHED_TRACKS, description=text) for name, text in described.items()]


def enrichment_check_specs() -> list[dg.AssetCheckSpec]:
    """The checks of every asset of enrichment."""
    return [*(spec for source in SOURCES for spec in source_check_specs(source)), *enriched_check_specs()]
