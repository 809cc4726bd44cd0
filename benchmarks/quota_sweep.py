"""Discovery, then enrichment, of some artists to their end: `python -m benchmarks.quota_sweep`. Run by `quotas`.

Its last line is JSON: the seconds of each of the two, and the requests to each provider in it.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.synthetic_sweep import TIME_BOX_SECONDS
from music_pipeline import database, logs
from music_pipeline.sandbox.process import SandboxProcess
from music_pipeline.settings import settings
from music_pipeline.stages.enrichment_due import enqueue_due_enrichment
from music_pipeline.stages.requests import request_artist
from music_pipeline.stages.runner import drain
from music_pipeline.work import CATALOG_STAGES, Stage, due

ROUNDS = 20
PAUSE_SECONDS = 0.2


class NotDone(Exception):
    """Work is still due after more rounds than quotas explain."""


def work_off(stages: Sequence[Stage]) -> None:
    """Sweep until nothing is due. Raises NotDone, and RuntimeError for an artist that fails and does not wait."""
    engine = database.engine()
    for _ in range(ROUNDS):
        for stage in stages:
            for outcome in drain(stage, run_id="benchmark", time_box=TIME_BOX_SECONDS):
                if outcome.error is not None and not outcome.waiting:
                    raise RuntimeError(f"{stage}: {outcome.text}")
        enqueue_due_enrichment(engine)
        waits = _seconds_to_wait()
        if waits is None and not any(due(engine, stages).values()):
            return
        time.sleep(max(waits or 0.0, PAUSE_SECONDS))
    raise NotDone(f"After {ROUNDS} rounds, work of {', '.join(stages)} is still due.")


def _seconds_to_wait() -> float | None:
    """Until the first answer that waits for a quota may be asked for; None where none waits."""
    with database.engine().connect() as connection:
        seconds = connection.execute(database.query("next_enrichment")).scalar_one()
    return None if seconds is None else float(seconds)


def measured(sandbox: SandboxProcess, work: Callable[[], None]) -> dict[str, Any]:
    """How long it takes, and the requests to each provider meanwhile."""
    sandbox.reset_stats()
    began = time.perf_counter()
    work()
    seconds = time.perf_counter() - began
    return {
        "seconds": seconds,
        "requests": {name: int(counts["requests"]) for name, counts in sandbox.stats().items()},
    }


def main() -> int:
    """Ask for the artists of a file of ids, discover, enrich, tell."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--artists", type=Path, required=True, help="a JSON list of Spotify ids")
    artists = json.loads(parser.parse_args().artists.read_text())
    logs.configure(file=settings().home / "benchmarks.log")
    sandbox = SandboxProcess(os.environ["MUSIC_SANDBOX_URL"], os.getppid())
    engine = database.engine()
    for spotify_id in artists:
        requested = request_artist(engine, spotify_id)
        if requested.refused is not None:
            raise RuntimeError(requested.refused)
    told = {
        "discovery": measured(sandbox, lambda: work_off(CATALOG_STAGES)),
        "enrichment": measured(sandbox, lambda: work_off([Stage.ENRICHMENT])),
    }
    sys.stdout.write(json.dumps(told) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
