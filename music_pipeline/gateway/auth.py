"""As whom we call a provider: the credentials, read anew all the time, and the access tokens got with them.

What a 401 leads to is decided in `exchange`.
"""

import asyncio
import base64
import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import sqlalchemy as sa

from music_pipeline import credentials
from music_pipeline.gateway.addresses import Addresses
from music_pipeline.gateway.clock import DatabaseClock
from music_pipeline.gateway.errors import CredentialsMissing, UnreadableAnswer
from music_pipeline.gateway.fields import Reader
from music_pipeline.gateway.provider import Provider
from music_pipeline.settings import settings

REREAD_SECONDS = 1.0
# What stands for a credential in the sandbox: this word, or where only a number will do, that.
IN_SANDBOX = "sandbox"
NUMBERS_IN_SANDBOX = {"INSTAGRAM_USER_ID": "17841405309211844"}
ASK_AGAIN = timedelta(minutes=15)
RENEWED_AT = 0.9  # of a token's life


@dataclass(frozen=True, slots=True)
class Account:
    """One account of ours.

    `name`: as it stands in our tables; `fingerprint`: of the secrets, so that new ones are noticed.
    """

    name: str
    fingerprint: str
    secrets: Mapping[str, str] = field(repr=False)

    def confidential(self) -> tuple[str, ...]:
        """What no text may show: the secrets, but not the word that stands for them in the sandbox."""
        return tuple(secret for secret in self.secrets.values() if secret != IN_SANDBOX)


@dataclass(frozen=True, slots=True)
class Token:
    """An access token, good until `renew_at` (of time.monotonic)."""

    text: str = field(repr=False)
    renew_at: float


@dataclass(frozen=True, slots=True)
class GrantedToken:
    """What a token request answered: the token and its life in seconds."""

    text: str = field(repr=False)
    seconds: float


def parse_token(payload: object) -> GrantedToken:
    """Spotify's answer to a token request. Raises UnreadableAnswer, also where there is no token in it."""
    read = Reader("spotify")
    found = read.mapping(payload, "token")
    text = read.text(found.get("access_token"), "token.access_token")
    life = read.number(found.get("expires_in"), "token.expires_in")
    if text is None or life is None:
        raise UnreadableAnswer("spotify", "token", None)
    return GrantedToken(text, life)


def basic_authorization(account: Account) -> str:
    """The header with which Spotify's token is asked for."""
    pair = f"{account.secrets['SPOTIFY_CLIENT_ID']}:{account.secrets['SPOTIFY_CLIENT_SECRET']}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def missing_credentials(engine: sa.Engine, provider: Provider) -> list[str]:
    """The names of the credentials that a provider needs and nobody gave; the sandbox needs none."""
    if settings().sandbox_url is not None:
        return []
    return [name for name in provider.credentials if credentials.read(engine, name) is None]


class Accounts:
    """The accounts of this process, by provider."""

    def __init__(self, engine: sa.Engine, addresses: Addresses, clock: DatabaseClock) -> None:
        self._engine = engine
        self._addresses = addresses
        self._clock = clock
        self._read: dict[str, tuple[float, Account]] = {}

    async def of(self, provider: Provider) -> Account:
        """The account with which the provider is called now. Raises CredentialsMissing, or CredentialError."""
        known = self._read.get(provider.name)
        if known is not None and time.monotonic() - known[0] < REREAD_SECONDS:
            return known[1]
        account = await asyncio.to_thread(self._account, provider)
        self._read[provider.name] = (time.monotonic(), account)
        return account

    def reread(self, provider: Provider) -> None:
        """Read the credentials anew next time."""
        self._read.pop(provider.name, None)

    def _account(self, provider: Provider) -> Account:
        if provider.contact_needed and not self._addresses.sandbox_url and not settings().musicbrainz_contact:
            raise self._missing(provider, "MUSICBRAINZ_CONTACT (an address or e-mail, which it asks of every program)")
        secrets = {name: credentials.read(self._engine, name) for name in provider.credentials}
        if self._addresses.sandbox_url:
            secrets = {name: secret or NUMBERS_IN_SANDBOX.get(name, IN_SANDBOX) for name, secret in secrets.items()}
        complete = {name: secret for name, secret in secrets.items() if secret}
        if len(complete) < len(secrets):
            raise self._missing(provider, " and ".join(name for name in secrets if name not in complete))
        return Account(self._addresses.account(_name(complete)), _digest("\0".join(complete.values())), complete)

    def _missing(self, provider: Provider, what: str) -> CredentialsMissing:
        text = f"{provider.name} is not asked: {what} is not set."
        return CredentialsMissing(provider.name, None, text, until=self._clock.now() + ASK_AGAIN)


def _name(secrets: Mapping[str, str]) -> str:
    """A Spotify app keeps its client id when its secret changes; a lone token says nothing about whose it is."""
    client_id = secrets.get("SPOTIFY_CLIENT_ID")
    return f"app-{_digest(client_id)}" if client_id else "default"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:10]


class Tokens:
    """Access tokens, one for each account, shared by the process and renewed before their time."""

    def __init__(self, grant: Callable[[Provider, Account], Awaitable[GrantedToken]]) -> None:
        self._grant = grant
        self._tokens: dict[str, Token] = {}
        self._lock = asyncio.Lock()

    async def of(self, provider: Provider, account: Account) -> Token:
        """The account's token. Raises what getting one raises."""
        async with self._lock:
            token = self._tokens.get(account.fingerprint)
            if token is None or time.monotonic() >= token.renew_at:
                asked_at = time.monotonic()
                granted = await self._grant(provider, account)
                token = self._tokens[account.fingerprint] = Token(granted.text, asked_at + RENEWED_AT * granted.seconds)
            return token

    def forget(self, account: Account, token: Token) -> None:
        """The provider did not accept it: get another next time, unless somebody did already."""
        if self._tokens.get(account.fingerprint) is token:
            del self._tokens[account.fingerprint]


class Access:
    """The header that lets one request in, got anew after a 401."""

    def __init__(self, provider: Provider, account: Account, accounts: Accounts, tokens: Tokens) -> None:
        self._provider = provider
        self.account = account
        self._accounts = accounts
        self._tokens = tokens
        self._token: Token | None = None

    async def headers(self) -> Mapping[str, str]:
        """The secret headers. Raises what getting a token raises."""
        own = {header: self.account.secrets[name] for header, name in self._provider.secret_headers}
        template = self._provider.authorization
        if template is None:
            return own
        if "{token}" not in template:
            return own | {"Authorization": template.format_map(self.account.secrets)}
        self._token = await self._tokens.of(self._provider, self.account)
        return own | {"Authorization": template.format(token=self._token.text)}

    def params(self) -> tuple[tuple[str, str], ...]:
        """The secret parameters."""
        return tuple((parameter, self.account.secrets[name]) for parameter, name in self._provider.secret_params)

    async def renew(self) -> bool:
        """After a 401: whether there is something else to try,
        a new token or credentials that were changed meanwhile.
        """
        if self._token is not None:
            self._tokens.forget(self.account, self._token)
            return True
        before = self.account.fingerprint
        self._accounts.reread(self._provider)
        self.account = await self._accounts.of(self._provider)
        return self.account.fingerprint != before
