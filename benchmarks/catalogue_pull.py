"""The product's pull of artists, releases and tracks: `python -m benchmarks.catalogue_pull`. Run by `pulls`.

Does what a sweep of the first three queues does, without Dagster, whose share is measured elsewhere.
"""

import argparse
import json
import sys
from pathlib import Path

from benchmarks.entry import Stage, configure_logs, request_artists, sweep_stages

PULLED = (Stage.ARTIST_DISCOVERY, Stage.ALBUM_DISCOVERY, Stage.TRACK_DISCOVERY)


def main() -> int:
    """Ask for the artists of a file of ids, then do what is due."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--artists", type=Path, required=True, help="a JSON list of Spotify ids")
    chosen = parser.parse_args()
    configure_logs()
    request_artists(json.loads(chosen.artists.read_text()))
    sweep_stages(PULLED)
    return 0


if __name__ == "__main__":
    sys.exit(main())
