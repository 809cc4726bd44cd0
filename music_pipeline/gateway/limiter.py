"""What a process keeps of one account at one provider: permits, the breaker, blocks. All of it lives in the database.

Only whether and when a call may be made is decided here; the call itself is `exchange`'s.
"""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import structlog

from music_pipeline.gateway import breaker, quota
from music_pipeline.gateway.breaker import BreakerRules, Health
from music_pipeline.gateway.clock import DatabaseClock
from music_pipeline.gateway.errors import (
    CircuitBreakerOpenException,
    CredentialsRefused,
    ProviderGatewayRateLimitedError,
    ProviderUnavailable,
)
from music_pipeline.gateway.permits import Dispenser, Permit
from music_pipeline.gateway.quota import Asker, BlockKind, ProviderState, QuotaPlan, Reservation, Returned
from music_pipeline.gateway.request import Priority
from music_pipeline.gateway.statements import Statements

log = structlog.get_logger()

LONGEST_WAIT_SECONDS = 60.0
STATE_HOLDS_SECONDS = 0.05
STATE_HOLDS_AT_SENDING_SECONDS = 0.005
PROBE_MARGIN_SECONDS = 30.0


class Channel:
    """Permission to call, for the callers of this process."""

    def __init__(
        self, statements: Statements, plan: QuotaPlan, rules: BreakerRules, clock: DatabaseClock, timeout_seconds: float
    ) -> None:
        self.plan = plan
        self._statements = statements
        self._rules = rules
        self._clock = clock
        self._lease = timeout_seconds + PROBE_MARGIN_SECONDS
        self._state: ProviderState | None = None
        self._state_read_at = 0.0
        self._outdated_at = 0.0
        self._reading: asyncio.Task[None] | None = None
        self._name = str(uuid4())
        self._dispenser = Dispenser(plan, self._reserve, self._give_back)

    async def admit(self) -> UUID | None:
        """Pass the block and the breaker; the probe's id, if this call is to find out whether the provider is back.

        Raises ProviderUnavailable's kinds.
        """
        state = await self._current_state(STATE_HOLDS_SECONDS)
        self._refuse_if_blocked_long(state)
        if state.breaker == "closed":
            return None
        admission = await self._statements.run_aside(breaker.admit, self.plan.provider, lease=self._lease)
        self._outdated()
        if not admission.admitted:
            # A probe's lease is for one whose process died; most end at once.
            next_probe = self._clock.now() + timedelta(seconds=self._rules.seconds)
            until = min(admission.until or next_probe, next_probe)
            raise CircuitBreakerOpenException(self.plan.provider, None, until=until)
        return admission.probe

    async def is_in_doubt(self) -> bool:
        """Whether as many calls in a row failed as open the breaker, but all of them were one request."""
        state = await self._current_state(STATE_HOLDS_SECONDS)
        return state.breaker == "closed" and state.breaker_failures >= self._rules.failures

    async def permit(self, priority: Priority) -> Permit:
        """A permit that is due now. Raises ProviderUnavailable's kinds rather than wait for more than a minute."""
        return await self._dispenser.permit(priority)

    async def may_send(self, probe: UUID | None) -> bool:
        """Whether nothing came up while the permit was waited for; False: wait for another.

        Raises ProviderUnavailable's kinds.
        """
        state = await self._current_state(STATE_HOLDS_AT_SENDING_SECONDS)
        self._refuse_if_blocked_long(state)
        if state.breaker != "closed" and probe is None:
            raise CircuitBreakerOpenException(self.plan.provider, None, until=state.breaker_until or self._clock.now())
        return self._blocked_for(state) <= 0

    def answered(self, permit: Permit) -> None:
        """The request of this permit is over."""
        self._dispenser.answered(permit)

    def unused(self, permit: Permit) -> None:
        """Nothing was sent with this permit."""
        self._dispenser.unused(permit)

    async def uncount(self, permit: Permit) -> None:
        """The provider does not count the request of this permit."""
        await self._statements.run_aside(quota.return_day_call, self.plan, permit.slot)

    async def record(self, health: Health, *, request_digest: str, probe: UUID | None) -> None:
        """Tell the breaker how a call ended."""
        clean = self._state is not None and self._state.breaker == "closed" and self._state.breaker_failures == 0
        if probe is None and (health == "neutral" or (health == "success" and clean)):
            return
        await self._statements.run_aside(
            breaker.record, self.plan.provider, health,
            request_digest=request_digest, probe=probe, rules=self._rules,
        )  # fmt: skip
        self._outdated()

    async def block(self, kind: BlockKind, seconds: float, reason: str) -> datetime:
        """Let nobody call for that long; answer until when."""
        until = self._clock.now() + timedelta(seconds=seconds)
        self._dispenser.gate.close()
        try:
            await asyncio.to_thread(
                quota.block, self._statements.durable, self.plan, kind=kind, until=until, reason=reason
            )
        finally:
            self._outdated()
            self._dispenser.gate.open()
        return until

    async def aclose(self) -> None:
        """Give back what is not used."""
        await self._dispenser.aclose()
        await self._statements.run_aside(quota.leave_line, self.plan, self._name)

    def _outdated(self) -> None:
        self._outdated_at = time.monotonic()
        self._state_read_at = 0.0

    async def _current_state(self, holds: float) -> ProviderState:
        if self._state is None or time.monotonic() - self._state_read_at > holds:
            if self._reading is None or self._reading.done():
                self._reading = asyncio.create_task(self._read_state())
            await asyncio.shield(self._reading)
        if self._state is None:
            raise RuntimeError("The provider's state was read and is not there.")
        return self._state

    async def _read_state(self) -> None:
        asked_at = time.monotonic()
        database_now, state = await self._statements.run_aside(quota.read_state, self.plan)
        self._learn(database_now, state, asked_at)

    def _learn(self, database_now: float, state: ProviderState, asked_at: float) -> None:
        self._clock.set(database_now)
        self._state = state
        # What was read before we changed something ourselves is old already.
        self._state_read_at = time.monotonic() if asked_at > self._outdated_at else 0.0

    async def _reserve(self, priority: Priority, wanted: int) -> Reservation:
        asked_at = time.monotonic()
        asker = Asker(self._name, priority)
        reservation = await self._statements.run_aside(
            quota.reserve, self.plan, asker, horizon=self.plan.horizon(priority), wanted=wanted
        )
        self._learn(reservation.database_now, reservation.state, asked_at)
        self._refuse_if_blocked_long(reservation.state)
        if not reservation.slots:
            self._refuse_if_used_up(reservation, priority)
        return reservation

    def _refuse_if_used_up(self, reservation: Reservation, priority: Priority) -> None:
        provider = self.plan.provider
        if reservation.day_until is not None and self.plan.day is not None:
            until = datetime.fromtimestamp(reservation.day_until, UTC)
            text = f"{provider}: {self.plan.day.refusal(priority)}"
            log.warning(
                "quota.paused", provider=provider, kind=priority.name.lower(), until=until.isoformat(), why=text
            )
            raise ProviderGatewayRateLimitedError(provider, None, text, until=until)
        if reservation.wait > LONGEST_WAIT_SECONDS:
            until = self._clock.now() + timedelta(seconds=reservation.wait)
            raise ProviderGatewayRateLimitedError(provider, None, f"{provider}'s quota is used up", until=until)

    async def _give_back(self, returned: list[Returned]) -> None:
        await self._statements.run_aside(quota.give_back, self.plan, returned)

    def _blocked_for(self, state: ProviderState) -> float:
        return (state.blocked_until - self._clock.now()).total_seconds() if state.blocked_until else 0.0

    def _refuse_if_blocked_long(self, state: ProviderState) -> None:
        is_waited_for = state.blocked_kind == "retry_after" and self._blocked_for(state) <= LONGEST_WAIT_SECONDS
        if state.blocked_until is None or is_waited_for or self._blocked_for(state) <= 0:
            return
        raise refusal(self.plan.provider, state.blocked_kind, state.blocked_reason or "", state.blocked_until)


def refusal(provider: str, kind: str | None, reason: str, until: datetime) -> ProviderUnavailable:
    """What a block is for those who want to call."""
    if kind == "credentials_refused":
        return CredentialsRefused(provider, None, reason, until=until)
    return ProviderGatewayRateLimitedError(provider, None, reason, until=until)
