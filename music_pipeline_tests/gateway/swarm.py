"""Several processes that call providers at once, and what the server counted of them. They are `caller`'s."""

import multiprocessing
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from music_pipeline.gateway.request import Priority
from music_pipeline.sandbox.process import SandboxProcess
from music_pipeline_tests.gateway.caller import call

# Each is forked from a process that imported what they need, and did nothing else: an import takes a second of CPU.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([call.__module__])
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
    callers = [_caller(priority, providers) for priority in priorities]
    try:
        assert [_said(link) for _, link in callers] == ["ready"] * len(callers)
        world.reset_stats()
        end = time.time() + seconds
        for _, link in callers:
            link.send((end - seconds + WARM_UP_SECONDS, end))
        answered = [_said(link, seconds) for _, link in callers]
        for process, _ in callers:
            process.join(PATIENCE_SECONDS)
        assert [process.exitcode for process, _ in callers] == [0] * len(callers)
    finally:
        for process, link in callers:
            process.kill()
            process.join()
            link.close()
    return Swarm(answered, world.stats())


def _caller(priority: Priority, providers: Sequence[str]) -> tuple[BaseProcess, Connection]:
    ours, theirs = PROCESSES.Pipe()
    process = PROCESSES.Process(target=call, args=(theirs, dict(os.environ), priority, providers), daemon=True)
    process.start()
    theirs.close()
    return process, ours


def _said(link: Connection, seconds: float = 0.0) -> Any:
    """What the process says next, within so many seconds and some patience. Raises EOFError where it ended."""
    assert link.poll(seconds + PATIENCE_SECONDS)
    return link.recv()
