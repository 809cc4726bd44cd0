"""The database's clock, which all processes share: times that one writes and another reads are its times."""

import time
from datetime import UTC, datetime


class DatabaseClock:
    """Follows the database's clock; until it was told the time, ours."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def set(self, database_now: float) -> None:
        """It is now `database_now` (seconds since 1970) there."""
        self._ahead = database_now - time.time()

    def now(self) -> datetime:
        """The time there, in UTC."""
        return datetime.fromtimestamp(time.time() + self._ahead, UTC)
