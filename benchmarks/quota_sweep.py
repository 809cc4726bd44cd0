"""Discovery and enrichment of some artists to their end: `python -m benchmarks.quota_sweep`. Run by `quotas`.

Its last line is JSON: the seconds of each phase, and the requests to each provider in it.
"""

import argparse
import json
import os
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.entry import (
    CATALOG_STAGES,
    Stage,
    configure_logs,
    enqueue_due_enrichment,
    get_engine,
    has_open_work,
    request_artists,
    seconds_to_next_enrichment,
    sweep,
)
from music_pipeline.sandbox.process import SandboxProcess

PAUSE_SECONDS = 0.2
PHASES: Mapping[str, Mapping[str, Sequence[Stage]]] = {
    "together": {"together": (*CATALOG_STAGES, Stage.ENRICHMENT)},
    "in_turn": {"discovery": CATALOG_STAGES, "enrichment": (Stage.ENRICHMENT,)},
}


class NotDone(Exception):
    """Work is still open after a longer time than quotas explain."""


def work_off(stages: Sequence[Stage], longest: float) -> None:
    """Sweep all stages at the same time, each in a thread, until none of their work is open.

    The schedules do the same with processes. Raises NotDone after `longest` seconds, and SweepFailed.
    """
    over = threading.Event()
    with ThreadPoolExecutor(len(stages)) as threads:
        sweeps = [threads.submit(sweep_until, over, stage) for stage in stages]
        try:
            wait_until_done(stages, sweeps, longest)
        finally:
            over.set()
        for finished in sweeps:
            finished.result()


def sweep_until(over: threading.Event, stage: Stage) -> None:
    """Do what falls due of a stage until `over` is set."""
    while not over.wait(PAUSE_SECONDS):
        sweep(stage, may_wait=True)


def wait_until_done(stages: Sequence[Stage], sweeps: Sequence[Future[None]], longest: float) -> None:
    """Wait until none of the stages' work is open, or a sweep has ended too early. Raises NotDone."""
    engine, deadline = get_engine(), time.monotonic() + longest
    while time.monotonic() < deadline:
        if Stage.ENRICHMENT in stages:
            enqueue_due_enrichment(engine)
        is_done = not has_open_work(engine, stages) and seconds_to_next_enrichment(engine) is None
        if is_done or any(one.done() for one in sweeps):
            return
        time.sleep(PAUSE_SECONDS)
    raise NotDone(f"After {longest:.0f} s, work of {', '.join(stages)} is still open.")


def measure(sandbox: SandboxProcess, stages: Sequence[Stage], longest: float) -> dict[str, Any]:
    """Work the stages off; return the seconds it takes and the requests to each provider meanwhile."""
    sandbox.reset_stats()
    began = time.perf_counter()
    work_off(stages, longest)
    seconds = time.perf_counter() - began
    return {
        "seconds": seconds,
        "requests": {name: int(counts["requests"]) for name, counts in sandbox.stats().items()},
    }


def main() -> int:
    """Ask for the artists of a file of ids, discover, enrich, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--artists", type=Path, required=True, help="a JSON list of Spotify ids")
    parser.add_argument("--order", choices=PHASES, required=True, help="whether enrichment waits for all of discovery")
    parser.add_argument("--longest", type=float, required=True, help="seconds after which a phase has failed")
    chosen = parser.parse_args()
    configure_logs()
    sandbox = SandboxProcess(os.environ["MUSIC_SANDBOX_URL"], os.getppid())
    request_artists(json.loads(chosen.artists.read_text()))
    phases = {phase: measure(sandbox, stages, chosen.longest) for phase, stages in PHASES[chosen.order].items()}
    sys.stdout.write(json.dumps(phases) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
