"""The checks of the sources and of `enriched_tracks`: what the last run got, and what there is over the catalogue.

A source that fails makes its check warn, never a run fail. sql/queries/enrichment.sql counts.
"""

from collections.abc import Iterable, Sequence

import dagster as dg
import sqlalchemy as sa

from music_pipeline.database.queries import query
from music_pipeline.defs.keys import ENRICHED_TRACKS, source_asset
from music_pipeline.defs.runs.checks import Verdict
from music_pipeline.defs.runs.counts import counted
from music_pipeline.defs.runs.events import SAMPLE, failures
from music_pipeline.defs.runs.source_events import SourceOutcome, source_outcomes, sources_of
from music_pipeline.stages.enrichment.sources import SOURCES
from music_pipeline.worker.outcomes import Outcome, SourceCount

WARN = dg.AssetCheckSeverity.WARN
# Some recordings are known to nobody but the provider that listed them, and a few not even to that one.
TOLERATED_WITHOUT_VALUES = 0.05


def enrichment_verdicts(engine: sa.Engine, outcomes: Sequence[Outcome]) -> list[Verdict]:
    """The verdicts of all checks that a sweep with these outcomes has something to say on."""
    found = [verdict for name in sources_of(outcomes) for verdict in source_verdicts(engine, name, outcomes)]
    return [*found, *enriched_verdicts(engine, outcomes)]


def source_verdicts(engine: sa.Engine, source: str, outcomes: Sequence[Outcome]) -> list[Verdict]:
    """The verdicts of a source's checks after a run with these outcomes."""
    return [source_last_run(source, source_outcomes(outcomes, source)), source_coverage(engine, source)]


def enriched_verdicts(engine: sa.Engine, outcomes: Sequence[Outcome]) -> list[Verdict]:
    """The verdicts of the checks of `enriched_tracks` after a run with these outcomes."""
    return [enriched_last_run(outcomes), enriched_coverage(engine), recordings_without_isrc(engine)]


def source_last_run(source: str, outcomes: Sequence[SourceOutcome]) -> Verdict:
    """Passed if nothing failed. A source that is skipped, for lack of credentials, is no failure, and is shown."""
    failed = {one.artist_key: one.count.error for one in outcomes if one.count.is_failed}
    skipped = {one.artist_key: one.count.error for one in outcomes if one.count.is_skipped}
    counts = [one.count for one in outcomes]
    attempted, found = _total(counts, "attempted"), _total(counts, "found")
    return Verdict(
        asset=source_asset(source),
        name="last_run",
        passed=not failed,
        severity=WARN,
        metadata={
            "attempted": attempted,
            "succeeded": found,
            "absent": _total(counts, "absent"),
            "failed": _total(counts, "failed"),
            "retriable": _total(counts, "retriable"),
            "share": _share(found, attempted),
            "waiting": _total(counts, "waiting"),
            "unneeded": _total(counts, "unneeded"),
            "skipped": _total(counts, "skipped"),
            "artists": len(outcomes),
            "artists_failed": len(failed),
            "sample": dict(sorted((failed or skipped).items())[:SAMPLE]),
        },
    )


def source_coverage(engine: sa.Engine, source: str, *, afresh: bool = False) -> Verdict:
    """Passed if no recording of the whole catalogue stands as failed at the source."""
    count = counted(engine, "coverage_of_source", {"source": source}, afresh=afresh)
    with engine.connect() as connection:
        values = {"source": source, "limit": SAMPLE}
        failing = connection.execute(query("failures_of_source"), values).all()
    return Verdict(
        asset=source_asset(source),
        name="coverage",
        passed=count.row["failed"] == 0,
        severity=WARN,
        metadata={
            **count.row,
            "share": _share(count.row["succeeded"], count.row["attempted"]),
            "sample": [f"{', '.join(row.artist_names)}: {row.title}: {row.error}" for row in failing],
            **count.told,
        },
    )


def enriched_last_run(outcomes: Sequence[Outcome]) -> Verdict:
    """Passed if every artist was reached, whatever the sources answered."""
    failed = failures(outcomes)
    return Verdict(
        asset=ENRICHED_TRACKS,
        name="last_run",
        passed=not failed,
        severity=WARN,
        metadata={
            "attempted": len(outcomes),
            "failed": len(failed),
            "sources": sources_of(outcomes),
            "sample": dict(sorted(failed.items())[:SAMPLE]),
        },
    )


def enriched_coverage(engine: sa.Engine, *, afresh: bool = False) -> Verdict:
    """Passed if few recordings have no value of anybody."""
    count = counted(engine, "enrichment_counts", afresh=afresh)
    counts = count.row
    total = sum(counts.values())
    return Verdict(
        asset=ENRICHED_TRACKS,
        name="coverage",
        passed=counts["failed"] + counts["pending"] <= TOLERATED_WITHOUT_VALUES * total,
        severity=WARN,
        metadata={
            **counts, "total": total, "share": _share(counts["completed"] + counts["partial"], total), **count.told
        },
    )  # fmt: skip


def recordings_without_isrc(engine: sa.Engine, *, afresh: bool = False) -> Verdict:
    """Passed if there is none; they are enriched all the same, by the sources that know names."""
    count = counted(engine, "recordings_without_isrc", afresh=afresh)
    total, missing = count.row["total"], count.row["without_isrc"]
    return Verdict(
        asset=ENRICHED_TRACKS,
        name="recordings_without_isrc",
        passed=missing == 0,
        severity=WARN,
        metadata={"total": total, "without_isrc": missing, "share": _share(missing, total), **count.told},
    )


def counted_enrichment_verdicts(engine: sa.Engine, *, afresh: bool) -> list[Verdict]:
    """The verdicts of the checks of enrichment that are counted over the catalogue."""
    return [
        *(source_coverage(engine, source, afresh=afresh) for source in SOURCES),
        enriched_coverage(engine, afresh=afresh),
        recordings_without_isrc(engine, afresh=afresh),
    ]


def _total(counts: Iterable[SourceCount], name: str) -> int:
    return sum(getattr(count, name) for count in counts)


def _share(part: int, whole: int) -> float | None:
    """None of nothing."""
    return round(part / whole, 4) if whole else None
