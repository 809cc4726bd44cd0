"""Every kind of fault at every provider: in the end the rows are those of a run without faults."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
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
from music_pipeline.stages.runner import database_now, refresh
from music_pipeline.work import CATALOG_STAGES, Selector, Stage, requeue
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


# A provider that says that something is not there is believed until its answer is too old, or somebody asks afresh.
BELIEVED = ("vanished_endpoint",)
DISCOVERY = ("spotify", "musicbrainz", "discogs", "genius")
# By which of several ids a recording or a producer is asked about depends on which were known then.
STARTING_POINTS = ("recording_sources", "producer_profiles", "profile_followers")
# A recording has title and duration of the track of it that was read first, and its sources are asked by them.
BY_ARRIVAL = ("recordings", "recording_sources")
# Every provider, and every kind but the vanished endpoint; the whole matrix is for `make soak`.
CHOSEN = [
    ("spotify", "duplicate_page"), ("discogs", "total_changes"), ("discogs", "429 of seconds"),
    ("genius", "html as 200"), ("lastfm", "expired_token"), ("deezer", "reset"), ("reccobeats", "5xx"),
    ("acousticbrainz", "drip"), ("getsongbpm", "429 of a day"), ("instagram", "latency"),
    ("musicbrainz", "truncated_json"), ("deezer", "html"),
]  # fmt: skip
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


@dataclass(frozen=True)
class Faultless:
    """What a run without faults ends with, and what it says once everything was asked again."""

    at_the_end: list[TableDigest]
    asked_again: list[TableDigest]


@pytest.fixture(scope="session")
def faultless(postgres_url: str, template_database: str, world: SandboxProcess) -> Faultless:
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
        at_the_end = digest(engine)
        ask_everything_again(pipeline)
        found = Faultless(at_the_end, digest(engine))
        engine.dispose()
    assert all(table.rows for table in found.at_the_end if table.table not in ("reviews", "held"))
    return found


def ask_everything_again(pipeline: Pipeline) -> None:
    """A quarter later: what was given up is taken up, and all of it is asked for afresh."""
    let_a_quarter_go_by(pipeline)
    for stage in STAGES:
        requeue(pipeline.engine, Selector(stage=stage))
    run_until_nothing_is_open(pipeline, SWEEPS_TO_RECOVER)
    keys = [row.artist_key for row in pipeline.rows("SELECT artist_key FROM artists ORDER BY 1")]
    cutoff = database_now(pipeline.engine)
    for stage in (*CATALOG_STAGES, Stage.ENRICHMENT):
        refresh(stage, keys, run_id="again", cutoff=cutoff)
    run_until_nothing_is_open(pipeline, SWEEPS_TO_RECOVER)


def assert_a_fault_leaves_nothing_to_see(pipeline: Pipeline, faultless: Faultless, provider: str, kind: str) -> None:
    pipeline.sandbox.add_fault(provider, **KINDS[kind])
    pipeline.discover(*smallest(pipeline, ARTISTS))
    for _ in range(SWEEPS_UNDER_FAULTS):
        sweep_all(pipeline)
        let_a_day_go_by(pipeline)
    pipeline.sandbox.clear_faults()
    run_until_nothing_is_open(pipeline, SWEEPS_TO_RECOVER)
    if kind not in BELIEVED:
        settled = STARTING_POINTS if provider in DISCOVERY else ()
        assert pipeline.rows("SELECT stage, subject, error FROM dead_work") == []
        assert pipeline.rows("SELECT stage, subject, last_error FROM work") == []
        assert facts(digest(pipeline.engine), provider, settled) == facts(faultless.at_the_end, provider, settled)
    if provider in DISCOVERY or kind in BELIEVED:
        ask_everything_again(pipeline)
        assert facts(digest(pipeline.engine), provider) == facts(faultless.asked_again, provider)


def facts(digests: list[TableDigest], provider: str, left_out: Collection[str] = ()) -> dict[str, tuple[int, str]]:
    """Rows and digest by table; of what the order of arrival decides only how many rows there are."""
    by_arrival = BY_ARRIVAL if provider == "spotify" else ()
    return {
        one.table: (one.rows, "" if one.table in by_arrival else one.digest)
        for one in digests
        if one.table not in left_out
    }


@pytest.mark.parametrize(("provider", "kind"), CHOSEN)
def test_a_fault_leaves_nothing_to_see(pipeline: Pipeline, faultless: Faultless, provider: str, kind: str) -> None:
    assert_a_fault_leaves_nothing_to_see(pipeline, faultless, provider, kind)


@pytest.mark.soak
@pytest.mark.parametrize(("provider", "kind"), CELLS)
def test_every_fault_at_every_provider_leaves_nothing_to_see(
    pipeline: Pipeline, faultless: Faultless, provider: str, kind: str
) -> None:
    assert_a_fault_leaves_nothing_to_see(pipeline, faultless, provider, kind)
