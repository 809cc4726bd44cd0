"""Counts and times of calls. They are counted in memory and written once a second.

Read them in the table `provider_calls` and the view `provider_latency`.
"""

import asyncio
import json
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import psycopg
import sqlalchemy as sa
import structlog

from music_pipeline.gateway.pool import Pool

LATENCY_LIMITS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds; the table says the same
FLUSH_SECONDS = 1.0
DatabaseErrors = (psycopg.Error, sa.exc.DBAPIError)


class CallKind(NamedTuple):
    """Calls that are counted together."""

    provider: str
    endpoint: str
    account: str
    outcome: str


@dataclass(slots=True)
class Tally:
    """Calls of one kind. `latency_buckets`: calls up to each limit, and calls above the last."""

    calls: int = 0
    seconds: float = 0.0
    latency_buckets: list[int] = field(default_factory=([0] * (len(LATENCY_LIMITS) + 1)).copy)

    def merge(self, other: "Tally") -> None:
        """Add another tally to this one."""
        self.calls += other.calls
        self.seconds += other.seconds
        pairs = zip(self.latency_buckets, other.latency_buckets, strict=True)
        self.latency_buckets = [mine + more for mine, more in pairs]


class CallMetrics:
    """Counts until it is flushed."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._tallies: dict[CallKind, Tally] = {}

    def count(self, kind: CallKind, seconds: float | None = None) -> None:
        """Count one call that took `seconds`; None for a cache hit or miss."""
        tally = self._tallies.get(kind)
        if tally is None:
            tally = self._tallies[kind] = Tally()
        tally.calls += 1
        if seconds is not None:
            tally.seconds += seconds
            tally.latency_buckets[bisect_left(LATENCY_LIMITS, seconds)] += 1

    async def flush(self) -> None:
        """Add the counts to the table; keep them if the database fails, and raise what it raised."""
        tallies, self._tallies = self._tallies, {}
        if not tallies:
            return
        try:
            await self._pool.run("count_calls", {"counted": json.dumps(_rows(tallies))})
        except BaseException:
            for kind, tally in tallies.items():
                self._tallies.setdefault(kind, Tally()).merge(tally)
            raise

    async def flush_always(self) -> None:
        """Flush every second. A database error is logged and the counts stay; the last flush raises it."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            try:
                await self.flush()
            except DatabaseErrors as error:
                structlog.get_logger().warning("provider.calls_not_written", error=" ".join(str(error).split()))


def _rows(tallies: Mapping[CallKind, Tally]) -> list[dict[str, object]]:
    return [
        {
            **kind._asdict(),
            "calls": tally.calls,
            "seconds": tally.seconds,
            "latency_buckets": tally.latency_buckets,
        }
        for kind, tally in tallies.items()
    ]
