"""Where the providers are, real or emulated, and how fast the emulated time runs."""

from dataclasses import dataclass
from math import isfinite

import httpx

from music_pipeline.gateway.errors import ProviderFailure
from music_pipeline.gateway.provider import Provider
from music_pipeline.settings import Settings

SPOTIFY_ACCOUNTS = "https://accounts.spotify.com"
SPOTIFY_ACCOUNTS_IN_SANDBOX = "/spotify-accounts"
# The sandbox answers at once, except on a machine where everything has to wait.
SANDBOX_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Addresses:
    """`sandbox_url`: None for the real providers. `speed`: seconds of the provider's clock in one of ours."""

    sandbox_url: str | None
    speed: float

    def base_url(self, provider: Provider) -> str:
        """The address that the provider's paths follow."""
        return f"{self.sandbox_url}{provider.sandbox_path}" if self.sandbox_url else provider.base_url

    def token_url(self) -> str:
        """Where Spotify grants access tokens."""
        base = f"{self.sandbox_url}{SPOTIFY_ACCOUNTS_IN_SANDBOX}" if self.sandbox_url else SPOTIFY_ACCOUNTS
        return f"{base}/api/token"

    def account(self, name: str) -> str:
        """The account's name in our tables. An emulated account differs from the real one."""
        return f"sandbox:{name}" if self.sandbox_url else name


def find_addresses(settings: Settings) -> Addresses:
    """Return the addresses that the settings mean; ask the sandbox for its speed. Blocks.

    Raises ProviderFailure if no sandbox answers.
    """
    url = settings.sandbox_url
    if url is None:
        return Addresses(sandbox_url=None, speed=1.0)
    try:
        speed = float(str(sandbox_info(url, timeout_seconds=SANDBOX_SECONDS)["speed"]))
    except (httpx.HTTPError, ValueError) as error:
        text = f"MUSIC_SANDBOX_URL is set, but no sandbox answers at {url} ({type(error).__name__})."
        raise ProviderFailure("sandbox", "info", text) from error
    if not isfinite(speed) or speed <= 0:
        raise ProviderFailure("sandbox", "info", f"The sandbox at {url} says that its speed is {speed}.")
    return Addresses(sandbox_url=url, speed=speed)


def sandbox_info(url: str, *, timeout_seconds: float = 5.0) -> dict[str, object]:
    """What a running sandbox says of itself: speed, Spotify's mode, catalogue. Blocks.

    Raises httpx.HTTPError if no sandbox answers at `url`.
    """
    response = httpx.get(
        f"{url}/_sandbox/info",
        timeout=timeout_seconds,
        verify=url.startswith("https:"),  # reading certificates takes 50 ms
    ).raise_for_status()
    try:
        info = response.json()
    except ValueError as error:
        raise httpx.DecodingError(f"{url} answers, but not as a sandbox", request=response.request) from error
    if not isinstance(info, dict) or "speed" not in info:
        raise httpx.DecodingError(f"{url} answers, but not as a sandbox", request=response.request)
    return info


def sandbox_speed(url: str) -> float:
    """Seconds of the sandbox's clock in one of ours. Raises httpx.HTTPError."""
    return float(str(sandbox_info(url)["speed"]))
