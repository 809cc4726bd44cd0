"""Every kind of fault at every provider leaves the rows of a run without faults.

All tables are compared. Two kinds of cells may differ at first:

- When a provider of discovery fails, `recording_sources`, `producer_profiles` and `profile_followers` may differ. A
  source is asked with the ids that are known at that time. For example, MusicBrainz is asked for a recording by ISRC if
  its list of releases failed. Of two Discogs releases with the recording, the row describes the one that was known
  first. Each row is a true answer of its source. A refresh asks all sources with all ids. After it, the rows have to be
  equal.
- Spotify may close an endpoint to this app. The pipeline does not call it for a week, and buries the work that needs
  it, with that reason. An operator requeues the work. After that, the rows have to be equal.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
import sqlalchemy as sa

from music_pipeline.catalog.fingerprint import TableDigest, digest
from music_pipeline.database.engine import get_engine
from music_pipeline.providers import discogs, genius
from music_pipeline.providers.musicbrainz import MusicBrainzClient
from music_pipeline.providers.registry import PROVIDERS
from music_pipeline.sandbox.faults import WITH_TOKEN
from music_pipeline.sandbox.process import SandboxProcess
from music_pipeline.stages.enrichment.sources import SOURCES, asked_on_demand
from music_pipeline.work.dead_letters import requeue
from music_pipeline.work.model import Selector, Stage
from music_pipeline.work.stages import catalog_stages
from music_pipeline.worker.runner import database_now, refresh
from music_pipeline_tests.conftest import created_database
from music_pipeline_tests.support.pipeline import Pipeline
from music_pipeline_tests.system.whole_runs.sweeps import (
    STAGES,
    let_a_day_go_by,
    let_a_quarter_go_by,
    run_until_nothing_is_open,
    smallest,
    sweep_all,
)

SPEED = 600  # quotas do not matter here
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


DISCOVERY = ("spotify", "musicbrainz", "discogs", "genius")
LISTING = DISCOVERY  # with lists of several pages
COUNTING = ("spotify", "musicbrainz", "discogs")  # with lists that state their length


def makes_sense(provider: str, kind: str) -> bool:
    only_at = {"expired_token": WITH_TOKEN, "duplicate_page": LISTING, "total_changes": COUNTING}
    return provider in only_at.get(kind, PROVIDERS)


STARTING_POINTS = ("recording_sources", "producer_profiles", "profile_followers")
# Every provider and every kind at least once. `make soak` runs the whole matrix.
CHOSEN = [
    ("spotify", "html as 200"), ("discogs", "total_changes"), ("musicbrainz", "vanished_endpoint"),
    ("genius", "duplicate_page"), ("lastfm", "expired_token"), ("deezer", "reset"), ("reccobeats", "5xx"),
    ("acousticbrainz", "drip"), ("getsongbpm", "429 of a day"), ("instagram", "latency"),
    ("lastfm", "truncated_json"), ("deezer", "html"), ("reccobeats", "429 of seconds"),
]  # fmt: skip
# Providers that need an operator's address are not asked in these runs.
ON_DEMAND = {SOURCES[name].provider for name in asked_on_demand()}
CELLS = [
    (provider, kind)
    for provider in PROVIDERS
    for kind in KINDS
    if provider not in ON_DEMAND and makes_sense(provider, kind)
]


@pytest.fixture(autouse=True)
def small_pages_and_long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small pages, so that short lists have several.

    One attempt at each piece of work per sweep.
    """
    set_up(monkeypatch)


def set_up(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("SPOTIFY_PAGE_SIZE", "2")
    environment.setattr(genius, "SONGS_PER_PAGE", 4)
    environment.setattr(discogs, "HITS_PER_PAGE", 3)
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
    """The digests of a run without faults. `asked_again` also asks every source again."""

    at_the_end: list[TableDigest]
    asked_again: Callable[[], list[TableDigest]]


@pytest.fixture(scope="session")
def faultless(postgres_url: str, template_database: str, world: SandboxProcess) -> Iterator[Faultless]:
    with (
        created_database(postgres_url, "faultless", template=template_database) as url,
        pytest.MonkeyPatch.context() as environment,
    ):
        set_up(environment)
        environment.setenv("DATABASE_URL", url)
        environment.setenv("MUSIC_SANDBOX_URL", world.url)
        pipeline = Pipeline(get_engine(), world)
        pipeline.discover(*smallest(pipeline, ARTISTS))
        run_until_nothing_is_open(pipeline, SWEEPS_TO_RECOVER)
        at_the_end = digest(pipeline.engine)
        assert all(table.rows for table in at_the_end if table.table not in ("reviews", "held"))

        @cache
        def asked_again() -> list[TableDigest]:
            with pytest.MonkeyPatch.context() as again:
                again.setenv("DATABASE_URL", url)
                ask_everything_again(pipeline)
            return digest(pipeline.engine)

        environment.undo()
        yield Faultless(at_the_end, asked_again)
        pipeline.engine.dispose()


def ask_everything_again(pipeline: Pipeline) -> None:
    """Let a quarter pass, requeue all dead work, and refresh everything."""
    let_a_quarter_go_by(pipeline)
    for stage in STAGES:
        requeue(pipeline.engine, Selector(stage=stage))
    run_until_nothing_is_open(pipeline, SWEEPS_TO_RECOVER)
    keys = [row.artist_key for row in pipeline.rows("SELECT artist_key FROM artists ORDER BY 1")]
    cutoff = database_now(pipeline.engine)
    for stage in (*catalog_stages(), Stage.ENRICHMENT):
        refresh(stage, keys, run_id="again", cutoff=cutoff)
    run_until_nothing_is_open(pipeline, SWEEPS_TO_RECOVER)


def assert_fault_leaves_the_same_rows(pipeline: Pipeline, faultless: Faultless, provider: str, kind: str) -> str:
    """Run one cell. Returns a text that says how it ended."""
    add_fault(pipeline, provider, kind)
    pipeline.discover(*smallest(pipeline, ARTISTS))
    for _ in range(SWEEPS_UNDER_FAULTS):
        sweep_all(pipeline)
        let_a_day_go_by(pipeline)
    assert sum(fault["harmed"] for fault in pipeline.sandbox.faults()) > 0
    pipeline.sandbox.clear_faults()
    run_until_nothing_is_open(pipeline, SWEEPS_TO_RECOVER)
    given_up = pipeline.rows("SELECT DISTINCT stage, error FROM dead_work")
    assert pipeline.rows("SELECT stage, subject, last_error FROM work") == []
    assert all(is_gone(provider, kind, row.error) for row in given_up), given_up
    differing = differences(pipeline, faultless.at_the_end)
    if not differing:
        return "equal"
    assert provider in DISCOVERY
    assert given_up or differing <= set(STARTING_POINTS), differing
    ask_everything_again(pipeline)
    assert differences(pipeline, faultless.asked_again()) == set()
    if given_up:
        return f"given up with the reason, {len(given_up)} kinds of work; equal once taken up again"
    return f"equal but for {', '.join(sorted(differing))}; equal in these too once asked again"


def add_fault(pipeline: Pipeline, provider: str, kind: str) -> None:
    """Make the first request fail for certain, and later ones as declared."""
    if "probability" in KINDS[kind]:
        certain = {name: value for name, value in KINDS[kind].items() if name != "probability"} | {"count": 1}
        pipeline.sandbox.add_fault(provider, **certain)
    pipeline.sandbox.add_fault(provider, **KINDS[kind])


def is_gone(provider: str, kind: str, error: str) -> bool:
    """Whether work was buried because Spotify closed the endpoint to this app."""
    return provider == "spotify" and kind == "vanished_endpoint" and "this app may not call it" in error


def differences(pipeline: Pipeline, expected: list[TableDigest]) -> set[str]:
    """The tables with other rows than expected."""
    return {ours.table for ours, theirs in zip(digest(pipeline.engine), expected, strict=True) if ours != theirs}


@pytest.mark.parametrize(("provider", "kind"), CHOSEN)
def test_chosen_fault_leaves_the_same_rows(
    pipeline: Pipeline, faultless: Faultless, provider: str, kind: str, record_property: Callable[[str, object], None]
) -> None:
    record_property("end", assert_fault_leaves_the_same_rows(pipeline, faultless, provider, kind))


@pytest.mark.soak
@pytest.mark.parametrize(("provider", "kind"), CELLS)
def test_every_fault_leaves_the_same_rows(
    pipeline: Pipeline, faultless: Faultless, provider: str, kind: str, record_property: Callable[[str, object], None]
) -> None:
    record_property("end", assert_fault_leaves_the_same_rows(pipeline, faultless, provider, kind))
