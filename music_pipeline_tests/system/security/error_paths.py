"""A process that takes every error path of the providers, with logging at DEBUG.

`error_paths FOLDER ARTIST ROUNDS KIND …` tries every provider under each kind of fault. Then it requests the artist, a
Spotify id, in Dagster runs: without faults in the first round, with a different fault at each provider in later rounds.
Logs and error texts go to the folder. Events of Dagster go into the database.
"""

import asyncio
import logging
import sys
import traceback
from pathlib import Path

import dagster as dg
import sqlalchemy as sa

from music_pipeline import logs
from music_pipeline.actions.request_artist import request_artist
from music_pipeline.database.engine import get_engine
from music_pipeline.definitions import definitions
from music_pipeline.defs.assets.catalog import catalog
from music_pipeline.defs.assets.enrichment import enrichment
from music_pipeline.providers.probe import try_provider
from music_pipeline.providers.registry import PROVIDERS
from music_pipeline.sandbox.process import SandboxProcess
from music_pipeline.settings import settings
from music_pipeline_tests.support.providers import declare

SHORT_SECONDS = 0.5
SLOW = {"seconds": 2 * SHORT_SECONDS}
MIXED = ("expired_token", "5xx", "latency", "reset")
PASSED = (
    "UPDATE work SET available_at = now() - interval '1 second'",
    "DELETE FROM provider_blocks",
    "DELETE FROM provider_breakers",
    "UPDATE recording_sources SET next_attempt_at = now() WHERE next_attempt_at IS NOT NULL",
)


def forget_obstacles(engine: sa.Engine) -> None:
    """Remove blocks and breakers and make waiting work due, as if time had passed."""
    with engine.begin() as connection:
        for statement in PASSED:
            connection.execute(sa.text(statement))


async def try_all(engine: sa.Engine) -> list[str]:
    """Try all providers. Returns the texts and tracebacks of their errors."""
    tried = await asyncio.gather(*(try_provider(engine, name) for name in PROVIDERS), return_exceptions=True)
    errors = [error for error in tried if isinstance(error, BaseException)]
    for error in errors:
        logging.getLogger("error_paths").error("failed", exc_info=error)
    return [text for error in errors for text in (str(error), repr(error), *traceback.format_exception(error))]


def run_dagster(instance: dg.DagsterInstance, artist: str | None) -> None:
    """Run a sweep, and refresh the artist with all sources."""
    quick = {"time_box_seconds": 10}
    sweep = definitions().resolve_job_def("sweep")
    config = {"ops": {node.name: {"config": quick} for node in sweep.graph.nodes}}
    sweep.execute_in_process(instance=instance, run_config=config, raise_on_error=False)
    if artist is not None:
        dg.materialize([catalog(), enrichment()], instance=instance, partition_key=artist, raise_on_error=False)


def add_fault(sandbox: SandboxProcess, name: str, kind: str) -> None:
    """Make the provider fail.

    A provider without credentials gets a 5xx instead of a refusal.
    """
    chosen = "5xx" if kind == "expired_token" and not PROVIDERS[name].credentials else kind
    sandbox.add_fault(name, chosen, **(SLOW if kind == "latency" else {}))


def try_each_kind(engine: sa.Engine, sandbox: SandboxProcess, kinds: list[str]) -> list[str]:
    """Try every provider under each kind of fault. Returns the texts of the errors."""
    texts: list[str] = []
    for kind in kinds:
        for name in PROVIDERS:
            add_fault(sandbox, name, kind)
        forget_obstacles(engine)
        texts += asyncio.run(try_all(engine))
        sandbox.clear_faults()
    return texts


def run_rounds(engine: sa.Engine, sandbox: SandboxProcess, artist: str, rounds: int) -> None:
    """Run Dagster in rounds with different faults."""
    with dg.DagsterInstance.get() as instance:
        for turn in range(rounds):
            if turn > 0:
                for index, name in enumerate(PROVIDERS):
                    add_fault(sandbox, name, MIXED[(index + turn) % len(MIXED)])
            forget_obstacles(engine)
            request_artist(engine, artist, force=True)
            run_dagster(instance, next(iter(instance.get_dynamic_partitions("artist")), None))
            sandbox.clear_faults()


def main(folder: Path, artist: str, rounds: int, kinds: list[str]) -> None:
    logging.basicConfig(level=logging.DEBUG, filename=folder / "standard.log")
    logs.configure(file=folder / "events.jsonl", level=logging.DEBUG)
    for provider in PROVIDERS.values():
        declare(provider, timeout_seconds=SHORT_SECONDS)
    sandbox = SandboxProcess(str(settings().sandbox_url), 0)
    engine = get_engine()
    (folder / "errors.txt").write_text("\n".join(try_each_kind(engine, sandbox, kinds)))
    run_rounds(engine, sandbox, artist, rounds)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4:])
