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

import sqlalchemy as sa

from benchmarks.figures import Figure, Goal
from benchmarks.processes import run_measured
from benchmarks.servers import Server
from music_pipeline.sandbox.process import running_sandbox
from music_pipeline.sandbox.quota import QUOTAS
from music_pipeline.stages.sources import SOURCES

SPEED = 10.0
ARTISTS = 8
CLOSE = Goal("at most", 1.1)
FIVE_TIMES = Goal("at least", 5.0)


def measure(server: Server) -> Iterator[Figure]:
    """Discovery and enrichment against the bound, and enrichment against one call for each source and recording."""
    with (
        running_sandbox(speed=SPEED) as sandbox,
        server.fresh_database() as fresh,
        tempfile.TemporaryDirectory() as folder,
    ):
        artists = Path(folder) / "artists.json"
        artists.write_text(json.dumps([one["spotify_id"] for one in sandbox.artists(ARTISTS)]))
        told = run_measured(
            [sys.executable, "-m", "benchmarks.quota_sweep", "--artists", str(artists)],
            postmaster=server.postmaster,
            environment=fresh.environment | {"MUSIC_SANDBOX_URL": sandbox.url},
        ).said
        with fresh.engine.connect() as connection:
            recordings = int(connection.execute(sa.text("SELECT count(*) FROM recordings")).scalar_one())
    yield Figure("recordings", recordings, "")
    requests: Counter[str] = Counter()
    for name, phase in told.items():
        yield Figure(f"{name}: time", phase["seconds"], "s")
        yield from _against_bound(name, phase["seconds"], phase["requests"])
        requests.update(phase["requests"])
    yield from _against_bound("both", sum(phase["seconds"] for phase in told.values()), requests, CLOSE)
    yield from _against_naive(told["enrichment"]["seconds"], recordings)


def _against_naive(seconds: float, recordings: int) -> Iterator[Figure]:
    needed = seconds_of(naive_requests(recordings)).values()
    yield Figure("a call for each source and recording, providers side by side", max(needed), "s")
    yield Figure("the same, one after the other", sum(needed), "s")
    yield Figure("side by side ÷ ours", max(needed) / seconds, "", FIVE_TIMES)
    yield Figure("one after the other ÷ ours", sum(needed) / seconds, "")


def _against_bound(
    name: str, seconds: float, requests: Mapping[str, int], goal: Goal | None = None
) -> Iterator[Figure]:
    needed = seconds_of(requests)
    slowest = max(needed, key=lambda provider: needed[provider])
    yield Figure(f"{name}: bound, set by {slowest}", needed[slowest], "s")
    yield Figure(f"{name}: time ÷ bound", seconds / needed[slowest], "", goal)


def seconds_of(requests: Mapping[str, int]) -> dict[str, float]:
    """How long each provider's requests take at its rate, in seconds of our clock."""
    return {name: count / QUOTAS[name].nominal_rate / SPEED for name, count in requests.items()}


def naive_requests(recordings: int) -> dict[str, int]:
    """One call for each source and recording, by provider; Genius is no source of enrichment."""
    sources = Counter(source.provider for source in SOURCES.values())
    return {provider: count * recordings for provider, count in sources.items()}
