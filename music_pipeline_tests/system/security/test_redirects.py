"""A redirect by a provider sends no secret to another server."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from music_pipeline.gateway.http import HttpRequest, http_session, send_http
from music_pipeline.gateway.request import Request
from music_pipeline.gateway.spotipy_transport import SpotipyBuilder
from music_pipeline.providers.spotify import ARTIST, ARTIST_ALBUMS

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


def _request(url: str, *, follow_redirects: bool = True) -> HttpRequest:
    secret = {"Authorization": SECRET}
    return HttpRequest(url, "", (), {}, 10, follow_redirects=follow_redirects, secret_headers=secret)


async def test_a_redirect_takes_no_authorization_to_another_server() -> None:
    with _server(None) as (elsewhere, stranger), _server(elsewhere) as (url, provider):
        async with http_session("tests") as session:
            answered = await send_http(session, _request(url))
    assert (provider, stranger, answered.status) == ([SECRET], [None], 200)


async def test_a_request_that_spotipy_built_follows_no_redirect() -> None:
    with _server(None) as (elsewhere, stranger), _server(elsewhere) as (url, provider):
        built = SpotipyBuilder(url.rstrip("/")).build(Request(ARTIST, ("A" * 22,)), {})
        async with http_session("tests") as session:
            answered = await send_http(session, replace(built, secret_headers={"Authorization": SECRET}))
    assert (provider, stranger, answered.status) == ([SECRET], [], 302)


def test_spotipy_builds_what_we_declare() -> None:
    request = Request.get(ARTIST_ALBUMS, "A" * 22, include_groups="album", country="US", limit=10, offset=0)
    built = SpotipyBuilder("http://spotify.example/v1").build(request, {"Accept": "application/json"})
    assert built.base_url + built.path == f"http://spotify.example/v1/artists/{'A' * 22}/albums"
    assert dict(built.params) == {"include_groups": "album", "country": "US", "limit": "10", "offset": "0"}
    assert dict(built.secret_headers) == {}
