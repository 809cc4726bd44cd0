"""Spotify's accounts service: client credentials for a token of an hour.

Its errors are OAuth's, not the Web API's. Tokens live real seconds at any speed of the sandbox.
"""

import base64
import binascii
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from music_pipeline.sandbox.http import (
    SandboxEndpoint,
    SandboxRequest,
    SandboxResponse,
    endpoint,
    json_response,
)
from music_pipeline.sandbox.providers.base import Emulator

LIFETIME_SECONDS = 3_600


@dataclass(slots=True)
class TokenBook:
    """The tokens that were given out, and when each ends, in real seconds."""

    source: Callable[[], float]
    expiry: dict[str, float] = field(default_factory=dict)

    def issue(self) -> str:
        """A new token."""
        token = secrets.token_urlsafe(64)
        self.expiry[token] = self.source() + LIFETIME_SECONDS
        return token

    def is_expired(self, token: str) -> bool:
        """Whether the sandbox issued the token and it has expired. Other tokens do not age."""
        return token in self.expiry and self.source() > self.expiry[token]


def oauth_error(code: str, description: str) -> SandboxResponse:
    """OAuth's error object."""
    return json_response({"error": code, "error_description": description}, 400)


class SpotifyAccounts(Emulator):
    """The provider."""

    def __init__(self, tokens: TokenBook) -> None:
        self.tokens = tokens
        self.endpoints: tuple[SandboxEndpoint, ...] = (endpoint("POST", "api/token", self.token),)

    def token(self, request: SandboxRequest) -> SandboxResponse:
        """POST /api/token, grant_type=client_credentials."""
        form = request.form()
        client, secret = _credentials(request.header("authorization"), form)
        if not client or not secret or "wrong" in client + secret:
            return oauth_error("invalid_client", "Invalid client")
        if form.get("grant_type") != "client_credentials":
            return oauth_error("unsupported_grant_type", "grant_type parameter is missing or not supported")
        return json_response(
            {"access_token": self.tokens.issue(), "token_type": "Bearer", "expires_in": LIFETIME_SECONDS}
        )

    def over_quota(self, request: SandboxRequest, seconds: float) -> SandboxResponse:
        """429."""
        return json_response({"error": "too_many_requests", "error_description": "Too many requests"}, 429)

    def unknown_path(self, request: SandboxRequest) -> SandboxResponse:
        """404."""
        return json_response({"error": "not_found"}, 404)

    def is_repeatable(self, endpoint_name: str) -> bool:
        """True: a token may be asked for again."""
        return True


def _credentials(header: str, form: dict[str, str]) -> tuple[str, str]:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return form.get("client_id", ""), form.get("client_secret", "")
    try:
        client, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return client, secret
