"""A broken database connection stops no other work and loses none."""

import asyncio
from typing import Any
from uuid import UUID

import psycopg
import pytest
import sqlalchemy as sa

from music_pipeline.catalog.fingerprint import TableDigest
from music_pipeline.work import claim as work_claim
from music_pipeline.work.finish import finish
from music_pipeline.worker import commit as settling
from music_pipeline_tests.support.ledger import ask, claim
from music_pipeline_tests.support.pipeline import Pipeline
from music_pipeline_tests.system.crash.conftest import ARTISTS, assert_nothing_was_lost, requested


class SecondFinish:
    """Finish work as usual, and mark the connection of the second call."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, connection: sa.Connection, *arguments: Any, **more: Any) -> None:
        finish(connection, *arguments, **more)
        self.calls += 1
        connection.info["second"] = self.calls == 2


def test_connection_lost_before_commit_repeats_the_work(
    pipeline: Pipeline, undisturbed: list[TableDigest], monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_before(connection: sa.Connection) -> None:
        if connection.info.pop("second", False):
            connection.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")

    monkeypatch.setattr(settling, "finish", SecondFinish())
    sa.event.listen(pipeline.engine, "commit", break_before)
    pipeline.discover(*requested(pipeline.sandbox))
    outcomes = pipeline.sweep()
    pipeline.make_due()
    outcomes += pipeline.sweep()
    [broken] = [one for one in outcomes if one.error]
    assert "AdminShutdown" in str(broken.error)
    assert_nothing_was_lost(pipeline, undisturbed)


def test_unconfirmed_commit_counts_as_done(
    pipeline: Pipeline, undisturbed: list[TableDigest], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection breaks after the commit.

    The work is done, and all other work goes on.
    """
    commit = pipeline.engine.dialect.do_commit

    def break_after(connection: Any) -> None:
        commit(connection)
        if connection.info.pop("second", False):
            raise psycopg.OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(settling, "finish", SecondFinish())
    monkeypatch.setattr(pipeline.engine.dialect, "do_commit", break_after)
    pipeline.discover(*requested(pipeline.sandbox))
    outcomes = pipeline.sweep()
    assert len(outcomes) == 4 * ARTISTS
    [unsure] = [one for one in outcomes if one.error]
    assert "server closed the connection" in str(unsure.error)
    assert_nothing_was_lost(pipeline, undisturbed)


async def test_heartbeat_survives_short_database_failure(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEASE_RENEW_SECONDS", "1")
    away = psycopg.OperationalError("The embedded Postgres did not start.")
    failures = [sa.exc.OperationalError(None, None, away), sa.exc.TimeoutError("no connection is free")]
    renewed = asyncio.Event()

    def connecting(*_: Any) -> None:
        if failures:
            raise failures.pop()

    ask(engine)
    items = claim(engine)
    beating = asyncio.get_running_loop()
    sa.event.listen(engine, "engine_connect", connecting)
    sa.event.listen(engine, "commit", lambda _: beating.call_soon_threadsafe(renewed.set))
    async with work_claim.heartbeat(engine, lambda: items) as heartbeat:
        await asyncio.wait_for(renewed.wait(), 30)
    assert failures == []
    assert heartbeat.lost == set[UUID]()
