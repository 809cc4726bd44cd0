"""The sandbox's clock: monotonic seconds, multiplied by the speed.

Only quotas and Retry-After run on it; tokens live real seconds, as clients keep their age themselves. At speed 1 a
server's clock is that of the epoch, to which fixed windows are aligned.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass


def epoch_seconds() -> Callable[[], float]:
    """Returns a source of seconds since the epoch that never goes back, whatever is done to the machine's clock."""
    offset = time.time() - time.monotonic()
    return lambda: time.monotonic() + offset


@dataclass(frozen=True, slots=True)
class SandboxClock:
    """Sandbox seconds since some fixed moment. `source` returns real seconds and never goes back."""

    speed: float
    source: Callable[[], float] = time.monotonic

    def now(self) -> float:
        """Returns the sandbox's seconds."""
        return self.source() * self.speed

    def real_seconds(self, sandbox_seconds: float) -> float:
        """Returns how many real seconds a span of the sandbox lasts."""
        return sandbox_seconds / self.speed
