"""What an account turned out to be able to do, learnt from refusals: endpoints that are gone, the largest page.

A lesson expires after a week, so that a provider's change of mind is noticed.
"""

import sqlalchemy as sa

from music_pipeline.database.queries import query
from music_pipeline.gateway.pool import Pool

LIFETIME_SECONDS = 7 * 86_400.0


class Capabilities:
    """The lessons that this process has read and learnt."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._values: dict[tuple[str, str, str], str] = {}

    async def read(self) -> None:
        """Read the lessons of all processes."""
        rows = await self._pool.run("capabilities", {"lifetime": LIFETIME_SECONDS})
        self._values = {(row.provider, row.account, row.capability): row.value for row in rows}

    def value(self, provider: str, account: str, capability: str) -> str | None:
        """The lesson, or None. Does not go to the database."""
        return self._values.get((provider, account, capability))

    async def learn(self, provider: str, account: str, capability: str, value: str, reason: str) -> None:
        """Store a lesson for every process."""
        self._values[(provider, account, capability)] = value
        row = {"provider": provider, "account": account, "capability": capability, "value": value, "reason": reason}
        await self._pool.run("learn_capability", row)


def forget(engine: sa.Engine, provider: str) -> int:
    """Delete the lessons about the provider, for an operator whose app was given more rights; return how many."""
    with engine.begin() as connection:
        return connection.execute(query("forget_capabilities"), {"provider": provider}).rowcount
