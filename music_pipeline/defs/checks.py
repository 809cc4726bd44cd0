"""The checks of the assets: which there are, and what they tolerate. Their verdicts are in `defs/runs/checks.py`.

A check is logged once at the end of every run that materializes its asset: a second evaluation of one run would replace
the first, and one of an older run is hidden by a newer materialization. What is counted over a large catalogue is
logged as it was last counted, and says when (`running/counting.py`).
"""

from dataclasses import dataclass
from datetime import timedelta

import dagster as dg

from music_pipeline.defs.keys import ENRICHED_TRACKS, asset_of, source_asset
from music_pipeline.stages.enrichment.sources import SOURCES
from music_pipeline.work.model import Stage

# Three ticks of the slowest queue: work that has been due for longer shows that the pipeline does not keep up.
LONGEST_OVERDUE = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class CatalogCheck:
    """A check counted by the statement `check_<asset>_<name>`; failed if a larger share than `tolerated` is bad."""

    stage: Stage
    name: str
    description: str
    tolerated: float = 0.0
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.WARN


ERROR = dg.AssetCheckSeverity.ERROR
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
    """Those that are counted over the catalogue."""
    return [check for check in CATALOG_CHECKS if check.stage is stage]


def check_specs(stage: Stage) -> list[dg.AssetCheckSpec]:
    """All checks of a stage's asset, as Dagster wants them declared."""
    asset = asset_of(stage)
    return [
        dg.AssetCheckSpec("last_run", asset=asset, description="In the last run nothing failed."),
        dg.AssetCheckSpec("overdue", asset=asset, description=f"No work is due for more than {LONGEST_OVERDUE}."),
        *(dg.AssetCheckSpec(check.name, asset=asset, description=check.description) for check in checks_of(stage)),
    ]


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


def all_check_specs() -> list[dg.AssetCheckSpec]:
    """Every check of enrichment."""
    return [*(spec for source in SOURCES for spec in source_check_specs(source)), *enriched_check_specs()]
