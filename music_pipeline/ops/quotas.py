"""How much is left of the daily and monthly quotas: for `status`, `doctor` and the metadata of sweeps.

`music_pipeline.gateway.daily_quota` says what a day allows.
"""

from dataclasses import dataclass
from datetime import datetime

import httpx
import sqlalchemy as sa

from music_pipeline.database.queries import query
from music_pipeline.gateway.addresses import sandbox_speed
from music_pipeline.gateway.daily_quota import KIND_OF_PRIORITY, DayQuota, day_quota
from music_pipeline.gateway.provider import with_configured_quotas
from music_pipeline.gateway.request import Priority
from music_pipeline.providers.registry import PROVIDERS
from music_pipeline.settings import Settings


@dataclass(frozen=True, slots=True)
class DayUse:
    """Use of a provider's day or month.

    `paused`: classes of calls that wait. `free_at`: when the lowest of them may call again.
    """

    provider: str
    quota: DayQuota
    used: int
    paused: tuple[Priority, ...]
    free_at: datetime | None

    @property
    def left(self) -> int:
        """Calls that are left."""
        return max(0, self.quota.limit - self.used)

    @property
    def text(self) -> str:
        """The use in a sentence."""
        left = f"{self.left:,} of {self.quota.limit:,} calls a {self.quota.period} are left"
        return f"{left}; {self.who_waits}" if self.paused else left

    @property
    def who_waits(self) -> str:
        """Which kinds of work wait, and until when."""
        who = " and ".join(KIND_OF_PRIORITY[one] for one in self.paused if one >= Priority.INTERACTIVE)
        return f"{who} waits until {self.free_at:%Y-%m-%d %H:%M} UTC" if self.free_at else f"{who} waits"


def daily_quota_status(engine: sa.Engine, configured: Settings) -> list[DayUse] | None:
    """The use of every daily or monthly quota.

    None if the sandbox is away, since only it knows how long a day is.

    Raises SettingError.
    """
    if configured.sandbox_url is None:
        return day_uses(engine, sandboxed=False, speed=1.0)
    try:
        speed = sandbox_speed(configured.sandbox_url)
    except httpx.HTTPError:
        return None
    return day_uses(engine, sandboxed=True, speed=speed)


def day_uses(engine: sa.Engine, *, sandboxed: bool, speed: float) -> list[DayUse]:
    """Like `period_uses`, without the months in which nothing was called. Raises SettingError."""
    uses = period_uses(engine, sandboxed=sandboxed, speed=speed)
    return [use for use in uses if use.used or use.quota.period == "day"]


def period_uses(engine: sa.Engine, *, sandboxed: bool, speed: float) -> list[DayUse]:
    """The use of the day or month at each provider that counts it. Raises SettingError."""
    quotas = {
        name: day_quota(with_configured_quotas(provider), sandboxed=sandboxed, speed=speed)
        for name, provider in PROVIDERS.items()
    }
    with engine.connect() as connection:
        return [_day_use(connection, name, quota) for name, quota in quotas.items() if quota is not None]


def _day_use(connection: sa.Connection, name: str, quota: DayQuota) -> DayUse:
    values = {"bucket": quota.bucket, "day": quota.seconds}
    used = connection.execute(query("day_use"), values | {"needed": 0}).one().calls
    paused = quota.paused(used)
    if not paused:
        return DayUse(name, quota, used, (), None)
    needed = used - quota.allowed(paused[-1]) + 1 + quota.step
    free_at = connection.execute(query("day_use"), values | {"needed": needed}).one().free_at
    return DayUse(name, quota, used, paused, free_at)
