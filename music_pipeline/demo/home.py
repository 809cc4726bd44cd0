"""Where the demo keeps its data, apart from the operator's, and how a process is pointed at it.

What the demo does is in `music_pipeline.demo`.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from music_pipeline.settings import SettingError, Settings, settings

SANDBOX_RECORD = "sandbox.json"


def demo_home(configured: Settings) -> Path:
    """The demo's home folder: `demo` in the operator's; the configured one, if that is a demo's already."""
    is_a_demos = (configured.home / SANDBOX_RECORD).exists()
    return configured.home if is_a_demos else configured.home / "demo"


@dataclass(frozen=True, slots=True)
class RecordedSandbox:
    """The sandbox that a demo ran against: its address, its catalogue's file, else the seed, and how fast it was."""

    url: str
    catalog: str | None
    seed: int
    speed: float

    def options_at(self, url: str) -> dict[str, str | int | float | None]:
        """What `music-pipeline sandbox` takes, to serve the same again at `url`."""
        return {"catalog": self.catalog, "seed": self.seed, "speed": self.speed, "port": urlsplit(url).port}


def recorded_sandbox(home: Path) -> RecordedSandbox | None:
    """The sandbox that the demo in `home` ran against, if it recorded one.

    Raises SettingError for a record that cannot be read.
    """
    record = home / SANDBOX_RECORD
    if not record.exists():
        return None
    try:
        told = json.loads(record.read_text())
        return RecordedSandbox(told["url"], told["catalog"], told["seed"], told["speed"])
    except (ValueError, KeyError, TypeError):
        raise SettingError(f"{record} is not a record of a sandbox; run `make demo` again.") from None


def point_at_demo() -> RecordedSandbox | None:
    """Let this process, and what it starts, work on the demo's data: its own embedded Postgres, its own sandbox.

    A sandbox that MUSIC_SANDBOX_URL names already is kept. Answers the one that the demo ran against.
    Raises SettingError where no demo was run.
    """
    home = demo_home(settings())
    if not home.is_dir():
        raise SettingError(f"There is no demo in {home}: run `make demo` first.")
    os.environ["MUSIC_PIPELINE_HOME"] = str(home)
    os.environ.pop("DATABASE_URL", None)
    sandbox = recorded_sandbox(home)
    if sandbox is not None and not os.environ.get("MUSIC_SANDBOX_URL"):
        os.environ["MUSIC_SANDBOX_URL"] = sandbox.url
    return sandbox
