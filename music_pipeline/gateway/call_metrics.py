"""The account of the calls: how many, to what end, how long they took. Counted in memory, written every second at most.

Read it in SQL: tables `provider_calls` and `provider_latency`.
"""

import asyncio
import threading
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field

import sqlalchemy as sa
import structlog

from music_pipeline.database.queries import query
from music_pipeline.gateway.statements import Statements

LATENCY_LIMITS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds; the table says the same
FLUSH_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class CallKind:
    """What is counted apart."""

    provider: str
    endpoint: str
    account: str
    outcome: str


@dataclass(slots=True)
class Tally:
    """Calls of one kind. `latency_buckets`: how many took up to each limit, and more than the last."""

    calls: int = 0
    seconds: float = 0.0
    latency_buckets: list[int] = field(default_factory=lambda: [0] * (len(LATENCY_LIMITS) + 1))

    def add(self, seconds: float | None) -> None:
        """Count one call; `seconds` None for what took no call."""
        self.calls += 1
        if seconds is not None:
            self.seconds += seconds
            self.latency_buckets[bisect_left(LATENCY_LIMITS, seconds)] += 1

    def merge(self, other: "Tally") -> None:
        """Add another tally to this one."""
        self.calls += other.calls
        self.seconds += other.seconds
        self.latency_buckets = [
            mine + more for mine, more in zip(self.latency_buckets, other.latency_buckets, strict=True)
        ]


class CallAccount:
    """Counts until it is flushed."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements
        self._lock = threading.Lock()
        self._tallies: dict[CallKind, Tally] = {}

    def count(self, kind: CallKind, seconds: float | None = None) -> None:
        """Count one call, or one answer from or past the cache."""
        with self._lock:
            self._tallies.setdefault(kind, Tally()).add(seconds)

    def flush(self) -> None:
        """Add what was counted to the table. Blocks."""
        with self._lock:
            tallies, self._tallies = self._tallies, {}
        if not tallies:
            return
        try:
            self._statements.run(add_calls, tallies)
        except sa.exc.DBAPIError:
            self._put_back(tallies)
            raise

    async def flush_always(self) -> None:
        """Flush every second, for ever. A database that fails is logged: the counts stay, and the last flush raises."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            try:
                await asyncio.to_thread(self.flush)
            except sa.exc.DBAPIError as error:
                structlog.get_logger().warning("provider.calls_not_written", error=str(error.orig))

    def _put_back(self, tallies: Mapping[CallKind, Tally]) -> None:
        with self._lock:
            for kind, tally in tallies.items():
                self._tallies.setdefault(kind, Tally()).merge(tally)


def add_calls(engine: sa.Engine, tallies: Mapping[CallKind, Tally]) -> None:
    """Add to the table, in one order for all processes, which therefore do not block each other."""
    rows = [
        {
            "provider": kind.provider,
            "endpoint": kind.endpoint,
            "account": kind.account,
            "outcome": kind.outcome,
            "calls": tally.calls,
            "seconds": tally.seconds,
            "latency_buckets": tally.latency_buckets,
        }
        for kind, tally in sorted(
            tallies.items(), key=lambda item: (item[0].provider, item[0].endpoint, item[0].outcome)
        )
    ]
    with engine.begin() as connection:
        connection.execute(query("count_calls"), rows)
