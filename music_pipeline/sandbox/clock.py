"""The sandbox's clock: monotonic seconds, multiplied by the speed.

Only quotas and Retry-After run on it. Tokens live real seconds, since clients keep their age themselves. At speed 1 the
clock shows seconds since the epoch, to which fixed windows are aligned.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass


def epoch_seconds() -> Callable[[], float]:
    """A source of seconds since the epoch. It never goes back, even if the machine's clock is set back."""
    offset = time.time() - time.monotonic()
    return lambda: time.monotonic() + offset


@dataclass(frozen=True, slots=True)
class SandboxClock:
    """Sandbox seconds since some fixed moment. `source` returns real seconds and never goes back."""

    speed: float
    source: Callable[[], float] = time.monotonic

    def now(self) -> float:
        """The sandbox's seconds."""
        return self.source() * self.speed

    def real_seconds(self, sandbox_seconds: float) -> float:
        """How many real seconds a span of the sandbox lasts."""
        return sandbox_seconds / self.speed
