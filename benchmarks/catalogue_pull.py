"""The product's pull of artists, releases and tracks: `python -m benchmarks.catalogue_pull`. Run by `against_dlt`.

What a sweep of the first three queues does, without Dagster, whose share is measured elsewhere.
"""

import argparse
import json
import sys
from pathlib import Path

from benchmarks.synthetic_sweep import sweep_stages
from music_pipeline import logs
from music_pipeline.actions.request_artist import request_artist
from music_pipeline.database.engine import get_engine
from music_pipeline.settings import settings
from music_pipeline.work.model import Stage

PULLED = (Stage.ARTIST_DISCOVERY, Stage.ALBUM_DISCOVERY, Stage.TRACK_DISCOVERY)


def main() -> int:
    """Ask for the artists of a file of ids, then do what is due."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--artists", type=Path, required=True, help="a JSON list of Spotify ids")
    chosen = parser.parse_args()
    logs.configure(file=settings().home / "benchmarks.log")
    for spotify_id in json.loads(chosen.artists.read_text()):
        requested = request_artist(get_engine(), spotify_id)
        if requested.refused is not None:
            raise RuntimeError(requested.refused)
    sweep_stages(PULLED)
    return 0


if __name__ == "__main__":
    sys.exit(main())
