"""What the environment says: where data lies, which database, sandbox or real providers.

Read at call time, never at import, so that a changed variable takes effect without a restart. Credentials are not here
(see `music_pipeline.credentials`), nor what an operator changes at run time.
"""

import os
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
SCHEMA = "music"  # where the catalogue and the ledger lie in the database


class SettingError(Exception):
    """An environment variable holds something that cannot be used; the text names it and says what it takes."""


@dataclass(frozen=True, slots=True)
class Settings:
    """`home`: our files (logs, Dagster's artifacts, keys, the embedded Postgres unless root runs it)."""

    home: Path
    database_url: str | None
    sandbox_url: str | None
    market: str
    spotify_page_size: int
    musicbrainz_contact: str | None


def settings() -> Settings:
    """The settings as the environment has them now.

    Raises SettingError for a value that cannot be used.
    """
    return Settings(
        home=Path(os.environ.get("MUSIC_PIPELINE_HOME") or PROJECT / ".music_pipeline").expanduser().resolve(),
        database_url=os.environ.get("DATABASE_URL") or None,
        sandbox_url=(os.environ.get("MUSIC_SANDBOX_URL") or "").rstrip("/") or None,
        market=os.environ.get("SPOTIFY_MARKET") or "US",
        spotify_page_size=positive_integer("SPOTIFY_PAGE_SIZE", default=10),
        musicbrainz_contact=os.environ.get("MUSICBRAINZ_CONTACT") or None,
    )


def positive_integer(name: str, *, default: int) -> int:
    """The variable `name` as a whole number above 0, or `default` where it is not set."""
    text = os.environ.get(name)
    if not text:
        return default
    if not text.strip().isdecimal() or int(text) == 0:
        raise SettingError(f"{name}={text!r} is not a whole number above 0.")
    return int(text)


def non_negative_number(name: str, *, default: float) -> float:
    """The variable `name` as a number of 0 or more, or `default` where it is not set."""
    text = os.environ.get(name)
    if not text:
        return default
    try:
        number = float(text)
    except ValueError:
        raise SettingError(f"{name}={text!r} is not a number.") from None
    if not 0 <= number < float("inf"):
        raise SettingError(f"{name}={text!r} is not a number of 0 or more.")
    return number
