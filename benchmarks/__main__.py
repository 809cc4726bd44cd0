"""`python -m benchmarks [PART …]`: measure, print a table, and keep the figures as JSON.

What each part measures, and how, is in README.md of this folder.
"""

import argparse
import importlib
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.figures import Figure, keep, line, table
from benchmarks.servers import own_server
from music_pipeline import logs
from music_pipeline.settings import settings

PARTS = ("writing", "export", "growth", "orchestration", "against_dlt", "quotas")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the parts named, or all; the exit code is 1 where a goal is missed."""
    parser = argparse.ArgumentParser(prog="benchmarks", description="Measures the pipeline, part by part.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; none: all")
    parts = parser.parse_args(arguments).parts or PARTS
    unknown = sorted(set(parts) - set(PARTS))
    if unknown:
        parser.error(f"there is no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))  # so that the server is stopped
    home = settings().home / "benchmarks"
    file = home / "figures.json"
    figures = {part: measured(part, home, file) for part in parts}
    sys.stdout.write(f"{table(figures)}\n\nAs JSON: {file}\n")
    return int(any(one.is_met is False for found in figures.values() for one in found))


def measured(part: str, home: Path, file: Path) -> list[Figure]:
    """Measure one part on a Postgres of its own, and keep its figures in the file."""
    began = time.monotonic()
    with own_server(home) as server:
        logs.configure(file=home / "benchmarks.log")
        found = list(_shown(part, importlib.import_module(f"benchmarks.{part}").measure(server)))
    keep(file, part, found, time.monotonic() - began)
    sys.stderr.write(f"{part}: {time.monotonic() - began:.0f} seconds\n")
    return found


def _shown(part: str, figures: Iterator[Figure]) -> Iterator[Figure]:
    for figure in figures:
        sys.stderr.write(line(part, figure) + "\n")
        yield figure


if __name__ == "__main__":
    sys.exit(main())
