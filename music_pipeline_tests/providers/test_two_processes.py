"""Two processes at once keep to the quotas, as the server counts them."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from music_pipeline.sandbox.process import SandboxProcess

SPEED = 60.0  # the windows of Discogs and Genius last a second, which is the shortest that is judged
SECONDS = 4


def test_two_processes_together_never_overrun_a_quota(
    engine: sa.Engine, sandbox: Callable[..., SandboxProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = sandbox(speed=SPEED, seed=78)
    monkeypatch.setenv("MUSIC_SANDBOX_URL", world.url)
    command = [sys.executable, str(Path(__file__).with_name("caller.py")), str(SECONDS)]
    running = [subprocess.Popen(command) for _ in range(2)]
    assert [process.wait(60) for process in running] == [0, 0]
    for name in ("discogs", "genius", "spotify"):
        stats = world.stats()[name]
        assert stats["overruns"] == 0, (name, stats)
        assert stats["refusals"] == 0 or not stats["overruns_judged"], (name, stats)
        assert stats["requests"] > 0.2 * SECONDS * SPEED, (name, stats)
    with engine.connect() as connection:
        counted = connection.execute(
            sa.text("SELECT sum(calls) FROM provider_calls WHERE outcome = 'absent'")
        ).scalar_one()
    assert counted == sum(world.stats()[name]["requests"] for name in ("discogs", "genius", "spotify"))
