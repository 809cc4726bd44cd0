"""The only way out. Order: capability, cache, breaker, quota, send, classify, retry.

Stages decide which requests are worth sending and what the responses mean for the catalogue.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Generic, TypeVar

import aiohttp
import sqlalchemy as sa
import structlog

from music_pipeline.gateway.addresses import Addresses, find_addresses
from music_pipeline.gateway.auth import (
    Authenticator,
    ClientAuthenticator,
    CredentialAuthenticator,
    CredentialResolver,
    GrantedToken,
    ProviderCredentials,
    Tokens,
    parse_token,
)
from music_pipeline.gateway.breaker import breaker_rules
from music_pipeline.gateway.cache import CachedResponse, CacheKey, read_responses, store_responses
from music_pipeline.gateway.call import Call, CallResult
from music_pipeline.gateway.call_metrics import CallKind, CallMetrics
from music_pipeline.gateway.capabilities import Capabilities
from music_pipeline.gateway.classify import text_of
from music_pipeline.gateway.clock import DatabaseClock
from music_pipeline.gateway.errors import (
    EndpointGone,
    OutOfTime,
    ProviderError,
    ProviderFailure,
    ProviderRefused,
    UnreadableAnswer,
)
from music_pipeline.gateway.http import HttpRequest, http_session, user_agent
from music_pipeline.gateway.limiter import Limiter
from music_pipeline.gateway.pool import Group, Pool
from music_pipeline.gateway.provider import Provider, Quirk, with_configured_quotas
from music_pipeline.gateway.quota import quota_plan
from music_pipeline.gateway.request import ATTEMPTS, Priority, Request, Response, Urgency
from music_pipeline.gateway.spotipy_transport import RefusedBySpotipy, SpotipyBuilder
from music_pipeline.settings import settings

TOKEN_ENDPOINT = "token"  # noqa: S105 - a name in the counts of calls
ACCEPT_JSON = {"Accept": "application/json"}

Body = TypeVar("Body")


@dataclass(frozen=True, slots=True)
class _Lookup(Generic[Body]):
    """A request on its way through the cache. `since`: a cached response from before it is too old."""

    request: Request
    parse: Callable[[object], Body]
    account: ProviderCredentials
    key: CacheKey
    since: datetime
    attempts: int
    urgency: Urgency


@contextlib.asynccontextmanager
async def open_gateway(engine: sa.Engine, *, priority: Priority, run_id: str) -> AsyncIterator["Gateway"]:
    """A gateway for one process or run. `priority`: class of its calls; `run_id`: who calls, for the logs.

    At the end calls under way are cancelled, permits given back and the metrics written.
    """
    addresses = await asyncio.to_thread(find_addresses, settings())
    async with http_session(user_agent(settings().musicbrainz_contact)) as http:
        pool = Pool(engine)
        await pool.open()
        try:
            gateway = Gateway(pool, http, addresses, Urgency(priority), run_id)
            try:
                await gateway.learn_capabilities()
                yield gateway
            finally:
                await gateway.aclose()
        finally:
            await pool.aclose()


class Gateway:
    """Calls providers. What other processes do counts too, through the database."""

    def __init__(
        self, pool: Pool, http: aiohttp.ClientSession, addresses: Addresses, urgency: Urgency, run_id: str
    ) -> None:
        """`urgency`: of calls that state none. Use `open_gateway`."""
        self.run_id = run_id
        self._pool = pool
        self._http = http
        self._addresses = addresses
        self._urgency = urgency
        self._clock = DatabaseClock()
        self._metrics = CallMetrics(pool)
        self._flushing = asyncio.create_task(self._metrics.flush_always())
        self._capabilities = Capabilities(pool)
        self._credentials = CredentialResolver(pool, addresses, self._clock)
        self._tokens = Tokens(self._grant_token)
        self._spotipy: dict[str, SpotipyBuilder] = {}
        self._limiters: dict[tuple[str, str, str], Limiter] = {}
        self._in_flight: dict[CacheKey, asyncio.Task[Response[Any]]] = {}
        self._cached = Group(partial(read_responses, pool))
        self._stores = Group(partial(store_responses, pool))

    async def send(
        self,
        request: Request,
        parse: Callable[[object], Body],
        *,
        fresh_since: datetime | None = None,
        attempts: int = ATTEMPTS,
        urgency: Urgency | None = None,
    ) -> Response[Body]:
        """Return the parsed response. Body None: the provider says that there is no such thing.

        `fresh_since`: a cached response must have been fetched at or after it; None: within the provider's time for
        static metadata. `urgency`: if it is not the gateway's. Equal requests at once are sent once, with the urgency
        of the first. Raises ProviderError's kinds, and OutOfTime after the deadline.
        """
        urgency = urgency or self._urgency
        if urgency.deadline is not None and time.monotonic() > urgency.deadline:
            raise OutOfTime("The sweep's time is over.")
        provider = request.endpoint.provider
        account = await self._credentials.resolve(provider)
        if self._capabilities.value(provider.name, account.name, f"endpoint:{request.endpoint.name}") == "gone":
            text = f"{provider.name} {request.endpoint.name}: this app may not call it (learnt before)"
            raise EndpointGone(provider.name, request.endpoint.name, text)
        since = fresh_since or datetime.now(UTC) - provider.metadata_ttl
        key = CacheKey(provider.name, account.name, request.digest)
        lookup = _Lookup(request, parse, account, key, since, attempts, urgency)
        response = await self._look_up_once(lookup)
        while response.fetched_at < since:  # what was under way is too old for this caller
            response = await self._look_up_once(lookup)
        return response

    async def capability(self, provider: Provider, name: str) -> str | None:
        """What was learnt about our account there, or None."""
        account = await self._credentials.resolve(provider)
        return self._capabilities.value(provider.name, account.name, name)

    async def learn(self, provider: Provider, name: str, value: str, reason: str) -> None:
        """Store a lesson about our account there, for every process."""
        account = await self._credentials.resolve(provider)
        await self._capabilities.learn(provider.name, account.name, name, value, reason)

    async def learn_capabilities(self) -> None:
        """Read what all processes have learnt."""
        await self._capabilities.read()

    async def is_in_doubt(self, provider: str) -> bool:
        """Whether calls in a row failed that were all one request: the request may be bad, or the provider down."""
        called = [limiter for (name, *_), limiter in self._limiters.items() if name == provider]
        return any([await limiter.is_in_doubt() for limiter in called])

    async def aclose(self) -> None:
        """End calls under way, give back what was reserved, write the metrics."""
        under_way = [self._flushing, *self._in_flight.values()]
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        for limiter in self._limiters.values():
            await limiter.aclose()
        await self._metrics.flush()

    async def _look_up_once(self, lookup: _Lookup[Body]) -> Response[Body]:
        """One look at a time for each request, cache included: callers that come meanwhile share its response."""
        under_way = self._in_flight.get(lookup.key)
        if under_way is None:
            under_way = self._in_flight[lookup.key] = asyncio.create_task(self._look_up(lookup))
        return await asyncio.shield(under_way)

    async def _look_up(self, lookup: _Lookup[Body]) -> Response[Body]:
        try:
            cached = await self._cached.submit(lookup.key)
            known = _parse_cached(cached, lookup.parse) if cached is not None else None
            is_fresh = known is not None and known.fetched_at >= lookup.since
            outcome = "cache_hit" if is_fresh else "cache_miss"
            self._metrics.count(
                CallKind(lookup.key.provider, lookup.request.endpoint.name, lookup.account.name, outcome)
            )
            return known if known is not None and is_fresh else await self._fetch(lookup, cached, known)
        finally:
            del self._in_flight[lookup.key]

    async def _fetch(
        self, lookup: _Lookup[Body], cached: CachedResponse | None, known: Response[Body] | None
    ) -> Response[Body]:
        """Call the provider and store the response. `known`: the parsed cached one, however old."""
        endpoint = lookup.request.endpoint
        provider = endpoint.provider
        try:
            http_request = self._build(lookup.request, _validators(cached) if cached and known else {})
            authenticator = CredentialAuthenticator(provider, lookup.account, self._credentials, self._tokens)
            call = self._call(
                provider, endpoint.name, http_request, lookup.parse, lookup.account, authenticator, lookup.urgency,
                digest=lookup.key.digest.hex(), asked_for_one=endpoint.asks_for_one,
            )  # fmt: skip
            result = await call.result(lookup.attempts)
        except EndpointGone as gone:
            await self.learn(provider, f"endpoint:{endpoint.name}", "gone", gone.text)
            raise
        except ProviderError as error:
            log = structlog.get_logger().bind(run_id=self.run_id, provider=provider.name, request=lookup.request.text)
            log.warning("provider.no_answer", kind=type(error).__name__, error=error.text)
            raise
        # If only a 404 says that there is no such thing, an address that vanished for an hour would vanish for a month.
        is_absent = result.body is None and not result.unchanged
        if not is_absent or Quirk.NOT_FOUND_MEANS_ABSENT not in provider.quirks:
            await self._stores.submit(_to_store(lookup, result, cached))
        body = known.body if result.unchanged and known else result.body
        return Response(body, from_cache=False, fetched_at=result.sent_at)

    def _build(self, request: Request, validators: dict[str, str]) -> HttpRequest:
        """The request as it is sent, without secrets. Raises ProviderRefused for what spotipy refuses."""
        provider = request.endpoint.provider
        base_url = self._addresses.base_url(provider)
        headers = {**ACCEPT_JSON, **dict(provider.headers), **validators}
        if Quirk.BUILT_BY_SPOTIPY not in provider.quirks or request.endpoint.direct:
            return HttpRequest(
                base_url, request.path, request.params, headers, provider.timeout_seconds,
                json=dict(request.fields) or None, follow_redirects=True,
            )  # fmt: skip
        builder = self._spotipy.get(base_url)
        if builder is None:
            builder = self._spotipy[base_url] = SpotipyBuilder(base_url)
        try:
            return builder.build(request, headers)
        except RefusedBySpotipy as refusal:
            raise ProviderRefused(provider.name, request.endpoint.name, f"spotipy: {refusal}") from None

    def _call(
        self,
        provider: Provider,
        endpoint: str,
        request: HttpRequest,
        parse: Callable[[object], Body],
        account: ProviderCredentials,
        authenticator: Authenticator,
        urgency: Urgency,
        *,
        digest: str,
        asked_for_one: bool,
    ) -> Call[Body]:
        key = (provider.name, account.name, account.fingerprint)
        limiter = self._limiters.get(key)
        if limiter is None:
            speed = self._addresses.speed
            plan = quota_plan(with_configured_quotas(provider), account.name, account.fingerprint, speed)
            rules = breaker_rules(speed)
            limiter = self._limiters[key] = Limiter(self._pool, plan, rules, self._clock, provider.timeout_seconds)
        return Call(
            provider=provider,
            endpoint=endpoint,
            request=request,
            asked_for_one=asked_for_one,
            digest=digest,
            parse=parse,
            account=account,
            authenticator=authenticator,
            urgency=urgency,
            limiter=limiter,
            http=self._http,
            metrics=self._metrics,
            clock=self._clock,
            speed=self._addresses.speed,
        )

    async def _grant_token(self, provider: Provider, account: ProviderCredentials) -> GrantedToken:
        """Request an access token. It is kept in memory only."""
        form = {"grant_type": "client_credentials"}
        url = self._addresses.token_url()
        request = HttpRequest(url, "", (), ACCEPT_JSON, provider.timeout_seconds, form=form)
        call = self._call(
            provider, TOKEN_ENDPOINT, request, parse_token, account, ClientAuthenticator(account),
            Urgency(Priority.TOKENS), digest=TOKEN_ENDPOINT, asked_for_one=False,
        )  # fmt: skip
        granted = (await call.result(ATTEMPTS)).body
        if granted is None:
            raise RuntimeError("A token was neither granted nor refused.")
        return granted


def _parse_cached(cached: CachedResponse, parse: Callable[[object], Body]) -> Response[Body] | None:
    """The cached response; None if it cannot be read."""
    try:
        body = None if cached.body is None else parse(json.loads(cached.body))
    except UnreadableAnswer:  # stored by a version that read less of it
        return None
    return Response(body, from_cache=True, fetched_at=cached.fetched_at)


def _validators(cached: CachedResponse) -> dict[str, str]:
    """The headers that let the provider say that nothing has changed."""
    found = {"If-None-Match": cached.etag, "If-Modified-Since": cached.last_modified}
    return {name: value for name, value in found.items() if value and cached.body is not None}


def _to_store(lookup: _Lookup[Body], result: CallResult[Body], cached: CachedResponse | None) -> CachedResponse:
    """What to cache of a result: its JSON, or the cached one if that still holds."""
    endpoint = lookup.request.endpoint
    if result.unchanged:
        if cached is None:
            text = f"{endpoint.provider.name} says that what was never asked is unchanged"
            raise ProviderFailure(endpoint.provider.name, endpoint.name, text, status=304)
        return replace(cached, fetched_at=result.sent_at)
    return CachedResponse(
        key=lookup.key,
        endpoint=endpoint.name,
        request=lookup.request.text,
        body=text_of(result.response.body) if result.body is not None else None,
        etag=result.response.headers.get("etag"),
        last_modified=result.response.headers.get("last-modified"),
        fetched_at=result.sent_at,
    )
