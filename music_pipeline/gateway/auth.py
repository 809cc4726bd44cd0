"""Credentials and access tokens for each provider. Credentials are re-read every second.

`call` decides what a 401 leads to.
"""

import asyncio
import base64
import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Protocol
from urllib.parse import quote

from music_pipeline import credentials
from music_pipeline.gateway.addresses import Addresses
from music_pipeline.gateway.clock import DatabaseClock
from music_pipeline.gateway.errors import CredentialsMissing, UnreadableAnswer
from music_pipeline.gateway.fields import Reader
from music_pipeline.gateway.http import HttpRequest
from music_pipeline.gateway.pool import Pool
from music_pipeline.gateway.provider import Provider, Quirk
from music_pipeline.settings import settings

REREAD_SECONDS = 1.0
# What stands for a credential in the sandbox: this word, or a number if only a number will do.
IN_SANDBOX = "sandbox"
NUMBERS_IN_SANDBOX = {"INSTAGRAM_USER_ID": "17841405309211844"}
ASK_AGAIN = timedelta(minutes=15)
RENEWED_AT = 0.9  # of a token's life


@dataclass(frozen=True, slots=True)
class ProviderCredentials:
    """Our credentials at one provider.

    `name`: the account's name in our tables. `fingerprint`: changes with the secrets. `confidential`: the secrets,
    which no text may show; the word that stands for them in the sandbox is none.
    """

    name: str
    fingerprint: str
    secrets: Mapping[str, str] = field(repr=False)
    confidential: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Token:
    """An access token, good until `renew_at` (of time.monotonic)."""

    text: str = field(repr=False)
    renew_at: float


@dataclass(frozen=True, slots=True)
class GrantedToken:
    """A granted token and its life in seconds."""

    text: str = field(repr=False)
    seconds: float


def parse_token(payload: object) -> GrantedToken:
    """Spotify's response to a token request. Raises UnreadableAnswer, also if it holds no token."""
    read = Reader("spotify")
    found = read.mapping(payload, "token")
    text = read.text(found.get("access_token"), "token.access_token")
    life = read.number(found.get("expires_in"), "token.expires_in")
    if text is None or life is None:
        raise UnreadableAnswer("spotify", "token", None)
    return GrantedToken(text, life)


class CredentialResolver:
    """The credentials of this process, by provider."""

    def __init__(self, pool: Pool, addresses: Addresses, clock: DatabaseClock) -> None:
        self._pool = pool
        self._addresses = addresses
        self._clock = clock
        self._stored: Mapping[str, bytes] = {}
        self._read_at = -REREAD_SECONDS
        self._resolved: dict[str, ProviderCredentials] = {}
        self._lock = asyncio.Lock()

    async def resolve(self, provider: Provider) -> ProviderCredentials:
        """The credentials to call the provider with now. Raises CredentialsMissing or CredentialError."""
        if time.monotonic() - self._read_at > REREAD_SECONDS:
            await self._read(time.monotonic())
        known = self._resolved.get(provider.name)
        if known is None:
            known = self._resolved[provider.name] = self._resolve(provider)
        return known

    def reread(self) -> None:
        """Read the credentials again next time."""
        self._read_at = -REREAD_SECONDS

    async def _read(self, asked_at: float) -> None:
        async with self._lock:
            if self._read_at < asked_at:
                self._stored = {row.name: bytes(row.secret) for row in await self._pool.run("credentials", {})}
                self._read_at = time.monotonic()
                self._resolved.clear()

    def _resolve(self, provider: Provider) -> ProviderCredentials:
        is_sandboxed = self._addresses.sandbox_url is not None
        if Quirk.NEEDS_CONTACT in provider.quirks and not is_sandboxed and not settings().musicbrainz_contact:
            raise self._missing(provider, "MUSICBRAINZ_CONTACT (an address or e-mail, which it asks of every program)")
        secrets = {name: credentials.choose(self._stored.get(name), name) for name in provider.credentials}
        if is_sandboxed:
            secrets = {name: secret or NUMBERS_IN_SANDBOX.get(name, IN_SANDBOX) for name, secret in secrets.items()}
        complete = {name: secret for name, secret in secrets.items() if secret}
        if len(complete) < len(secrets):
            raise self._missing(provider, " and ".join(name for name in secrets if name not in complete))
        # A Spotify app keeps its client id when its secret changes; a lone token does not say whose it is.
        client_id = complete.get("SPOTIFY_CLIENT_ID")
        name = f"app-{_digest(client_id)}" if client_id else "default"
        confidential = tuple(secret for secret in complete.values() if secret != IN_SANDBOX)
        fingerprint = _digest("\0".join(complete.values()))
        return ProviderCredentials(self._addresses.account(name), fingerprint, complete, confidential)

    def _missing(self, provider: Provider, what: str) -> CredentialsMissing:
        text = f"{provider.name} is not asked: {what} is not set."
        return CredentialsMissing(provider.name, None, text, until=self._clock.now() + ASK_AGAIN)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:10]


class Tokens:
    """Access tokens, one for each account, shared by the process and renewed early."""

    def __init__(self, grant: Callable[[Provider, ProviderCredentials], Awaitable[GrantedToken]]) -> None:
        self._grant = grant
        self._tokens: dict[str, Token] = {}
        self._lock = asyncio.Lock()

    async def get(self, provider: Provider, account: ProviderCredentials) -> Token:
        """The account's token. Raises what granting one raises."""
        token = self._tokens.get(account.fingerprint)
        if token is not None and time.monotonic() < token.renew_at:
            return token
        async with self._lock:
            token = self._tokens.get(account.fingerprint)
            if token is None or time.monotonic() >= token.renew_at:
                started = time.monotonic()
                granted = await self._grant(provider, account)
                token = self._tokens[account.fingerprint] = Token(granted.text, started + RENEWED_AT * granted.seconds)
            return token

    def forget(self, account: ProviderCredentials, token: Token) -> None:
        """The provider did not accept the token: get another next time, unless another caller already has."""
        if self._tokens.get(account.fingerprint) is token:
            del self._tokens[account.fingerprint]


class Authenticator(Protocol):
    """Adds the secrets to requests."""

    async def authenticate(self, request: HttpRequest) -> HttpRequest:
        """Return the request with its secrets. Raises what getting a token raises."""

    async def renew(self) -> bool:
        """After a 401, return whether there is something else to try."""


@dataclass(slots=True)
class CredentialAuthenticator:
    """Adds credentials or an access token; renewed after a 401."""

    _provider: Provider
    _account: ProviderCredentials
    _resolver: CredentialResolver
    _tokens: Tokens
    _token: Token | None = None

    async def authenticate(self, request: HttpRequest) -> HttpRequest:
        """Return the request with its secrets. Raises what getting a token raises."""
        secrets, template = self._account.secrets, self._provider.authorization
        headers: dict[str, str] = {}
        params: list[tuple[str, str]] = []
        if template is not None and "{token}" in template:
            self._token = await self._tokens.get(self._provider, self._account)
            headers["Authorization"] = template.format(token=self._token.text)
        elif template is not None:
            headers["Authorization"] = template.format_map(secrets)
        for header, name in self._provider.secret_headers:
            headers[header] = secrets[name]
        for parameter, name in self._provider.secret_params:
            params.append((parameter, secrets[name]))
        base_url = request.base_url
        if "{" in base_url:
            base_url = base_url.format_map({name: quote(value, safe="") for name, value in secrets.items()})
        return replace(request, base_url=base_url, secret_headers=headers, secret_params=tuple(params))

    async def renew(self) -> bool:
        """After a 401, return whether there is a new token to try, or credentials that were changed meanwhile."""
        if self._token is not None:
            self._tokens.forget(self._account, self._token)
            return True
        before = self._account.fingerprint
        self._resolver.reread()
        self._account = await self._resolver.resolve(self._provider)
        return self._account.fingerprint != before


class ClientAuthenticator:
    """Adds an app's id and secret, with which it requests tokens."""

    def __init__(self, account: ProviderCredentials) -> None:
        self._account = account

    async def authenticate(self, request: HttpRequest) -> HttpRequest:
        """Return the request with the app's id and secret as Basic authorization."""
        secrets = self._account.secrets
        pair = f"{secrets['SPOTIFY_CLIENT_ID']}:{secrets['SPOTIFY_CLIENT_SECRET']}"
        encoded = base64.b64encode(pair.encode()).decode()
        return replace(request, secret_headers={"Authorization": f"Basic {encoded}"})

    async def renew(self) -> bool:
        """There is nothing else to try."""
        return False
