"""Where the demo keeps its data, apart from the operator's, and how a process is pointed at it.

What the demo does is in `music_pipeline.demo`.
"""

import json
import os
from pathlib import Path

from music_pipeline.settings import SettingError, Settings, settings

SANDBOX_RECORD = "sandbox.json"


def demo_home(configured: Settings) -> Path:
    """The demo's home folder: `demo` in the operator's; the configured one, if that is a demo's already."""
    is_a_demos = (configured.home / SANDBOX_RECORD).exists()
    return configured.home if is_a_demos else configured.home / "demo"


def recorded_sandbox_url(home: Path) -> str | None:
    """The address of the sandbox that the demo in `home` ran against, if it recorded one.

    Raises SettingError for a record that cannot be read.
    """
    record = home / SANDBOX_RECORD
    if not record.exists():
        return None
    try:
        url = json.loads(record.read_text())["url"]
    except (ValueError, KeyError, TypeError):
        raise SettingError(f"{record} is not a record of a sandbox; run `make demo` again.") from None
    return str(url)


def point_at_demo() -> None:
    """Let this process, and what it starts, work on the demo's data: its own embedded Postgres, its own sandbox.

    Raises SettingError where no demo was run.
    """
    home = demo_home(settings())
    if not home.is_dir():
        raise SettingError(f"There is no demo in {home}: run `make demo` first.")
    os.environ["MUSIC_PIPELINE_HOME"] = str(home)
    os.environ.pop("DATABASE_URL", None)
    url = recorded_sandbox_url(home)
    if url is not None:
        os.environ["MUSIC_SANDBOX_URL"] = url
