"""Against dlt: artists, their releases and tracks from one sandbox into one Postgres, three ways by turns.

Each pull is a process of its own on a fresh database. What they have pulled is compared before anything is told.
"""

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from benchmarks.figures import Figure, Goal, median_figure, ratios
from benchmarks.processes import Run, run_measured
from benchmarks.servers import FreshDatabase, Server
from music_pipeline.sandbox.options import QuotaOverride
from music_pipeline.sandbox.process import SandboxProcess, running_sandbox
from music_pipeline.settings import PROJECT

ARTISTS = 25
ROUNDS = 5
OURS, REST_API, ASYNCHRONOUS = "ours", "rest_api", "asynchronous"
FORMS = (OURS, REST_API, ASYNCHRONOUS)
# So high that nobody waits, yet reserved, counted and reported as ever.
OUR_QUOTA = {"SPOTIFY_QUOTA": "1000/1"}
NO_QUOTA = (QuotaOverride("spotify", 1_000_000, 1.0),)
TUNING = {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "ERROR",
    "EXTRACT__WORKERS": "20",
    "EXTRACT__MAX_PARALLEL_ITEMS": "100",
    "NORMALIZE__WORKERS": "1",  # for so little data, a pool of processes takes longer to start than it saves
    "NORMALIZE__DATA_WRITER__DISABLE_COMPRESSION": "true",
    "LOAD__WORKERS": "4",
}
THIRD, QUARTER, FASTER = Goal("at most", 1 / 3), Goal("at most", 1 / 4), Goal("at most", 1.0)
HELD = sa.text(
    "SELECT (SELECT count(*) FROM external_ids WHERE entity = 'artist' AND provider = 'spotify') AS artists,"
    " (SELECT count(*) FROM external_ids WHERE entity = 'release' AND provider = 'spotify') AS releases,"
    " (SELECT count(*) FROM external_ids WHERE entity = 'track' AND provider = 'spotify') AS tracks"
)
PULLED = sa.text(
    "SELECT (SELECT count(DISTINCT id) FROM pulled.artists) AS artists,"
    " (SELECT count(DISTINCT id) FROM pulled.releases) AS releases,"
    " (SELECT count(DISTINCT id) FROM pulled.tracks) AS tracks"
)


class BenchmarkFailed(Exception):
    """The comparison cannot be made; the text says why."""


@dataclass(frozen=True, slots=True)
class Pull:
    """One pull: what it took, how many requests it made, and how many rows it brought by kind."""

    run: Run
    requests: int
    rows: Mapping[str, int]


def measure(server: Server) -> Iterator[Figure]:
    """Time, CPU, memory and requests of each way, and ours as a share of the others'."""
    with running_sandbox(quotas=NO_QUOTA) as sandbox, tempfile.TemporaryDirectory() as folder:
        artists = Path(folder) / "artists.json"
        artists.write_text(json.dumps([one["spotify_id"] for one in sandbox.artists(ARTISTS)]))
        _round(server, sandbox, artists, FORMS)  # whatever has to be compiled is compiled here
        rounds = [_round(server, sandbox, artists, _turn(place)) for place in range(ROUNDS)]
    for form in FORMS:
        yield from _what_it_took(form, [one[form] for one in rounds])
    yield from _compared(rounds)


def _turn(place: int) -> list[str]:
    """Another order in each round."""
    shift = place % len(FORMS)
    return [*FORMS[shift:], *FORMS[:shift]]


def _round(server: Server, sandbox: SandboxProcess, artists: Path, order: Sequence[str]) -> dict[str, Pull]:
    pulls = {form: _pull(server, sandbox, artists, form) for form in order}
    if len({tuple(sorted(pull.rows.items())) for pull in pulls.values()}) != 1:
        raise BenchmarkFailed(f"The pulls differ: { ({form: dict(pull.rows) for form, pull in pulls.items()}) }.")
    return pulls


def _pull(server: Server, sandbox: SandboxProcess, artists: Path, form: str) -> Pull:
    with server.fresh_database() as fresh:
        sandbox.reset_stats()
        run = _ours(server, sandbox, fresh, artists) if form == OURS else _dlt(server, sandbox, fresh, artists, form)
        requests = sum(int(counts["requests"]) for counts in sandbox.stats().values())
        with fresh.engine.connect() as connection:
            rows = connection.execute(HELD if form == OURS else PULLED).mappings().one()
        return Pull(run, requests, {kind: int(rows[kind]) for kind in ("artists", "releases", "tracks")})


def _ours(server: Server, sandbox: SandboxProcess, fresh: FreshDatabase, artists: Path) -> Run:
    return run_measured(
        [sys.executable, "-m", "benchmarks.catalogue_pull", "--artists", str(artists)],
        postmaster=server.postmaster,
        environment=fresh.environment | OUR_QUOTA | {"MUSIC_SANDBOX_URL": sandbox.url},
    )


def _dlt(server: Server, sandbox: SandboxProcess, fresh: FreshDatabase, artists: Path, form: str) -> Run:
    """dlt writes into a schema of its own, over the same socket."""
    # It wants a host in the address; libpq goes by the one after the question mark.
    address = sa.make_url(fresh.url).set(host="localhost").render_as_string(hide_password=False)
    with tempfile.TemporaryDirectory() as folder:
        command = [str(_python_with_dlt()), str(Path(__file__).with_name("dlt_pulls.py")), form]
        command += ["--url", sandbox.url, "--database", address, "--artists", str(artists), "--folder", folder]
        return run_measured(command, postmaster=server.postmaster, environment=TUNING)


def _python_with_dlt() -> Path:
    """The interpreter of the environment that `make bench` fills. Raises BenchmarkFailed where there is none."""
    python = Path(os.environ.get("BENCHMARK_PYTHON") or PROJECT / ".venv-bench/bin/python")
    if not python.exists():
        raise BenchmarkFailed(f"dlt is not installed: {python} is missing. `make bench` installs it.")
    return python


def _what_it_took(form: str, pulls: Sequence[Pull]) -> Iterator[Figure]:
    yield median_figure(f"{form}: time", (one.run.seconds for one in pulls), "s")
    yield median_figure(f"{form}: CPU", (one.run.cpu for one in pulls), "s")
    yield median_figure(f"{form}: CPU of Postgres for it", (one.run.server_cpu for one in pulls), "s")
    yield median_figure(f"{form}: memory of its largest process", (one.run.peak_mib for one in pulls), "MiB")
    yield median_figure(f"{form}: requests", (one.requests for one in pulls), "")
    yield Figure(f"{form}: tracks", pulls[-1].rows["tracks"], "")


def _compared(rounds: Sequence[Mapping[str, Pull]]) -> Iterator[Figure]:
    comparisons: tuple[tuple[str, str, Callable[[Pull], float], Goal | None], ...] = (
        ("time", REST_API, lambda one: one.run.seconds, THIRD),
        ("CPU", REST_API, lambda one: one.run.cpu, QUARTER),
        ("CPU with that of Postgres", REST_API, lambda one: one.run.cpu + one.run.server_cpu, None),
        ("time", ASYNCHRONOUS, lambda one: one.run.seconds, FASTER),
        ("CPU", ASYNCHRONOUS, lambda one: one.run.cpu, None),
    )
    for what, form, value, goal in comparisons:
        shares = ratios([value(one[OURS]) for one in rounds], [value(one[form]) for one in rounds])
        yield median_figure(f"{what}: ours ÷ {form}", shares, "", goal)
