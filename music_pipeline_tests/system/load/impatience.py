"""Short timeouts for the pipeline's clients."""

from dataclasses import replace

from music_pipeline.providers import registry

TIMEOUT_SECONDS = 2.0


def be_impatient() -> None:
    """Give every provider the short timeout, in this process."""
    registry.PROVIDERS = {
        name: replace(one, timeout_seconds=TIMEOUT_SECONDS) for name, one in registry.PROVIDERS.items()
    }
