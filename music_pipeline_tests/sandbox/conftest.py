"""The generated world, once for all tests of the sandbox, and desks to ask at."""

import pytest

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
