"""The results of the checks of sources and of `enriched_tracks`.

A failing source makes its check warn. It never fails a run. sql/queries/enrichment.sql counts.
"""

from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from music_pipeline.database.queries import query
from music_pipeline.defs.keys import ENRICHED_TRACKS, source_asset
from music_pipeline.defs.runs.counts import count
from music_pipeline.defs.runs.events import SAMPLE, failures
from music_pipeline.defs.runs.source_events import SourceOutcome, source_outcomes, sources_of
from music_pipeline.defs.runs.stage_checks import WARN, CheckResult
from music_pipeline.stages.enrichment.sources import SOURCES
from music_pipeline.worker.outcomes import Outcome, SourceCount

# Some recordings are known only to the provider that listed them, and a few not even to that one.
TOLERATED_WITHOUT_VALUES = 0.05


def swept_source_results(engine: sa.Engine, outcomes: Sequence[Outcome]) -> list[CheckResult]:
    """The results of the checks of every source in a sweep, and of `enriched_tracks`."""
    found = [one for name in sources_of(outcomes) for one in source_results(engine, name, outcomes)]
    return [*found, *enriched_results(engine, outcomes)]


def source_results(engine: sa.Engine, source: str, outcomes: Sequence[Outcome]) -> list[CheckResult]:
    """The results of a source's checks after a run with these outcomes."""
    return [source_last_run(source, source_outcomes(outcomes, source)), source_coverage(engine, source)]


def enriched_results(engine: sa.Engine, outcomes: Sequence[Outcome]) -> list[CheckResult]:
    """The results of the checks of `enriched_tracks` after a run with these outcomes."""
    return [enriched_last_run(outcomes), enriched_coverage(engine), recordings_without_isrc(engine)]


def source_last_run(source: str, outcomes: Sequence[SourceOutcome]) -> CheckResult:
    """Passed if nothing failed.

    A source skipped for lack of credentials is shown, but is no failure.
    """
    failed = {one.artist_key: one.count.error for one in outcomes if one.count.is_failed}
    skipped = {one.artist_key: one.count.error for one in outcomes if one.count.is_skipped}
    counts = [one.count for one in outcomes]
    attempted, found = _total(counts, "attempted"), _total(counts, "found")
    return CheckResult(
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


def source_coverage(engine: sa.Engine, source: str, *, afresh: bool = False) -> CheckResult:
    """Passed if no recording of the catalogue stands as failed at the source."""
    counted = count(engine, "coverage_of_source", {"source": source}, afresh=afresh)
    with engine.connect() as connection:
        values = {"source": source, "limit": SAMPLE}
        failing = connection.execute(query("failures_of_source"), values).all()
    return CheckResult(
        asset=source_asset(source),
        name="coverage",
        passed=counted.row["failed"] == 0,
        severity=WARN,
        metadata={
            **counted.row,
            "share": _share(counted.row["succeeded"], counted.row["attempted"]),
            "sample": [f"{', '.join(row.artist_names)}: {row.title}: {row.error}" for row in failing],
            **counted.metadata,
        },
    )


def enriched_last_run(outcomes: Sequence[Outcome]) -> CheckResult:
    """Passed if every artist was reached, whatever the sources returned."""
    failed = failures(outcomes)
    return CheckResult(
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


def enriched_coverage(engine: sa.Engine, *, afresh: bool = False) -> CheckResult:
    """Passed if few recordings have no value from any source."""
    counted = count(engine, "enrichment_counts", afresh=afresh)
    counts = counted.row
    total = sum(counts.values())
    return CheckResult(
        asset=ENRICHED_TRACKS,
        name="coverage",
        passed=counts["failed"] + counts["pending"] <= TOLERATED_WITHOUT_VALUES * total,
        severity=WARN,
        metadata={
            **counts,
            "total": total,
            "share": _share(counts["completed"] + counts["partial"], total),
            **counted.metadata,
        },
    )


def recordings_without_isrc(engine: sa.Engine, *, afresh: bool = False) -> CheckResult:
    """Passed if every recording has an ISRC.

    Sources that go by name enrich the others too.
    """
    counted = count(engine, "recordings_without_isrc", afresh=afresh)
    total, missing = counted.row["total"], counted.row["without_isrc"]
    return CheckResult(
        asset=ENRICHED_TRACKS,
        name="recordings_without_isrc",
        passed=missing == 0,
        severity=WARN,
        metadata={"total": total, "without_isrc": missing, "share": _share(missing, total), **counted.metadata},
    )


def counted_source_results(engine: sa.Engine, *, afresh: bool) -> list[CheckResult]:
    """The results of the checks of enrichment that are counted over the catalogue."""
    return [
        *(source_coverage(engine, source, afresh=afresh) for source in SOURCES),
        enriched_coverage(engine, afresh=afresh),
        recordings_without_isrc(engine, afresh=afresh),
    ]


def _total(counts: Iterable[SourceCount], name: str) -> int:
    return sum(getattr(count, name) for count in counts)


def _share(part: int, whole: int) -> float | None:
    """The share, or None if the whole is nothing."""
    return round(part / whole, 4) if whole else None
