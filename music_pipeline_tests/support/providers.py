"""Providers that are declared otherwise for a while: with other addresses, quotas or timeouts."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from music_pipeline.gateway.provider import Provider
from music_pipeline.providers.registry import PROVIDERS


def declare(provider: Provider, **values: object) -> None:
    """Change a provider's row in this process: every endpoint holds it."""
    for name, value in values.items():
        object.__setattr__(provider, name, value)


@contextmanager
def declared(change: Callable[[Provider], Mapping[str, object]]) -> Iterator[None]:
    """Change every provider as `change` says, until the block ends."""
    before = {
        provider.name: {name: getattr(provider, name) for name in change(provider)} for provider in PROVIDERS.values()
    }
    try:
        for provider in PROVIDERS.values():
            declare(provider, **change(provider))
        yield
    finally:
        for name, values in before.items():
            declare(PROVIDERS[name], **values)
