"""Many clients at once, while half of all requests fail in every way."""

import json
import os
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
import sqlalchemy as sa

from music_pipeline.actions.reprocess import ReprocessFilters, reprocess
from music_pipeline.gateway.provider import Quirk
from music_pipeline.providers.registry import PROVIDERS as DECLARED
from music_pipeline.sandbox.process import SandboxProcess
from music_pipeline.settings import PROJECT
from music_pipeline.stages.enrichment.sources import SOURCES
from music_pipeline.work.model import Stage
from music_pipeline.worker.runner import database_now, refresh
from music_pipeline_tests.support.enriching import PROVIDERS, change, enrich, forget, let_everybody_be_asked
from music_pipeline_tests.support.pipeline import SPEED, Pipeline, small_artists_of
from music_pipeline_tests.system.load.impatience import TIMEOUT_SECONDS

CLIENTS = "music_pipeline_tests.system.load.clients"
PROCESSES = 4
SEED = 23
FAILING = 0.5
# Every kind of failure and its share. Failures that block a whole provider for minutes are rare. Otherwise nothing else
# would happen.
FAILURES: tuple[tuple[str, dict[str, Any], float], ...] = (
    ("5xx", {"status": 500}, 1.0),
    ("5xx", {"status": 502}, 1.0),
    ("5xx", {"status": 503}, 1.0),
    ("5xx", {"status": 504}, 1.0),
    ("outage", {}, 1.0),
    ("reset", {}, 1.0),
    ("truncated_json", {}, 1.0),
    ("html", {"status": 403}, 1.0),
    ("html", {"status": 502}, 1.0),
    ("429", {"retry_after": 5}, 1.0),
    ("latency", {"seconds": 2 * TIMEOUT_SECONDS}, 0.2),
    ("drip", {"seconds": TIMEOUT_SECONDS}, 0.2),
    ("429", {}, 0.1),
    ("quota_exceeded", {"retry_after": 120}, 0.1),
    ("empty_400", {}, 0.2),
    ("premium_403", {}, 0.05),
    ("expired_token", {}, 0.05),
    ("vanished_endpoint", {}, 0.1),
)
WITH_TOKEN = ("spotify", "discogs", "lastfm", "getsongbpm")
ANOTHER_RUN = "Another run is working on this artist; run it again when that has ended."
OUT_OF_TIME = "The sweep's time is over."
HOURS = "interval '6 hours'"
ROUNDS = 8
PATIENCE_SECONDS = 240  # for the actions that clients began before the end
CALLS = (
    "SELECT outcome, CAST(sum(calls) AS integer) AS calls FROM provider_calls "
    "WHERE outcome NOT LIKE 'cache%' GROUP BY 1 ORDER BY 1"
)
Rows = dict[tuple[Any, str], tuple[Any, ...]]


@dataclass(frozen=True)
class Load:
    """The number of clients, seconds and artists."""

    clients: int
    seconds: int
    artists: int


SHORT = Load(clients=16, seconds=8, artists=1)
LONG = Load(clients=100, seconds=300, artists=8)


@dataclass
class Told:
    """The results of all clients."""

    ends: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    raised: list[str] = field(default_factory=list)


@pytest.fixture
def pipeline(
    engine: sa.Engine, sandbox: Callable[..., SandboxProcess], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Pipeline]:
    """A fresh database, and a sandbox for this test only."""
    process = sandbox(speed=SPEED, seed=SEED)
    monkeypatch.setenv("MUSIC_SANDBOX_URL", process.url)
    yield Pipeline(engine, process)
    process.clear_faults()


def fail_half(sandbox: SandboxProcess) -> None:
    """Make half of the requests to each provider fail, each kind by its share."""
    for provider in PROVIDERS:
        kinds = [one for one in FAILURES if can_fail(provider, one[0])]
        total, left = sum(share for _, _, share in kinds), 1.0
        for kind, details, share in kinds:
            wanted = FAILING * share / total
            sandbox.add_fault(provider, kind, probability=wanted / left, **details)
            left -= wanted


def can_fail(provider: str, kind: str) -> bool:
    """Whether this kind is a failure at the provider.

    Where a 404 means absent, it is an answer.
    """
    if kind == "expired_token":
        return provider in WITH_TOKEN
    return kind != "vanished_endpoint" or Quirk.NOT_FOUND_MEANS_ABSENT not in DECLARED[provider].quirks


def run_clients(load: Load) -> Told:
    """Run the clients, and return their results."""
    share = load.clients // PROCESSES
    started = [
        subprocess.Popen(
            [sys.executable, "-m", CLIENTS, *map(str, (share, number, PROCESSES, load.seconds, SEED))],
            cwd=PROJECT, env=dict(os.environ), stdout=subprocess.PIPE, text=True,
        )
        for number in range(PROCESSES)
    ]  # fmt: skip
    told = Told()
    try:
        for process in started:
            out, _ = process.communicate(timeout=load.seconds + PATIENCE_SECONDS)
            add(told, json.loads(out.splitlines()[-1]))
    finally:
        for process in started:
            process.kill()
            process.wait()
    return told


def add(told: Told, one: Mapping[str, Any]) -> None:
    told.ends.update(one["ends"])
    told.raised += one["raised"]
    for action, seconds in one["seconds"].items():
        told.seconds.setdefault(action, []).extend(seconds)


def recover(pipeline: Pipeline) -> None:
    """Sweep every few hours, as the schedule does, until no failure is due again."""
    for _ in range(ROUNDS):
        change(pipeline, f"UPDATE recording_sources SET next_attempt_at = next_attempt_at - {HOURS} "
                         "WHERE status IN ('failed', 'found')")  # fmt: skip
        change(pipeline, f"UPDATE provider_blocks SET until = until - {HOURS}")
        pipeline.make_due()
        enrich(pipeline)
        if not failing(pipeline, "next_attempt_at IS NOT NULL"):
            return


def failing(pipeline: Pipeline, condition: str) -> int:
    rows = pipeline.value(f"SELECT count(*) FROM recording_sources WHERE error IS NOT NULL AND {condition} "
                          "AND status IN ('failed', 'found')")  # fmt: skip
    return int(rows)


def failed_share(calls: Mapping[str, int]) -> float:
    """The share of requests without an answer, by the pipeline's own counts."""
    good = sum(calls.get(outcome, 0) for outcome in ("answered", "absent", "unchanged"))
    return float(1 - good / sum(calls.values()))


def rows_of(pipeline: Pipeline) -> Rows:
    """The contents of each row, without times."""
    rows = pipeline.rows(
        "SELECT recording_id, source, status, fields::text, confidence, error, is_retriable FROM recording_sources"
    )
    return {(row.recording_id, row.source): tuple(row[2:]) for row in rows}


def faultless(pipeline: Pipeline) -> tuple[Rows, Rows]:
    """The rows after an undisturbed sweep, and after every source was asked by force."""
    forget(pipeline)
    enrich(pipeline)
    swept = rows_of(pipeline)
    keys = [row.artist_key for row in pipeline.rows("SELECT artist_key FROM artists")]
    refresh(Stage.ENRICHMENT, keys, run_id="all", cutoff=database_now(pipeline.engine))
    return swept, rows_of(pipeline)


@pytest.mark.parametrize(
    "load", [pytest.param(SHORT, id="short"), pytest.param(LONG, id="long", marks=pytest.mark.soak)]
)
def test_enrichment_survives_load_with_half_of_requests_failing(pipeline: Pipeline, load: Load) -> None:
    """No sweep fails. After the faults, the rows become those of an undisturbed run."""
    pipeline.discover(*small_artists_of(pipeline)[: load.artists])
    assert {one.error for one in pipeline.sweep()} == {None}
    let_everybody_be_asked(pipeline)
    change(pipeline, "DELETE FROM provider_calls")
    pipeline.sandbox.reset_stats()
    fail_half(pipeline.sandbox)
    told = run_clients(load)
    pipeline.sandbox.clear_faults()
    calls = {row.outcome: row.calls for row in pipeline.rows(CALLS)}
    report(load, told, served=served(pipeline.sandbox.stats()), calls=calls)
    assert told.raised == []
    assert {end.split(": ", 1)[1] for end in told.ends if end.startswith("sweep: ")} <= {
        "swept", "done", "another sweep is at it", OUT_OF_TIME,
    }  # fmt: skip
    assert {end.split(": ", 1)[1] for end in told.ends if end.startswith("refresh: ")} <= {"done", ANOTHER_RUN}
    assert told.ends["sweep: swept"] > 0
    assert FAILING - 0.2 < failed_share(calls) < FAILING + 0.2
    troubled = failing(pipeline, "true")
    recover(pipeline)
    given_up = failing(pipeline, "next_attempt_at IS NULL")
    reprocess(pipeline.engine, ReprocessFilters(), by="the weekly schedule")
    recover(pipeline)
    sys.stdout.write(f"in trouble when the faults end: {troubled} rows; left to the weekly schedule: {given_up}\n")
    assert pipeline.value("SELECT count(*) FROM dead_work") == 0
    recovered = rows_of(pipeline)
    swept, everybody_asked = faultless(pipeline)
    assert {key: row for key, row in recovered.items() if row not in meant(key, swept, everybody_asked)} == {}
    assert recovered.keys() == swept.keys()


def meant(key: tuple[Any, str], swept: Rows, everybody_asked: Rows) -> set[tuple[Any, ...]]:
    """The accepted contents of a row.

    A source that is often unneeded may have been asked by force.
    """
    return {swept[key], everybody_asked[key]} if SOURCES[key[1]].only_without else {swept[key]}


def report(load: Load, told: Told, **figures: object) -> None:
    """Print the measurements, for `pytest -s` and for a failure."""
    reads = sorted(told.seconds["read"])
    spread = f"median {statistics.median(reads):.3f} s, 95 % {reads[int(0.95 * len(reads))]:.3f} s"
    lines = [str(load), f"reads: {len(reads)}, {spread}", f"ends: {dict(sorted(told.ends.items()))}"]
    sys.stdout.write("\n".join([*lines, *(f"{name}: {value}" for name, value in figures.items())]) + "\n")


def served(stats: Mapping[str, Any]) -> dict[str, Any]:
    """The sandbox's counts: requests by provider, overruns and early calls."""
    counts = {name: stats[name]["requests"] for name in PROVIDERS}
    return counts | {name: sum(one[name] for one in stats.values()) for name in ("overruns", "early_calls")}
