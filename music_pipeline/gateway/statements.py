"""The gateway's way to the database: many small statements, so each is one round trip, outside a transaction.

What the statements say is in `quotas`, `breaker`, `cache` and `calls`, which take any engine.
"""

import asyncio
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

import sqlalchemy as sa

# A statement takes a fraction of a millisecond: more connections would only wait for the server, and there are as many
# gateways as runs, commands and clients at once.
CONNECTIONS = 4

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class Statements:
    """Runs functions that take an engine, on connections that commit by themselves and do not wait for the disk.

    What a crash of the server takes is asked or counted again. Half the cost of the ordinary engine is spared: its
    transactions, and its question whether the connection still lives. Where one does not, the ordinary one is taken.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self.durable = engine
        self._quick = sa.create_engine(
            _without_waiting_for_the_disk(engine.url),
            isolation_level="AUTOCOMMIT",
            pool_size=CONNECTIONS,
            max_overflow=0,
            connect_args={"connect_timeout": 10},
        )

    def run(
        self,
        function: Callable[Concatenate[sa.Engine, Parameters], Result],
        /,
        *args: Parameters.args,
        **kwargs: Parameters.kwargs,
    ) -> Result:
        """Run it in this thread; twice where the first connection turned out to be dead."""
        try:
            return function(self._quick, *args, **kwargs)
        except sa.exc.OperationalError:
            return function(self.durable, *args, **kwargs)

    async def run_aside(
        self,
        function: Callable[Concatenate[sa.Engine, Parameters], Result],
        /,
        *args: Parameters.args,
        **kwargs: Parameters.kwargs,
    ) -> Result:
        """Run it in another thread."""
        return await asyncio.to_thread(self.run, function, *args, **kwargs)

    def close(self) -> None:
        """Close the connections."""
        self._quick.dispose()


def _without_waiting_for_the_disk(url: sa.URL) -> sa.URL:
    options = url.query.get("options", "")
    return url.update_query_dict({"options": f"{options} -csynchronous_commit=off".strip()})
