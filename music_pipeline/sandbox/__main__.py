"""`python -m music_pipeline.sandbox`: serves the providers on the loopback address until it is interrupted."""

import argparse
import sys
from pathlib import Path

from music_pipeline.sandbox.options import OptionError, SandboxOptions, parse_daily_quota, parse_quota
from music_pipeline.sandbox.server import run


def parse_options(arguments: list[str]) -> SandboxOptions:
    """Reads the command line. Raises OptionError for values that make no sense."""
    parser = argparse.ArgumentParser(prog="python -m music_pipeline.sandbox", description=__doc__)
    parser.add_argument("--catalog", type=Path, help="discogs_releases.jsonl or spotify_tracks.csv; else generated")
    parser.add_argument("--seed", type=int, default=1, help="of the generated catalogue")
    parser.add_argument("--spotify", default="development", help="quota mode: development or extended")
    parser.add_argument("--port", type=int, default=0, help="0 takes any free port")
    parser.add_argument("--speed", type=float, default=1.0, help="multiplies the time of quotas and Retry-After")
    parser.add_argument("--quota", action="append", default=[], metavar="PROVIDER=N/W", help="N requests in W seconds")
    parser.add_argument(
        "--daily-quota", action="append", default=[], metavar="PROVIDER=N", help="N requests in 24 hours"
    )
    parser.add_argument("--with-parent", action="store_true", help="end when stdin is closed")
    chosen = parser.parse_args(arguments)
    return SandboxOptions(
        catalog=chosen.catalog,
        seed=chosen.seed,
        spotify=chosen.spotify,
        port=chosen.port,
        speed=chosen.speed,
        quotas=tuple(parse_quota(text) for text in chosen.quota),
        daily_quotas=tuple(parse_daily_quota(text) for text in chosen.daily_quota),
        with_parent=chosen.with_parent,
    )


def main() -> int:
    """Runs the sandbox; returns the exit code."""
    try:
        run(parse_options(sys.argv[1:]))
    except OptionError as refusal:
        sys.stderr.write(f"{refusal}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
