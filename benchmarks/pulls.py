"""Pulls from one sandbox into one Postgres: ours and dlt's, each a process of its own on a fresh database.

`against_dlt` and `same_facts` say what is pulled and compared; here is how a pull is run and what it costs.
"""

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks.figures import Figure, Goal, median_figure, ratios
from benchmarks.processes import Run, run_measured
from benchmarks.servers import FreshDatabase, Server
from music_pipeline.sandbox.process import SandboxProcess
from music_pipeline.settings import PROJECT

OURS = "ours"
MOST_SHOWN = 4_000
TUNING = {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "ERROR",
    "EXTRACT__WORKERS": "20",
    "EXTRACT__MAX_PARALLEL_ITEMS": "100",
    "NORMALIZE__WORKERS": "1",  # for so little data, a pool of processes costs more than it saves
    "NORMALIZE__DATA_WRITER__DISABLE_COMPRESSION": "true",
    "LOAD__WORKERS": "4",
}


class BenchmarkFailed(Exception):
    """The comparison cannot be made; the text says why."""


@dataclass(frozen=True, slots=True)
class Pull:
    """One pull: its cost, its requests, how many of them were refused, and what it left in the database."""

    run: Run
    requests: int
    refusals: int
    left: "Left"

    @property
    def seconds(self) -> float:
        """Seconds of the clock, the start of the process included."""
        return self.run.seconds

    @property
    def cpu(self) -> float:
        """CPU seconds of its processes and of Postgres for it."""
        return self.run.cpu + self.run.server_cpu


Left = Mapping[str, Any]
"""What a pull left in the database: a row of columns."""


def are_equal(left: Mapping[str, Left]) -> bool:
    """Whether all forms left the same."""
    first, *others = left.values()
    return all(other == first for other in others)


@dataclass(frozen=True, slots=True)
class Course:
    """What is pulled, and from where.

    `left`: by form, the statement that reads what a pull left; `agree` compares the forms. `dlt_arguments` go to dlt's
    program, `dlt_environment` to its process, over `TUNING`.
    """

    server: Server
    sandbox: SandboxProcess
    artists: Path
    left: Mapping[str, sa.TextClause]
    our_environment: Mapping[str, str] = field(default_factory=dict)
    agree: Callable[[Mapping[str, Left]], bool] = are_equal
    dlt_arguments: Sequence[str] = ()
    dlt_environment: Mapping[str, str] = field(default_factory=dict)

    def rounds(self, number: int, *, warm_up: bool = True) -> list[dict[str, Pull]]:
        """Pull in all forms, round by round, each round in another order. Raises BenchmarkFailed."""
        forms = list(self.left)
        if warm_up:
            self._round(forms)  # this round compiles what has to be compiled
        return [self._round([*forms[place % len(forms) :], *forms[: place % len(forms)]]) for place in range(number)]

    def _round(self, order: Sequence[str]) -> dict[str, Pull]:
        pulls = {form: self._pull(form) for form in order}
        if not self.agree({form: pull.left for form, pull in pulls.items()}):
            text = "; ".join(f"{form}: {pull.left}" for form, pull in pulls.items())
            raise BenchmarkFailed(f"The pulls differ: {text[:MOST_SHOWN]}")
        return pulls

    def _pull(self, form: str) -> Pull:
        with self.server.fresh_database() as fresh:
            self.sandbox.reset_stats()
            run = self._ours(fresh) if form == OURS else self._dlt(fresh, form)
            counts = self.sandbox.stats().values()
            with fresh.engine.connect() as connection:
                left = connection.execute(self.left[form]).mappings().one()
        requests, refusals = (sum(int(each[name]) for each in counts) for name in ("requests", "refusals"))
        return Pull(run, requests, refusals, dict(left))

    def _ours(self, fresh: FreshDatabase) -> Run:
        return run_measured(
            [sys.executable, "-m", "benchmarks.catalogue_pull", "--artists", str(self.artists)],
            postmaster=self.server.postmaster,
            environment={**fresh.environment, **self.our_environment, "MUSIC_SANDBOX_URL": self.sandbox.url},
        )

    def _dlt(self, fresh: FreshDatabase, form: str) -> Run:
        """dlt writes into a schema of its own, over the same socket."""
        # It wants a host in the address; libpq goes by the one after the question mark.
        address = sa.make_url(fresh.url).set(host="localhost").render_as_string(hide_password=False)
        with tempfile.TemporaryDirectory() as folder:
            command = [str(_python_with_dlt()), str(Path(__file__).with_name("dlt_pulls.py")), form]
            command += ["--url", self.sandbox.url, "--database", address, "--artists", str(self.artists)]
            command += ["--folder", folder, *self.dlt_arguments]
            return run_measured(
                command, postmaster=self.server.postmaster, environment=TUNING | dict(self.dlt_environment)
            )


def _python_with_dlt() -> Path:
    """The interpreter of the environment that `make bench` fills. Raises BenchmarkFailed when it is missing."""
    python = Path(os.environ.get("BENCHMARK_PYTHON") or PROJECT / ".venv-bench/bin/python")
    if not python.exists():
        raise BenchmarkFailed(f"dlt is not installed: {python} is missing. `make bench` installs it.")
    return python


@contextmanager
def file_of_artists(sandbox: SandboxProcess, number: int) -> Iterator[Path]:
    """A file with the Spotify ids of the sandbox's first artists, for as long as the block runs."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "artists.json"
        file.write_text(json.dumps([one["spotify_id"] for one in sandbox.artists(number)]))
        yield file


def costs(form: str, pulls: Sequence[Pull]) -> Iterator[Figure]:
    """What the pulls of one form took."""
    yield median_figure(f"{form}: time", (one.seconds for one in pulls), "s")
    yield median_figure(f"{form}: CPU of its processes", (one.run.cpu for one in pulls), "s")
    yield median_figure(f"{form}: CPU of Postgres for it", (one.run.server_cpu for one in pulls), "s")
    yield median_figure(f"{form}: memory of its largest process", (one.run.peak_mib for one in pulls), "MiB")
    yield median_figure(f"{form}: requests", (one.requests for one in pulls), "")


def comparison(
    name: str, rounds: Sequence[Mapping[str, Pull]], form: str, value: Callable[[Pull], float], goal: Goal | None = None
) -> Figure:
    """A cost of ours as a share of the form's, round by round."""
    shares = ratios([value(one[OURS]) for one in rounds], [value(one[form]) for one in rounds])
    return median_figure(f"{name}: ours ÷ {form}", shares, "", goal)
