"""The results of a stage's checks after a run.

`defs/checks.py` declares them, sql/queries/checks.sql counts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import sqlalchemy as sa

from music_pipeline.database.queries import query
from music_pipeline.defs.checks import LONGEST_OVERDUE, CatalogCheck, checks_of
from music_pipeline.defs.keys import asset_of, queue_of
from music_pipeline.defs.runs.counts import Count, count
from music_pipeline.defs.runs.events import SAMPLE, failures
from music_pipeline.work import status
from music_pipeline.work.model import Stage
from music_pipeline.work.stages import STAGES
from music_pipeline.worker.outcomes import Outcome

WARN = dg.AssetCheckSeverity.WARN


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of a check, for both forms in which Dagster takes it."""

    asset: dg.AssetKey
    name: str
    passed: bool
    severity: dg.AssetCheckSeverity
    metadata: dict[str, Any]

    @property
    def key(self) -> dg.AssetCheckKey:
        return dg.AssetCheckKey(self.asset, self.name)

    def result(self) -> dg.AssetCheckResult:
        """The form for a run of the asset itself."""
        return dg.AssetCheckResult(
            passed=self.passed,
            asset_key=self.asset,
            check_name=self.name,
            severity=self.severity,
            metadata=self.metadata,
        )

    def evaluation(self) -> dg.AssetCheckEvaluation:
        """The form for a sweep, which is a run of another asset."""
        return dg.AssetCheckEvaluation(
            asset_key=self.asset,
            check_name=self.name,
            passed=self.passed,
            severity=self.severity,
            metadata={name: dg.MetadataValue.json(value) if isinstance(value, list | dict) else value
                      for name, value in self.metadata.items()},
        )  # fmt: skip


def stage_results(engine: sa.Engine, stage: Stage, outcomes: Sequence[Outcome]) -> list[CheckResult]:
    """The results of all checks of a stage's asset, after a run with these outcomes."""
    return [last_run(asset_of(stage), outcomes), *standing_results(engine, stage)]


def standing_results(engine: sa.Engine, stage: Stage, *, afresh: bool = False) -> list[CheckResult]:
    """The results of the checks of a stage's asset that do not depend on a run."""
    return [
        overdue(stage, status.overdue(engine, stage), as_of(engine, stage)),
        *counted_results(engine, stage, afresh=afresh),
    ]


def counted_results(engine: sa.Engine, stage: Stage, *, afresh: bool = False) -> list[CheckResult]:
    """The results of the checks that are counted over the catalogue. Each says when."""
    asset, parameters = STAGES[stage].asset, {"stage": stage.value}
    return [
        judge(check, count(engine, f"check_{asset}_{check.name}", parameters, afresh=afresh))
        for check in checks_of(stage)
    ]


def last_run(asset: dg.AssetKey, outcomes: Sequence[Outcome]) -> CheckResult:
    """Passed if nothing failed or waits."""
    failed = failures(outcomes)
    return CheckResult(
        asset=asset,
        name="last_run",
        passed=not failed,
        severity=WARN,
        metadata={
            "attempted": len(outcomes),
            "failed": len(failed),
            "sample": dict(sorted(failed.items())[:SAMPLE]),
        },
    )


def as_of(engine: sa.Engine, stage: Stage, *, afresh: bool = False) -> dict[str, str]:
    """The age of the oldest shown value of each source, as `as_of <source>` in UTC."""
    ages = count(engine, "catalogue_ages", {"assets": [STAGES[stage].asset]}, afresh=afresh)
    oldest = {row["source"]: datetime.fromisoformat(row["oldest"]).astimezone(UTC) for row in ages.rows}
    return {f"as_of {source}": time.isoformat(timespec="minutes") for source, time in oldest.items()}


def overdue(stage: Stage, oldest: timedelta | None, ages: Mapping[str, str]) -> CheckResult:
    """Passed if no due work is older than LONGEST_OVERDUE.

    `oldest` is None if nothing is due. `ages`: see `as_of`.
    """
    seconds = 0.0 if oldest is None else oldest.total_seconds()
    return CheckResult(
        asset=asset_of(stage),
        name="overdue",
        passed=seconds <= LONGEST_OVERDUE.total_seconds(),
        severity=WARN,
        metadata={"oldest_due_minutes": round(seconds / 60, 1), "something_due": oldest is not None, **ages},
    )


def judge(check: CatalogCheck, counted: Count) -> CheckResult:
    """Passed if at most the tolerated share is bad."""
    total, bad = counted.row["total"], counted.row["bad"]
    return CheckResult(
        asset=asset_of(check.stage),
        name=check.name,
        passed=bad <= check.tolerated * total,
        severity=check.severity,
        metadata={
            "total": total,
            "bad": bad,
            "good_share": 1 - bad / total if total else 1.0,
            "sample": counted.row["sample"] or [],
            **counted.metadata,
        },
    )


def dead_work(engine: sa.Engine, stage: Stage) -> CheckResult:
    """Passed if no work of the stage was given up. A check of the queue asset."""
    with engine.connect() as connection:
        row = connection.execute(query("check_dead_work"), {"stage": stage.value}).one()
    return CheckResult(
        asset=queue_of(stage),
        name="dead_work",
        passed=row.bad == 0,
        severity=WARN,
        metadata={"open": row.total - row.bad, "dead": row.bad, "sample": row.sample or []},
    )
