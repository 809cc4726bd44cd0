"""A real Dagster instance on the test's database, and stages that do as the test says instead of asking providers."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa

from music_pipeline.settings import PROJECT
from music_pipeline.work.model import Stage
from music_pipeline.worker import runner
from music_pipeline.worker.outcomes import Outcome, Progress, SourceCount, Status


def outcome_of(
    artist: str | None, *, version: str = "v1", changed: bool = True, error: str | None = None, waiting: bool = False
) -> Outcome:
    """An outcome with three rows, a failure, or one that waits for a provider."""
    return Outcome(
        subject=artist or "somebody",
        artist_key=artist,
        rows=3,
        content_hash=f"{artist}-{version}",
        status=_status(changed=changed, error=error, waiting=waiting),
        error=error,
        text="3 rows",
    )


def _status(*, changed: bool, error: str | None, waiting: bool) -> Status:
    if waiting:
        return Status.WAITING
    return Status.of_change(has_changed=changed) if error is None else Status.FAILED


def source_count(**different: Any) -> dict[str, Any]:
    """What one source gave for one artist: one recording found, unless `different`."""
    count = SourceCount(
        rows=1, version="v1", changed=True, found=1, absent=0, failed=0, retriable=0, waiting=0, unneeded=0, skipped=0,
        error=None,
    )  # fmt: skip
    return asdict(count) | different


@dataclass
class Stages:
    """Stages that record what they were asked, fail for whom the test says, and drain what the test put there."""

    failing: dict[tuple[Stage, str], str] = field(default_factory=dict)
    due: dict[Stage, list[Outcome]] = field(default_factory=dict)
    asked: list[tuple[Stage, tuple[str, ...]]] = field(default_factory=list)
    cutoffs: set[datetime] = field(default_factory=set)
    answers: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    asked_sources: list[tuple[str, ...]] = field(default_factory=list)

    def refresh(
        self,
        stage: Stage,
        artist_keys: Sequence[str],
        *,
        run_id: str,
        cutoff: datetime,
        on_chunk: Callable[[Progress], None],
        sources: Sequence[str] | None = None,
    ) -> list[Outcome]:
        self.asked.append((stage, tuple(artist_keys)))
        self.cutoffs.add(cutoff)
        if sources is not None:
            return [self.enriched(key, sources) for key in artist_keys]
        return [outcome_of(key, error=self.failing.get((stage, key))) for key in artist_keys]

    def enriched(self, artist: str, sources: Sequence[str]) -> Outcome:
        """What asking these sources about the artist gave: as `answers` says, else one new recording each."""
        if error := self.failing.get((Stage.ENRICHMENT, artist)):
            return outcome_of(artist, error=error)
        self.asked_sources.append(tuple(sources))
        told = {source: self.answers.get((source, artist), source_count()) for source in sources}
        return replace(outcome_of(artist), detail={"sources": told})

    def drain(
        self, stage: Stage, *, run_id: str, time_box: float, limit: int | None, on_chunk: Callable[[Progress], None]
    ) -> Iterator[Outcome]:
        yield from self.due.pop(stage, [])


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch) -> Stages:
    """The stages, replaced for the test."""
    fake = Stages()
    monkeypatch.setattr(runner, "refresh", fake.refresh)
    monkeypatch.setattr(runner, "sweep", fake.drain)
    return fake


@pytest.fixture(scope="session")
def template_database(postgres_url: str, template_database: str) -> str:
    """The migrated database, with the tables of Dagster's storage too: to make them takes longer than most tests."""
    url = sa.make_url(postgres_url).set(database=template_database).render_as_string(hide_password=False)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DATABASE_URL", url)
        environment.setenv("DAGSTER_HOME", str(PROJECT))
        with dg.DagsterInstance.get() as opened:
            assert opened.get_runs_count() == 0
    return template_database


@pytest.fixture
def instance(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """The instance that `dagster.yaml` describes, on the test's database."""
    monkeypatch.setenv("DAGSTER_HOME", str(PROJECT))
    with dg.DagsterInstance.get() as opened:
        # Dagster connects anew for each event, unless told that a process stays.
        opened.optimize_for_webserver(statement_timeout=60_000, pool_recycle=600, max_overflow=5)
        yield opened
