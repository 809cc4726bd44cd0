"""Time with the providers' own quotas, on a clock that runs ten times as fast: against what the quotas allow at best.

The bound is the work ÷ rate of the slowest provider: the requests that were made, at the rate at which the sandbox
would take them unrefused. Enrichment is compared with a client that makes one call for each source and recording.
"""

import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks.figures import Figure, Goal
from benchmarks.processes import run_measured
from benchmarks.servers import Server
from music_pipeline.sandbox.process import running_sandbox
from music_pipeline.sandbox.quota import QUOTAS
from music_pipeline.stages.enrichment.sources import SOURCES, asked_about_all

SPEED = 10.0
ARTISTS = {"together": 25, "in_turn": 8}
CLOSE = Goal("at most", 1.1)
FIVE_TIMES = Goal("at least", 5.0)


def measure(server: Server) -> Iterator[Figure]:
    """All stages side by side against the bound; enrichment alone against a call for each source and recording."""
    _, together = _swept(server, "together")
    yield Figure("together: time", together["together"]["seconds"], "s")
    yield from _against_bound("together", together["together"], CLOSE)
    recordings, in_turn = _swept(server, "in_turn")
    yield Figure("recordings", recordings, "")
    for name, phase in in_turn.items():
        yield Figure(f"{name} alone: time", phase["seconds"], "s")
        yield from _against_bound(f"{name} alone", phase)
    yield from _against_naive(in_turn["enrichment"]["seconds"], recordings)


def _swept(server: Server, order: str) -> tuple[int, Mapping[str, Any]]:
    """Returns the recordings, and what `quota_sweep` tells, of a sandbox and a database that nobody used before."""
    with (
        running_sandbox(speed=SPEED) as sandbox,
        server.fresh_database() as fresh,
        tempfile.TemporaryDirectory() as folder,
    ):
        artists = Path(folder) / "artists.json"
        artists.write_text(json.dumps([one["spotify_id"] for one in sandbox.artists(ARTISTS[order])]))
        told = run_measured(
            [sys.executable, "-m", "benchmarks.quota_sweep", "--artists", str(artists), "--order", order],
            postmaster=server.postmaster,
            environment=fresh.environment | {"MUSIC_SANDBOX_URL": sandbox.url},
        ).said
        with fresh.engine.connect() as connection:
            return int(connection.execute(sa.text("SELECT count(*) FROM recordings")).scalar_one()), told


def _against_naive(seconds: float, recordings: int) -> Iterator[Figure]:
    needed = seconds_of(naive_requests(recordings)).values()
    yield Figure("a call for each source and recording, providers side by side", max(needed), "s")
    yield Figure("the same, one after the other", sum(needed), "s")
    yield Figure("side by side ÷ ours", max(needed) / seconds, "", FIVE_TIMES)
    yield Figure("one after the other ÷ ours", sum(needed) / seconds, "")


def _against_bound(name: str, phase: Mapping[str, Any], goal: Goal | None = None) -> Iterator[Figure]:
    needed = seconds_of(phase["requests"])
    slowest = max(needed, key=lambda provider: needed[provider])
    yield Figure(f"{name}: bound, set by {slowest}", needed[slowest], "s")
    yield Figure(f"{name}: time ÷ bound", phase["seconds"] / needed[slowest], "", goal)


def seconds_of(requests: Mapping[str, int]) -> dict[str, float]:
    """How long each provider's requests take at its rate, in seconds of our clock."""
    return {name: count / QUOTAS[name].nominal_rate / SPEED for name, count in requests.items()}


def naive_requests(recordings: int) -> dict[str, int]:
    """One call for each recording and source that is asked about all, by provider; Genius is none of enrichment."""
    sources = Counter(SOURCES[name].provider for name in asked_about_all())
    return {provider: count * recordings for provider, count in sources.items()}
