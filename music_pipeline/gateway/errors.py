"""How a call can end without a result.

The kinds decide what becomes of the work: not called and worth waiting for, called and failed, refused for good,
unreadable. `classify` decides what an HTTP response means. A 404 about one thing is an absence and no error; about a
list or a search it is a failure.
"""

from datetime import datetime


class ProviderError(Exception):
    """Base class: provider, endpoint and what happened. No text holds a credential."""

    def __init__(self, provider: str, endpoint: str | None, text: str) -> None:
        super().__init__(text)
        self.provider = provider
        self.endpoint = endpoint
        self.text = text


class ProviderUnavailable(ProviderError):
    """The provider must not be called before `until` (UTC). The work loses no attempt."""

    def __init__(self, provider: str, endpoint: str | None, text: str, *, until: datetime) -> None:
        super().__init__(provider, endpoint, text)
        self.until = until


class CircuitBreakerOpenException(ProviderUnavailable):
    """Too many calls in a row failed; nobody calls the provider before `until`."""

    def __init__(self, provider: str, endpoint: str | None, *, until: datetime) -> None:
        super().__init__(provider, endpoint, f"Circuit breaker '{provider}' is OPEN", until=until)


class ProviderGatewayRateLimitedError(ProviderUnavailable):
    """The provider asked us to wait, or a quota is used up, until `until`."""


class CredentialsMissing(ProviderUnavailable):
    """The provider needs a credential that is not set; the text names it."""


class CredentialsRefused(ProviderUnavailable):
    """The provider refused the credentials; the text is its own."""


class ProviderFailure(ProviderError):
    """The call was made and failed, after the retries; another attempt may succeed.

    `status`: the HTTP status, if any.
    """

    def __init__(self, provider: str, endpoint: str | None, text: str, *, status: int | None = None) -> None:
        super().__init__(provider, endpoint, text)
        self.status = status


class ProviderGatewayTimeoutError(ProviderFailure):
    """The provider did not answer in time."""


class UnreadableAnswer(ProviderFailure):
    """The response is JSON, but not of the shape that the provider documents."""

    def __init__(self, provider: str, what: str, found: object) -> None:
        super().__init__(provider, None, f"{provider}: {what} is not what it should be, but {type(found).__name__}")


class ProviderRefused(ProviderError):
    """The provider understood the request and refuses it for good (a 4xx).

    `status`: the HTTP status, if it was asked.
    """

    def __init__(self, provider: str, endpoint: str | None, text: str, *, status: int | None = None) -> None:
        super().__init__(provider, endpoint, text)
        self.status = status


class EndpointGone(ProviderRefused):
    """This app may not call the endpoint (any more); it is not called again."""


class OutOfTime(Exception):
    """The sweep ran out of time. The next one sends the remaining requests."""
