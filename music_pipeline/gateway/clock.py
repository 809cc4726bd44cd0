"""The database's clock. All processes compare times by it."""

import time
from datetime import UTC, datetime

CLOCK_SET_ANEW_SECONDS = 1.0


class DatabaseClock:
    """Follows the database's clock; ours until the first time is known."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def set(self, database_now: float) -> None:
        """Set the clock: it was `database_now` (seconds since 1970) there when it answered, a moment ago."""
        ahead = database_now - time.time()
        # The way of the answer makes the clock look slow: the largest difference is the truest, until a clock is reset.
        self._ahead = max(ahead, self._ahead) if abs(ahead - self._ahead) < CLOCK_SET_ANEW_SECONDS else ahead

    def now(self) -> datetime:
        """The time there, in UTC."""
        return datetime.fromtimestamp(time.time() + self._ahead, UTC)
