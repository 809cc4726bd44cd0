"""The sweep of made-up artists as one Dagster run in this process: `python -m benchmarks.dagster_sweep`.

Arguments and last line are those of `synthetic_sweep`. Queues, events and checks are the product's.
"""

import sys
from collections.abc import Sequence

import dagster as dg

from benchmarks.synthetic_sweep import prepare, read_arguments, sweep_and_print
from music_pipeline.defs.keys import CHAIN, queue_of
from music_pipeline.demo.run import POOL_OVERFLOW, POOL_SECONDS, STATEMENT_MILLISECONDS, run_queues


def main(arguments: Sequence[str] | None = None) -> int:
    """Request the artists, sweep, print."""
    sweep = read_arguments(arguments)
    prepare(sweep.asked)
    with dg.DagsterInstance.get() as instance:
        instance.optimize_for_webserver(
            statement_timeout=STATEMENT_MILLISECONDS, pool_recycle=POOL_SECONDS, max_overflow=POOL_OVERFLOW
        )
        queues = [queue_of(stage) for stage in sweep.stages]
        sweep_and_print(lambda: run_queues(instance, CHAIN, queues), sweep.postmaster)
    return 0


if __name__ == "__main__":
    sys.exit(main())
