"""`python -m benchmarks [PART …]`: measure, print a table, and keep the figures as JSON.

README.md in this folder says what each part measures, and how.
"""

import argparse
import importlib
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.entry import configure_logs
from benchmarks.figures import Figure, keep, line, table
from benchmarks.options import Options
from benchmarks.servers import own_server
from music_pipeline.settings import settings

PARTS = ("distance", "writing", "growth", "orchestration", "against_dlt", "same_facts", "quotas", "export")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the named parts, or all; return 1 if a goal is missed, else 0."""
    parser = argparse.ArgumentParser(prog="benchmarks", description="Measure the pipeline, part by part.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"one of {', '.join(PARTS)}; all by default")
    parser.add_argument(
        "--artists", type=_count, help="artists of against_dlt, same_facts, orchestration, quotas, export"
    )
    parser.add_argument("--rounds", type=_count, help="rounds of every part that has rounds")
    parser.add_argument("--speed", type=float, help="speed of the sandbox's clock, for same_facts and quotas")
    chosen = parser.parse_args(arguments)
    parts, options = chosen.parts or PARTS, Options(chosen.artists, chosen.rounds, chosen.speed)
    unknown = sorted(set(parts) - set(PARTS))
    if unknown:
        parser.error(f"there is no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))  # so that the server is stopped
    home = settings().home / "benchmarks"
    file = home / "figures.json"
    figures = {part: measure(part, options, home, file) for part in parts}
    sys.stdout.write(f"{table(figures)}\n\nAs JSON: {file}\n")
    return int(any(one.is_met is False for found in figures.values() for one in found))


def measure(part: str, options: Options, home: Path, file: Path) -> list[Figure]:
    """Measure one part on a Postgres of its own, and keep its figures in `file`."""
    began = time.monotonic()
    with own_server(home) as server:
        configure_logs()
        figures: Iterator[Figure] = importlib.import_module(f"benchmarks.{part}").measure(server, options)
        found = list(_show(part, figures))
    keep(file, part, found, time.monotonic() - began)
    sys.stderr.write(f"{part}: {time.monotonic() - began:.0f} seconds\n")
    return found


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _show(part: str, figures: Iterator[Figure]) -> Iterator[Figure]:
    for figure in figures:
        sys.stderr.write(line(part, figure) + "\n")
        yield figure


if __name__ == "__main__":
    sys.exit(main())
