"""Distance: how far it is from a question to its answer in the code, and the package's shape.

Counted, not timed: no load of the machine changes it. The tree at 543bd43, before the rooms were laid out anew, had:
129 functions a call, 74 modules a sweep of producers (with 588 functions); functions of 6, 16 and 43 lines (median,
p90, longest); 19 names of more than one class, 3 classes of one name; 37 files in the largest folder; 20 loose modules;
2 import circles; 5 imports upward.
"""

import sys
from collections.abc import Iterator

from benchmarks.figures import Figure, Goal
from benchmarks.options import Options
from benchmarks.processes import run_measured
from benchmarks.servers import Server
from benchmarks.shape import shape
from music_pipeline.sandbox.process import SandboxProcess, running_sandbox

SPEED = 60.0
CALLED = 4
SWEPT = 3


def measure(server: Server, options: Options) -> Iterator[Figure]:
    """Functions and modules visited at run time, then the shape of the files."""
    with running_sandbox(speed=SPEED) as sandbox, server.fresh_database() as fresh:
        called, swept = _artists(sandbox)
        counted = run_measured(
            [sys.executable, "-m", "benchmarks.distance_probe", "--called", *called, "--swept", *swept],
            postmaster=server.postmaster,
            environment=fresh.environment | {"MUSIC_SANDBOX_URL": sandbox.url},
        ).said
    call, sweep = counted["call"], counted["sweep"]
    yield _most("an uncached call: functions", call["functions"], 70, before=129)
    yield _most("an uncached call: modules", call["modules"], before=24)
    yield _most("an uncached call: changes of module", call["changes"], before=106)
    yield _most("an artist through producers: modules", sweep["modules"], 45, before=74)
    yield _most("an artist through producers: functions", sweep["functions"], before=588)
    yield from _shape()


def _artists(sandbox: SandboxProcess) -> tuple[list[str], list[str]]:
    """Artists to call for, and others with few tracks to sweep, who have releases at Discogs and songs at Genius."""
    ids = [one["spotify_id"] for one in sandbox.artists()]
    rows = zip(ids, sandbox.bound(ids)["artists"], strict=True)
    ordered = sorted(rows, key=lambda pair: (pair[1]["spotify"], pair[0]))
    swept = [spotify_id for spotify_id, row in ordered if row["discogs"] > 1 and row["genius"] > 1][:SWEPT]
    return [one for one in ids if one not in swept][:CALLED], swept


def _shape() -> Iterator[Figure]:
    found = shape()
    yield _most("functions: median", found.median_function, 9, before=6, unit="lines")
    yield _most("functions: p90", found.p90_function, 22, before=16, unit="lines")
    yield _most("functions: longest", found.longest_function, 45, before=43, unit="lines")
    yield _most("names of more than one class", found.classes_of_shared_name, 2, before=19)
    yield _most("classes of one name, at most", found.most_classes_of_one_name, 2, before=3)
    yield _most("files in the largest folder", found.files_in_largest_folder, 21, before=37)
    yield _most("loose modules at the package's top", found.loose_modules, 4, before=20)
    yield _most("import circles", found.circles, 0, before=2)
    yield _most("imports of a higher layer", found.upward, 0, before=5)


def _most(name: str, value: float, bound: float | None = None, *, before: float, unit: str = "") -> Figure:
    """A count with its bound, if it has one, and what the old tree had."""
    goal = None if bound is None else Goal("at most", bound)
    return Figure(f"{name} (was {before:g})", value, unit, goal)
