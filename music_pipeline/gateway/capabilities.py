"""What an account turned out to be able to do, learnt from refusals: endpoints that are gone, the largest page.

A lesson is forgotten after a week, so that a provider's change of mind is noticed.
"""

import sqlalchemy as sa

from music_pipeline.database.queries import query

LIFETIME_SECONDS = 7 * 86_400.0


class Capabilities:
    """The lessons as this process has read and learnt them. Methods block: they go to the database."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._values: dict[tuple[str, str, str], str] = {}

    def read(self) -> None:
        """Read what all processes have learnt."""
        with self._engine.connect() as connection:
            rows = connection.execute(query("capabilities"), {"lifetime": LIFETIME_SECONDS}).all()
        self._values = {(row.provider, row.account, row.capability): row.value for row in rows}

    def value(self, provider: str, account: str, capability: str) -> str | None:
        """What was learnt; None if nothing was. Does not go to the database."""
        return self._values.get((provider, account, capability))

    def is_gone(self, provider: str, account: str, endpoint: str) -> bool:
        """Whether the account may not call the endpoint (any more). Does not go to the database."""
        return self.value(provider, account, f"endpoint:{endpoint}") == "gone"

    def learn(self, provider: str, account: str, capability: str, value: str, reason: str) -> None:
        """Keep a lesson for every process."""
        self._values[(provider, account, capability)] = value
        row = {"provider": provider, "account": account, "capability": capability, "value": value, "reason": reason}
        with self._engine.begin() as connection:
            connection.execute(query("learn_capability"), row)


def forget(engine: sa.Engine, provider: str) -> int:
    """Forget what was learnt about the provider; how many lessons. For an operator whose app was given more."""
    with engine.begin() as connection:
        return connection.execute(query("forget_capabilities"), {"provider": provider}).rowcount
