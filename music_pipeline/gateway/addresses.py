"""Where the providers are, real or emulated, and how fast the emulated time runs."""

from dataclasses import dataclass
from math import isfinite

import httpx

from music_pipeline.gateway.errors import ProviderFailure
from music_pipeline.gateway.provider import Provider
from music_pipeline.settings import Settings

SPOTIFY_ACCOUNTS = "https://accounts.spotify.com"
SPOTIFY_ACCOUNTS_IN_SANDBOX = "/spotify-accounts"
# It answers at once, but for a machine on which everything waits for its turn.
SANDBOX_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Addresses:
    """`sandbox_url`: None for the real providers. `speed`: how many of the provider's seconds pass in one of ours."""

    sandbox_url: str | None
    speed: float

    def base_of(self, provider: Provider) -> str:
        """The address below which the provider's paths are."""
        return f"{self.sandbox_url}{provider.sandbox_path}" if self.sandbox_url else provider.base_url

    def token_url(self) -> str:
        """Where Spotify gives out access tokens."""
        base = f"{self.sandbox_url}{SPOTIFY_ACCOUNTS_IN_SANDBOX}" if self.sandbox_url else SPOTIFY_ACCOUNTS
        return f"{base}/api/token"

    def account(self, name: str) -> str:
        """The account's name in our tables: an emulated one is another than the real one."""
        return f"sandbox:{name}" if self.sandbox_url else name


async def find_addresses(settings: Settings, http: httpx.AsyncClient) -> Addresses:
    """The addresses that the settings mean; the sandbox is asked for its speed.

    Raises ProviderFailure where the sandbox does not answer as one.
    """
    if settings.sandbox_url is None:
        return Addresses(sandbox_url=None, speed=1.0)
    try:
        answer = await http.get(f"{settings.sandbox_url}/_sandbox/info", timeout=SANDBOX_SECONDS)
        speed = float(answer.raise_for_status().json()["speed"])
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        text = f"MUSIC_SANDBOX_URL is set, but no sandbox answers at {settings.sandbox_url} ({type(error).__name__})."
        raise ProviderFailure("sandbox", "info", text) from error
    if not isfinite(speed) or speed <= 0:
        raise ProviderFailure(
            "sandbox", "info", f"The sandbox at {settings.sandbox_url} says that its speed is {speed}."
        )
    return Addresses(sandbox_url=settings.sandbox_url, speed=speed)
