"""A process that sweeps stages until no work is open, and halts at a given point.

It prints a line when it has begun, and then waits for a line, so that two drivers can start together. With `--refresh`
it refreshes each stage for exactly those artists, as an asset run does, and ends.

At the NTH pass of POINT it prints the name of the point and halts there, so that the test can kill it. At `in_call` and
`finishing` it prints the name but goes on, into the call or the commit. The points are hooks on the pipeline in this
process only.
"""

import argparse
import logging
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from music_pipeline import logs
from music_pipeline.database.engine import get_engine
from music_pipeline.gateway import call
from music_pipeline.work.dead_letters import open_work
from music_pipeline.work.model import Selector, Stage
from music_pipeline.work.stages import STAGES, catalog_stages
from music_pipeline.worker import commit, runner
from music_pipeline.worker import refresh as named_work

POLL_SECONDS = 0.05
TIME_BOX_SECONDS = 60
CHUNK = 2  # small, so that two processes share what is due
CHAINS = {"catalogue": catalog_stages(), "all": tuple(STAGES)}


@dataclass
class Halt:
    """The point where the process halts, and how many passes are left."""

    point: str
    passes: int

    def passing(self, point: str, *, halts: bool = True) -> None:
        if point != self.point:
            return
        self.passes -= 1
        if self.passes == 0:
            sys.stdout.write(f"{point}\n")
            sys.stdout.flush()
            if halts:
                threading.Event().wait()


def hook(engine: sa.Engine, halt: Halt) -> None:
    """Hook `halt` into claims, calls, enqueuing and the commits of finished work."""
    for claiming in (runner, named_work):
        claiming.claim = _after(claiming.claim, lambda claimed: halt.passing("after_claim") if claimed else None)
    commit.finish = _before(commit.finish, lambda connection, *_: connection.info.update(finishing=True))
    commit.enqueue_many = _after(commit.enqueue_many, lambda told: halt.passing("mid_enqueue") if told else None)
    call.send_http = _before(call.send_http, lambda *_: halt.passing("in_call", halts=False))
    sa.event.listen(engine, "commit", lambda connection: _committing(connection, halt))
    sa.event.listen(engine, "checkin", lambda _, record: _returned(record, halt))


def _after(function: Callable[..., Any], then: Callable[[Any], Any]) -> Callable[..., Any]:
    def hooked(*args: Any, **kwargs: Any) -> Any:
        answer = function(*args, **kwargs)
        then(answer)
        return answer

    return hooked


def _before(function: Callable[..., Any], first: Callable[..., Any]) -> Callable[..., Any]:
    def hooked(*args: Any, **kwargs: Any) -> Any:
        first(*args)
        return function(*args, **kwargs)

    return hooked


def _committing(connection: sa.Connection, halt: Halt) -> None:
    if connection.info.pop("finishing", False):
        halt.passing("finishing", halts=False)
        halt.passing("before_commit")
        connection.info["finished"] = True


def _returned(record: Any, halt: Halt) -> None:
    if record.info.pop("finished", False):
        halt.passing("after_commit")


def drain(engine: sa.Engine, stages: Sequence[Stage], run_id: str) -> None:
    """Sweep the stages in turn until none of their work is open."""
    while any(one.stage in stages for one in open_work(engine, Selector())):
        outcomes = [
            outcome
            for stage in stages
            for outcome in runner.sweep(stage, run_id=run_id, time_box=TIME_BOX_SECONDS, limit=CHUNK)
        ]
        if not outcomes:
            time.sleep(POLL_SECONDS)  # another process holds the open work, or it waits


def refresh(engine: sa.Engine, stages: Sequence[Stage], run_id: str, artist_keys: Sequence[str]) -> None:
    """Refresh each stage for exactly these artists."""
    cutoff = runner.database_now(engine)
    for stage in stages:
        runner.refresh(stage, artist_keys, run_id=run_id, cutoff=cutoff)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("run_id")
    parser.add_argument("--stages", choices=CHAINS, default="catalogue")
    parser.add_argument("--point", default="nowhere")
    parser.add_argument("--nth", type=int, default=1)
    parser.add_argument("--refresh", nargs="*", metavar="ARTIST_KEY", default=[])
    told = parser.parse_args()
    logs.configure(level=logging.WARNING)  # to stderr: stdout is for the test
    engine = get_engine()
    hook(engine, Halt(told.point, told.nth))
    sys.stdout.write("begun\n")
    sys.stdout.flush()
    sys.stdin.readline()
    if told.refresh:
        refresh(engine, CHAINS[told.stages], told.run_id, told.refresh)
    else:
        drain(engine, CHAINS[told.stages], told.run_id)


if __name__ == "__main__":
    main()
