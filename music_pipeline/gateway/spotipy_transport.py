"""How a request gets out: httpx for most providers, spotipy in a thread for Spotify. One request each time, no retries.

Both answer a RawResponse whatever the status, and raise TransportFailure where there is no answer. What it means is
not decided here.
"""

import asyncio
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests
import spotipy
from requests.adapters import HTTPAdapter

from music_pipeline.gateway.classify import Meaning, RawResponse
from music_pipeline.gateway.http import CONNECT_SECONDS, Outgoing, PermitVoid, TransportFailure, _received, _what
from music_pipeline.gateway.permits import Permit
from music_pipeline.gateway.request import Question

SPOTIPY_THREADS = 6


class RefusedBySpotipy(Exception):
    """spotipy refused the arguments (an id that is none); nothing was sent."""


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
