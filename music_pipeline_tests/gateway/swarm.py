"""Several processes that call providers at once, and what the server counted of them. They are `caller`'s."""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from music_pipeline.gateway.request import Priority
from music_pipeline.sandbox.process import SandboxProcess
from music_pipeline.settings import PROJECT

MODULE = "music_pipeline_tests.gateway.caller"
# Who asks first reserves alone; shares are even once all have asked.
WARM_UP_SECONDS = 2.0
PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class Swarm:
    """`answered`: of each process, how many calls each provider answered after the warm-up; `stats`: the server's."""

    answered: list[dict[str, int]]
    stats: dict[str, dict[str, Any]]

    def unevenness(self, provider: str) -> float:
        """The most calls of a process over the fewest."""
        counts = [one.get(provider, 0) for one in self.answered]
        return max(counts) / max(1, min(counts))

    def total(self, provider: str, *processes: int) -> int:
        """The calls of some processes, after the warm-up."""
        return sum(self.answered[one].get(provider, 0) for one in processes)


def swarm(world: SandboxProcess, providers: Sequence[str], *, seconds: float, priorities: Sequence[Priority]) -> Swarm:
    """Let a process for each of the priorities call for so long; DATABASE_URL and MUSIC_SANDBOX_URL are theirs too."""
    processes = [_caller(priority, providers) for priority in priorities]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        world.reset_stats()
        end = time.time() + seconds
        for process in processes:
            assert process.stdin is not None
            process.stdin.write(f"{end - seconds + WARM_UP_SECONDS} {end}\n")
            process.stdin.flush()
        said = [process.communicate(timeout=seconds + PATIENCE_SECONDS)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    assert [process.returncode for process in processes] == [0] * len(processes)
    return Swarm([json.loads(text) for text in said], world.stats())


def _caller(priority: Priority, providers: Sequence[str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", MODULE, priority.name, *providers]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=PROJECT)
