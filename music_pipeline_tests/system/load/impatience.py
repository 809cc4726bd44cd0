"""Short timeouts for the pipeline's clients."""

from music_pipeline.providers.registry import PROVIDERS
from music_pipeline_tests.support.providers import declare

TIMEOUT_SECONDS = 2.0


def be_impatient() -> None:
    """Let every provider's answer be waited for so long only, in this process."""
    for provider in PROVIDERS.values():
        declare(provider, timeout_seconds=TIMEOUT_SECONDS)
