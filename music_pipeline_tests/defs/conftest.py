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


@pytest.fixture
def instance(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """The instance that `dagster.yaml` describes, on the test's database."""
    monkeypatch.setenv("DAGSTER_HOME", str(PROJECT))
    with dg.DagsterInstance.get() as opened:
        yield opened
