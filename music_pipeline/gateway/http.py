"""How a request gets out: httpx for most providers, spotipy in a thread for Spotify. One request each time, no retries.

Both answer a RawResponse whatever the status, and raise TransportFailure where there is no answer. What it means is
not decided here.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata

import aiohttp
import httpx
import requests
from httpx_aiohttp import AiohttpTransport

from music_pipeline.gateway.classify import Meaning, RawResponse
from music_pipeline.gateway.permits import Permit

CONNECT_SECONDS = 10.0


MOST_CONNECTIONS = 40


KEEP_ALIVE_SECONDS = 30


TOO_MANY_REQUESTS = 429


class TransportFailure(Exception):
    """No answer came. `meaning`: TIMEOUT or UNREACHABLE."""

    def __init__(self, meaning: Meaning, text: str) -> None:
        super().__init__(text)
        self.meaning = meaning


class ConnectionBroken(aiohttp.ClientConnectionError):
    """The connection broke before the answer; the text is aiohttp's name for it."""


class PermitVoid(Exception):
    """The permit could not be used any more when the request was ready; nothing was sent."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request as it is sent. `secret_headers` and `secret_params` go out and are written nowhere.

    `form`: a POST with that form, `json`: with that JSON object; else a GET.
    """

    url: str
    params: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    secret_headers: Mapping[str, str] = field(repr=False)
    secret_params: tuple[tuple[str, str], ...] = field(repr=False)
    form: Mapping[str, str] | None
    timeout_seconds: float
    json: Mapping[str, str] | None = None

    @property
    def method(self) -> str:
        """How it is sent."""
        return "GET" if self.form is None and self.json is None else "POST"


def user_agent(contact: str | None) -> str:
    """Who we are, as MusicBrainz and Discogs want it: App/1.0 ( contact )."""
    name = f"music_pipeline/{metadata.version('music-pipeline')}"
    return f"{name} ( {contact} )" if contact else name


def http_client(agent: str) -> httpx.AsyncClient:
    """httpx on aiohttp's connections: a fifth of the CPU of its own transport."""
    # It logs the whole address of every request, and some providers take their key in it.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    return httpx.AsyncClient(
        transport=AiohttpTransport(client=_connections),
        headers={"User-Agent": agent},
        follow_redirects=True,
        max_redirects=3,
    )


def _connections() -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(
        limit=MOST_CONNECTIONS, keepalive_timeout=KEEP_ALIVE_SECONDS, ssl=httpx.create_ssl_context()
    )
    return aiohttp.ClientSession(connector=connector, middlewares=(_send_once,))


async def _send_once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """aiohttp sends a GET a second time where the connection breaks, which no permit was asked for."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as broken:
        raise ConnectionBroken(_what(broken)) from broken


async def send_http(client: httpx.AsyncClient, outgoing: Outgoing, permit: Permit) -> RawResponse:
    """Send once. Raises TransportFailure, or PermitVoid."""
    request = client.build_request(
        outgoing.method,
        outgoing.url,
        params=(*outgoing.params, *outgoing.secret_params) or None,
        data=outgoing.form,
        json=outgoing.json,
        headers={**outgoing.headers, **outgoing.secret_headers},
        timeout=httpx.Timeout(outgoing.timeout_seconds, connect=CONNECT_SECONDS),
    )
    if permit.is_void():
        raise PermitVoid
    try:
        async with asyncio.timeout(outgoing.timeout_seconds):
            # A POST that is sent on to elsewhere is a second one, for which there is no permit.
            response = await client.send(request, follow_redirects=outgoing.method == "GET")
    except (TimeoutError, httpx.TimeoutException) as error:
        raise _failure(error) from None
    except (httpx.HTTPError, aiohttp.ClientError, httpx.InvalidURL) as error:
        raise TransportFailure(Meaning.UNREACHABLE, _what(error)) from None
    return _received(response, permit)


def _received(response: httpx.Response | requests.Response, permit: Permit) -> RawResponse:
    """The answer as it came; after a 429 nobody else sends before it is known for how long."""
    if response.status_code == TOO_MANY_REQUESTS:
        permit.gate.close()
    headers = {name.lower(): value for name, value in response.headers.items()}
    return RawResponse(response.status_code, headers, response.content)


def _failure(error: Exception) -> TransportFailure:
    # httpx-aiohttp calls every broken connection a ConnectTimeout; its cause says what it was.
    cause = error.__cause__
    if isinstance(cause, aiohttp.ClientConnectionError) and not isinstance(cause, TimeoutError):
        return TransportFailure(Meaning.UNREACHABLE, _what(cause))
    return TransportFailure(Meaning.TIMEOUT, "no answer in time")


def _what(error: Exception) -> str:
    return str(error) if isinstance(error, ConnectionBroken) else type(error).__name__
