"""The generated world, once for all tests of the sandbox, desks to ask at, and a process for the clients of others."""

from collections.abc import Callable, Iterator

import pytest

from music_pipeline.sandbox.options import QuotaOverride
from music_pipeline.sandbox.process import SandboxProcess
from music_pipeline.sandbox.world.generated import generate_world
from music_pipeline.sandbox.world.model import World
from music_pipeline_tests.sandbox.support import Desk, make_desk


@pytest.fixture(scope="session")
def world() -> World:
    return generate_world(1)


@pytest.fixture(scope="session")
def desk(world: World) -> Desk:
    """A sandbox in development mode, for tests that do not count."""
    return make_desk(world)


@pytest.fixture(scope="session")
def extended_desk(world: World) -> Desk:
    return make_desk(world, spotify="extended")


@pytest.fixture
def providers(sandbox: Callable[..., SandboxProcess]) -> Iterator[SandboxProcess]:
    """A sandbox whose quotas no test can reach; faults end with the test."""
    quotas = tuple(QuotaOverride(name, 100_000, 1.0) for name in ("genius", "deezer", "musicbrainz"))
    running = sandbox(speed=600.0, seed=1, quotas=quotas)
    yield running
    running.clear_faults()


@pytest.fixture
def extended_providers(sandbox: Callable[..., SandboxProcess]) -> SandboxProcess:
    """The same with Spotify in extended quota mode."""
    return sandbox(speed=600.0, seed=1, spotify="extended")
