"""The one way out: every call to a provider, in this order: capability, cache, breaker, quota, call, meaning, retry.

Which questions are worth asking is not decided here, nor what the answers mean for the catalogue.
"""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import sqlalchemy as sa
import structlog

from music_pipeline.gateway.addresses import find_addresses
from music_pipeline.gateway.auth import (
    Access,
    Account,
    Accounts,
    GrantedToken,
    Tokens,
    basic_authorization,
    parse_token,
)
from music_pipeline.gateway.batches import Batcher
from music_pipeline.gateway.breaker import breaker_rules
from music_pipeline.gateway.cache import CachedAnswer, CacheKey, key_of, read_answers, store_answers
from music_pipeline.gateway.call import Exchange, Exchanged
from music_pipeline.gateway.call_metrics import CallAccount, CallKind
from music_pipeline.gateway.capabilities import Capabilities
from music_pipeline.gateway.classify import RawResponse, text_of
from music_pipeline.gateway.clock import DatabaseClock
from music_pipeline.gateway.errors import EndpointGone, ProviderError, ProviderFailure, UnreadableAnswer
from music_pipeline.gateway.http import Outgoing, http_client, send_http, user_agent
from music_pipeline.gateway.limiter import Channel
from music_pipeline.gateway.permits import Permit
from music_pipeline.gateway.provider import Provider
from music_pipeline.gateway.quota import plan_of
from music_pipeline.gateway.request import Answer, Endpoint, Priority, Question
from music_pipeline.gateway.spotipy_transport import SpotipyTransport
from music_pipeline.gateway.statements import Statements
from music_pipeline.providers.registry import configured_provider
from music_pipeline.settings import settings

ATTEMPTS = 6
TOKEN_ENDPOINT = "token"  # noqa: S105 - a name in the account of the calls
EVER = datetime(1970, 1, 1, tzinfo=UTC)

Body = TypeVar("Body")
Send = Callable[[Permit], Awaitable[RawResponse]]


@dataclass(frozen=True, slots=True)
class _Trying:
    """How often a question is asked before its error is final, and how urgent it is."""

    attempts: int
    priority: Priority


class Gateway:
    """One for each process or run, as an async context manager.

    What other processes do counts here too, through the database.
    """

    def __init__(self, engine: sa.Engine, *, priority: Priority, run_id: str) -> None:
        """`priority`: the class of the calls; `run_id`: who calls, for the logs."""
        self._engine = engine
        self._statements = Statements(engine)
        self._priority = priority
        self.run_id = run_id
        self._clock = DatabaseClock()
        self._calls = CallAccount(self._statements)
        self._capabilities = Capabilities(engine)
        self._channels: dict[tuple[str, str, str], Channel] = {}
        self._in_flight: dict[CacheKey, asyncio.Task[Answer[Any]]] = {}
        self._reads: Batcher[tuple[CacheKey, Question], CachedAnswer | None] = Batcher(
            lambda keys: self._statements.run(read_answers, keys)
        )
        self._writes: Batcher[CachedAnswer, None] = Batcher(
            lambda answers: self._statements.run(store_answers, answers)
        )
        self._closing = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        agent = user_agent(settings().musicbrainz_contact)
        async with contextlib.AsyncExitStack() as opening:
            self._http = await opening.enter_async_context(http_client(agent))
            self._addresses = await find_addresses(settings(), self._http)
            await asyncio.to_thread(self._capabilities.read)
            self._spotipy = SpotipyTransport(self._addresses.base_of(configured_provider("spotify")), agent)
            opening.push_async_callback(asyncio.to_thread, self._spotipy.close)
            self._accounts = Accounts(self._engine, self._addresses, self._clock)
            self._tokens = Tokens(self._grant_token)
            opening.push_async_callback(asyncio.to_thread, self._statements.close)
            opening.push_async_callback(self._finish, asyncio.create_task(self._calls.flush_always()))
            self._closing = opening.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._closing.aclose()

    async def ask(
        self,
        question: Question,
        parse: Callable[[object], Body],
        *,
        fresh_since: datetime | None = None,
        attempts: int = ATTEMPTS,
        priority: Priority | None = None,
    ) -> Answer[Body]:
        """The answer, parsed. Body None: the provider says that there is no such thing.

        `fresh_since`: an answer from the cache must have been asked for at or after it; None: within the provider's
        time for static metadata. `priority`: the class of the call, if it is not the gateway's. The same question asked
        twice at once goes out once, in the class that asked first. Raises ProviderError's kinds.
        """
        provider = configured_provider(question.endpoint.provider)
        account = await self._accounts.of(provider)
        self._require(question.endpoint, account)
        key = key_of(question, account.name)
        since = fresh_since or datetime.now(UTC) - provider.metadata_ttl
        trying = _Trying(attempts, self._priority if priority is None else priority)
        look = partial(self._known_or_fetched, question, parse, provider, account, key, since, trying)
        answer = await self._once(key, look)
        while (
            answer.fetched_at < since
        ):  # what was under way is enough for who asked for it, and too old for this caller
            answer = await self._once(key, look)
        return answer

    async def capability(self, provider: str, name: str) -> str | None:
        """What was learnt about our account there; None if nothing was."""
        account = await self._accounts.of(configured_provider(provider))
        return self._capabilities.value(provider, account.name, name)

    async def learn(self, provider: str, name: str, value: str, reason: str) -> None:
        """Keep what was learnt about our account there, for every process."""
        account = await self._accounts.of(configured_provider(provider))
        await asyncio.to_thread(self._capabilities.learn, provider, account.name, name, value, reason)

    async def is_in_doubt(self, provider: str) -> bool:
        """Whether calls in a row failed that were all one request: it may be bad, or the provider be down."""
        described = configured_provider(provider)
        return await self._channel(described, await self._accounts.of(described)).is_in_doubt()

    def _require(self, endpoint: Endpoint, account: Account) -> None:
        if self._capabilities.is_gone(endpoint.provider, account.name, endpoint.name):
            text = f"{endpoint.provider} {endpoint.name}: this app may not call it (learnt before)"
            raise EndpointGone(endpoint.provider, endpoint.name, text)

    async def _once(self, key: CacheKey, look: Callable[[], Awaitable[Answer[Body]]]) -> Answer[Body]:
        """One look at a time for each question, cache and all: who comes while it is under way shares its answer."""
        under_way = self._in_flight.get(key)
        if under_way is None:
            under_way = self._in_flight[key] = asyncio.create_task(_awaited(look()))
            under_way.add_done_callback(lambda _: self._in_flight.pop(key, None))
        return await asyncio.shield(under_way)

    async def _known_or_fetched(
        self,
        question: Question,
        parse: Callable[[object], Body],
        provider: Provider,
        account: Account,
        key: CacheKey,
        since: datetime,
        trying: "_Trying",
    ) -> Answer[Body]:
        kept = await self._reads.submit((key, question))
        known = _from_cache(kept, parse, since) if kept else None
        self._calls.count(
            CallKind(provider.name, question.endpoint.name, account.name, f"cache_{'hit' if known else 'miss'}")
        )
        return known or await self._fetch(question, parse, provider, account, kept, trying)

    async def _fetch(
        self,
        question: Question,
        parse: Callable[[object], Body],
        provider: Provider,
        account: Account,
        kept: CachedAnswer | None,
        trying: "_Trying",
    ) -> Answer[Body]:
        known = _from_cache(kept, parse, EVER) if kept else None
        validators = _validators(kept) if kept and known else {}
        try:
            exchange = self._exchange(question, parse, provider, account, validators, trying.priority)
            exchanged = await exchange.result(trying.attempts)
        except EndpointGone as gone:
            await self.learn(provider.name, f"endpoint:{question.endpoint.name}", "gone", gone.text)
            raise
        except ProviderError as error:
            log = structlog.get_logger().bind(run_id=self.run_id, provider=provider.name, request=question.request)
            log.warning("provider.no_answer", kind=type(error).__name__, error=error.text)
            raise
        # Where a 404 is all there is to an absence, an address that vanished for an hour would be one for a month.
        if exchanged.body is not None or exchanged.unchanged or not provider.not_found_is_absent:
            await self._writes.submit(_fresh_answer(question, account.name, exchanged, kept))
        body = known.body if exchanged.unchanged and known else exchanged.body
        return Answer(body, from_cache=False, fetched_at=exchanged.sent_at)

    def _exchange(
        self,
        question: Question,
        parse: Callable[[object], Body],
        provider: Provider,
        account: Account,
        validators: Mapping[str, str],
        priority: Priority,
    ) -> Exchange[Body]:
        access = Access(provider, account, self._accounts, self._tokens)

        async def prepare() -> Send:
            outgoing = Outgoing(
                url=_filled(self._addresses.base_of(provider), access.account) + question.path,
                params=question.params,
                headers={"Accept": "application/json", **dict(provider.headers), **validators},
                secret_headers=await access.headers(),
                secret_params=access.params(),
                form=None,
                timeout_seconds=provider.timeout_seconds,
                json=dict(question.fields) or None,
            )
            if provider.through_spotipy and not question.endpoint.direct:
                return lambda permit: self._spotipy.send(question, outgoing, permit)
            return lambda permit: send_http(self._http, outgoing, permit)

        return Exchange(
            provider=provider,
            endpoint=question.endpoint.name,
            asked_for_one=question.endpoint.asks_for_one,
            account=account,
            channel=self._channel(provider, account),
            calls=self._calls,
            clock=self._clock,
            speed=self._addresses.speed,
            priority=priority,
            digest=key_of(question, account.name).digest.hex(),
            prepare=prepare,
            renew=access.renew,
            parse=parse,
        )

    async def _grant_token(self, provider: Provider, account: Account) -> GrantedToken:
        """Ask for an access token; it is kept in memory only."""
        outgoing = Outgoing(
            url=self._addresses.token_url(),
            params=(),
            headers={"Accept": "application/json"},
            secret_headers={"Authorization": basic_authorization(account)},
            secret_params=(),
            form={"grant_type": "client_credentials"},
            timeout_seconds=provider.timeout_seconds,
        )

        async def prepare() -> Send:
            return lambda permit: send_http(self._http, outgoing, permit)

        async def renew() -> bool:
            return False

        exchange = Exchange(
            provider=provider,
            endpoint=TOKEN_ENDPOINT,
            asked_for_one=False,
            account=account,
            channel=self._channel(provider, account),
            calls=self._calls,
            clock=self._clock,
            speed=self._addresses.speed,
            priority=Priority.TOKENS,
            digest=TOKEN_ENDPOINT,
            prepare=prepare,
            renew=renew,
            parse=parse_token,
        )
        granted = (await exchange.result(ATTEMPTS)).body
        if granted is None:
            raise RuntimeError("A token was neither granted nor refused.")
        return granted

    def _channel(self, provider: Provider, account: Account) -> Channel:
        key = (provider.name, account.name, account.fingerprint)
        if key not in self._channels:
            speed = self._addresses.speed
            self._channels[key] = Channel(
                self._statements,
                plan_of(provider, account.name, account.fingerprint, speed),
                breaker_rules(speed),
                self._clock,
                provider.timeout_seconds,
            )
        return self._channels[key]

    async def _finish(self, flushing: asyncio.Task[None]) -> None:
        """End what is under way, give back what was reserved, write the account of the calls."""
        under_way = [flushing, *self._in_flight.values()]
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        for channel in self._channels.values():
            await channel.aclose()
        await asyncio.to_thread(self._calls.flush)


def _filled(base: str, account: Account) -> str:
    """A provider's address with the credentials that it names."""
    return base.format_map({name: quote(value, safe="") for name, value in account.secrets.items()})


async def _awaited(fetching: Awaitable[Body]) -> Body:
    return await fetching


def _from_cache(kept: CachedAnswer, parse: Callable[[object], Body], since: datetime) -> Answer[Body] | None:
    """What is kept, if it is fresh enough and can be read."""
    if kept.fetched_at < since:
        return None
    if kept.body is None:
        return Answer(None, from_cache=True, fetched_at=kept.fetched_at)
    try:
        return Answer(parse(json.loads(kept.body)), from_cache=True, fetched_at=kept.fetched_at)
    except UnreadableAnswer:  # kept by a version that read less of it
        return None


def _validators(kept: CachedAnswer) -> dict[str, str]:
    """The headers that let the provider say that nothing has changed."""
    found = {"If-None-Match": kept.etag, "If-Modified-Since": kept.last_modified}
    return {name: value for name, value in found.items() if value and kept.body is not None}


def _fresh_answer(
    question: Question, account: str, exchanged: Exchanged[Body], kept: CachedAnswer | None
) -> CachedAnswer:
    """What to keep of an answer: its JSON, or what was kept before if that still holds."""
    headers = exchanged.response.headers
    if exchanged.unchanged:
        if kept is None:
            text = f"{question.endpoint.provider} says that what was never asked is unchanged"
            raise ProviderFailure(question.endpoint.provider, question.endpoint.name, text, status=304)
        return replace(kept, fetched_at=exchanged.sent_at)
    return CachedAnswer(
        key=key_of(question, account),
        endpoint=question.endpoint.name,
        request=question.request,
        body=text_of(exchanged.response.body) if exchanged.body is not None else None,
        etag=headers.get("etag"),
        last_modified=headers.get("last-modified"),
        fetched_at=exchanged.sent_at,
    )
