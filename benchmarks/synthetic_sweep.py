"""A process that sweeps made-up artists, to be measured: `python -m benchmarks.synthetic_sweep`.

Its last line is JSON: seconds, its CPU and Postgres's CPU, all without the start of the process, and its peak memory in
MiB. `dagster_sweep` does the same through Dagster.
"""

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.entry import CATALOG_STAGES, Stage, configure_logs, get_engine, sweep_stages
from benchmarks.processes import KIB, MIB, cpu_of_server
from benchmarks.synthetic import put_synthetic_readers, requests_of
from music_pipeline.work.enqueue import enqueue_many

REQUESTED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Sweep:
    """Which stages to sweep, after asking for the artists of these numbers. `postmaster`: Postgres's process."""

    asked: range
    stages: Sequence[Stage]
    postmaster: int


def read_arguments(arguments: Sequence[str] | None) -> Sweep:
    """Read the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--first", type=int, default=0, help="number of the first artist to ask for")
    parser.add_argument("--artists", type=int, default=0, help="how many to ask for; 0: only sweep what is due")
    parser.add_argument("--postmaster", type=int, required=True, help="id of Postgres's first process")
    parser.add_argument("--stages", nargs="+", type=Stage, default=list(CATALOG_STAGES))
    chosen = parser.parse_args(arguments)
    return Sweep(range(chosen.first, chosen.first + chosen.artists), chosen.stages, chosen.postmaster)


def prepare(asked: range) -> None:
    """Read from `synthetic`, and put the artists of these numbers into the first queue."""
    configure_logs()
    put_synthetic_readers()
    for start in range(0, len(asked), REQUESTED_AT_ONCE):
        with get_engine().begin() as connection:
            enqueue_many(connection, requests_of(asked[start : start + REQUESTED_AT_ONCE]))


def sweep_and_print(sweep: Callable[[], None], postmaster: int) -> None:
    """Sweep, and print the cost."""
    began, used, served = time.perf_counter(), time.process_time(), cpu_of_server(postmaster)
    sweep()
    told = {
        "seconds": time.perf_counter() - began,
        "cpu": time.process_time() - used,
        "server_cpu": cpu_of_server(postmaster) - served,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIB / MIB,
    }
    sys.stdout.write(json.dumps(told) + "\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Request the artists, sweep, print."""
    sweep = read_arguments(arguments)
    prepare(sweep.asked)
    sweep_and_print(lambda: sweep_stages(sweep.stages), sweep.postmaster)
    return 0


if __name__ == "__main__":
    sys.exit(main())
