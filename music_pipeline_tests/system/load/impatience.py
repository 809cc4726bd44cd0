"""Clients that wait for no answer longer than a test can: the product's, but for the length of their timeouts."""

from dataclasses import replace

from music_pipeline.providers import registry

TIMEOUT_SECONDS = 2.0


def be_impatient() -> None:
    """Let every provider's answer be waited for so long only, in this process."""
    registry.PROVIDERS = {
        name: replace(one, timeout_seconds=TIMEOUT_SECONDS) for name, one in registry.PROVIDERS.items()
    }
