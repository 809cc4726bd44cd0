"""How a request gets out: httpx for most providers, spotipy in a thread for Spotify. One request each time, no retries.

Both answer a RawResponse whatever the status, and raise TransportFailure where there is no answer. What it means is
not decided here.
"""

import asyncio
import logging
import ssl
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from typing import Any

import aiohttp
import httpx
import requests
import spotipy
from httpx_aiohttp import AiohttpTransport
from requests.adapters import HTTPAdapter

from music_pipeline.providers.classification import Meaning, RawResponse
from music_pipeline.providers.permits import Permit
from music_pipeline.providers.questions import Question

CONNECT_SECONDS = 10.0
MOST_CONNECTIONS = 40
KEEP_ALIVE_SECONDS = 30
SPOTIPY_THREADS = 6
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


class RefusedBySpotipy(Exception):
    """spotipy refused the arguments (an id that is none); nothing was sent."""


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
        transport=AiohttpTransport(verify=_trusted(), client=_connections),
        headers={"User-Agent": agent},
        follow_redirects=True,
        max_redirects=3,
    )


def _connections() -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(limit=MOST_CONNECTIONS, keepalive_timeout=KEEP_ALIVE_SECONDS, ssl=_trusted())
    return aiohttp.ClientSession(connector=connector, middlewares=(_send_once,))


@cache
def _trusted() -> ssl.SSLContext:
    """The certificates that we trust, read once in a process: to read them takes 50 ms of CPU."""
    return httpx.create_ssl_context()


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


class SpotipyTransport:
    """Spotify's catalogue through spotipy, each thread with its own connection.

    spotipy never sees the token, and so cannot log it.
    """

    def __init__(self, base_url: str, agent: str) -> None:
        self._prefix = base_url + "/"
        # It logs every status from 400 as an error; what is one, the account of the calls says.
        logging.getLogger("spotipy.client").setLevel(logging.CRITICAL)
        self._agent = agent
        self._local = threading.local()
        self._sessions: list[_CapturingSession] = []
        self._threads = ThreadPoolExecutor(SPOTIPY_THREADS, thread_name_prefix="spotipy")

    async def send(self, question: Question, outgoing: Outgoing, permit: Permit) -> RawResponse:
        """Send once. Raises TransportFailure, PermitVoid or RefusedBySpotipy."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._send, question, outgoing, permit)

    def close(self) -> None:
        """Close the connections; running requests are waited for."""
        self._threads.shutdown(wait=True)
        for session in self._sessions:
            session.close()

    def _send(self, question: Question, outgoing: Outgoing, permit: Permit) -> RawResponse:
        session = self._session()
        session.prepare_for(outgoing, permit)
        client = spotipy.Spotify(
            requests_session=session,
            requests_timeout=(CONNECT_SECONDS, outgoing.timeout_seconds),
            retries=0,
            status_retries=0,
        )
        client.prefix = self._prefix
        try:
            getattr(client, question.endpoint.name)(*question.values, **dict(question.params))
        except requests.Timeout:
            raise TransportFailure(Meaning.TIMEOUT, "no answer in time") from None
        except requests.RequestException as error:
            raise TransportFailure(Meaning.UNREACHABLE, _what(error)) from None
        except (spotipy.SpotifyException, AttributeError) as error:
            # A status from 400, or an error body that spotipy cannot read: the answer was captured, unless it never
            # asked.
            if session.captured is None:
                raise RefusedBySpotipy(getattr(error, "msg", None) or _what(error)) from None
        if session.captured is None:
            raise TransportFailure(Meaning.UNREACHABLE, "spotipy asked nothing")
        return session.captured

    def _session(self) -> "_CapturingSession":
        session: _CapturingSession | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = _CapturingSession(self._agent)
            self._sessions.append(session)
        return session


class _CapturingSession(requests.Session):
    """Sends with our headers, checks the permit at the last moment, and keeps the answer as it came."""

    def __init__(self, agent: str) -> None:
        super().__init__()
        self._agent = agent
        self._outgoing: Outgoing | None = None
        self._permit: Permit | None = None
        self.captured: RawResponse | None = None
        for scheme in ("http://", "https://"):
            self.mount(scheme, HTTPAdapter(pool_connections=1, pool_maxsize=1, max_retries=0))

    def prepare_for(self, outgoing: Outgoing, permit: Permit) -> None:
        """What the next request carries."""
        self._outgoing, self._permit, self.captured = outgoing, permit, None

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        if self._outgoing is None or self._permit is None:
            raise RuntimeError("A request without a permit.")
        request.headers.update({"User-Agent": self._agent, **self._outgoing.headers, **self._outgoing.secret_headers})
        if self._permit.is_void():
            raise PermitVoid
        # It would be followed with our secret headers, to wherever it leads; Spotify redirects nobody.
        response = super().send(request, **{**kwargs, "allow_redirects": False})
        self.captured = _received(response, self._permit)
        return response
