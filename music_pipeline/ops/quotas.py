"""How the days of the providers stand, for people: in `status`, `doctor` and the metadata of the queues.

What a day allows is `music_pipeline.gateway.daily_quota`.
"""

import httpx
import sqlalchemy as sa

from music_pipeline.gateway.daily_quota import DayUse, day_uses
from music_pipeline.gateway.sandbox_info import sandbox_speed
from music_pipeline.settings import Settings


def standing_days(engine: sa.Engine, configured: Settings) -> list[DayUse] | None:
    """The days of all providers that count them; None where a sandbox is away, whose clock says how long they are.

    Raises SettingError.
    """
    if configured.sandbox_url is None:
        return day_uses(engine, sandboxed=False, speed=1.0)
    try:
        speed = sandbox_speed(configured.sandbox_url)
    except httpx.HTTPError:
        return None
    return day_uses(engine, sandboxed=True, speed=speed)
