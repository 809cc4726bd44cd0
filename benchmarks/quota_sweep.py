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

from benchmarks.synthetic_sweep import TIME_BOX_SECONDS
from music_pipeline import logs
from music_pipeline.actions.request_artist import request_artist
from music_pipeline.database.engine import get_engine
from music_pipeline.database.queries import query
from music_pipeline.sandbox.process import SandboxProcess
from music_pipeline.settings import settings
from music_pipeline.stages.enrichment.due import enqueue_due
from music_pipeline.work.dead_letters import open_work
from music_pipeline.work.model import Selector, Stage
from music_pipeline.work.stages import catalog_stages
from music_pipeline.worker.runner import sweep

PAUSE_SECONDS = 0.2
LONGEST_SECONDS = 1_200.0
PHASES: Mapping[str, Mapping[str, Sequence[Stage]]] = {
    "together": {"together": (*catalog_stages(), Stage.ENRICHMENT)},
    "in_turn": {"discovery": catalog_stages(), "enrichment": (Stage.ENRICHMENT,)},
}


class NotDone(Exception):
    """Work is still open after a longer time than quotas explain."""


def work_off(stages: Sequence[Stage]) -> None:
    """Sweep all stages at the same time, each in a thread, until none of their work is open.

    As the schedules do, whose sweeps are processes. Raises NotDone, and RuntimeError for an artist that fails and does
    not wait.
    """
    over = threading.Event()
    with ThreadPoolExecutor(len(stages)) as threads:
        sweeps = [threads.submit(sweep_until, over, stage) for stage in stages]
        try:
            wait_until_done(stages, sweeps)
        finally:
            over.set()
        for sweep in sweeps:
            sweep.result()


def sweep_until(over: threading.Event, stage: Stage) -> None:
    """Do what falls due of a stage."""
    while not over.wait(PAUSE_SECONDS):
        for outcome in sweep(stage, run_id=f"benchmark {stage.value}", time_box=TIME_BOX_SECONDS):
            if outcome.is_failed:
                raise RuntimeError(f"{stage}: {outcome.text}")


def wait_until_done(stages: Sequence[Stage], sweeps: Sequence[Future[None]]) -> None:
    """Wait until none of the stages' work is open, or a sweep has ended too early."""
    engine, deadline = get_engine(), time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < deadline:
        if Stage.ENRICHMENT in stages:
            enqueue_due(engine)
        is_open = any(open_work(engine, Selector(stage=stage), limit=1) for stage in stages)
        if any(sweep.done() for sweep in sweeps) or (not is_open and _seconds_to_wait() is None):
            return
        time.sleep(PAUSE_SECONDS)
    raise NotDone(f"After {LONGEST_SECONDS:.0f} s, work of {', '.join(stages)} is still open.")


def _seconds_to_wait() -> float | None:
    """Until the first answer that waits for a quota may be asked for; None where none waits."""
    with get_engine().connect() as connection:
        seconds = connection.execute(query("next_enrichment")).scalar_one()
    return None if seconds is None else float(seconds)


def measured(sandbox: SandboxProcess, stages: Sequence[Stage]) -> dict[str, Any]:
    """How long the stages take, and the requests to each provider meanwhile."""
    sandbox.reset_stats()
    began = time.perf_counter()
    work_off(stages)
    seconds = time.perf_counter() - began
    return {
        "seconds": seconds,
        "requests": {name: int(counts["requests"]) for name, counts in sandbox.stats().items()},
    }


def main() -> int:
    """Ask for the artists of a file of ids, discover, enrich, tell."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--artists", type=Path, required=True, help="a JSON list of Spotify ids")
    parser.add_argument("--order", choices=PHASES, required=True, help="whether enrichment waits for all of discovery")
    chosen = parser.parse_args()
    artists = json.loads(chosen.artists.read_text())
    logs.configure(file=settings().home / "benchmarks.log")
    sandbox = SandboxProcess(os.environ["MUSIC_SANDBOX_URL"], os.getppid())
    engine = get_engine()
    for spotify_id in artists:
        requested = request_artist(engine, spotify_id)
        if requested.refused is not None:
            raise RuntimeError(requested.refused)
    told = {phase: measured(sandbox, stages) for phase, stages in PHASES[chosen.order].items()}
    sys.stdout.write(json.dumps(told) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
