"""Requests, responses and endpoints as the providers' modules see them: no socket, no ASGI."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

JSON_TYPE = "application/json"
Json = dict[str, Any]
Headers = tuple[tuple[str, str], ...]
NO_HEADERS: Headers = ()


@dataclass(frozen=True, slots=True)
class SandboxRequest:
    """A request to one provider. `path` is below the provider's prefix, decoded; header names are lower-case."""

    method: str
    path: str
    query_string: str
    headers: dict[str, str]
    body: bytes = b""
    query: list[tuple[str, str]] = field(default_factory=list)

    def first(self, name: str) -> str | None:
        """The first value of a query parameter."""
        return next((value for key, value in self.query if key == name), None)

    def all(self, name: str) -> list[str]:
        """All values of a query parameter."""
        return [value for key, value in self.query if key == name]

    def header(self, name: str) -> str:
        """A header, empty where it is missing."""
        return self.headers.get(name, "")

    def form(self) -> dict[str, str]:
        """The fields of a form body."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    def identity(self) -> tuple[str, str, tuple[tuple[str, str], ...], bytes]:
        """What makes two requests the same to a cache: method, path, sorted parameters, body."""
        return self.method, self.path, tuple(sorted(self.query)), self.body


@dataclass(frozen=True, slots=True)
class SandboxResponse:
    """What the provider sends. `retry_after`: the wait that an early call is measured against.

    `refusal` marks a refusal with status 200, so that asking again does not count as a repeat.
    """

    status: int
    body: bytes
    content_type: str = JSON_TYPE
    headers: Headers = NO_HEADERS
    retry_after: float | None = None
    refusal: bool = False


def json_response(
    data: object, status: int = 200, headers: Headers = NO_HEADERS, content_type: str = JSON_TYPE
) -> SandboxResponse:
    """Data as JSON."""
    body = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
    return SandboxResponse(status, body, content_type, headers)


def text_response(text: str, status: int, content_type: str = "text/plain; charset=utf-8") -> SandboxResponse:
    """A text."""
    return SandboxResponse(status, text.encode(), content_type)


@dataclass(frozen=True, slots=True)
class SandboxEndpoint:
    """A method and a path, with the name it is counted under."""

    method: str
    pattern: re.Pattern[str]
    name: str
    handle: Callable[..., SandboxResponse]  # called with the request and the pattern's named groups


def endpoint(method: str, template: str, handle: Callable[..., SandboxResponse]) -> SandboxEndpoint:
    """Make an endpoint of a template such as `artists/{id}/albums`."""
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", re.escape(template).replace(r"\{", "{").replace(r"\}", "}"))
    return SandboxEndpoint(method, re.compile(f"/{pattern}/?"), template, handle)
