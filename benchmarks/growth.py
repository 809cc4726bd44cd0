"""Growth: the cost of an artist in catalogues of 100, 1,000 and 10,000 artists, and of a tick on a full queue.

The catalogues are made-up rows. Ledger, catalogue and runner are the product's. Each sweep is a process of its own.
"""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass

import sqlalchemy as sa

from benchmarks import synthetic
from benchmarks.entry import CATALOG_STAGES, Stage, claim_work, count_checks, due_work, number_of_checks, overdue_work
from benchmarks.figures import Figure, Goal, median_figure, ratios
from benchmarks.options import Options
from benchmarks.processes import run_measured, sweep_command
from benchmarks.servers import FreshDatabase, Server

SIZES = (100, 1_000, 10_000)
ROUNDS = 3
NEW_ARTISTS = 40
FIRST_NEW = 1_000_000
OPEN_ROWS = 1_000_000
ASKED_TIMES = 50
CLAIMED = 50
FLAT = Goal("at most", 1.15)
QUICK = Goal("at most", 10.0)


@dataclass(frozen=True, slots=True)
class Filling:
    """How much `fill_catalogue` writes."""

    artists: int
    each_releases: int = synthetic.RELEASES
    each_tracks: int = synthetic.TRACKS
    all_producers: int = synthetic.PRODUCERS
    shared_title_every: int = synthetic.SHARED_TITLE_EVERY
    shared_title: str = synthetic.SHARED_TITLE


def measure(server: Server, options: Options) -> Iterator[Figure]:
    """Seconds an artist and memory against the size of the catalogue, and milliseconds of a tick's questions."""
    yield from _full_queue(server)
    with ExitStack() as opened:
        catalogues = {size: opened.enter_context(server.fresh_database()) for size in SIZES}
        for size, catalogue in catalogues.items():
            fill(catalogue, size)
        yield from _new_artists(server, catalogues, options.rounds or ROUNDS)
        yield from (figure for size, catalogue in catalogues.items() for figure in _checks(catalogue, size))
        yield from _known_artists(server, catalogues)


def fill(catalogue: FreshDatabase, artists: int) -> None:
    """Write a made-up catalogue, with as much finished work in the archive and as much waiting work."""
    catalogue.run_script("fill")
    with catalogue.engine.begin() as connection:
        connection.execute(
            sa.text(
                "SELECT fill_catalogue(:artists, :each_releases, :each_tracks, :all_producers, :shared_title_every,"
                " :shared_title), fill_finished_work(:artists), fill_waiting_work(:artists)"
            ),
            asdict(Filling(artists)),
        )
    catalogue.settle()


def _new_artists(server: Server, catalogues: dict[int, FreshDatabase], number: int) -> Iterator[Figure]:
    """New artists go through the four stages, a few at a time in each catalogue by turns."""
    rounds: dict[int, list[Mapping[str, float]]] = {size: [] for size in catalogues}
    for place in range(number):
        first = FIRST_NEW + place * NEW_ARTISTS
        for size, catalogue in catalogues.items():
            rounds[size].append(_swept(server, catalogue, CATALOG_STAGES, first=first, artists=NEW_ARTISTS))
    each = dict.fromkeys(rounds, NEW_ARTISTS)
    yield from _flatness("a new artist", rounds, each)


def _known_artists(server: Server, catalogues: dict[int, FreshDatabase]) -> Iterator[Figure]:
    """All artists of each catalogue go through one sweep of the first stage: time and memory."""
    swept = {
        size: [_swept(server, catalogue, [Stage.ARTIST_DISCOVERY], first=0, artists=size)]
        for size, catalogue in catalogues.items()
    }
    yield from _flatness("a known artist", swept, {size: size for size in swept})
    peaks = {size: one["peak_mib"] for size, (one,) in swept.items()}
    small, large = min(peaks), max(peaks)
    for size, peak in peaks.items():
        yield Figure(f"memory of a sweep of {size:,} artists", peak, "MiB")
    yield Figure(f"memory: {large:,} ÷ {small:,} artists", peaks[large] / peaks[small], "", FLAT)


def _swept(
    server: Server, catalogue: FreshDatabase, stages: Sequence[Stage], *, first: int, artists: int
) -> Mapping[str, float]:
    command = sweep_command("synthetic_sweep", server.postmaster, first=first, artists=artists, stages=stages)
    return run_measured(command, postmaster=server.postmaster, environment=catalogue.environment).said


def _flatness(
    what: str, swept: Mapping[int, Sequence[Mapping[str, float]]], artists: Mapping[int, int]
) -> Iterator[Figure]:
    """Time and machine time an artist by the size of the catalogue, and each as a share of the smallest's."""
    kinds: tuple[tuple[str, Callable[[Mapping[str, float]], float]], ...] = (
        ("time", lambda one: one["seconds"]),
        ("CPU", lambda one: one["cpu"] + one["server_cpu"]),
    )
    small = min(swept)
    for kind, value in kinds:
        took = {size: [1000 * value(one) / artists[size] for one in rounds] for size, rounds in swept.items()}
        for size, found in took.items():
            yield median_figure(f"{what} in {size:,}: {kind}", found, "ms")
        for size in took.keys() - {small}:
            yield median_figure(f"{what}: {kind} in {size:,} ÷ in {small:,}", ratios(took[size], took[small]), "", FLAT)


def _checks(catalogue: FreshDatabase, artists: int) -> list[Figure]:
    """The checks of the catalogue: all counted anew, and then as a sweep of each stage counts them."""

    def seconds(*, afresh: bool) -> float:
        began = time.perf_counter()
        count_checks(catalogue.engine, afresh=afresh)
        return time.perf_counter() - began

    what = f"the {number_of_checks()} checks of {artists:,} artists"
    return [
        Figure(f"{what}, counted anew", seconds(afresh=True), "s"),
        Figure(f"{what}, after sweeps", seconds(afresh=False), "s"),
    ]


def _full_queue(server: Server) -> Iterator[Figure]:
    """The questions of a tick and a sweep to a queue with a million open rows, a tenth of them due."""
    with server.fresh_database() as queue:
        queue.run_script("fill")
        with queue.engine.begin() as connection:
            connection.execute(sa.text("SELECT fill_first_queue(:open_rows)"), {"open_rows": OPEN_ROWS})
        queue.settle()
        engine = queue.engine
        behind = f"behind {CLAIMED * ASKED_TIMES:,} leased rows"
        questions: dict[str, Callable[[], object]] = {
            "what is due": lambda: due_work(engine),
            "for how long": lambda: overdue_work(engine),
            f"claim {CLAIMED}": lambda: claim_work(engine, CLAIMED),
            f"what is due {behind}": lambda: due_work(engine),
            f"for how long {behind}": lambda: overdue_work(engine),
        }
        yield from (_answered(name, ask) for name, ask in questions.items())


def _answered(name: str, ask: Callable[[], object]) -> Figure:
    took = [_milliseconds(ask) for _ in range(ASKED_TIMES)]
    return Figure(f"{name}, {OPEN_ROWS:,} open rows", statistics.median(took), "ms", QUICK, tuple(took))


def _milliseconds(ask: Callable[[], object]) -> float:
    began = time.perf_counter()
    if not ask():
        raise RuntimeError("A queue with due rows answered that there is nothing.")
    return 1000 * (time.perf_counter() - began)
