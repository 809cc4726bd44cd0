"""A real Dagster instance on the test's database, and stages that do as the test says instead of asking providers."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import dagster as dg
import pytest
import sqlalchemy as sa

from music_pipeline.settings import PROJECT
from music_pipeline.stages import runner
from music_pipeline.stages.runner import Chunk, Outcome
from music_pipeline.work import Stage


def outcome_of(
    artist: str | None, *, version: str = "v1", changed: bool = True, error: str | None = None, waiting: bool = False
) -> Outcome:
    """An outcome with three rows, a failure, or one that waits for a provider."""
    return Outcome(
        subject=artist or "somebody",
        artist_key=artist,
        rows=3,
        content_hash=f"{artist}-{version}",
        changed=changed,
        error=error,
        waiting=waiting,
        buried=False,
        text="3 rows",
    )


@dataclass
class Stages:
    """Stages that record what they were asked, fail for whom the test says, and drain what the test put there."""

    failing: dict[tuple[Stage, str], str] = field(default_factory=dict)
    due: dict[Stage, list[Outcome]] = field(default_factory=dict)
    asked: list[tuple[Stage, tuple[str, ...]]] = field(default_factory=list)
    cutoffs: set[datetime] = field(default_factory=set)

    def refresh(
        self,
        stage: Stage,
        artist_keys: Sequence[str],
        *,
        run_id: str,
        cutoff: datetime,
        on_chunk: Callable[[Chunk], None],
    ) -> list[Outcome]:
        self.asked.append((stage, tuple(artist_keys)))
        self.cutoffs.add(cutoff)
        return [outcome_of(key, error=self.failing.get((stage, key))) for key in artist_keys]

    def drain(
        self, stage: Stage, *, run_id: str, time_box: float, limit: int | None, on_chunk: Callable[[Chunk], None]
    ) -> Iterator[Outcome]:
        yield from self.due.pop(stage, [])


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch) -> Stages:
    """The stages, replaced for the test."""
    fake = Stages()
    monkeypatch.setattr(runner, "refresh", fake.refresh)
    monkeypatch.setattr(runner, "drain", fake.drain)
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
