"""The gateway's statements: how many they are, how they are grouped, and what becomes of dead connections."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from music_pipeline.gateway import quota
from music_pipeline.gateway.pool import Group, Pool
from music_pipeline.gateway.quota import quota_plan
from music_pipeline.providers.genius import GENIUS
from music_pipeline.sandbox.process import SandboxProcess

OTHERS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
STATE = {"provider": "genius", "scopes": ["genius:test"]}
CONCURRENT = 30


async def test_a_statement_survives_the_death_of_every_connection(engine: sa.Engine) -> None:
    pool = Pool(engine)
    await pool.open()
    await asyncio.gather(*(pool.run("provider_state", STATE) for _ in range(10)))
    with engine.connect() as connection:
        connection.execute(sa.text(OTHERS))
    states = await asyncio.gather(*(pool.run("provider_state", STATE) for _ in range(10)))
    assert {state[0].breaker for state in states} == {"closed"}
    await pool.aclose()


async def test_a_block_is_heard_of_by_every_process_at_once(engine: sa.Engine) -> None:
    plan = quota_plan(GENIUS, "test", "secret", 1.0)
    pool, heard = Pool(engine), asyncio.Event()
    pool.on_change(lambda provider: heard.set() if provider == "genius" else None)
    await pool.open()
    async with asyncio.timeout(10):
        while not pool.hears_changes:
            await asyncio.sleep(0.01)
        until = datetime.now(UTC) + timedelta(hours=1)
        await asyncio.to_thread(quota.block, engine, plan, kind="retry_after", until=until, reason="asked")
        await heard.wait()
    await pool.aclose()


async def test_items_that_arrive_during_a_batch_form_the_next() -> None:
    batches: list[list[int]] = []
    goes_on = asyncio.Event()

    async def run(items: Sequence[int]) -> list[int]:
        batches.append(list(items))
        await goes_on.wait()
        return [item * 10 for item in items]

    group = Group(run)
    first = asyncio.create_task(group.submit(1))
    while not batches:
        await asyncio.sleep(0)
    others = [asyncio.create_task(group.submit(item)) for item in (2, 3)]
    await asyncio.sleep(0)
    goes_on.set()
    assert await asyncio.gather(first, *others) == [10, 20, 30]
    assert batches == [[1], [2, 3]]


async def test_an_error_of_a_batch_is_that_of_all_its_callers() -> None:
    async def run(_: Sequence[int]) -> list[int]:
        raise LookupError("away")

    group = Group(run)
    found = await asyncio.gather(*(group.submit(item) for item in range(3)), return_exceptions=True)
    assert [type(error) for error in found] == [LookupError] * 3


async def test_a_call_takes_two_statements_at_most_and_a_cached_one_at_most_one(
    world: SandboxProcess, opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: Counter[str] = Counter()
    run = Pool.run

    async def counting(pool: Pool, name: str, values: Mapping[str, Any]) -> list[Any]:
        counted[name] += 1
        return await run(pool, name, values)

    monkeypatch.setattr(Pool, "run", counting)
    ids = [artist["spotify_id"] for artist in world.artists(CONCURRENT + 1)]
    async with opened() as clients:
        await clients.spotify.artist(ids[0])
        counted.clear()
        await asyncio.gather(*(clients.spotify.artist(one) for one in ids[1:]))
        assert counted.total() <= 2 * CONCURRENT, counted
        counted.clear()
        for one in ids:
            await clients.spotify.artist(one)
        assert counted.total() - counted["credentials"] - counted["count_calls"] <= len(ids) + 1, counted
