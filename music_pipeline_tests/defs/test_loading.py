"""What Dagster's processes load: the declarations, and nothing that works."""

import subprocess
import sys

from music_pipeline.settings import PROJECT

WORKING = (
    "aiohttp", "cryptography", "httpx", "psycopg", "redis", "requests", "rich", "spotipy", "sqlalchemy", "stamina",
    "structlog", "music_pipeline.database.engine", "music_pipeline.worker.runner", "music_pipeline.work.enqueue",
)  # fmt: skip
LOAD = """
import sys
import dagster
before = set(sys.modules)
from music_pipeline.definitions import definitions
jobs = definitions().get_repository_def().get_all_jobs()
print(len(jobs), *sorted(set(sys.modules) - before))
"""


def test_the_definitions_load_without_a_database_a_client_or_a_log() -> None:
    loading = subprocess.run([sys.executable, "-c", LOAD], cwd=PROJECT, capture_output=True, text=True, check=True)
    jobs, *loaded = loading.stdout.split()
    assert int(jobs) > 0
    assert "music_pipeline.defs.assets.queues" in loaded
    assert [name for name in WORKING if name in loaded] == []
