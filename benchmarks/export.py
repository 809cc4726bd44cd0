"""Export: the command `export tracks --format csv`, whole, against a raw COPY of the table that lies beneath the view.

The catalog is made up, with what nine sources state of each recording. The COPY reads no enrichment.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
import sqlalchemy as sa

from benchmarks import synthetic
from benchmarks.figures import Figure, Goal, median_figure, ratios
from benchmarks.options import Options
from benchmarks.servers import FreshDatabase, Server

ARTISTS = 100
RELEASES = 50
TRACKS = 20
ROUNDS = 3
LOOK_UPS = 100
GOAL = Goal("at most", 3.0)


def measure(server: Server, options: Options) -> Iterator[Figure]:
    """Seconds of the command, their ratio to COPY, and what the view costs for one track and for one artist."""
    with server.fresh_database() as filled, TemporaryDirectory() as folder:
        rows = _fill(filled)
        file = Path(folder) / "tracks.csv"
        copied, exported = [], []
        for _ in range(options.rounds or ROUNDS):
            copied.append(_copy(filled.engine))
            exported.append(_export(filled, file))
        yield median_figure("COPY of the table", copied, "s")
        yield median_figure(f"export of {rows:,} tracks", exported, "s", GOAL)
        yield median_figure("export ÷ COPY", ratios(exported, copied), "")
        yield median_figure("one track through the view", _look_ups(filled.engine, ONE_TRACK), "ms")
        yield median_figure("one artist's 1,000 tracks through the view", _look_ups(filled.engine, ONE_ARTIST), "ms")


ONE_TRACK = sa.text("SELECT * FROM tracks WHERE track_id = made_up_id('T', :number * 997)")
ONE_ARTIST = sa.text(
    "SELECT * FROM tracks JOIN artist_releases USING (release_id) WHERE artist_id = made_up_id('A', :number % 100)"
)


def _fill(catalogue: FreshDatabase) -> int:
    catalogue.run_script("fill")
    given = {"artists": ARTISTS, "releases": RELEASES, "tracks": TRACKS, "producers": synthetic.PRODUCERS,
             "shared_title_every": synthetic.SHARED_TITLE_EVERY, "shared_title": synthetic.SHARED_TITLE}  # fmt: skip
    with catalogue.engine.begin() as connection:
        connection.execute(
            sa.text(
                "SELECT fill_catalogue(:artists, :releases, :tracks, :producers, :shared_title_every, :shared_title)"
            ),
            given,
        )
        connection.execute(sa.text("SELECT fill_recording_sources()"))
        rows = int(connection.execute(sa.text("SELECT count(*) FROM release_tracks")).scalar_one())
    catalogue.settle()
    return rows


def _copy(engine: sa.Engine) -> float:
    began = time.perf_counter()
    with engine.connect() as connection:
        cursor: psycopg.Cursor[Any] = connection.connection.cursor()  # type: ignore[assignment]
        with cursor.copy("COPY release_tracks TO STDOUT WITH (FORMAT csv)") as chunks:
            for _ in chunks:
                pass
    return time.perf_counter() - began


def _export(catalogue: FreshDatabase, file: Path) -> float:
    command = [str(Path(sys.executable).parent / "music-pipeline"), "export", "tracks", "--format", "csv"]
    began = time.perf_counter()
    subprocess.run(  # noqa: S603
        [*command, "--out", str(file)], env=os.environ | catalogue.environment, check=True, capture_output=True
    )
    return time.perf_counter() - began


def _look_ups(engine: sa.Engine, statement: sa.TextClause) -> Sequence[float]:
    milliseconds = []
    with engine.connect() as connection:
        for number in range(LOOK_UPS):
            began = time.perf_counter()
            connection.execute(statement, {"number": number}).all()
            milliseconds.append((time.perf_counter() - began) * 1000)
    return milliseconds
