"""Count the functions that a call and a sweep visit: `python -m benchmarks.distance_probe`. Run by `distance`.

A process of its own, since threads are watched only from their start on. Its last line is JSON. The environment names
the database and the sandbox.
"""

import argparse
import asyncio
import itertools
import json
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import music_pipeline
from benchmarks.entry import CATALOG_STAGES, Stage, configure_logs, get_engine, open_clients, request_artists, sweep

PACKAGE = f"{Path(music_pipeline.__file__).parent}/"
SANDBOX = f"{PACKAGE}sandbox/"
SECONDS_FOR_STRAGGLERS = 0.3  # what a warm-up leaves for later, such as a count that is written in the background


@dataclass(slots=True)
class Visits:
    """The package's functions, in the order of their calls on all threads, while it is recording."""

    recording: bool = False
    calls: list[tuple[str, int, str]] = field(default_factory=list)

    def profile(self, frame: FrameType, event: str, argument: Any) -> None:
        """Note a call. The interpreter calls it for each function that begins or goes on after `await`."""
        if self.recording and event == "call":
            code = frame.f_code
            if code.co_filename.startswith(PACKAGE) and not code.co_filename.startswith(SANDBOX):
                self.calls.append((code.co_filename, code.co_firstlineno, code.co_name))

    def watch(self) -> None:
        """Watch this thread and all that start from now on."""
        threading.setprofile(self.profile)
        sys.setprofile(self.profile)

    @contextmanager
    def recorded(self) -> Iterator[None]:
        """Forget what was noted, and note what happens in the block."""
        self.calls.clear()
        self.recording = True
        yield
        self.recording = False

    def summary(self) -> dict[str, int]:
        """How many functions and modules there were, and how often one module's function followed another's."""
        modules = [file for file, _, _ in self.calls]
        return {
            "functions": len(set(self.calls)),
            "modules": len(set(modules)),
            "changes": sum(before != after for before, after in itertools.pairwise(modules)),
        }


def call_once(visits: Visits, spotify_ids: Sequence[str]) -> dict[str, int]:
    """Ask Spotify for artists that nobody asked for before; count the last call."""

    async def call() -> None:
        async with open_clients(get_engine()) as clients:
            for warm_up in spotify_ids[:-1]:
                await clients.spotify.artist(warm_up)
            await asyncio.sleep(SECONDS_FOR_STRAGGLERS)
            with visits.recorded():
                await clients.spotify.artist(spotify_ids[-1])

    asyncio.run(call())
    return visits.summary()


def sweep_once(visits: Visits, spotify_ids: Sequence[str]) -> dict[str, int]:
    """Take artists through the stages one by one; count the sweep that looks up the last one's producers."""
    for spotify_id in spotify_ids:
        request_artists([spotify_id])
        for stage in CATALOG_STAGES[:-1]:
            sweep(stage)
        with visits.recorded():
            sweep(Stage.PRODUCER_IDENTIFICATION)
    return visits.summary()


def main() -> int:
    """Count a call and a sweep, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--called", nargs="+", required=True, help="Spotify ids to ask for, the last one counted")
    parser.add_argument("--swept", nargs="+", required=True, help="Spotify ids to sweep, the last one counted")
    chosen = parser.parse_args()
    configure_logs()
    visits = Visits()
    visits.watch()
    counted = {"call": call_once(visits, chosen.called), "sweep": sweep_once(visits, chosen.swept)}
    sys.stdout.write(json.dumps(counted) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
