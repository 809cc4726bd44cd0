"""The main job against the sandbox over HTTP, without Dagster: request artists, then sweep what is due."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from music_pipeline.sandbox.process import SandboxProcess
from music_pipeline.work.enqueue import request_artist_discovery
from music_pipeline.work.model import Enqueued
from music_pipeline.work.stages import catalog_stages
from music_pipeline.worker.outcomes import Outcome
from music_pipeline.worker.runner import sweep
from music_pipeline_tests.conftest import filled_database, fresh_engine

SPEED = 60
FEW_TRACKS = 60


@dataclass
class Pipeline:
    """One database and one sandbox."""

    engine: sa.Engine
    sandbox: SandboxProcess

    def discover(self, *requested: str, force: bool = False) -> list[Enqueued]:
        with self.engine.begin() as connection:
            return [
                request_artist_discovery(connection, one, force=force, fresh_for=timedelta(hours=24))
                for one in requested
            ]

    def sweep(self, run_id: str = "sweep", time_box: float = 60) -> list[Outcome]:
        return [one for stage in catalog_stages() for one in sweep(stage, run_id=run_id, time_box=time_box)]

    def rows(self, statement: str, **parameters: Any) -> list[Any]:
        with self.engine.connect() as connection:
            return list(connection.execute(sa.text(statement), parameters))

    def value(self, statement: str, **parameters: Any) -> Any:
        return self.rows(statement, **parameters)[0][0]

    def make_due(self) -> None:
        """Let time pass until waiting work is due and open breakers close."""
        with self.engine.begin() as connection:
            connection.execute(sa.text("UPDATE work SET available_at = now() - interval '1 second'"))
            connection.execute(sa.text("UPDATE provider_breakers SET open_until = now() WHERE state = 'open'"))

    def facts(self) -> tuple[Any, ...]:
        """What the catalogue holds, without ids and times."""
        return tuple(
            tuple(map(tuple, self.rows(statement)))
            for statement in (
                "SELECT artist_key, name FROM artists ORDER BY 1",
                "SELECT title, release_type, release_date, total_tracks FROM releases ORDER BY 1, 2, 3, 4",
                "SELECT title, disc_number, position FROM tracks ORDER BY 1, 2, 3",
                "SELECT artist, release, track, producer, role_class, sources, confidence FROM credit_view "
                "ORDER BY 1, 2, 3, 4, 5, 6",
            )
        )


@pytest.fixture
def pipeline(
    engine: sa.Engine, sandbox: Callable[..., SandboxProcess], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Pipeline]:
    """A fresh database against the generated world. The faults of a test are cleared at its end."""
    yield from _pipeline(engine, sandbox(speed=SPEED), monkeypatch)


@pytest.fixture
def shrinking_pipeline(
    engine: sa.Engine, sandbox: Callable[..., SandboxProcess], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Pipeline]:
    """The pipeline in its own world, whose lists may be made shorter."""
    yield from _pipeline(engine, sandbox(speed=SPEED, seed=7), monkeypatch)


def _pipeline(engine: sa.Engine, process: SandboxProcess, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipeline]:
    monkeypatch.setenv("MUSIC_SANDBOX_URL", process.url)
    process.clear_faults()
    yield Pipeline(engine, process)
    process.clear_faults()


@pytest.fixture
def small_artists(pipeline: Pipeline) -> list[str]:
    """Spotify ids of artists, those with the fewest tracks first."""
    return small_artists_of(pipeline)


def small_artists_of(pipeline: Pipeline) -> list[str]:
    return list(smallest_of(pipeline.sandbox))


@cache
def smallest_of(sandbox: SandboxProcess) -> tuple[str, ...]:
    """Spotify ids of the artists of a sandbox who are on Discogs, with the fewest tracks first.

    Ids are taken, not names: whether a name is unique is another test's business. The sandbox takes a second to count.
    """
    listed = [one["spotify_id"] for one in sandbox.artists()]
    rows = zip(listed, sandbox.bound(listed)["artists"], strict=True)
    ordered = sorted((row["spotify"], spotify_id) for spotify_id, row in rows if row["discogs"] > 1)
    return tuple(spotify_id for _, spotify_id in ordered)


@pytest.fixture(scope="session")
def discovered_database(postgres_url: str, template_database: str, sandbox: Callable[..., SandboxProcess]) -> str:
    """The name of a database with one artist of whom everything but enrichment is known; tests get copies of it."""
    process = sandbox(speed=SPEED)

    def discover(engine: sa.Engine) -> None:
        pipeline = Pipeline(engine, process)
        pipeline.discover(smallest_of(process)[0])
        assert [one.error for one in pipeline.sweep()] == [None] * 4

    process.clear_faults()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("MUSIC_SANDBOX_URL", process.url)
        return filled_database(postgres_url, template_database, discover)


@pytest.fixture
def discovered(
    postgres_url: str,
    discovered_database: str,
    sandbox: Callable[..., SandboxProcess],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Pipeline]:
    """One artist with everything but enrichment, of which the request is open. Nothing is counted yet."""
    with fresh_engine(postgres_url, discovered_database, tmp_path, monkeypatch) as engine:
        for pipeline in _pipeline(engine, sandbox(speed=SPEED), monkeypatch):
            pipeline.sandbox.reset_stats()
            yield pipeline
