"""What a rolling day allows: who may still call when little of it is left, and how much is left.

The database counts each permit of such a provider in a slice of five minutes, where it is given (see `quotas`), and
rounds up: a slice counts until its last call is a day old. A provider that counts months has a "day" of 31 days: no
month, whenever it begins, is longer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Literal

import sqlalchemy as sa

from music_pipeline.database.queries import query
from music_pipeline.gateway.provider import Provider
from music_pipeline.gateway.request import Priority
from music_pipeline.providers.registry import PROVIDERS, configured_provider
from music_pipeline.settings import SettingError, non_negative_number

DAY_SECONDS = 86_400.0
MONTH_SECONDS = 31 * DAY_SECONDS
BATCH_SHARE = 0.2
WATCHLIST_SHARE = 0.05
# Whoever is let in again finds some calls free, and not just one.
STEP_SHARE = 0.01
KIND_OF_PRIORITY = {
    Priority.TOKENS: "tokens",
    Priority.WRITES: "writes",
    Priority.INTERACTIVE: "interactive work",
    Priority.WATCHLIST: "watchlist work",
    Priority.ENRICHMENT: "batch work",
}


@dataclass(frozen=True, slots=True)
class DayQuota:
    """`limit` calls in any `seconds` (of our clock). `kept`: the share that is kept free of each class of calls.

    `period`: what so many seconds are called.
    """

    bucket: str
    limit: int
    seconds: float
    kept: Mapping[Priority, float]
    period: Literal["day", "month"] = "day"

    def allowed(self, priority: Priority) -> int:
        """How many calls of the day may be spent before this class has to wait."""
        return self.limit - ceil(self.limit * self.kept[priority])

    @property
    def step(self) -> int:
        """How many calls more than one have to come free before those who wait are let in."""
        return int(self.limit * STEP_SHARE)

    def refusal(self, priority: Priority) -> str:
        """Why this class may not call now."""
        kept = ceil(self.limit * self.kept[priority])
        if not kept:
            return f"the {self.limit:,} calls of the {self.period} are used up"
        kind = KIND_OF_PRIORITY[priority]
        return f"of the {self.limit:,} calls of the {self.period} {kept:,} are kept for more urgent work; {kind} waits"

    def paused(self, used: int) -> tuple[Priority, ...]:
        """The classes that wait when so many calls were made."""
        return tuple(priority for priority in Priority if used >= self.allowed(priority))


@dataclass(frozen=True, slots=True)
class DayUse:
    """How a provider's day stands. `paused`: classes that wait; `free_at`: when the lowest of them may call again."""

    provider: str
    quota: DayQuota
    used: int
    paused: tuple[Priority, ...]
    free_at: datetime | None

    @property
    def left(self) -> int:
        """How many calls are left."""
        return max(0, self.quota.limit - self.used)

    @property
    def text(self) -> str:
        """The standing in a sentence."""
        left = f"{self.left:,} of {self.quota.limit:,} calls a {self.quota.period} are left"
        return f"{left}; {self.who_waits}" if self.paused else left

    @property
    def who_waits(self) -> str:
        """Who waits, and until when."""
        who = " and ".join(KIND_OF_PRIORITY[one] for one in self.paused if one >= Priority.INTERACTIVE)
        return f"{who} waits until {self.free_at:%Y-%m-%d %H:%M} UTC" if self.free_at else f"{who} waits"


def kept_shares() -> dict[Priority, float]:
    """The share of a day's calls that each class leaves to the more urgent: QUOTA_KEPT_FROM_BATCH (0.2) and
    QUOTA_KEPT_FROM_WATCHLIST (0.05). Raises SettingError.
    """
    batch = _share("QUOTA_KEPT_FROM_BATCH", BATCH_SHARE)
    watchlist = _share("QUOTA_KEPT_FROM_WATCHLIST", WATCHLIST_SHARE)
    return dict.fromkeys(Priority, 0.0) | {Priority.WATCHLIST: watchlist, Priority.ENRICHMENT: batch}


def _share(name: str, default: float) -> float:
    share = non_negative_number(name, default=default)
    if share > 1:
        raise SettingError(f"{name}={share:g} is a share: it must not be above 1.")
    return share


def day_quota_of(of: Provider, *, sandboxed: bool, speed: float) -> DayQuota | None:
    """What a day, or a month, allows at the provider, by a clock `speed` times as fast as ours; None where neither is
    counted.

    It is the developer's, whichever app or key calls. Raises SettingError.
    """
    bucket = f"{of.name}:{'sandbox:developer' if sandboxed else 'developer'}"
    if of.monthly_quota is not None:
        return DayQuota(bucket, of.monthly_quota, MONTH_SECONDS / speed, kept_shares(), "month")
    if of.daily_quota is not None:
        return DayQuota(bucket, of.daily_quota, DAY_SECONDS / speed, kept_shares())
    return None


def day_uses(engine: sa.Engine, *, sandboxed: bool, speed: float) -> list[DayUse]:
    """How the day stands at each provider that counts it, and the month where it was called. Raises SettingError."""
    uses = period_uses(engine, sandboxed=sandboxed, speed=speed)
    return [use for use in uses if use.used or use.quota.period == "day"]


def period_uses(engine: sa.Engine, *, sandboxed: bool, speed: float) -> list[DayUse]:
    """How the day or the month stands at each provider that counts it. Raises SettingError."""
    quotas = {name: day_quota_of(configured_provider(name), sandboxed=sandboxed, speed=speed) for name in PROVIDERS}
    with engine.connect() as connection:
        return [_use(connection, name, quota) for name, quota in quotas.items() if quota is not None]


def _use(connection: sa.Connection, name: str, quota: DayQuota) -> DayUse:
    values = {"bucket": quota.bucket, "day": quota.seconds}
    used = connection.execute(query("day_use"), values | {"needed": 0}).one().calls
    paused = quota.paused(used)
    if not paused:
        return DayUse(name, quota, used, (), None)
    needed = used - quota.allowed(paused[-1]) + 1 + quota.step
    free_at = connection.execute(query("day_use"), values | {"needed": needed}).one().free_at
    return DayUse(name, quota, used, paused, free_at)
