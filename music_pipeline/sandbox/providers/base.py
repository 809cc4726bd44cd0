"""The base of every emulated provider: endpoints, refusals, quota headers.

The defaults are what most providers do. A provider that differs overrides them in its own module.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable

from music_pipeline.sandbox.http import Headers, SandboxEndpoint, SandboxRequest, SandboxResponse
from music_pipeline.sandbox.quota import QuotaVerdict


class RefusedError(Exception):
    """The request is refused with this text. `code`: the HTTP status, or the provider's own code for the reason."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


def with_refusals(
    handle: Callable[..., SandboxResponse], refuse: Callable[[int, str], SandboxResponse]
) -> Callable[..., SandboxResponse]:
    """`handle`, answering a RefusedError with what `refuse` makes of its code and text."""

    def handle_or_refuse(request: SandboxRequest, **groups: str) -> SandboxResponse:
        try:
            return handle(request, **groups)
        except RefusedError as refusal:
            return refuse(refusal.code, str(refusal))

    return handle_or_refuse


class Emulator(ABC):
    """A provider. A new one needs a module with a subclass, a row of the registry and a row of the quotas."""

    endpoints: tuple[SandboxEndpoint, ...]

    def admit(self, request: SandboxRequest) -> SandboxResponse | None:
        """Refuse a request without the right credentials or headers; None lets it in. The default lets all in."""
        return None

    @abstractmethod
    def over_quota(self, request: SandboxRequest, seconds: float) -> SandboxResponse:
        """Refuse a request that is one too many. It would be let in after `seconds`."""

    def quota_limit(self, request: SandboxRequest, limit: int) -> int:
        """How many requests this caller may make in the quota's window: `limit`, the same for all."""
        return limit

    def quota_headers(self, limit: int, verdict: QuotaVerdict) -> Headers:
        """The headers of every answer that tell callers of their quota: none."""
        return ()

    @abstractmethod
    def unknown_path(self, request: SandboxRequest) -> SandboxResponse:
        """Answer a request for a path that the provider does not have."""

    def is_repeatable(self, endpoint_name: str) -> bool:
        """Whether asking again is expected and so counts as no repeat; False: clients can cache everything."""
        return False
