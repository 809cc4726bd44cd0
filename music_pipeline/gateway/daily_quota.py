"""How many calls a rolling day or month allows, and which class of calls waits when few are left.

The database counts each permit in a slice of five minutes (see `quota`). It rounds up: a slice counts until its last
call is a day old. A provider that counts months has a "day" of 31 days, as no month is longer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Literal

from music_pipeline.gateway.provider import Provider
from music_pipeline.gateway.request import Priority
from music_pipeline.settings import SettingError, non_negative_number

DAY_SECONDS = 86_400.0
MONTH_SECONDS = 31 * DAY_SECONDS
BATCH_SHARE = 0.2
WATCHLIST_SHARE = 0.05
# Callers that waited find more than one call free.
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
    """`limit` calls in any `seconds` (of our clock). `reserved`: the share that each class leaves to more urgent calls.

    `period`: name of the window.
    """

    bucket: str
    limit: int
    seconds: float
    reserved: Mapping[Priority, float]
    period: Literal["day", "month"] = "day"

    def allowed(self, priority: Priority) -> int:
        """Calls of the day that may be made before this class has to wait."""
        return self.limit - ceil(self.limit * self.reserved[priority])

    @property
    def step(self) -> int:
        """Calls beyond the first that have to come free before waiting callers go on."""
        return int(self.limit * STEP_SHARE)

    def refusal(self, priority: Priority) -> str:
        """Why this class may not call now."""
        reserved = ceil(self.limit * self.reserved[priority])
        if not reserved:
            return f"the {self.limit:,} calls of the {self.period} are used up"
        kind = KIND_OF_PRIORITY[priority]
        return (
            f"of the {self.limit:,} calls of the {self.period} {reserved:,} are kept for more urgent work; {kind} waits"
        )

    def paused(self, used: int) -> tuple[Priority, ...]:
        """The classes that wait once `used` calls were made."""
        return tuple(priority for priority in Priority if used >= self.allowed(priority))


def reserved_shares() -> dict[Priority, float]:
    """The share of a day's calls that each class leaves to more urgent ones.

    Set by QUOTA_KEPT_FROM_BATCH (0.2) and QUOTA_KEPT_FROM_WATCHLIST (0.05). Raises SettingError.
    """
    batch = _share("QUOTA_KEPT_FROM_BATCH", BATCH_SHARE)
    watchlist = _share("QUOTA_KEPT_FROM_WATCHLIST", WATCHLIST_SHARE)
    return dict.fromkeys(Priority, 0.0) | {Priority.WATCHLIST: watchlist, Priority.ENRICHMENT: batch}


def _share(name: str, default: float) -> float:
    share = non_negative_number(name, default=default)
    if share > 1:
        raise SettingError(f"{name}={share:g} is a share: it must not be above 1.")
    return share


def day_quota(provider: Provider, *, sandboxed: bool, speed: float) -> DayQuota | None:
    """The provider's limit over a day or a month, by a clock `speed` times as fast as ours; None without such a limit.

    It belongs to the developer, whichever app or key calls. Raises SettingError.
    """
    bucket = f"{provider.name}:{'sandbox:developer' if sandboxed else 'developer'}"
    if provider.monthly_quota is not None:
        return DayQuota(bucket, provider.monthly_quota, MONTH_SECONDS / speed, reserved_shares(), "month")
    if provider.daily_quota is not None:
        return DayQuota(bucket, provider.daily_quota, DAY_SECONDS / speed, reserved_shares())
    return None
