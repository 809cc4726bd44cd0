"""Dagster's share: the CPU of a swept artist beyond the stages' own work, and the time to load definitions.

The runner alone and a Dagster run sweep the same made-up artists by turns, each in a process and a database of its own.
CPU is that of the process and of Postgres.
"""

import sys
from collections.abc import Iterator, Mapping

from benchmarks.figures import Figure, Goal, median_figure, ratios
from benchmarks.options import Options
from benchmarks.processes import Run, run_measured, sweep_command
from benchmarks.servers import Server

ARTISTS = 100
SWEEPS = 3
LOADS = 7
IMPORT_DAGSTER = "import dagster"
LOAD_DEFINITIONS = (
    "from music_pipeline.definitions import definitions\nassert definitions().get_repository_def().get_all_jobs()"
)
LOADING = Goal("at most", 1.3)
DAGSTERS_PART = Goal("at most", 40.0)


def measure(server: Server, options: Options) -> Iterator[Figure]:
    """Dagster's part of an artist's machine time, and the loading of the definitions."""
    artists = options.artists or ARTISTS
    yield from _loading(server, options.rounds or LOADS)
    alone, orchestrated = [], []
    for _ in range(options.rounds or SWEEPS):
        alone.append(_machine_time(_swept(server, "synthetic_sweep", artists), artists))
        orchestrated.append(_machine_time(_swept(server, "dagster_sweep", artists), artists))
    beyond = [after - before for after, before in zip(orchestrated, alone, strict=True)]
    yield median_figure("an artist, the stages' own work", alone, "ms CPU")
    yield median_figure("an artist, Dagster's part", beyond, "ms CPU", DAGSTERS_PART)
    yield median_figure("Dagster's part ÷ the stages' own work", ratios(beyond, alone), "")


def _swept(server: Server, program: str, artists: int) -> Mapping[str, float]:
    with server.fresh_database() as fresh:
        command = sweep_command(program, server.postmaster, artists=artists)
        return run_measured(command, postmaster=server.postmaster, environment=fresh.environment).said


def _machine_time(swept: Mapping[str, float], artists: int) -> float:
    """Milliseconds of CPU an artist."""
    return 1000 * (swept["cpu"] + swept["server_cpu"]) / artists


def _loading(server: Server, number: int) -> Iterator[Figure]:
    imported, loaded = [], []
    _python(server, LOAD_DEFINITIONS)  # this run compiles what has to be compiled
    for _ in range(number):
        imported.append(_python(server, IMPORT_DAGSTER))
        loaded.append(_python(server, LOAD_DEFINITIONS))
    yield median_figure("import dagster", (one.seconds for one in imported), "s")
    yield median_figure("load the definitions", (one.seconds for one in loaded), "s")
    yield median_figure(
        "load the definitions ÷ import dagster, clock",
        ratios([one.seconds for one in loaded], [one.seconds for one in imported]),
        "",
        LOADING,
    )
    yield median_figure(
        "load the definitions ÷ import dagster, CPU",
        ratios([one.cpu for one in loaded], [one.cpu for one in imported]),
        "",
        LOADING,
    )


def _python(server: Server, program: str) -> Run:
    return run_measured([sys.executable, "-c", program], postmaster=server.postmaster)
