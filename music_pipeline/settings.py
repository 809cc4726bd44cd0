"""Every setting, from the environment.

The families `RETRY_<STAGE>_*` and `<PROVIDER>_QUOTA` are read where they apply.

Read at each use, so that a changed variable takes effect without a restart. Credentials are in
`music_pipeline.credentials`. What an operator changes at run time is in the database.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT = Path(__file__).resolve().parent.parent
Value = TypeVar("Value")
SCHEMA = "music"  # the schema of the catalogue and the ledger


class SettingError(Exception):
    """An environment variable has an invalid value.

    The text names it and says what it takes.
    """


def _whole_number(value: object) -> int:
    text = str(value).strip()
    if not text.isdecimal() or int(text) == 0:
        raise ValueError("is not a whole number above 0.")
    return int(text)


def _number(value: object) -> float:
    try:
        number = float(str(value))
    except ValueError:
        raise ValueError("is not a number.") from None
    if not 0 <= number < float("inf"):
        raise ValueError("is not a number of 0 or more.")
    return number


def _address(value: str | None) -> str | None:
    return value.rstrip("/") or None if value else None


def _switch(value: object) -> bool:
    return value == "on"


def _folder(value: Path) -> Path:
    return value.expanduser().resolve()


WholeNumber = Annotated[int, BeforeValidator(_whole_number)]
Number = Annotated[float, BeforeValidator(_number)]


class Settings(BaseSettings):
    """`home`: the folder of our files: logs, Dagster's artifacts, keys, and the embedded Postgres unless root runs it.

    `database_url`: None means the embedded Postgres. `sandbox_url`: None means the real providers.
    `discovery_fresh_hours`: how long a discovered artist is not discovered again unless forced. `lease_seconds`: how
    long a claim lasts without renewal. `provider_wait_days`: how long work may wait for a provider without progress.
    `archive_retention_days`: how long finished work, issues and metrics are kept. `schedules_on`: whether schedules and
    sensors start switched on.
    """

    model_config = SettingsConfigDict(
        env_ignore_empty=True, frozen=True, extra="ignore", populate_by_name=True, case_sensitive=True
    )

    home: Annotated[Path, AfterValidator(_folder)] = Field(PROJECT / ".music_pipeline", alias="MUSIC_PIPELINE_HOME")
    database_url: str | None = Field(None, alias="DATABASE_URL")
    sandbox_url: Annotated[str | None, AfterValidator(_address)] = Field(None, alias="MUSIC_SANDBOX_URL")
    market: str = Field("US", alias="SPOTIFY_MARKET")
    spotify_page_size: WholeNumber = Field(10, alias="SPOTIFY_PAGE_SIZE")
    musicbrainz_contact: str | None = Field(None, alias="MUSICBRAINZ_CONTACT")
    discovery_fresh_hours: Number = Field(24.0, alias="DISCOVERY_FRESH_HOURS")
    lease_seconds: WholeNumber = Field(300, alias="LEASE_SECONDS")
    lease_renew_seconds: WholeNumber = Field(60, alias="LEASE_RENEW_SECONDS")
    provider_wait_days: Number = Field(14.0, alias="PROVIDER_WAIT_DAYS")
    archive_retention_days: WholeNumber = Field(90, alias="ARCHIVE_RETENTION_DAYS")
    schedules_on: Annotated[bool, BeforeValidator(_switch)] = Field(False, alias="MUSIC_SCHEDULES")
    dagster_home: Path = Field(PROJECT, alias="DAGSTER_HOME")


VARIABLES = tuple(str(field.alias) for field in Settings.model_fields.values())
_overridden: dict[str, Any] = {}


def settings() -> Settings:
    """The settings as the environment has them now. Raises SettingError."""
    return _read(tuple(map(os.environ.get, VARIABLES)), tuple(_overridden.items()))


@contextmanager
def overridden(**values: Any) -> Iterator[None]:
    """Let this process use other values than its environment's while the block runs."""
    before = _overridden.copy()
    _overridden.update(values)
    try:
        yield
    finally:
        _overridden.clear()
        _overridden.update(before)


@lru_cache(maxsize=8)
def _read(_environment: tuple[str | None, ...], values: tuple[tuple[str, Any], ...]) -> Settings:
    """Read the environment. Cached by it, since that takes 0.4 ms."""
    try:
        return Settings(**dict(values))
    except ValidationError as error:
        found = error.errors()[0]
        text = found["msg"].removeprefix("Value error, ")
        raise SettingError(f"{found['loc'][0]}={found['input']!r} {text}") from None


def positive_integer(name: str, *, default: int) -> int:
    """Read a variable of a family as a whole number above 0. Raises SettingError."""
    text = os.environ.get(name)
    return default if not text else _checked(name, text, _whole_number)


def non_negative_number(name: str, *, default: float) -> float:
    """Read a variable of a family as a number of 0 or more. Raises SettingError."""
    text = os.environ.get(name)
    return default if not text else _checked(name, text, _number)


def _checked(name: str, text: str, parse: Callable[[object], Value]) -> Value:
    try:
        return parse(text)
    except ValueError as error:
        raise SettingError(f"{name}={text!r} {error}") from None
