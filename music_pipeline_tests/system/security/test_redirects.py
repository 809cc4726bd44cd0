"""A redirect by a provider sends no secret to another server."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from music_pipeline.gateway.http import Outgoing, http_client, send_http
from music_pipeline.gateway.permits import Gate, Permit
from music_pipeline.gateway.spotipy_transport import _CapturingSession

SECRET = "Bearer planted"


@contextmanager
def _server(location: str | None) -> Iterator[tuple[str, list[str | None]]]:
    """A server that redirects to the location, or answers.

    Yields its URL and the authorizations it got.
    """
    got: list[str | None] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            got.append(self.headers.get("Authorization"))
            self.send_response(302 if location else 200)
            if location:
                self.send_header("Location", location)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *arguments: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/", got
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def permit() -> Permit:
    now = time.monotonic()
    return Permit(due=now, expires=now + 60, slot=0.0, sequence=0, gate=Gate())


def _outgoing(url: str) -> Outgoing:
    secret = {"Authorization": SECRET}
    return Outgoing(url, (), {}, secret_headers=secret, secret_params=(), form=None, timeout_seconds=10)


async def test_httpx_sends_no_authorization_to_another_server(permit: Permit) -> None:
    with _server(None) as (elsewhere, stranger), _server(elsewhere) as (url, provider):
        async with http_client("tests") as client:
            answered = await send_http(client, _outgoing(url), permit)
    assert (provider, stranger, answered.status) == ([SECRET], [None], 200)


def test_spotipy_session_follows_no_redirect(permit: Permit) -> None:
    with _server(None) as (elsewhere, stranger), _server(elsewhere) as (url, provider):
        session = _CapturingSession("tests")
        session.prepare_for(_outgoing(url), permit)
        session.request("GET", url)
        session.close()
    assert (provider, stranger) == ([SECRET], [])
    assert session.captured is not None
    assert session.captured.status == 302
