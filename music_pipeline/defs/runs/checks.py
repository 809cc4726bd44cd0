"""The verdicts of the checks after a run; sql/queries/checks.sql counts. Which there are, `defs/checks.py` declares."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import sqlalchemy as sa

from music_pipeline.database.queries import query
from music_pipeline.defs.checks import LONGEST_OVERDUE, CatalogCheck, checks_of
from music_pipeline.defs.keys import asset_of, queue_of
from music_pipeline.defs.runs.counts import Counted, counted
from music_pipeline.defs.runs.events import SAMPLE, failures
from music_pipeline.work import status
from music_pipeline.work.model import Stage
from music_pipeline.worker.outcomes import ASSET_OF_STAGE, Outcome


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found, for either way in which Dagster takes it."""

    asset: dg.AssetKey
    name: str
    passed: bool
    severity: dg.AssetCheckSeverity
    metadata: dict[str, Any]

    @property
    def key(self) -> dg.AssetCheckKey:
        return dg.AssetCheckKey(self.asset, self.name)

    def result(self) -> dg.AssetCheckResult:
        """For the run of the asset itself."""
        return dg.AssetCheckResult(
            passed=self.passed,
            asset_key=self.asset,
            check_name=self.name,
            severity=self.severity,
            metadata=self.metadata,
        )

    def evaluation(self) -> dg.AssetCheckEvaluation:
        """For a sweep, which is a run of another asset."""
        return dg.AssetCheckEvaluation(
            asset_key=self.asset,
            check_name=self.name,
            passed=self.passed,
            severity=self.severity,
            metadata={name: dg.MetadataValue.json(value) if isinstance(value, list | dict) else value
                      for name, value in self.metadata.items()},
        )  # fmt: skip


def verdicts(engine: sa.Engine, stage: Stage, outcomes: Sequence[Outcome]) -> list[Verdict]:
    """The verdicts of all checks of a stage's asset, after a run with these outcomes."""
    return [last_run(stage, outcomes), *standing_verdicts(engine, stage)]


def standing_verdicts(engine: sa.Engine, stage: Stage, *, afresh: bool = False) -> list[Verdict]:
    """The verdicts of the checks of a stage's asset that are about no run."""
    return [
        overdue(stage, status.overdue(engine, stage), as_of(engine, stage)),
        *counted_verdicts(engine, stage, afresh=afresh),
    ]


def counted_verdicts(engine: sa.Engine, stage: Stage, *, afresh: bool = False) -> list[Verdict]:
    """The verdicts of the checks that are counted over the catalogue; each says when that was."""
    return [
        judged(check, counted(engine, f"check_{ASSET_OF_STAGE[stage]}_{check.name}", afresh=afresh))
        for check in checks_of(stage)
    ]


def last_run(stage: Stage, outcomes: Sequence[Outcome]) -> Verdict:
    """Passed if nothing failed or waits."""
    failed = failures(outcomes)
    return Verdict(
        asset=asset_of(stage),
        name="last_run",
        passed=not failed,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "attempted": len(outcomes),
            "failed": len(failed),
            "sample": dict(sorted(failed.items())[:SAMPLE]),
        },
    )


def as_of(engine: sa.Engine, stage: Stage) -> dict[str, str]:
    """When each source last said the oldest of what the stage's asset shows: by source, as `as_of <source>`, in UTC."""
    ages = counted(engine, "catalogue_ages", {"assets": [ASSET_OF_STAGE[stage]]})
    oldest = {row["source"]: datetime.fromisoformat(row["oldest"]).astimezone(UTC) for row in ages.rows}
    return {f"as_of {source}": time.isoformat(timespec="minutes") for source, time in oldest.items()}


def overdue(stage: Stage, oldest: timedelta | None, ages: Mapping[str, str]) -> Verdict:
    """Passed if the oldest due work is no older than LONGEST_OVERDUE; `oldest` is None where nothing is due.

    `ages`: see `as_of`.
    """
    seconds = 0.0 if oldest is None else oldest.total_seconds()
    return Verdict(
        asset=asset_of(stage),
        name="overdue",
        passed=seconds <= LONGEST_OVERDUE.total_seconds(),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"oldest_due_minutes": round(seconds / 60, 1), "something_due": oldest is not None, **ages},
    )


def judged(check: CatalogCheck, count: Counted) -> Verdict:
    """Passed if at most the tolerated share of what was looked at is bad."""
    total, bad = count.row["total"], count.row["bad"]
    return Verdict(
        asset=asset_of(check.stage),
        name=check.name,
        passed=bad <= check.tolerated * total,
        severity=check.severity,
        metadata={
            "total": total,
            "bad": bad,
            "good_share": 1 - bad / total if total else 1.0,
            "sample": count.row["sample"] or [],
            **count.told,
        },
    )


def dead_work(engine: sa.Engine, stage: Stage) -> Verdict:
    """The check of a queue asset: nothing of the stage was given up."""
    with engine.connect() as connection:
        row = connection.execute(query("check_dead_work"), {"stage": stage.value}).one()
    return Verdict(
        asset=queue_of(stage),
        name="dead_work",
        passed=row.bad == 0,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"open": row.total - row.bad, "dead": row.bad, "sample": row.sample or []},
    )
