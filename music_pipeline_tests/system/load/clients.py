"""Many clients of enrichment: `python -m … CLIENTS FIRST STEP SECONDS SEED`.

Each client is a thread that does one random action after the other until the time is over: read, request enrichment,
reprocess failures, refresh one artist at one source, sweep. The clients of all processes begin one after the other, ten
a second. This process has the clients number FIRST, FIRST + STEP and so on. At the end it prints the results as one
JSON object.
"""

import json
import logging
import random
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import uuid4

import sqlalchemy as sa

from music_pipeline import logs
from music_pipeline.actions.reprocess import ReprocessFilters, reprocess
from music_pipeline.database.engine import get_engine
from music_pipeline.defs.runs.heartbeat import sweeping
from music_pipeline.stages.enrichment.due import enqueue_due
from music_pipeline.stages.enrichment.sources import asked_about_all
from music_pipeline.work.enqueue import enqueue
from music_pipeline.work.model import Stage
from music_pipeline.worker.runner import database_now, refresh, sweep
from music_pipeline_tests.system.load.impatience import be_impatient

BEGUN_A_SECOND = 10
SWEEP_SECONDS = 10
ACTIONS = {"read": 60, "request": 15, "reprocess": 5, "refresh": 12, "sweep": 8}
READS = (
    "SELECT e.* FROM enrichment_status e JOIN release_tracks t USING (track_id) "
    "JOIN artist_releases ar USING (release_id) WHERE ar.artist_id = :artist_id",
    "SELECT t.title, t.metadata, t.audio_features FROM tracks t JOIN artist_releases ar USING (release_id) "
    "WHERE ar.artist_id = :artist_id",
    "SELECT source, status, count(*) FROM recording_sources GROUP BY 1, 2",
)


@dataclass
class Told:
    """The clients' results: outcomes and durations of each action, and exceptions."""

    ends: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in ACTIONS})
    raised: list[str] = field(default_factory=list)


@dataclass
class Client:
    """One client."""

    engine: sa.Engine
    chosen: random.Random
    artists: list[sa.Row[tuple[object, ...]]]
    told: Told

    def ask(self, over: threading.Event, begin: float) -> None:
        """Act until the time is over."""
        over.wait(begin)
        while not over.is_set():
            (action,) = self.chosen.choices(list(ACTIONS), list(ACTIONS.values()))
            started = time.monotonic()
            try:
                for end in getattr(self, action)():
                    self.told.ends[f"{action}: {end}"] += 1
            except Exception:  # noqa: BLE001 - whatever it is, the test is to hear of it
                self.told.raised.append(f"{action}: {traceback.format_exc()}")
            self.told.seconds[action].append(time.monotonic() - started)
            over.wait(self.chosen.uniform(0.5, 1.5))

    def read(self) -> list[str]:
        artist = self.chosen.choice(self.artists)
        with self.engine.connect() as connection:
            rows = connection.execute(sa.text(self.chosen.choice(READS)), {"artist_id": artist.artist_id}).all()
        return ["rows" if rows else "no rows"]

    def request(self) -> list[str]:
        artist = self.chosen.choice(self.artists)
        with self.engine.begin() as connection:
            enqueued = enqueue(
                connection, Stage.ENRICHMENT, {"artistId": str(artist.artist_id), "artistName": artist.name},
                subject=str(artist.artist_id), idempotency_key=f"client:{uuid4()}", partition_key=artist.artist_key,
                force=self.chosen.random() < 0.3,
            )  # fmt: skip
        return [enqueued.answer]

    def reprocess(self) -> list[str]:
        source = self.chosen.choice(asked_about_all())
        done = reprocess(self.engine, ReprocessFilters(sources=(source,), limit=20), by="client")
        return ["reset" if done.rows else "nothing to reset"]

    def refresh(self) -> list[str]:
        artist, source = self.chosen.choice(self.artists), self.chosen.choice(asked_about_all())
        cutoff = database_now(self.engine)
        outcomes = refresh(
            Stage.ENRICHMENT, [artist.artist_key], run_id=f"client-{uuid4()}", cutoff=cutoff, sources=[source]
        )
        return [one.error or "done" for one in outcomes]

    def sweep(self) -> list[str]:
        """Sweep like a run of `process_pending_enrichments`, without events of Dagster."""
        run_id, log = f"sweep-{uuid4()}", logging.getLogger(__name__)
        with sweeping(self.engine, Stage.ENRICHMENT.value, run_id=run_id, log=log) as begun:
            if not begun:
                return ["another sweep is at it"]
            enqueue_due(self.engine)
            outcomes = list(sweep(Stage.ENRICHMENT, run_id=run_id, time_box=SWEEP_SECONDS))
        return ["swept", *(one.error or "done" for one in outcomes)]


def main(clients: str, first: str, step: str, seconds: str, seed: str) -> None:
    logs.configure(level=logging.CRITICAL)  # hundreds of failures a second are intended; the results report exceptions
    be_impatient()
    engine = get_engine()
    with engine.connect() as connection:
        artists = list(connection.execute(sa.text("SELECT artist_id, artist_key, name FROM artists ORDER BY name")))
    over, told = threading.Event(), Told()
    numbers = [int(first) + int(step) * place for place in range(int(clients))]
    asked: list[Callable[[threading.Event, float], None]] = [
        Client(engine, random.Random(f"{seed} {number}"), artists, told).ask for number in numbers
    ]
    threads = [
        threading.Thread(target=ask, args=(over, number / BEGUN_A_SECOND))
        for ask, number in zip(asked, numbers, strict=True)
    ]
    for thread in threads:
        thread.start()
    over.wait(float(seconds))
    over.set()
    for thread in threads:
        thread.join()
    sys.stdout.write(json.dumps({"ends": told.ends, "seconds": told.seconds, "raised": told.raised}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
