"""One request until it has an answer, or an error: breaker, permit, sending, what the answer means, and trying again.

What is asked, and whether the cache knows it, is `gateway`'s; how it goes out is `transport`'s.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

import stamina

from music_pipeline.gateway.auth import Account
from music_pipeline.gateway.call_metrics import CallAccount, CallKind
from music_pipeline.gateway.classify import HEALTH, RETRIED, Meaning, RawResponse, Reading, read_response
from music_pipeline.gateway.clock import DatabaseClock
from music_pipeline.gateway.errors import (
    CredentialsRefused,
    EndpointGone,
    ProviderError,
    ProviderFailure,
    ProviderGatewayRateLimitedError,
    ProviderGatewayTimeoutError,
    ProviderRefused,
    UnreadableAnswer,
)
from music_pipeline.gateway.http import PermitVoid, TransportFailure
from music_pipeline.gateway.limiter import LONGEST_WAIT_SECONDS, Channel
from music_pipeline.gateway.permits import Permit
from music_pipeline.gateway.provider import Provider
from music_pipeline.gateway.request import Priority
from music_pipeline.gateway.spotipy_transport import RefusedBySpotipy

Body = TypeVar("Body")

FIRST_WAIT_SECONDS = 0.5
LONGEST_BACKOFF_SECONDS = 30.0
REFUSED_CREDENTIALS_SECONDS = 900.0
USED_UP_QUOTA_SECONDS = 3600.0  # where the provider does not say how long
ARRIVAL_MARGIN_SECONDS = 0.02
# Refusals for the key or the quota, which some providers do not count.
UNCOUNTED = (Meaning.UNAUTHORISED, Meaning.CREDENTIALS_REFUSED, Meaning.RATE_LIMITED, Meaning.QUOTA_EXCEEDED)


class _TryAgain(Exception):
    """Another attempt may succeed; after the last, `error` is raised.

    `at_once`: the wait is a block, which the permit minds.
    """

    def __init__(self, error: ProviderError, *, at_once: bool = False) -> None:
        super().__init__(error.text)
        self.error = error
        self.at_once = at_once


@dataclass(frozen=True, slots=True)
class Exchanged(Generic[Body]):
    """`body` None: absent, or (`unchanged`) what the cache has still holds. `sent_at`: in the database's time."""

    body: Body | None
    unchanged: bool
    response: RawResponse
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class Exchange(Generic[Body]):
    """A request with all that it needs.

    `asked_for_one`: see `Endpoint.asks_for_one`. `send` takes a permit and sends once; `renew` gets fresh access after
    a 401 and says whether there is any; `digest` tells requests apart.
    """

    provider: Provider
    endpoint: str
    asked_for_one: bool
    account: Account
    channel: Channel
    calls: CallAccount
    clock: DatabaseClock
    speed: float
    priority: Priority
    digest: str
    prepare: Callable[[], Awaitable[Callable[[Permit], Awaitable[RawResponse]]]]
    renew: Callable[[], Awaitable[bool]]
    parse: Callable[[object], Body]

    async def result(self, attempts: int) -> Exchanged[Body]:
        """The answer, after at most `attempts` attempts. Raises ProviderError's kinds."""
        try:
            async for attempt in stamina.retry_context(
                on=_pause,
                attempts=attempts,
                timeout=None,
                wait_initial=FIRST_WAIT_SECONDS / self.speed,
                wait_max=LONGEST_BACKOFF_SECONDS / self.speed,
                wait_jitter=FIRST_WAIT_SECONDS / self.speed,
            ):
                with attempt:
                    return await self._attempt(attempt.num)
        except _TryAgain as last:
            raise last.error from None
        raise RuntimeError("Neither an answer nor an error.")

    async def _attempt(self, number: int) -> Exchanged[Body]:
        exchanged = await self._once(number)
        if exchanged is None:  # 401: with fresh access once more, and then for good
            exchanged = await self._once(number) if await self.renew() else None
        if exchanged is None:
            raise await self._refused_credentials(f"{self.provider.name} does not accept the credentials (HTTP 401)")
        return exchanged

    async def _once(self, number: int) -> Exchanged[Body] | None:
        """One request; None where it was a 401."""
        send = await self.prepare()
        probe = await self.channel.admit()
        health_known = False
        try:
            sent_at, seconds, outcome, permit = await self._sent(send, probe)
            reading = self._read(outcome)
            reading, body = self._parsed(reading)
            self._count(reading.meaning, seconds)
            if self.provider.refusals_are_free and reading.meaning in UNCOUNTED:
                await self.channel.uncount(permit)
            await self.channel.record(HEALTH[reading.meaning], request_digest=self.digest, probe=probe)
            health_known = True
        finally:
            if probe is not None and not health_known:
                await self.channel.record("neutral", request_digest=self.digest, probe=probe)
        if reading.meaning is Meaning.UNAUTHORISED:
            return None
        if reading.meaning in (Meaning.ANSWERED, Meaning.ABSENT, Meaning.UNCHANGED) and isinstance(
            outcome, RawResponse
        ):
            return Exchanged(body, reading.meaning is Meaning.UNCHANGED, outcome, sent_at)
        raise await self._error(reading, number)

    async def _sent(
        self, send: Callable[[Permit], Awaitable[RawResponse]], probe: UUID | None
    ) -> tuple[datetime, float, RawResponse | TransportFailure, Permit]:
        """(when, how long it took, what came, by which permit); permit after permit until one is used in time."""
        while True:
            permit = await self.channel.permit(self.priority)
            used = False
            try:
                if permit.is_void() or not await self.channel.may_send(probe):
                    continue
                sent_at, started = self.clock.now(), time.monotonic()
                used = True
                outcome: RawResponse | TransportFailure = await send(permit)
                return sent_at, time.monotonic() - started, outcome, permit
            except TransportFailure as failure:
                return sent_at, time.monotonic() - started, failure, permit
            except PermitVoid:
                used = False
            except RefusedBySpotipy as refusal:
                used = False
                raise ProviderRefused(self.provider.name, self.endpoint, f"spotipy: {refusal}") from None
            finally:
                (self.channel.answered if used else self.channel.unused)(permit)

    def _read(self, outcome: RawResponse | TransportFailure) -> Reading:
        if isinstance(outcome, TransportFailure):
            return Reading(outcome.meaning, None, None, str(outcome), None)
        return read_response(
            outcome,
            self.provider,
            asked_for_one=self.asked_for_one,
            now=self.clock.now(),
            confidential=self.account.confidential(),
        )

    def _parsed(self, reading: Reading) -> tuple[Reading, Body | None]:
        """The record of an answer; an answer of the wrong shape is a broken one."""
        if reading.meaning is not Meaning.ANSWERED:
            return reading, None
        try:
            return reading, self.parse(reading.payload)
        except UnreadableAnswer as unreadable:
            return Reading(Meaning.BROKEN, reading.status, None, unreadable.text, None), None

    def _count(self, meaning: Meaning, seconds: float) -> None:
        self.calls.count(CallKind(self.provider.name, self.endpoint, self.account.name, meaning.value), seconds)

    async def _error(self, reading: Reading, number: int) -> Exception:
        """What a call that brought no answer raises."""
        name = self.provider.name
        text = f"{name} {self.endpoint}: {reading.text}"
        match reading.meaning:
            case Meaning.GONE:
                return EndpointGone(name, self.endpoint, text, status=reading.status)
            case Meaning.REFUSED:
                return ProviderRefused(name, self.endpoint, text, status=reading.status)
            case Meaning.CREDENTIALS_REFUSED:
                return await self._refused_credentials(text)
            case Meaning.QUOTA_EXCEEDED:
                return await self._used_up(reading, text)
            case Meaning.RATE_LIMITED:
                return await self._rate_limited(reading, text, number)
            case Meaning.TIMEOUT:
                return _TryAgain(ProviderGatewayTimeoutError(name, self.endpoint, text))
        if reading.meaning not in RETRIED:
            raise RuntimeError(f"Nobody decided what {reading.meaning} leads to.")
        return _TryAgain(ProviderFailure(name, self.endpoint, text, status=reading.status))

    async def _refused_credentials(self, text: str) -> CredentialsRefused:
        until = await self.channel.block("credentials_refused", REFUSED_CREDENTIALS_SECONDS / self.speed, text)
        return CredentialsRefused(self.provider.name, self.endpoint, text, until=until)

    async def _used_up(self, reading: Reading, text: str) -> ProviderGatewayRateLimitedError:
        seconds = USED_UP_QUOTA_SECONDS if reading.retry_after is None else reading.retry_after
        until = await self.channel.block("quota_exceeded", seconds / self.speed + ARRIVAL_MARGIN_SECONDS, text)
        return ProviderGatewayRateLimitedError(self.provider.name, self.endpoint, text, until=until)

    async def _rate_limited(self, reading: Reading, text: str, number: int) -> Exception:
        guess = min(2.0**number, LONGEST_BACKOFF_SECONDS)
        seconds = (guess if reading.retry_after is None else reading.retry_after) / self.speed + ARRIVAL_MARGIN_SECONDS
        until = await self.channel.block("retry_after", seconds, text)
        error = ProviderGatewayRateLimitedError(self.provider.name, self.endpoint, text, until=until)
        return error if seconds > LONGEST_WAIT_SECONDS else _TryAgain(error, at_once=True)


def _pause(error: Exception) -> bool | float:
    if not isinstance(error, _TryAgain):
        return False
    return 0.0 if error.at_once else True
