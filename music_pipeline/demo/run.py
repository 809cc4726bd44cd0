"""The main job end to end, against a sandbox, on its own database: `make demo`.

Requests the sandbox's artists and sweeps the catalogue's queues in Dagster. Then sweeps enrichment and the producers'
profiles, each alone, so that their costs are known. Compares the catalogue with what the sandbox serves. Prints a
report, and the figures as one JSON object in the last line. The data stays: `music-pipeline --demo` uses it.
"""

import argparse
import json
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import sqlalchemy as sa
from rich.console import Console

from music_pipeline import logs
from music_pipeline.actions.decide import accept_review
from music_pipeline.actions.request_artist import request_artist
from music_pipeline.catalog.reviews import Decision
from music_pipeline.database import embedded, queries
from music_pipeline.database.engine import get_engine
from music_pipeline.database.errors import DatabaseUnreachable
from music_pipeline.database.queries import query
from music_pipeline.definitions import definitions
from music_pipeline.defs.instance.storage import dagster_folder
from music_pipeline.defs.keys import CHAIN, queue_of
from music_pipeline.demo.figures import (
    Enriched,
    Measured,
    ServedCredit,
    compare,
    found_credit,
    served_credit,
    source_coverage,
    summary,
)
from music_pipeline.demo.progress import progress_bars, terminal
from music_pipeline.demo.report import print_report
from music_pipeline.sandbox.options import OptionError
from music_pipeline.sandbox.process import SandboxProcess, running_sandbox
from music_pipeline.settings import PROJECT, SettingError, overridden, settings
from music_pipeline.stages.enrichment.sources import SOURCES
from music_pipeline.work.model import Stage
from music_pipeline.work.stages import STAGES, artist_stages, catalog_stages
from music_pipeline.work.status import due

SPEED = 60.0
GENERATED_ARTISTS = 25
REAL_ARTISTS = 100
MOST_SWEEPS = 3
TIME_BOX_SECONDS = 3600.0
SETTLING_SECONDS = 10.0
LONGEST_WAIT_SECONDS = 15.0
# Instagram allows 200 look-ups an hour, so the profiles of all producers would take longer than all the rest.
SOME_PRODUCERS = 12
SOME_CREDITS = 12
STATEMENT_MILLISECONDS = 60_000
POOL_SECONDS = 600
POOL_OVERFLOW = 5
PRINTED_WIDTH = 120
ROWS = ("artists", "releases", "tracks", "recordings", "producers", "credits")
Stats = Mapping[str, Mapping[str, Any]]
DECIDED = Decision(by="demo", why="the demo knows whom it means")


class DemoFailed(Exception):
    """The demo cannot go on. The text says why."""


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """The catalogue of the demo, and how many of its artists to use."""

    catalog: Path | None
    artists: int
    seed: int

    @property
    def is_standard(self) -> bool:
        """Whether this is plain `make demo`, which has a goal for its time."""
        return self.catalog is None and self.artists == GENERATED_ARTISTS

    @property
    def is_real_hundred(self) -> bool:
        """Whether this is the run that has goals for its requests."""
        return (
            self.catalog is not None and self.catalog.name == "discogs_releases.jsonl" and self.artists == REAL_ARTISTS
        )


def parse_options(arguments: Sequence[str] | None) -> DemoOptions:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="music-pipeline demo", description="The main job, against a sandbox.")
    parser.add_argument(
        "--catalog", type=Path, help="discogs_releases.jsonl or spotify_tracks.csv. Otherwise generated"
    )
    parser.add_argument("--artists", type=int, default=GENERATED_ARTISTS, help="how many artists of the catalogue")
    parser.add_argument("--seed", type=int, default=1, help="the seed of the generated catalogue")
    chosen = parser.parse_args(arguments)
    if chosen.artists < 1:
        parser.error("--artists must be at least 1.")
    return DemoOptions(chosen.catalog and chosen.catalog.expanduser().resolve(), chosen.artists, chosen.seed)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo. The exit code is 1, with one line, if it cannot go on."""
    started = time.monotonic()
    options = parse_options(arguments)
    try:
        measured, credits = run(options, started=started)
    except (DemoFailed, OptionError, SettingError, DatabaseUnreachable,
            embedded.EmbeddedPostgresError) as error:  # fmt: skip
        sys.stderr.write(f"The demo failed: {error}\n")
        return 1
    print_report(Console(width=None if sys.stdout.isatty() else PRINTED_WIDTH), measured, credits)
    sys.stdout.write(json.dumps(summary(measured), ensure_ascii=False) + "\n")
    return 0


def run(options: DemoOptions, *, started: float) -> tuple[Measured, list[Mapping[str, Any]]]:
    """Run the main job on fresh data.

    Returns what was measured since `started`, and some credits to show.
    """
    home = settings().home / "demo"
    home.mkdir(parents=True, exist_ok=True)
    console = terminal()
    logs.configure(file=home / "demo.log")
    console.print("Starting the sandbox …")
    with (
        overridden(home=home, database_url=None),
        ThreadPoolExecutor() as beside,
        sandbox_of(options, home, beside) as sandbox,
        overridden(sandbox_url=sandbox.url),
        dg.DagsterInstance.from_config(str(PROJECT)) as instance,
    ):
        # By default Dagster opens a connection per event.
        instance.optimize_for_webserver(
            statement_timeout=STATEMENT_MILLISECONDS, pool_recycle=POOL_SECONDS, max_overflow=POOL_OVERFLOW
        )
        artists = sandbox.artists(options.artists)
        engine = get_engine()
        console.print(f"Discovering {len(artists)} artists …")
        with progress_bars(engine, console):
            first_run(instance, engine, artists)
            stats = sandbox.stats()
            enrich(instance, engine)
            after = sandbox.stats()
            look_up_producers(instance)
        enriched = measure_enrichment(engine, discovered=stats, enriched=after, looked_up=sandbox.stats())
        second = second_run(instance, engine, sandbox, artists)
        console.print("Comparing with what the sandbox serves …")
        truth = truth_about(sandbox, artists)
        measured = measure(engine, options, stats=stats, enriched=enriched, second=second, truth=truth, started=started)
        return measured, rows_of(engine, "some_credits", limit=SOME_CREDITS)


def empty_database(home: Path) -> None:
    """Drop an earlier demo's data, Dagster's too, and disconnect any open clients."""
    url = embedded.ensure_running(embedded.cluster_of(home))
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in ("end_other_sessions", "drop_catalogue_schema", "drop_dagster_schema"):
            connection.execute(queries.statement(statement).encode())
    shutil.rmtree(dagster_folder(settings()), ignore_errors=True)


@contextmanager
def sandbox_of(options: DemoOptions, home: Path, beside: ThreadPoolExecutor) -> Iterator[SandboxProcess]:
    """Start the demo's sandbox, and record its options for `music-pipeline --demo`.

    Meanwhile the demo's database is emptied.
    """
    emptying = beside.submit(empty_database, home)
    with running_sandbox(catalog=options.catalog, seed=options.seed, speed=SPEED) as sandbox:
        emptying.result()
        record = asdict(options) | {
            "catalog": options.catalog and str(options.catalog),
            "url": sandbox.url,
            "speed": SPEED,
        }
        (home / "sandbox.json").write_text(json.dumps(record))
        yield sandbox


def first_run(instance: dg.DagsterInstance, engine: sa.Engine, artists: Sequence[Mapping[str, str]]) -> None:
    """Discover the artists and their catalogue.

    Ambiguous names are decided as an operator would, then swept again.
    """
    request_all(engine, artists)
    for _ in range(MOST_SWEEPS):
        sweep(instance, catalog_stages())
        decide_reviews(engine, artists)
        if not any(due(engine, catalog_stages()).values()):
            return


def enrich(instance: dg.DagsterInstance, engine: sa.Engine) -> None:
    """Enrich what was discovered.

    What waits for a quota is swept again when that is free.
    """
    for _ in range(MOST_SWEEPS):
        sweep(instance, [Stage.ENRICHMENT])
        [waiting] = rows_of(engine, "next_enrichment")
        if waiting["seconds"] is None or waiting["seconds"] > LONGEST_WAIT_SECONDS:
            return
        time.sleep(max(0.0, float(waiting["seconds"])))


def look_up_producers(instance: dg.DagsterInstance) -> None:
    """Look up the profiles of some producers."""
    stage = Stage.SOCIAL_ENRICHMENT
    run_queues(instance, STAGES[stage].job, [queue_of(stage)], limit=SOME_PRODUCERS)


def measure_enrichment(engine: sa.Engine, *, discovered: Stats, enriched: Stats, looked_up: Stats) -> Enriched:
    """Measure enrichment and profiles, with the sandbox's counts after each step."""
    [counts] = rows_of(engine, "enrichment_counts")
    [profiles] = rows_of(engine, "profile_counts")
    found = {name: source_coverage(rows_of(engine, "coverage_of_source", source=name)[0]) for name in SOURCES}
    return Enriched(
        counts={status: int(count) for status, count in counts.items()},
        sources=found,
        requests=added(discovered, enriched),
        profiles={name: int(count) for name, count in profiles.items()},
        profile_requests=added(enriched, looked_up),
        stats=looked_up,
    )


def added(before: Stats, after: Stats) -> dict[str, int]:
    """The requests to each provider between two counts of the sandbox."""
    return {name: int(after[name]["requests"]) - int(before[name]["requests"]) for name in after}


def request_all(engine: sa.Engine, artists: Sequence[Mapping[str, str]]) -> None:
    """Request the artists as `discover` does: by name, but namesakes by Spotify id.

    Raises DemoFailed for a refused one.
    """
    namesakes = Counter(artist["name"].casefold() for artist in artists)
    for artist in artists:
        is_only_one = namesakes[artist["name"].casefold()] == 1
        requested = request_artist(engine, artist["name"] if is_only_one else artist["spotify_id"])
        if requested.refused is not None:
            raise DemoFailed(f"{artist['name']}: {requested.refused}")


def sweep(instance: dg.DagsterInstance, stages: Sequence[Stage]) -> None:
    """Sweep these queues of the chain in one Dagster run.

    Raises DemoFailed if it fails.
    """
    run_queues(instance, CHAIN, [queue_of(stage) for stage in stages])


def run_queues(
    instance: dg.DagsterInstance, job: str, queues: Sequence[dg.AssetKey], *, limit: int | None = None
) -> None:
    """Sweep these queues of a job in one Dagster run, at most `limit` items each.

    Raises DemoFailed if it fails.
    """
    config = {"config": {"time_box_seconds": TIME_BOX_SECONDS} | ({} if limit is None else {"limit": limit})}
    result = (
        definitions()
        .resolve_job_def(job)
        .execute_in_process(
            instance=instance,
            asset_selection=queues,
            run_config={
                "ops": {queue.to_python_identifier(): config for queue in queues},
                "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
            },
            raise_on_error=False,
        )
    )
    if not result.success:
        failed = next(event for event in result.all_events if event.is_failure)
        raise DemoFailed(f"Dagster's run {result.run_id} failed: {failed.message}")


def decide_reviews(engine: sa.Engine, artists: Sequence[Mapping[str, str]]) -> None:
    """Decide the open reviews that have one of the artists among their candidates."""
    meant = {artist["spotify_id"] for artist in artists}
    for review in rows_of(engine, "open_artist_reviews"):
        offered = [one["provider_id"] for one in review["candidates"] if one["provider_id"] in meant]
        for spotify_id in offered[:1]:
            accept_review(engine, str(review["review_id"]), spotify_id, DECIDED)


def second_run(
    instance: dg.DagsterInstance, engine: sa.Engine, sandbox: SandboxProcess, artists: Sequence[Mapping[str, str]]
) -> dict[str, int]:
    """Run the same again, with nothing changed. Returns its requests and written rows."""
    requests, rows = requests_of(sandbox.stats()), rows_written(engine)
    request_all(engine, artists)
    sweep(instance, artist_stages())
    return {
        "requests": requests_of(sandbox.stats()) - requests,
        "rows_written": rows_written(engine) - rows,
    }


def requests_of(stats: Mapping[str, Mapping[str, Any]]) -> int:
    """The requests to all providers."""
    return sum(int(counts["requests"]) for counts in stats.values())


def rows_written(engine: sa.Engine) -> int:
    """The rows written so far in all tables of the catalogue and the ledger.

    Postgres publishes a session's counts when it ends, so this process ends its sessions first.
    """
    engine.dispose()
    deadline = time.monotonic() + SETTLING_SECONDS
    while time.monotonic() < deadline:
        with engine.connect() as connection:
            if not connection.execute(query("other_sessions")).scalar_one():
                return int(connection.execute(query("rows_written")).scalar_one())
    raise DemoFailed("Written rows cannot be counted while another client is connected to the demo's database.")


@dataclass(frozen=True, slots=True)
class Truth:
    """Every credit that the sandbox serves, and the fewest possible requests."""

    credits: list[ServedCredit]
    bound: Mapping[str, Any]


def truth_about(sandbox: SandboxProcess, artists: Sequence[Mapping[str, str]]) -> Truth:
    """Ask the sandbox about these artists."""
    ids = [artist["spotify_id"] for artist in artists]
    return Truth([served_credit(row) for row in sandbox.credits(ids)], sandbox.bound(ids))


def measure(
    engine: sa.Engine,
    options: DemoOptions,
    *,
    stats: Stats,
    enriched: Enriched,
    second: Mapping[str, int],
    truth: Truth,
    started: float,
) -> Measured:
    """Collect what the report and the last line need."""
    found = [found_credit(row) for row in rows_of(engine, "credits_by_place")]
    [rows] = rows_of(engine, "catalog_row_counts")
    [counts] = rows_of(engine, "demo_counts", stages=[stage.value for stage in artist_stages()])
    [runs] = rows_of(engine, "dagster_runs")
    return Measured(
        rows={name: int(rows[name]) for name in ROWS},
        stats=stats,
        enriched=enriched,
        bound=truth.bound,
        agreement=compare(truth.credits, found),
        dead=counts["dead"],
        ambiguous=counts["ambiguous"],
        still_open=counts["open"],
        tracks_without_producer=counts["tracks_without_producer"],
        dagster_runs=runs["count"],
        seconds=time.monotonic() - started,
        second_run=second,
        is_real_hundred=options.is_real_hundred,
        is_standard=options.is_standard,
    )


def rows_of(engine: sa.Engine, statement: str, **parameters: Any) -> list[Mapping[str, Any]]:
    """The rows of a named statement."""
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(query(statement), parameters).mappings()]
