"""One call: permit, send, classify, and try again until there is a result or an error.

`gateway` says what is called and whether the cache knows it; `http` sends.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

import aiohttp
import stamina

from music_pipeline.gateway.auth import Authenticator, ProviderCredentials
from music_pipeline.gateway.call_metrics import CallKind, CallMetrics
from music_pipeline.gateway.classify import HEALTH, RETRIED, ClassifiedResponse, RawResponse, classify
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
from music_pipeline.gateway.http import HttpRequest, TransportFailure, send_http
from music_pipeline.gateway.limiter import LONGEST_WAIT_SECONDS, Limiter
from music_pipeline.gateway.provider import Provider, Quirk, ResponseKind
from music_pipeline.gateway.request import Urgency

Body = TypeVar("Body")

TOO_MANY_REQUESTS = 429
FIRST_WAIT_SECONDS = 0.5
LONGEST_BACKOFF_SECONDS = 30.0
REFUSED_CREDENTIALS_SECONDS = 900.0
USED_UP_QUOTA_SECONDS = 3600.0  # if the provider does not say how long
ARRIVAL_MARGIN_SECONDS = 0.02
# Refusals for the key or the quota, which some providers do not count.
UNCOUNTED = (
    ResponseKind.UNAUTHORISED,
    ResponseKind.CREDENTIALS_REFUSED,
    ResponseKind.RATE_LIMITED,
    ResponseKind.QUOTA_EXCEEDED,
)
RESULTS = (ResponseKind.ANSWERED, ResponseKind.ABSENT, ResponseKind.UNCHANGED)


class _TryAgain(Exception):
    """Another attempt may succeed; after the last, `error` is raised.

    `at_once`: the wait is a block, which the next permit respects.
    """

    def __init__(self, error: ProviderError, *, at_once: bool = False) -> None:
        super().__init__(error.text)
        self.error = error
        self.at_once = at_once


@dataclass(frozen=True, slots=True)
class CallResult(Generic[Body]):
    """`body` None: absent, or (`unchanged`) the cached body still holds. `sent_at`: in the database's time."""

    body: Body | None
    unchanged: bool
    response: RawResponse
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class Call(Generic[Body]):
    """A request with everything needed to send it.

    `request`: without secrets, which `authenticator` adds for each attempt. `asked_for_one`: see
    `Endpoint.asks_for_one`. `digest` tells requests apart. `speed`: of the provider's clock.
    """

    provider: Provider
    endpoint: str
    request: HttpRequest
    asked_for_one: bool
    digest: str
    parse: Callable[[object], Body]
    account: ProviderCredentials
    authenticator: Authenticator
    urgency: Urgency
    limiter: Limiter
    http: aiohttp.ClientSession
    metrics: CallMetrics
    clock: DatabaseClock
    speed: float

    async def result(self, attempts: int) -> CallResult[Body]:
        """Return the result after at most `attempts` attempts. Raises ProviderError's kinds, and OutOfTime."""
        try:
            return await self._attempt(1)
        except _TryAgain as first:
            return await self._try_again(first, attempts)

    async def _try_again(self, first: _TryAgain, attempts: int) -> CallResult[Body]:
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
                    if attempt.num == 1:
                        raise first
                    return await self._attempt(attempt.num)
        except _TryAgain as last:
            raise last.error from None
        raise RuntimeError("Neither a result nor an error.")

    async def _attempt(self, number: int) -> CallResult[Body]:
        result = await self._send(number)
        if result is None and await self.authenticator.renew():  # 401: once more, and then for good
            result = await self._send(number)
        if result is None:
            raise await self._refused_credentials(f"{self.provider.name} does not accept the credentials (HTTP 401)")
        return result

    async def _send(self, number: int) -> CallResult[Body] | None:
        """Send once. None: it was a 401."""
        body: Body | None = None
        raw = RawResponse(0, {}, b"")
        request = await self.authenticator.authenticate(self.request)
        async with self.limiter.permit(self.urgency, self.digest) as permit:
            permit.used = True
            sent_at, started = self.clock.now(), time.monotonic()
            try:
                raw = await send_http(self.http, request)
            except TransportFailure as failure:
                classified = ClassifiedResponse(failure.kind, None, None, str(failure), None)
            else:
                if raw.status == TOO_MANY_REQUESTS:
                    self.limiter.pause()  # nobody else calls before it is known for how long
                classified, body = self._classify(raw)
            kind = CallKind(self.provider.name, self.endpoint, self.account.name, classified.kind.value)
            self.metrics.count(kind, time.monotonic() - started)
            if classified.kind in UNCOUNTED and Quirk.REFUSALS_ARE_FREE in self.provider.quirks:
                await self.limiter.uncount(permit)
            permit.health = HEALTH[classified.kind]
        if classified.kind is ResponseKind.UNAUTHORISED:
            return None
        if classified.kind in RESULTS:
            return CallResult(body, classified.kind is ResponseKind.UNCHANGED, raw, sent_at)
        raise await self._error(classified, number)

    def _classify(self, raw: RawResponse) -> tuple[ClassifiedResponse, Body | None]:
        """(what the response means, its record). An answer of the wrong shape is broken."""
        classified = classify(
            raw,
            self.provider,
            asked_for_one=self.asked_for_one,
            now=self.clock.now(),
            confidential=self.account.confidential,
        )
        if classified.kind is not ResponseKind.ANSWERED:
            return classified, None
        try:
            return classified, self.parse(classified.payload)
        except UnreadableAnswer as unreadable:
            return ClassifiedResponse(ResponseKind.BROKEN, classified.status, None, unreadable.text, None), None

    async def _error(self, classified: ClassifiedResponse, number: int) -> Exception:
        """What a call without a result raises."""
        name = self.provider.name
        text = f"{name} {self.endpoint}: {classified.text}"
        match classified.kind:
            case ResponseKind.GONE:
                return EndpointGone(name, self.endpoint, text, status=classified.status)
            case ResponseKind.REFUSED:
                return ProviderRefused(name, self.endpoint, text, status=classified.status)
            case ResponseKind.CREDENTIALS_REFUSED:
                return await self._refused_credentials(text)
            case ResponseKind.QUOTA_EXCEEDED:
                return await self._used_up(classified, text)
            case ResponseKind.RATE_LIMITED:
                return await self._rate_limited(classified, text, number)
            case ResponseKind.TIMEOUT:
                return _TryAgain(ProviderGatewayTimeoutError(name, self.endpoint, text))
        if classified.kind not in RETRIED:
            raise RuntimeError(f"Nobody decided what {classified.kind} leads to.")
        return _TryAgain(ProviderFailure(name, self.endpoint, text, status=classified.status))

    async def _refused_credentials(self, text: str) -> CredentialsRefused:
        until = await self.limiter.block("credentials_refused", REFUSED_CREDENTIALS_SECONDS / self.speed, text)
        return CredentialsRefused(self.provider.name, self.endpoint, text, until=until)

    async def _used_up(self, classified: ClassifiedResponse, text: str) -> ProviderGatewayRateLimitedError:
        seconds = USED_UP_QUOTA_SECONDS if classified.retry_after is None else classified.retry_after
        until = await self.limiter.block("quota_exceeded", seconds / self.speed + ARRIVAL_MARGIN_SECONDS, text)
        return ProviderGatewayRateLimitedError(self.provider.name, self.endpoint, text, until=until)

    async def _rate_limited(self, classified: ClassifiedResponse, text: str, number: int) -> Exception:
        guess = min(2.0**number, LONGEST_BACKOFF_SECONDS)
        stated = guess if classified.retry_after is None else classified.retry_after
        seconds = stated / self.speed + ARRIVAL_MARGIN_SECONDS
        until = await self.limiter.block("retry_after", seconds, text)
        error = ProviderGatewayRateLimitedError(self.provider.name, self.endpoint, text, until=until)
        return error if seconds > LONGEST_WAIT_SECONDS else _TryAgain(error, at_once=True)


def _pause(error: Exception) -> bool | float:
    if not isinstance(error, _TryAgain):
        return False
    return 0.0 if error.at_once else True
