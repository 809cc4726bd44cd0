"""Export: `music-pipeline export tracks` of 100,000 rows, with what four providers say of their recordings.

The operator's command, as a process of its own. The export of a small table tells what the start of the process takes,
and that of the bare table what the values cost.
"""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from benchmarks import synthetic
from benchmarks.figures import Figure, Goal, median_figure
from benchmarks.growth import fill
from benchmarks.options import Options
from benchmarks.processes import Run, run_measured
from benchmarks.servers import FreshDatabase, Server

TRACKS_AN_ARTIST = synthetic.RELEASES * synthetic.TRACKS
ARTISTS = -(-100_000 // TRACKS_AN_ARTIST)
ROUNDS = 3
SMALL, BARE, TRACKS = VIEWS = ("field_precedence", "release_tracks", "tracks")
QUICK = Goal("at most", 3.0)
COMMAND = "from music_pipeline.cli.main import main; main()"


def measure(server: Server, options: Options) -> Iterator[Figure]:
    """Time and CPU of the exports of the view `tracks` and of the table beneath it."""
    artists, rounds = options.artists or ARTISTS, range(options.rounds or ROUNDS)
    with server.fresh_database() as fresh:
        fill(fresh, artists)
        with fresh.engine.begin() as connection:
            connection.execute(sa.text("SELECT fill_sources(:recordings)"), {"recordings": artists * TRACKS_AN_ARTIST})
        fresh.settle()
        runs = [{view: _export(server, fresh, view) for view in VIEWS} for _ in rounds]
    yield Figure("rows", artists * TRACKS_AN_ARTIST, "")
    for view in VIEWS:
        yield median_figure(f"{view}: time", (run[view].seconds for run in runs), "s")
        yield median_figure(f"{view}: CPU of Postgres", (run[view].server_cpu for run in runs), "s")
    beyond = [run[TRACKS].seconds - run[SMALL].seconds for run in runs]
    yield median_figure("tracks: time beyond the start of the command", beyond, "s", QUICK)


def _export(server: Server, fresh: FreshDatabase, view: str) -> Run:
    with tempfile.TemporaryDirectory() as folder:
        arguments = ["export", view, "--format", "parquet", "--out", str(Path(folder) / "exported.parquet")]
        command = [sys.executable, "-c", COMMAND, *arguments]
        return run_measured(command, postmaster=server.postmaster, environment=fresh.environment)
