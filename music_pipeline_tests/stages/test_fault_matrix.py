"""Every kind of fault at every provider: in the end the rows are those of a run without faults."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from music_pipeline import database
from music_pipeline.digest import TableDigest, digest
from music_pipeline.providers import genius
from music_pipeline.providers.musicbrainz import MusicBrainzClient
from music_pipeline.providers.registry import PROVIDERS
from music_pipeline.sandbox.faults import WITH_TOKEN
from music_pipeline.sandbox.process import SandboxProcess
from music_pipeline.work import Selector, requeue
from music_pipeline_tests.conftest import created_database
from music_pipeline_tests.stages.conftest import Pipeline
from music_pipeline_tests.stages.whole_runs import (
    STAGES,
    let_a_day_go_by,
    let_a_quarter_go_by,
    run_until_nothing_is_open,
    smallest,
    sweep_all,
)

SPEED = 600  # quotas are not what is judged here
SEED = 41
ARTISTS = 2
SWEEPS_UNDER_FAULTS = 2
SWEEPS_TO_RECOVER = 8
SOMETIMES = {"probability": 0.4, "count": 4}
KINDS: dict[str, dict[str, Any]] = {
    "latency": {"kind": "latency", "seconds": 0.3, **SOMETIMES},
    "429 of seconds": {"kind": "429", "retry_after": 120, **SOMETIMES},
    "429 of a day": {"kind": "429", "retry_after": 86_400, "count": 1},
    "5xx": {"kind": "5xx", **SOMETIMES},
    "reset": {"kind": "reset", **SOMETIMES},
    "truncated_json": {"kind": "truncated_json", **SOMETIMES},
    "drip": {"kind": "drip", "seconds": 0.5, **SOMETIMES},
    "html": {"kind": "html", **SOMETIMES},
    "html as 200": {"kind": "html", "status": 200, **SOMETIMES},
    "expired_token": {"kind": "expired_token", "count": 1},
    "duplicate_page": {"kind": "duplicate_page"},
    "total_changes": {"kind": "total_changes"},
    "vanished_endpoint": {"kind": "vanished_endpoint", "count": 2},
}


def makes_sense(provider: str, kind: str) -> bool:
    return kind != "expired_token" or provider in WITH_TOKEN


CELLS = [(provider, kind) for provider in PROVIDERS for kind in KINDS if makes_sense(provider, kind)]


@pytest.fixture(autouse=True)
def small_pages_and_long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists of several pages though they are short, and one attempt at each piece of work in a sweep."""
    set_up(monkeypatch)


def set_up(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("SPOTIFY_PAGE_SIZE", "2")
    environment.setattr(genius, "SONGS_PER_PAGE", 4)
    environment.setitem(MusicBrainzClient.releases_of_artist.__kwdefaults__, "limit", 2)
    for stage in STAGES:
        environment.setenv(f"RETRY_{stage.upper()}_BASE_SECONDS", "600")


@pytest.fixture(scope="session")
def world(sandbox: Callable[..., SandboxProcess]) -> SandboxProcess:
    return sandbox(speed=SPEED, seed=SEED)


@pytest.fixture
def pipeline(engine: sa.Engine, world: SandboxProcess, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipeline]:
    monkeypatch.setenv("MUSIC_SANDBOX_URL", world.url)
    world.clear_faults()
    yield Pipeline(engine, world)
    world.clear_faults()


@pytest.fixture(scope="session")
def faultless(postgres_url: str, template_database: str, world: SandboxProcess) -> list[TableDigest]:
    """What a run without faults ends with."""
    with (
        created_database(postgres_url, "faultless", template=template_database) as url,
        pytest.MonkeyPatch.context() as environment,
    ):
        set_up(environment)
        environment.setenv("DATABASE_URL", url)
        environment.setenv("MUSIC_SANDBOX_URL", world.url)
        engine = database.engine()
        pipeline = Pipeline(engine, world)
        pipeline.discover(*smallest(pipeline, ARTISTS))
        run_until_nothing_is_open(pipeline, SWEEPS_TO_RECOVER)
        found = digest(engine)
        engine.dispose()
    assert all(table.rows for table in found if table.table not in ("reviews", "held"))
    return found


def assert_a_fault_leaves_nothing_to_see(
    pipeline: Pipeline, faultless: list[TableDigest], provider: str, kind: str
) -> None:
    pipeline.sandbox.add_fault(provider, **KINDS[kind])
    artists = smallest(pipeline, ARTISTS)
    pipeline.discover(*artists)
    for _ in range(SWEEPS_UNDER_FAULTS):
        sweep_all(pipeline)
        let_a_day_go_by(pipeline)
    pipeline.sandbox.clear_faults()
    run_until_nothing_is_open(pipeline, SWEEPS_TO_RECOVER)
    if kind == "vanished_endpoint":
        # What a provider says is not there is believed until its answer is too old, or somebody asks afresh.
        let_a_quarter_go_by(pipeline)
        for stage in STAGES:
            requeue(pipeline.engine, Selector(stage=stage))
        pipeline.discover(*artists, force=True)
        run_until_nothing_is_open(pipeline, SWEEPS_TO_RECOVER)
    assert pipeline.rows("SELECT stage, subject, error FROM dead_work") == []
    assert pipeline.rows("SELECT stage, subject, last_error FROM work") == []
    assert digest(pipeline.engine) == faultless


@pytest.mark.soak
@pytest.mark.parametrize(("provider", "kind"), CELLS)
def test_every_fault_at_every_provider_leaves_nothing_to_see(
    pipeline: Pipeline, faultless: list[TableDigest], provider: str, kind: str
) -> None:
    assert_a_fault_leaves_nothing_to_see(pipeline, faultless, provider, kind)
