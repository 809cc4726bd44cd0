"""The gateway's way to the database: asynchronous connections that commit by themselves, and grouped statements.

`quota`, `breaker`, `cache`, `capabilities` and `call_metrics` say what the statements mean.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache
from typing import Any, Generic, TypeVar

import psycopg
import sqlalchemy as sa
from psycopg.rows import namedtuple_row
from psycopg_pool import AsyncConnectionPool
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from music_pipeline.database.queries import query

# A statement takes a fraction of a millisecond: more connections would only wait for the server. There are as many
# gateways as runs, commands and clients at once.
CONNECTIONS = 3
CONNECT_SECONDS = 10
WAIT_SECONDS = 3.0
RECONNECT_SECONDS = 1.0
MOST_AT_ONCE = 200

Item = TypeVar("Item")
Result = TypeVar("Result")


@cache
def _sql(name: str) -> str:
    """The named statement, as psycopg wants it: `%(parameter)s`."""
    return str(query(name).compile(dialect=PGDialect_psycopg()))  # type: ignore[no-untyped-call]


class Pool:
    """Runs named statements on connections that do not wait for the disk.

    A crash of the server loses at most what is asked or counted again. A statement whose connection turned out to be
    dead runs once more on `durable`, which replaces dead connections and revives an embedded server.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self.durable = engine
        _, arguments = engine.dialect.create_connect_args(engine.url)
        options = f"{arguments.get('options', '')} -csynchronous_commit=off".strip()
        self._arguments = {**arguments, "options": options, "connect_timeout": CONNECT_SECONDS, "autocommit": True}
        self._pool: AsyncConnectionPool[psycopg.AsyncConnection[Any]] = AsyncConnectionPool(
            kwargs={**self._arguments, "row_factory": namedtuple_row},
            min_size=1,
            max_size=CONNECTIONS,
            timeout=WAIT_SECONDS,
            open=False,
        )
        self._listening: asyncio.Task[None] | None = None
        self._listeners: list[Callable[[str], None]] = []
        self.hears_changes = False

    async def open(self) -> None:
        """Connect as statements need it, and listen for changes."""
        await self._pool.open()
        self._listening = asyncio.create_task(self._listen_always())

    async def aclose(self) -> None:
        """Close the connections."""
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
        await self._pool.close()

    async def run(self, name: str, values: Mapping[str, Any]) -> list[Any]:
        """Run the named statement; return its rows as named tuples. Raises psycopg.Error or sqlalchemy's DBAPIError."""
        try:
            async with self._pool.connection() as connection:
                cursor = await connection.execute(_sql(name), values)
                return await cursor.fetchall() if cursor.description else []
        except psycopg.OperationalError:
            rows = await asyncio.to_thread(self._run_durably, name, values)
            if not self._pool.closed:
                await self._pool.check()  # the other connections died with it
            return rows

    def on_change(self, listener: Callable[[str], None]) -> None:
        """Call `listener` with a provider's name whenever any process records a block or moves its breaker."""
        self._listeners.append(listener)

    def _run_durably(self, name: str, values: Mapping[str, Any]) -> list[Any]:
        with self.durable.begin() as connection:
            found = connection.execute(query(name), values)
            return list(found.all()) if found.returns_rows else []

    async def _listen_always(self) -> None:
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(**self._arguments) as connection:
                    await connection.execute("LISTEN provider_changed")
                    self.hears_changes = True
                    async for notice in connection.notifies():
                        for listener in self._listeners:
                            listener(notice.payload)
            except psycopg.OperationalError:
                self.hears_changes = False
                await asyncio.sleep(RECONNECT_SECONDS)


class Group(Generic[Item, Result]):
    """Groups concurrent calls: items that arrive during a batch form the next one. Without load nobody waits."""

    def __init__(self, run: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]]) -> None:
        """`run` returns one result for each item, in order."""
        self._run = run
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._task: asyncio.Task[None] | None = None

    async def submit(self, item: Item) -> Result:
        """Return the result for `item`. Raises what `run` raised for its batch."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._task is None:
            self._task = asyncio.create_task(self._work())
        return await future

    async def _work(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
                items, futures = zip(*batch, strict=True)
                results: Sequence[Result | Exception]
                try:
                    results = await self._run(items)
                except Exception as error:  # noqa: BLE001 - every caller of the batch gets it
                    results = [error] * len(futures)
                for future, result in zip(futures, results, strict=True):
                    if future.done():
                        continue
                    if isinstance(result, Exception):
                        future.set_exception(result)
                    else:
                        future.set_result(result)
        finally:
            self._task = None
