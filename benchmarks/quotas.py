"""Time with the providers' own quotas, on a sped-up clock: against what the quotas allow at best.

The bound is the work ÷ rate of the slowest provider: the requests that were made, at the rate at which the sandbox
would take them unrefused. Enrichment is compared with a client that makes one call for each source and recording.
"""

import sys
from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from benchmarks.entry import sources_by_provider
from benchmarks.figures import Figure, Goal
from benchmarks.options import Options
from benchmarks.processes import run_measured
from benchmarks.pulls import file_of_artists
from benchmarks.servers import Server
from music_pipeline.sandbox.process import running_sandbox
from music_pipeline.sandbox.quota import QUOTAS

SPEED = 10.0
ARTISTS = 25
ARTISTS_IN_TURN = 8  # whose discovery ends before their enrichment begins
LONGEST_SECONDS_AN_ARTIST = 480.0  # of the sandbox's clock: several times what the quotas explain
CLOSE = Goal("at most", 1.1)
FIVE_TIMES = Goal("at least", 5.0)


def measure(server: Server, options: Options) -> Iterator[Figure]:
    """All stages side by side against the bound; enrichment alone against a call for each source and recording."""
    speed, artists = options.speed or SPEED, options.artists or ARTISTS
    _, together = _sweep(server, "together", artists, speed)
    yield Figure("together: artists", artists, "")
    yield Figure("together: time", together["together"]["seconds"], "s")
    yield from _against_bound("together", together["together"], speed, CLOSE)
    recordings, in_turn = _sweep(server, "in_turn", min(artists, ARTISTS_IN_TURN), speed)
    yield Figure("recordings", recordings, "")
    for name, phase in in_turn.items():
        yield Figure(f"{name} alone: time", phase["seconds"], "s")
        yield from _against_bound(f"{name} alone", phase, speed)
    yield from _against_naive(in_turn["enrichment"]["seconds"], recordings, speed)


def _sweep(server: Server, order: str, artists: int, speed: float) -> tuple[int, Mapping[str, Any]]:
    """Returns the recordings, and what `quota_sweep` prints, of a sandbox and a database that nobody used before."""
    with (
        running_sandbox(speed=speed) as sandbox,
        server.fresh_database() as fresh,
        file_of_artists(sandbox, artists) as file,
    ):
        command = [sys.executable, "-m", "benchmarks.quota_sweep", "--artists", str(file), "--order", order]
        command += ["--longest", f"{LONGEST_SECONDS_AN_ARTIST * artists / speed:g}"]
        environment = fresh.environment | {"MUSIC_SANDBOX_URL": sandbox.url}
        printed = run_measured(command, postmaster=server.postmaster, environment=environment).said
        with fresh.engine.connect() as connection:
            return int(connection.execute(sa.text("SELECT count(*) FROM recordings")).scalar_one()), printed


def _against_naive(seconds: float, recordings: int, speed: float) -> Iterator[Figure]:
    needed = seconds_of(naive_requests(recordings), speed).values()
    yield Figure("a call for each source and recording, providers side by side", max(needed), "s")
    yield Figure("the same, one after the other", sum(needed), "s")
    yield Figure("side by side ÷ ours", max(needed) / seconds, "", FIVE_TIMES)
    yield Figure("one after the other ÷ ours", sum(needed) / seconds, "")


def _against_bound(name: str, phase: Mapping[str, Any], speed: float, goal: Goal | None = None) -> Iterator[Figure]:
    needed = seconds_of(phase["requests"], speed)
    slowest = max(needed, key=lambda provider: needed[provider])
    yield Figure(f"{name}: bound, set by {slowest}", needed[slowest], "s")
    yield Figure(f"{name}: time ÷ bound", phase["seconds"] / needed[slowest], "", goal)


def seconds_of(requests: Mapping[str, int], speed: float) -> dict[str, float]:
    """How long each provider's requests take at its rate, in seconds of our clock."""
    return {name: count / QUOTAS[name].nominal_rate / speed for name, count in requests.items()}


def naive_requests(recordings: int) -> dict[str, int]:
    """One call for each recording and source that is asked about all, by provider; Genius is none of enrichment."""
    return {provider: sources * recordings for provider, sources in sources_by_provider().items()}
