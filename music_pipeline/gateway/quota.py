"""How often all processes together may call a provider: the arithmetic, and its statements.

GCRA with a burst of one and an interval of window ÷ (0.97 × calls), in the database. If the provider counts strictly,
each place in the window is counted too. A place is free again a window after the *response*, which no delay of a busy
machine can break. `daily_quota` says what a day allows, `permits` who in this process gets the next permit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from music_pipeline.database.queries import query
from music_pipeline.gateway.daily_quota import DayQuota, day_quota
from music_pipeline.gateway.pool import Pool
from music_pipeline.gateway.provider import Provider, Quota
from music_pipeline.gateway.request import Priority

BlockKind = Literal["retry_after", "quota_exceeded", "credentials_refused"]

USED_SHARE = 0.97
MOST_COUNTED_PLACES = 1000
SHORTEST_TOLERANCE = 0.025
# How far ahead a class may reserve: seconds or intervals, whichever is longer. A more urgent class never
# waits longer than that behind it.
HORIZON_SECONDS = {
    Priority.TOKENS: 10.0,
    Priority.WRITES: 6.0,
    Priority.INTERACTIVE: 4.0,
    Priority.WATCHLIST: 2.0,
    Priority.ENRICHMENT: 1.0,
}
HORIZON_INTERVALS = {
    Priority.TOKENS: 6,
    Priority.WRITES: 5,
    Priority.INTERACTIVE: 4,
    Priority.WATCHLIST: 3,
    Priority.ENRICHMENT: 2,
}


@dataclass(frozen=True, slots=True)
class QuotaPlan:
    """What the database is asked to keep to, in seconds of our clock.

    `buckets[0]` is the provider's own. `places`: requests that a window allows; 0 if they need not be counted.
    `hold`: how long a request that never reports back takes its place. `tolerance`: how late a permit may be used.
    `scopes`: block scopes that apply to this plan. `day`: the limit of a rolling day or month, if there is one.
    """

    provider: str
    buckets: tuple[str, ...]
    intervals: tuple[float, ...]
    windows: tuple[float, ...]
    scopes: Mapping[BlockKind, str]
    places: int
    hold: float
    tolerance: float
    day: DayQuota | None

    def horizon(self, priority: Priority) -> float:
        """How far ahead this class may reserve."""
        return max(HORIZON_SECONDS[priority], HORIZON_INTERVALS[priority] * self.intervals[0])


def quota_plan(provider: Provider, account: str, fingerprint: str, speed: float) -> QuotaPlan:
    """The plan for one account with these secrets, at a clock that runs `speed` times as fast as ours.

    Raises SettingError.
    """
    quota = provider.quota
    window = quota.seconds / speed
    interval = window / (USED_SHARE * quota.calls)
    counted = quota.strict and quota.calls <= MOST_COUNTED_PLACES
    tolerance = 1.0 if counted else _tolerance(quota, window, speed)
    is_sandboxed = account.startswith("sandbox:")
    address = "sandbox" if is_sandboxed else "address"
    bucket = f"{provider.name}:{account if provider.quota_per_account else address}"
    return QuotaPlan(
        provider=provider.name,
        buckets=(bucket,),
        intervals=(interval,),
        windows=(window,),
        scopes=_block_scopes(provider.name, account, fingerprint),
        places=quota.calls if counted else 0,
        hold=window + tolerance + provider.timeout_seconds,
        tolerance=tolerance,
        day=day_quota(provider, sandboxed=is_sandboxed, speed=speed),
    )


def _tolerance(quota: Quota, window: float, speed: float) -> float:
    """How late a permit may be used if places are not counted: within the slack, or a second of an average."""
    if not quota.strict:
        return max(1.0 / speed, SHORTEST_TOLERANCE)
    return 0.6 * window * (1 - USED_SHARE) / USED_SHARE


def _block_scopes(provider: str, account: str, fingerprint: str) -> dict[BlockKind, str]:
    """The scope of each kind of block: the account, all accounts of the developer, the secrets that were refused."""
    developer = "sandbox:developer" if account.startswith("sandbox:") else "developer"
    return {
        "retry_after": f"{provider}:{account}",
        "quota_exceeded": f"{provider}:{developer}",
        "credentials_refused": f"{provider}:{account}:{fingerprint}",
    }


@dataclass(frozen=True, slots=True)
class ProviderState:
    """Whether the provider may be called, as read from the database."""

    blocked_until: datetime | None
    blocked_kind: str | None
    blocked_reason: str | None
    breaker: str
    breaker_failures: int
    breaker_until: datetime | None


@dataclass(frozen=True, slots=True)
class Holder:
    """Who reserves permits: a process, for calls of one class."""

    name: str
    priority: Priority


@dataclass(frozen=True, slots=True)
class Reservation:
    """`slots`: when each permit is due, in the database's seconds. `wait`: seconds until there may be more.

    `day_until`: the day allows this class no more before then, also in the database's seconds.
    """

    database_now: float
    slots: tuple[float, ...]
    first_sequence: int
    wait: float
    day_until: float | None
    state: ProviderState


@dataclass(frozen=True, slots=True)
class Returned:
    """A permit that came back. `free_at`: when its place is free again. `unused_slot`: when it was due, if not used."""

    sequence: int
    free_at: float
    unused_slot: float | None


async def reserve(
    pool: Pool, plan: QuotaPlan, holder: Holder, *, horizon: float, wanted: int, answered: Sequence[Returned] = ()
) -> Reservation:
    """Reserve up to `wanted` permits within `horizon` seconds; fewer if others of the class wait too.

    `answered`: permits whose requests are over. Their places are freed first.
    """
    day = plan.day
    values = {
        "buckets": list(plan.buckets),
        "intervals": list(plan.intervals),
        "windows": list(plan.windows),
        "scopes": list(plan.scopes.values()),
        "ring": plan.places,
        "hold": plan.hold,
        "horizon": horizon,
        "widest": max(horizon, plan.horizon(Priority.TOKENS)),
        "wanted": wanted,
        "asker": holder.name,
        "class": int(holder.priority),
        "provider": plan.provider,
        "bucket": plan.buckets[0],
        "released": [one.sequence for one in answered],
        "answered": [one.free_at for one in answered],
        "day_bucket": day.bucket if day else None,
        "day": day.seconds if day else None,
        "day_allowed": day.allowed(holder.priority) if day else None,
        "day_step": day.step if day else None,
    }
    (row,) = await pool.run("reserve_permits", values)
    return Reservation(row.database_now, tuple(row.slots), row.first_sequence, row.wait, row.day_until, _state(row))


async def give_back(pool: Pool, plan: QuotaPlan, returned: Sequence[Returned]) -> None:
    """Free the places of answered requests, and return permits that were not used, the latest first."""
    if plan.places:
        places = {"released": [one.sequence for one in returned], "answered": [one.free_at for one in returned]}
        await pool.run("free_places", {"bucket": plan.buckets[0]} | places)
    unused = sorted((one.unused_slot for one in returned if one.unused_slot is not None), reverse=True)
    for slot in unused:
        values = {"buckets": list(plan.buckets), "intervals": list(plan.intervals), "slot": slot}
        await pool.run("return_permit", values)
        await return_day_call(pool, plan, slot)


async def return_day_call(pool: Pool, plan: QuotaPlan, slot: float) -> None:
    """Remove the call of the permit due at `slot` from its day: the provider does not count it."""
    if plan.day is not None:
        await pool.run("return_day_call", {"bucket": plan.day.bucket, "day": plan.day.seconds, "slot": slot})


async def leave_line(pool: Pool, plan: QuotaPlan, holder_name: str) -> None:
    """Record that this process waits for no permits any more, so that nobody lets it go first."""
    await pool.run("leave_line", {"bucket": plan.buckets[0], "asker": holder_name})


async def read_state(pool: Pool, plan: QuotaPlan) -> tuple[float, ProviderState]:
    """(the database's time in seconds, the state)."""
    (row,) = await pool.run("provider_state", {"provider": plan.provider, "scopes": list(plan.scopes.values())})
    return row.database_now, _state(row)


def block(engine: sa.Engine, plan: QuotaPlan, *, kind: BlockKind, until: datetime, reason: str) -> None:
    """Keep everybody in this kind's scope from calling before `until`. It survives a crash of the server. Blocks."""
    values = {"scope": plan.scopes[kind], "kind": kind, "provider": plan.provider, "until": until, "reason": reason}
    with engine.begin() as connection:
        connection.execute(query("record_block"), values)


def _state(row: Any) -> ProviderState:
    return ProviderState(
        blocked_until=row.blocked_until,
        blocked_kind=row.blocked_kind,
        blocked_reason=row.blocked_reason,
        breaker=row.breaker,
        breaker_failures=row.breaker_failures,
        breaker_until=row.breaker_until,
    )
