"""spotipy builds Spotify's requests; the gateway sends them.

spotipy never sees a token, and so cannot log it.
"""

import logging
from typing import Any, NoReturn

import requests
import spotipy

from music_pipeline.gateway.http import HttpRequest
from music_pipeline.gateway.request import Request


class RefusedBySpotipy(Exception):
    """spotipy refused the arguments, such as a malformed id; nothing was sent."""


class _Built(Exception):
    """Carries what spotipy built, the URL and the parameters, out of spotipy, which would wait for the response."""


class _BuildingSession(requests.Session):
    """Takes requests from spotipy and sends none."""

    def request(self, method: Any, url: Any, params: Any = None, **_: Any) -> NoReturn:  # type: ignore[override]
        if method != "GET":
            raise RefusedBySpotipy(f"a {method} is no request for a fact")
        raise _Built(url, params or {})


class SpotipyBuilder:
    """Builds requests of Spotify's catalogue with spotipy's methods, which are named as the endpoints are."""

    def __init__(self, base_url: str) -> None:
        # It logs everything that it builds, and every status from 400 as an error.
        logging.getLogger("spotipy.client").setLevel(logging.CRITICAL)
        self._client = spotipy.Spotify(requests_session=_BuildingSession(), retries=0, status_retries=0)
        self._base_url = base_url
        self._client.prefix = f"{base_url}/"

    def build(self, request: Request, headers: dict[str, str]) -> HttpRequest:
        """The request as spotipy's method builds it. Raises RefusedBySpotipy.

        No redirect is followed: it would lead our token to wherever it points, and Spotify redirects nobody.
        """
        try:
            getattr(self._client, request.endpoint.name)(*request.values, **dict(request.params))
        except _Built as built:
            url, params = built.args
            given = tuple([(name, str(value)) for name, value in params.items() if value is not None])
            timeout = request.endpoint.provider.timeout_seconds
            return HttpRequest(
                self._base_url, url.removeprefix(self._base_url), given, headers, timeout, follow_redirects=False
            )
        except spotipy.SpotifyException as error:
            raise RefusedBySpotipy(error.msg or type(error).__name__) from None
        raise RefusedBySpotipy(f"spotipy's {request.endpoint.name} asked for nothing")
