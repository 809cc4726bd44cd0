"""The circuit breaker's statements: one breaker for each provider, in the database, for all processes.

What counts as a failure is decided in `classification`.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

import sqlalchemy as sa

from music_pipeline.database.queries import query
from music_pipeline.settings import non_negative_number, positive_integer

Health = Literal["success", "failure", "neutral"]


@dataclass(frozen=True, slots=True)
class BreakerRules:
    """`failures` in a row, of two different requests at least, open it for `seconds`; `successes` in a row close it."""

    failures: int
    seconds: float
    successes: int


@dataclass(frozen=True, slots=True)
class Admission:
    """`probe`: this call finds out whether the provider is back. `until`: when to come again, where not admitted."""

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


def admit(engine: sa.Engine, provider: str, *, lease: float) -> Admission:
    """Whether a call may be made now; as a probe, for `lease` seconds, where the breaker is open and its time over."""
    with engine.begin() as connection:
        row = connection.execute(query("breaker_admit"), {"provider": provider, "lease": lease}).one()
    return Admission(row.admitted, row.probe, row.until)


def record(
    engine: sa.Engine, provider: str, health: Health, *, request_digest: str, probe: UUID | None, rules: BreakerRules
) -> str:
    """Count a call's outcome; answer the breaker's state (closed, open, half_open)."""
    values = {
        "provider": provider,
        "verdict": health,
        "request_digest": request_digest,
        "probe": probe,
        "failures_to_open": rules.failures,
        "open_seconds": rules.seconds,
        "successes_to_close": rules.successes,
    }
    with engine.begin() as connection:
        return str(connection.execute(query("breaker_record"), values).scalar_one())
