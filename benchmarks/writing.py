"""Writing: the catalogue's upserts against a raw COPY into a table of the same shape.

Both sides get the same rows from the same process, in transactions of the same size. The upsert also finds known rows,
compares hashes and writes the audit; the COPY does not. Making the rows is not measured.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
import sqlalchemy as sa
from psycopg import sql

from benchmarks.figures import Figure, Goal, median_figure, ratios
from benchmarks.options import Options
from benchmarks.servers import Server
from music_pipeline.database.rows import content_hash, write_rows
from music_pipeline.database.uuid7 import new_id

ROWS = 10_000
ROWS_A_TRANSACTION = 1_000
TRACKS_A_RELEASE = 12
PRODUCERS = 200
ROUNDS = 5
NEW_GOAL = Goal("at least", 0.55)
UNCHANGED_GOAL = Goal("at least", 1.0)

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Measured:
    """Rows a second of one round: the upsert of new rows, of the same rows again, and the COPY."""

    new: float
    unchanged: float
    copied: float


@dataclass(frozen=True, slots=True)
class Table:
    """A table, the statement that writes it, and its rows. `stored_in`: the table that COPY's table resembles."""

    name: str
    stored_in: str
    statement: str
    rows: Sequence[Row]


def measure(server: Server, options: Options) -> Iterator[Figure]:
    """The ratios for recordings, tracks and credits."""
    _round(server, copy_first=False)  # a new server makes its first log files, which no side should pay for
    rounds = [_round(server, copy_first=place % 2 == 1) for place in range(options.rounds or ROUNDS)]
    for name in rounds[0]:
        yield from _figures(name, [one[name] for one in rounds])


def _figures(name: str, measured: Sequence[Measured]) -> list[Figure]:
    copied = [one.copied for one in measured]
    return [
        median_figure(f"{name}: COPY", copied, "rows/s"),
        median_figure(f"{name}: upsert of new rows", [one.new for one in measured], "rows/s"),
        median_figure(f"{name}: new ÷ COPY", ratios([one.new for one in measured], copied), "", NEW_GOAL),
        median_figure(
            f"{name}: unchanged ÷ COPY", ratios([one.unchanged for one in measured], copied), "", UNCHANGED_GOAL
        ),
    ]


def _round(server: Server, *, copy_first: bool) -> dict[str, Measured]:
    """Measure one round, in a database of its own, so that it does not slow the next one down."""
    with server.fresh_database() as fresh:
        engine = fresh.engine
        fresh.run_script("copy_of_table")
        releases, producers = _parents(engine)
        recordings = [_recording(place) for place in range(ROWS)]
        ids = [row["recording_id"] for row in recordings]
        tables = (
            Table("recordings", "recordings", "write_recordings", recordings),
            Table("tracks", "release_tracks", "write_tracks", _tracks(releases, ids)),
            Table("credits", "credits", "write_credits", _credits(producers, ids)),
        )
        return {table.name: _measured(engine, table, copy_first=copy_first) for table in tables}


def _measured(engine: sa.Engine, table: Table, *, copy_first: bool) -> Measured:
    with engine.begin() as connection:
        connection.execute(
            sa.text("SELECT make_copy_of_table(:original, :copied)"),
            {"original": table.stored_in, "copied": f"copied_{table.name}"},
        )
    if copy_first:
        return Measured(copied=_copy(engine, table), new=_upsert(engine, table), unchanged=_upsert(engine, table))
    return Measured(new=_upsert(engine, table), unchanged=_upsert(engine, table), copied=_copy(engine, table))


def _upsert(engine: sa.Engine, table: Table) -> float:
    began = time.perf_counter()
    for rows in _batches(table.rows):
        with engine.begin() as connection:
            write_rows(connection, table.statement, rows)
    return len(table.rows) / (time.perf_counter() - began)


def _copy(engine: sa.Engine, table: Table) -> float:
    columns = list(table.rows[0])
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(f"copied_{table.name}"), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    began = time.perf_counter()
    for rows in _batches(table.rows):
        with engine.begin() as connection:
            cursor: psycopg.Cursor[Any] = connection.connection.cursor()  # type: ignore[assignment]
            with cursor.copy(statement) as copying:
                for row in rows:
                    copying.write_row([row[column] for column in columns])
    return len(table.rows) / (time.perf_counter() - began)


def _batches(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    return (rows[start : start + ROWS_A_TRANSACTION] for start in range(0, len(rows), ROWS_A_TRANSACTION))


def _parents(engine: sa.Engine) -> tuple[list[UUID], list[UUID]]:
    """The releases and producers that tracks and credits refer to."""
    releases = [new_id() for _ in range(ROWS // TRACKS_A_RELEASE + 1)]
    producers = [new_id() for _ in range(PRODUCERS)]
    with engine.begin() as connection:
        write_rows(connection, "write_releases", [_release(place, id) for place, id in enumerate(releases)])
        write_rows(connection, "write_producers", [_producer(place, id) for place, id in enumerate(producers)])
    return releases, producers


def _release(place: int, release_id: UUID) -> Row:
    return {
        "release_id": release_id,
        "title": f"Release {place}",
        "title_normalised": f"release {place}",
        "release_type": "album",
        "release_date": "1999-06-21",
        "total_tracks": TRACKS_A_RELEASE,
        "content_hash": content_hash(place),
    }


def _producer(place: int, producer_id: UUID) -> Row:
    return {
        "producer_id": producer_id,
        "name": f"Producer {place}",
        "name_normalised": f"producer {place}",
        "kind": "person",
        "content_hash": content_hash(place),
    }


def _recording(place: int) -> Row:
    return {
        "recording_id": new_id(),
        "title": f"A song of some length, number {place}",
        "title_normalised": f"a song of some length number {place}",
        "versions": ["live"] if place % 10 == 0 else [],
        "artist_names": [f"Artist {place % 100}"],
        "duration_ms": 180_000 + place,
        "explicit": False,
        "content_hash": content_hash("recording", place),
    }


def _tracks(releases: Sequence[UUID], recordings: Sequence[UUID]) -> list[Row]:
    return [
        {
            "track_id": new_id(),
            "release_id": releases[place // TRACKS_A_RELEASE],
            "recording_id": recording_id,
            "disc_number": 1,
            "position": place % TRACKS_A_RELEASE + 1,
            "title": f"A song of some length, number {place}",
            "content_hash": content_hash("track", place),
        }
        for place, recording_id in enumerate(recordings)
    ]


def _credits(producers: Sequence[UUID], recordings: Sequence[UUID]) -> list[Row]:
    return [
        {
            "credit_id": new_id(),
            "recording_id": recording_id,
            "release_id": None,
            "producer_id": producers[place % len(producers)],
            "role": "Producer",
            "role_class": "producer",
            "credited_as": f"Producer {place % len(producers)}",
            "confidence": 0.9,
            "content_hash": content_hash("credit", place),
        }
        for place, recording_id in enumerate(recordings)
    ]
