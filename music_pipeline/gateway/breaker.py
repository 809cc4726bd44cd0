"""The circuit breaker's statements. Each provider has one breaker, in the database, for all processes.

`classify` decides what counts as a failure.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from music_pipeline.gateway.pool import Pool
from music_pipeline.settings import non_negative_number, positive_integer

Health = Literal["success", "failure", "neutral"]


@dataclass(frozen=True, slots=True)
class BreakerRules:
    """`failures` in a row, of at least two different requests, open it for `seconds`; `successes` in a row close it."""

    failures: int
    seconds: float
    successes: int


@dataclass(frozen=True, slots=True)
class Admission:
    """`probe`: this call finds out whether the provider is back. `until`: when to try again, if not admitted."""

    admitted: bool
    probe: UUID | None
    until: datetime | None


def breaker_rules(speed: float) -> BreakerRules:
    """The rules of BREAKER_FAILURES (5), BREAKER_SECONDS (60, of the provider's time) and BREAKER_SUCCESSES (2)."""
    return BreakerRules(
        failures=positive_integer("BREAKER_FAILURES", default=5),
        seconds=non_negative_number("BREAKER_SECONDS", default=60.0) / speed,
        successes=positive_integer("BREAKER_SUCCESSES", default=2),
    )


async def admit(pool: Pool, provider: str, *, lease: float) -> Admission:
    """Decide whether a call may be made now. If the breaker's time is over, it is a probe for `lease` seconds."""
    (row,) = await pool.run("breaker_admit", {"provider": provider, "lease": lease})
    return Admission(row.admitted, row.probe, row.until)


async def record(
    pool: Pool, provider: str, health: Health, *, request_digest: str, probe: UUID | None, rules: BreakerRules
) -> str:
    """Count a call's outcome; return the breaker's state (closed, open, half_open)."""
    values = {
        "provider": provider,
        "verdict": health,
        "request_digest": request_digest,
        "probe": probe,
        "failures_to_open": rules.failures,
        "open_seconds": rules.seconds,
        "successes_to_close": rules.successes,
    }
    (row,) = await pool.run("breaker_record", values)
    return str(row.state)
