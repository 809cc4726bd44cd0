"""Fixtures of the real catalogue, and a profile of Hypothesis without deadlines."""

import csv
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

settings.register_profile("pure", deadline=None, max_examples=200)
settings.load_profile("pure")


def _shared_file(name: str) -> Path:
    beside_the_project = Path(__file__).resolve().parents[3] / "shared"
    path = Path(os.environ.get("MUSIC_SHARED", beside_the_project)) / "catalog" / name
    if not path.is_file():
        pytest.skip(f"the real catalogue is not here: {path} (set MUSIC_SHARED to its folder)")
    return path


@pytest.fixture(scope="session")
def discogs_releases() -> list[dict[str, Any]]:
    with _shared_file("discogs_releases.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@pytest.fixture(scope="session")
def spotify_tracks() -> list[dict[str, str]]:
    with _shared_file("spotify_tracks.csv").open(encoding="utf-8", newline="") as rows:
        return list(csv.DictReader(rows))
