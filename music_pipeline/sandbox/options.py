"""The options of a sandbox, and how they are read from text."""

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from music_pipeline.sandbox.quota import QUOTAS, QuotaSetting

SpotifyMode = Literal["development", "extended"]
QUOTA = re.compile(r"(?P<provider>[a-z-]+)=(?P<limit>\d+)/(?P<window>\d+(?:\.\d+)?)")
DAILY_QUOTA = re.compile(r"(?P<provider>[a-z-]+)=(?P<limit>\d+)")


class OptionError(ValueError):
    """An option has an invalid value. The text says which, and what is valid."""


@dataclass(frozen=True, slots=True)
class QuotaOverride:
    """A provider's quota in place of the table's: `limit` requests in `window` seconds."""

    provider: str
    limit: int
    window: float

    def __str__(self) -> str:
        """The override as the command line takes it."""
        return f"{self.provider}={self.limit}/{self.window:g}"


@dataclass(frozen=True, slots=True)
class DailyQuota:
    """How many requests a provider allows in any 24 hours."""

    provider: str
    limit: int

    def __str__(self) -> str:
        """The quota as the command line takes it."""
        return f"{self.provider}={self.limit}"


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """How a sandbox is run. Without a catalogue the world is generated from the seed; port 0 takes any free one."""

    catalog: Path | None = None
    seed: int = 1
    spotify: SpotifyMode = "development"
    port: int = 0
    speed: float = 1.0
    quotas: tuple[QuotaOverride, ...] = ()
    daily_quotas: tuple[DailyQuota, ...] = ()
    with_parent: bool = False

    def __post_init__(self) -> None:
        """Check the options."""
        if self.speed <= 0:
            raise OptionError(f"the speed must be more than 0, not {self.speed:g}")
        if not 0 <= self.port <= 65_535:
            raise OptionError(f"a port is a number from 0 to 65535, not {self.port}")
        if self.spotify not in get_args(SpotifyMode):
            raise OptionError(f"Spotify's mode is development or extended, not {self.spotify!r}")
        if self.catalog is not None and not self.catalog.is_file():
            raise OptionError(f"there is no catalogue at {self.catalog}")

    def arguments(self) -> list[str]:
        """The options as arguments of the command line."""
        arguments = ["--seed", str(self.seed), "--spotify", self.spotify, "--port", str(self.port)]
        arguments += ["--speed", f"{self.speed:g}"]
        if self.catalog is not None:
            arguments += ["--catalog", str(self.catalog)]
        for quota in self.quotas:
            arguments += ["--quota", str(quota)]
        for daily in self.daily_quotas:
            arguments += ["--daily-quota", str(daily)]
        return [*arguments, "--with-parent"] if self.with_parent else arguments


def parse_quota(text: str) -> QuotaOverride:
    """Parse `discogs=60/60`. Raises OptionError."""
    match = QUOTA.fullmatch(text)
    if match is None:
        raise OptionError(f"a quota is written PROVIDER=N/W, such as discogs=60/60, not {text!r}")
    _check_provider(match["provider"])
    quota = QuotaOverride(match["provider"], int(match["limit"]), float(match["window"]))
    if not quota.limit or not quota.window:
        raise OptionError(f"a quota needs a limit and a window above 0, not {text!r}")
    return quota


def parse_daily_quota(text: str) -> DailyQuota:
    """Parse `spotify=5000`. Raises OptionError."""
    match = DAILY_QUOTA.fullmatch(text)
    if match is None or not int(match["limit"]):
        raise OptionError(f"a daily quota is written PROVIDER=N, such as spotify=5000, not {text!r}")
    _check_provider(match["provider"])
    return DailyQuota(match["provider"], int(match["limit"]))


def _check_provider(name: str) -> None:
    providers = [known for known in QUOTAS if " " not in known]
    if name not in providers:
        raise OptionError(f"there is no provider {name!r}; there are {', '.join(providers)}")


def quota_settings(options: SandboxOptions) -> dict[str, QuotaSetting]:
    """The quota of each provider in the mode and with the overrides of the options."""
    settings = dict(QUOTAS)
    extended = settings.pop("spotify extended")
    if options.spotify == "extended":
        settings["spotify"] = extended
    for override in options.quotas:
        rule = settings[override.provider].rule
        settings[override.provider] = QuotaSetting(rule, override.limit, override.window)
    return settings | {one.provider: replace(settings[one.provider], daily=one.limit) for one in options.daily_quotas}
