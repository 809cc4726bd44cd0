"""One cheap call to a provider, past the cache, to see whether it answers and accepts our credentials.

It serves a person who has just stored a credential. It also tells a bad request from a provider that is down.
"""

from datetime import UTC, datetime

import sqlalchemy as sa

from music_pipeline.gateway.errors import ProviderError, ProviderUnavailable
from music_pipeline.gateway.gateway import open_gateway
from music_pipeline.gateway.request import Priority
from music_pipeline.providers.registry import PROVIDERS, Providers, providers_on


async def found_down(providers: Providers, name: str) -> ProviderUnavailable | None:
    """Make another call than the one that failed; if it fails too, return why the provider is to be left alone."""
    try:
        await providers.client(name).probe(datetime.now(UTC))
    except ProviderUnavailable as unavailable:
        return unavailable
    except ProviderError:
        return None
    return None


async def try_provider(engine: sa.Engine, name: str) -> None:
    """Call a provider once. Raises ProviderError if it does not answer as it should, KeyError for an unknown name."""
    if name not in PROVIDERS:
        raise KeyError(name)
    async with open_gateway(engine, priority=Priority.INTERACTIVE, run_id="credentials test") as gateway:
        await providers_on(gateway).client(name).probe(datetime.now(UTC))
