"""The demo as a process, on a database and a sandbox of its own."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from music_pipeline.database import embedded
from music_pipeline.settings import PROJECT


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home folder of the operator's; the demo's server in it is ended after the test."""
    yield tmp_path
    cluster = embedded.cluster_of((tmp_path / "demo").resolve())
    embedded.stop(cluster)
    for folder in (cluster.folder, cluster.socket_folder):
        shutil.rmtree(folder, ignore_errors=True)


def demo(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "music_pipeline.demo", *arguments],
        env=os.environ | {"MUSIC_PIPELINE_HOME": str(home), "DATABASE_URL": "postgresql://operator@127.0.0.1:9/mine"},
        capture_output=True,
        text=True,
        cwd=PROJECT,
        timeout=150,
        check=False,
    )


def test_the_demo_finds_what_there_is_and_asks_nothing_twice(home: Path) -> None:
    done = demo(home, "--artists", "2", "--seed", "5")
    assert done.returncode == 0, done.stderr
    line = json.loads(done.stdout.splitlines()[-1])
    assert line["artists"] == 2
    assert line["tracks"] > line["releases"] > 0
    assert line["credits"] > 0
    assert (line["dead"], line["still_open"], line["repeats"], line["overruns"]) == (0, 0, 0, 0)
    assert sum(line["enrichment"].values()) == line["recordings"]
    assert line["enrichment"]["completed"] > 0.9 * line["recordings"]
    assert line["enrichment"]["pending"] == 0
    assert line["enrichment_requests"]["lastfm"] > 0
    assert line["enrichment_requests"]["discogs"] == 0
    assert 0.5 < line["coverage"]["lastfm"] <= 1
    assert line["coverage"]["sonoteller"] is None
    assert line["second_run"] == {"requests": 0, "rows_written": 0}
    assert min(line["recall"].values()) > 0.9
    assert json.loads((home / "demo" / "sandbox.json").read_text())["seed"] == 5


def test_a_catalogue_that_is_not_there_is_one_clear_line(home: Path) -> None:
    failed = demo(home, "--catalog", str(home / "none.jsonl"))
    assert failed.returncode == 1
    assert "there is no catalogue at" in failed.stderr
    assert "Traceback" not in failed.stderr
