"""Send HTTP requests with aiohttp. One request each time, no retries.

`send_http` returns a RawResponse whatever the status, and raises TransportFailure if no response came. `classify` says
what a response means.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from urllib.parse import quote, urlencode

import aiohttp
import httpx
from yarl import URL

from music_pipeline.gateway.classify import RawResponse
from music_pipeline.gateway.provider import ResponseKind

CONNECT_SECONDS = 10.0
MOST_CONNECTIONS = 40
KEEP_ALIVE_SECONDS = 30
MOST_REDIRECTS = 3


class TransportFailure(Exception):
    """No response came. `kind`: TIMEOUT or UNREACHABLE."""

    def __init__(self, kind: ResponseKind, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class ConnectionBroken(aiohttp.ClientConnectionError):
    """The connection broke before the response; the text is aiohttp's name for it."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request as it is sent. `secret_headers` and `secret_params` are sent and written nowhere.

    `form`: a POST of that form. `json`: a POST of that JSON object. Else a GET. `base_url` may name credentials that
    are no secret, in braces.
    """

    base_url: str
    path: str
    params: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    timeout_seconds: float
    form: Mapping[str, str] | None = None
    json: Mapping[str, str] | None = None
    follow_redirects: bool = False
    secret_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    secret_params: tuple[tuple[str, str], ...] = field(default=(), repr=False)


def user_agent(contact: str | None) -> str:
    """The program's name as MusicBrainz and Discogs want it: App/1.0 ( contact )."""
    name = f"music_pipeline/{metadata.version('music-pipeline')}"
    return f"{name} ( {contact} )" if contact else name


def http_session(agent: str) -> aiohttp.ClientSession:
    """Connections to the providers. Needs a running event loop."""
    connector = aiohttp.TCPConnector(limit=MOST_CONNECTIONS, keepalive_timeout=KEEP_ALIVE_SECONDS, ssl=_trusted())
    return aiohttp.ClientSession(
        connector=connector,
        headers={"User-Agent": agent},
        cookie_jar=aiohttp.DummyCookieJar(),
        middlewares=(_send_once,),
    )


@cache
def _trusted() -> ssl.SSLContext:
    """The certificates that we trust, read once in a process: to read them takes 50 ms of CPU."""
    return httpx.create_ssl_context()


async def _send_once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """aiohttp sends a GET a second time if the connection breaks. No permit was taken for that."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as broken:
        raise ConnectionBroken(type(broken).__name__) from broken


async def send_http(session: aiohttp.ClientSession, request: HttpRequest) -> RawResponse:
    """Send once. Raises TransportFailure."""
    query = urlencode((*request.params, *request.secret_params), quote_via=quote)
    is_get = request.form is None and request.json is None
    try:
        async with session.request(
            "GET" if is_get else "POST",
            URL(f"{request.base_url}{request.path}{'?' if query else ''}{query}", encoded=True),
            headers={**request.headers, **request.secret_headers},
            data=request.form,
            json=request.json,
            # A POST that is redirected would be a second call without a permit.
            allow_redirects=request.follow_redirects and is_get,
            max_redirects=MOST_REDIRECTS,
            timeout=aiohttp.ClientTimeout(total=request.timeout_seconds, sock_connect=CONNECT_SECONDS),
        ) as response:
            body = await response.read()
            return RawResponse(response.status, response.headers, body)
    except TimeoutError:
        raise TransportFailure(ResponseKind.TIMEOUT, "no answer in time") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        text = str(error) if isinstance(error, ConnectionBroken) else type(error).__name__
        raise TransportFailure(ResponseKind.UNREACHABLE, text) from None
