"""How often a provider may be called, by all processes together: the arithmetic, and its statements.

GCRA with a burst of one, an interval of window ÷ (0.97 × calls), in the database. Where the provider counts strictly,
each place in the window is counted too: it is free again a window after the *answer*, which no delay of a busy machine
can break. What a day allows is `daily_quotas`'; who in this process gets the next permit is decided in `permits`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from music_pipeline.database.queries import query
from music_pipeline.gateway.daily_quota import DayQuota, day_quota_of
from music_pipeline.gateway.provider import Provider, Quota
from music_pipeline.gateway.request import Priority

BlockKind = Literal["retry_after", "quota_exceeded", "credentials_refused"]

USED_SHARE = 0.97
MOST_COUNTED_PLACES = 1000
SHORTEST_TOLERANCE = 0.025
# How far ahead a class may reserve, in seconds, and in intervals where these are longer: the next one above then never
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

    `buckets[0]` is the provider's own. `places`: how many requests a window allows, 0 where they need not be counted.
    `hold`: how long the place of a request that never reports back is taken. `tolerance`: how late a permit may be
    used. `scopes`: whom the blocks concern that count here. `day`: what a rolling day or month allows, None where
    neither is counted.
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


def plan_of(provider: Provider, account: str, fingerprint: str, speed: float) -> QuotaPlan:
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
    bucket = f"{provider.name}:{account if provider.per_account else address}"
    return QuotaPlan(
        provider=provider.name,
        buckets=(bucket,),
        intervals=(interval,),
        windows=(window,),
        scopes=scopes_of(provider.name, account, fingerprint),
        places=quota.calls if counted else 0,
        hold=window + tolerance + provider.timeout_seconds,
        tolerance=tolerance,
        day=day_quota_of(provider, sandboxed=is_sandboxed, speed=speed),
    )


def _tolerance(quota: Quota, window: float, speed: float) -> float:
    """How late a permit may be used where places are not counted: what the slack, or a second of an average, allows."""
    if not quota.strict:
        return max(1.0 / speed, SHORTEST_TOLERANCE)
    return 0.6 * window * (1 - USED_SHARE) / USED_SHARE


def scopes_of(provider: str, account: str, fingerprint: str) -> dict[BlockKind, str]:
    """Whom each kind of block concerns: the account, all accounts of the developer, the secrets that were refused."""
    developer = "sandbox:developer" if account.startswith("sandbox:") else "developer"
    return {
        "retry_after": f"{provider}:{account}",
        "quota_exceeded": f"{provider}:{developer}",
        "credentials_refused": f"{provider}:{account}:{fingerprint}",
    }


@dataclass(frozen=True, slots=True)
class ProviderState:
    """Whether the provider may be called, as the database had it."""

    blocked_until: datetime | None
    blocked_kind: str | None
    blocked_reason: str | None
    breaker: str
    breaker_failures: int
    breaker_until: datetime | None


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks for permits: a process, for calls of one class."""

    name: str
    priority: Priority


@dataclass(frozen=True, slots=True)
class Reservation:
    """`slots`: when each permit is due, in the database's seconds; `wait`: how long until there are more to be had.

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
    """Of a permit: `free_at`, when its place is free again; `unused_slot`: it was not used at all, and was due then."""

    sequence: int
    free_at: float
    unused_slot: float | None


def reserve(engine: sa.Engine, plan: QuotaPlan, asker: Asker, *, horizon: float, wanted: int) -> Reservation:
    """Up to `wanted` permits within `horizon` seconds; less where others of the class wait too."""
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
        "asker": asker.name,
        "class": int(asker.priority),
        "provider": plan.provider,
    }
    with engine.begin() as connection:
        row = connection.execute(query("reserve_permits"), values | _day_values(plan, asker.priority)).one()
    return Reservation(row.database_now, tuple(row.slots), row.first_sequence, row.wait, row.day_until, _state(row))


def _day_values(plan: QuotaPlan, priority: Priority) -> dict[str, str | float | int | None]:
    if plan.day is None:
        return {"day_bucket": None, "day": None, "day_allowed": None, "day_step": None}
    allowed = plan.day.allowed(priority)
    return {"day_bucket": plan.day.bucket, "day": plan.day.seconds, "day_allowed": allowed, "day_step": plan.day.step}


def give_back(engine: sa.Engine, plan: QuotaPlan, returned: list[Returned]) -> None:
    """Report answered requests, and permits that were not used, the latest first."""
    unused = sorted((one.unused_slot for one in returned if one.unused_slot is not None), reverse=True)
    with engine.begin() as connection:
        if plan.places:
            places = {"released": [one.sequence for one in returned], "answered": [one.free_at for one in returned]}
            connection.execute(query("free_places"), {"bucket": plan.buckets[0]} | places)
        for slot in unused:
            values = {"buckets": list(plan.buckets), "intervals": list(plan.intervals), "slot": slot}
            connection.execute(query("return_permit"), values)
            _return_day_call(connection, plan, slot)


def return_day_call(engine: sa.Engine, plan: QuotaPlan, slot: float) -> None:
    """Count the call of a permit that was due at `slot` no more in its day: it was made, and the provider does not
    count it.
    """
    with engine.begin() as connection:
        _return_day_call(connection, plan, slot)


def _return_day_call(connection: sa.Connection, plan: QuotaPlan, slot: float) -> None:
    if plan.day is not None:
        day = {"bucket": plan.day.bucket, "day": plan.day.seconds, "slot": slot}
        connection.execute(query("return_day_call"), day)


def leave_line(engine: sa.Engine, plan: QuotaPlan, asker_name: str) -> None:
    """Say that this process waits for no permits any more, so that nobody lets it go first."""
    with engine.begin() as connection:
        connection.execute(query("leave_line"), {"bucket": plan.buckets[0], "asker": asker_name})


def read_state(engine: sa.Engine, plan: QuotaPlan) -> tuple[float, ProviderState]:
    """(the database's time in seconds, the state)."""
    with engine.connect() as connection:
        values = {"provider": plan.provider, "scopes": list(plan.scopes.values())}
        row = connection.execute(query("provider_state"), values).one()
    return row.database_now, _state(row)


def block(engine: sa.Engine, plan: QuotaPlan, *, kind: BlockKind, until: datetime, reason: str) -> None:
    """Let nobody whom this kind of block concerns call before `until`."""
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
