"""Whether and when this process may call one provider with one set of credentials: permits, breaker and blocks.

All of it lives in the database. `call` makes the calls.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID, uuid4

import structlog

from music_pipeline.gateway import breaker, quota
from music_pipeline.gateway.breaker import BreakerRules
from music_pipeline.gateway.clock import DatabaseClock
from music_pipeline.gateway.errors import (
    CircuitBreakerOpenException,
    CredentialsRefused,
    ProviderGatewayRateLimitedError,
)
from music_pipeline.gateway.permits import Permit, PermitQueue
from music_pipeline.gateway.pool import Pool
from music_pipeline.gateway.quota import BlockKind, Holder, ProviderState, QuotaPlan, Reservation, Returned
from music_pipeline.gateway.request import Priority, Urgency

log = structlog.get_logger()

LONGEST_WAIT_SECONDS = 60.0
# How old the known state may be: seconds while changes are heard of, and without.
STATE_HOLDS_SECONDS = 1.0
UNHEARD_STATE_HOLDS_SECONDS = 0.05
PROBE_MARGIN_SECONDS = 30.0


class Limiter:
    """Permission to call, for the callers of this process."""

    def __init__(
        self, pool: Pool, plan: QuotaPlan, rules: BreakerRules, clock: DatabaseClock, timeout_seconds: float
    ) -> None:
        self.plan = plan
        self._pool = pool
        self._rules = rules
        self._clock = clock
        self._lease = timeout_seconds + PROBE_MARGIN_SECONDS
        self._state: ProviderState | None = None
        self._state_read_at = 0.0
        self._outdated_at = 0.0
        self._reading: asyncio.Task[None] | None = None
        self._name = str(uuid4())
        self._queue = PermitQueue(plan, self._reserve, partial(quota.give_back, pool, plan))
        pool.on_change(self._hear)

    @asynccontextmanager
    async def permit(self, urgency: Urgency, request_digest: str) -> AsyncIterator[Permit]:
        """Wait for a permit that is due now; afterwards put it back and tell the breaker its `health`.

        Raises ProviderUnavailable's kinds rather than wait for more than a minute, and OutOfTime after the deadline.
        """
        probe = await self._admit()
        permit: Permit | None = None
        try:
            permit = await self._usable_permit(urgency, probe)
            permit.probe = probe
            try:
                yield permit
            finally:
                self._queue.put_back(permit)
        finally:
            health = permit.health if permit is not None else "neutral"
            state = self._state
            is_clean = state is not None and state.breaker == "closed" and state.breaker_failures == 0
            if probe is not None or health == "failure" or (health == "success" and not is_clean):
                await breaker.record(
                    self._pool, self.plan.provider, health,
                    request_digest=request_digest, probe=probe, rules=self._rules,
                )  # fmt: skip
                self._outdate()

    async def is_in_doubt(self) -> bool:
        """Whether as many calls in a row failed as open the breaker, but all of them were one request."""
        state = await self._fresh_state()
        return state.breaker == "closed" and state.breaker_failures >= self._rules.failures

    async def uncount(self, permit: Permit) -> None:
        """Remove the permit's call from its day: the provider does not count it."""
        await quota.return_day_call(self._pool, self.plan, permit.slot)

    def pause(self) -> None:
        """Let nobody of this process call until a block is recorded, after a 429."""
        self._queue.pause()

    async def block(self, kind: BlockKind, seconds: float, reason: str) -> datetime:
        """Keep everybody from calling for that long; return until when."""
        until = self._clock.now() + timedelta(seconds=seconds)
        self._queue.pause()
        try:
            await asyncio.to_thread(quota.block, self._pool.durable, self.plan, kind=kind, until=until, reason=reason)
        finally:
            self._outdate()
            self._queue.resume()
        return until

    async def aclose(self) -> None:
        """Give back what is not used."""
        await self._queue.aclose()
        await quota.leave_line(self._pool, self.plan, self._name)

    async def _admit(self) -> UUID | None:
        """Pass the block and the breaker; return the probe's id if this call finds out whether the provider is back.

        Raises ProviderUnavailable's kinds.
        """
        state = self._state
        if state is not None and self._state_read_at > 0 and state.breaker == "closed" and state.blocked_until is None:
            return None  # the permit's reservation brings the latest state
        state = await self._fresh_state()
        self._refuse_if_blocked_long(state)
        if state.breaker == "closed":
            return None
        admission = await breaker.admit(self._pool, self.plan.provider, lease=self._lease)
        self._outdate()
        if not admission.admitted:
            # A probe's lease is for one whose process died; most end at once.
            next_probe = self._clock.now() + timedelta(seconds=self._rules.seconds)
            until = min(admission.until or next_probe, next_probe)
            raise CircuitBreakerOpenException(self.plan.provider, None, until=until)
        return admission.probe

    async def _usable_permit(self, urgency: Urgency, probe: UUID | None) -> Permit:
        """A permit that can be used now: nothing came up while the caller waited for it."""
        while True:
            permit = await self._queue.take(urgency)
            try:
                may_call = await self._may_call(probe) and not self._queue.is_void(permit)
            except BaseException:
                self._queue.put_back(permit)
                raise
            if may_call:
                return permit
            self._queue.put_back(permit)

    async def _may_call(self, probe: UUID | None) -> bool:
        """Whether no short block came up. Raises ProviderUnavailable's kinds for a long one, or an open breaker."""
        state = await self._fresh_state()
        if state.blocked_until is not None:
            self._refuse_if_blocked_long(state)
        if state.breaker != "closed" and probe is None:
            until = state.breaker_until or self._clock.now()
            raise CircuitBreakerOpenException(self.plan.provider, None, until=until)
        return state.blocked_until is None or self._blocked_for(state.blocked_until) <= 0

    def _hear(self, provider: str) -> None:
        if provider == self.plan.provider:
            self._outdate()

    def _outdate(self) -> None:
        self._outdated_at = time.monotonic()
        self._state_read_at = 0.0

    async def _fresh_state(self) -> ProviderState:
        """What the last reservation or reading said, while it holds."""
        holds = STATE_HOLDS_SECONDS if self._pool.hears_changes else UNHEARD_STATE_HOLDS_SECONDS
        while self._state is None or time.monotonic() - self._state_read_at > holds:
            if self._reading is None or self._reading.done():
                self._reading = asyncio.create_task(self._read_state())
            await asyncio.shield(self._reading)
        return self._state

    async def _read_state(self) -> None:
        started = time.monotonic()
        database_now, state = await quota.read_state(self._pool, self.plan)
        self._learn(database_now, state, started)

    def _learn(self, database_now: float, state: ProviderState, started: float) -> None:
        self._clock.set(database_now)
        # What was read before a change is old already.
        if started > self._outdated_at:
            self._state, self._state_read_at = state, time.monotonic()

    async def _reserve(self, priority: Priority, wanted: int, answered: Sequence[Returned]) -> Reservation:
        started = time.monotonic()
        reservation = await quota.reserve(
            self._pool,
            self.plan,
            Holder(self._name, priority),
            horizon=self.plan.horizon(priority),
            wanted=wanted,
            answered=answered,
        )
        self._learn(reservation.database_now, reservation.state, started)
        if reservation.state.blocked_until is not None:
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

    def _blocked_for(self, until: datetime) -> float:
        return (until - self._clock.now()).total_seconds()

    def _refuse_if_blocked_long(self, state: ProviderState) -> None:
        seconds = self._blocked_for(state.blocked_until) if state.blocked_until else 0.0
        if state.blocked_until is None or seconds <= 0:
            return
        if state.blocked_kind == "retry_after" and seconds <= LONGEST_WAIT_SECONDS:
            return  # it is waited for
        if state.blocked_kind == "credentials_refused":
            raise CredentialsRefused(self.plan.provider, None, state.blocked_reason or "", until=state.blocked_until)
        reason = state.blocked_reason or ""
        raise ProviderGatewayRateLimitedError(self.plan.provider, None, reason, until=state.blocked_until)
