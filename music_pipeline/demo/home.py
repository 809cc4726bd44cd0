"""The demo's data, apart from the operator's, and how a process uses it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from music_pipeline.settings import SettingError, Settings, overridden, settings

SANDBOX_RECORD = "sandbox.json"


def demo_home(configured: Settings) -> Path:
    """The demo's home: `demo` in the operator's, or the configured one if it is a demo's."""
    is_a_demos = (configured.home / SANDBOX_RECORD).exists()
    return configured.home if is_a_demos else configured.home / "demo"


@dataclass(frozen=True, slots=True)
class RecordedSandbox:
    """The sandbox of a demo: its address, its catalogue file or seed, and its speed."""

    url: str
    catalog: str | None
    seed: int
    speed: float

    def options_at(self, url: str) -> dict[str, str | int | float | None]:
        """The options of `music-pipeline sandbox` that serve the same again at `url`."""
        return {"catalog": self.catalog, "seed": self.seed, "speed": self.speed, "port": urlsplit(url).port}


def recorded_sandbox(home: Path) -> RecordedSandbox | None:
    """The sandbox of the demo in `home`, if it recorded one.

    Raises SettingError for an unreadable record.
    """
    record = home / SANDBOX_RECORD
    if not record.exists():
        return None
    try:
        found = json.loads(record.read_text())
        return RecordedSandbox(found["url"], found["catalog"], found["seed"], found["speed"])
    except (ValueError, KeyError, TypeError):
        raise SettingError(f"{record} is not a record of a sandbox; run `make demo` again.") from None


@contextmanager
def demo_data() -> Iterator[RecordedSandbox | None]:
    """Let this process use the demo's database and sandbox while the block runs.

    Yields the demo's sandbox.

    A sandbox in MUSIC_SANDBOX_URL is kept. Raises SettingError if no demo was run.
    """
    configured = settings()
    home = demo_home(configured)
    if not home.is_dir():
        raise SettingError(f"There is no demo in {home}: run `make demo` first.")
    sandbox = recorded_sandbox(home)
    url = configured.sandbox_url or (sandbox.url if sandbox else None)
    with overridden(home=home, database_url=None, sandbox_url=url):
        yield sandbox
