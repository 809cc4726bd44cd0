"""How much is left of the daily and monthly quotas."""

import httpx
import sqlalchemy as sa

from music_pipeline.gateway.daily_quota import DayUse, day_uses
from music_pipeline.gateway.sandbox_info import sandbox_speed
from music_pipeline.settings import Settings


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
