"""Settings come from the environment, at each use, and say what is wrong with a value."""

from pathlib import Path

import pytest

from music_pipeline.settings import PROJECT, VARIABLES, SettingError, overridden, positive_integer, settings


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def test_defaults() -> None:
    found = settings()
    assert (found.home, found.database_url, found.sandbox_url) == (PROJECT / ".music_pipeline", None, None)
    assert (found.market, found.spotify_page_size, found.lease_seconds) == ("US", 10, 300)
    assert not found.schedules_on


def test_changed_variable_counts_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert settings().market == "US"
    monkeypatch.setenv("SPOTIFY_MARKET", "DE")
    monkeypatch.setenv("MUSIC_SANDBOX_URL", "http://127.0.0.1:1/")
    monkeypatch.setenv("MUSIC_PIPELINE_HOME", f"{tmp_path}/a/../b")
    found = settings()
    assert (found.market, found.sandbox_url) == ("DE", "http://127.0.0.1:1")
    assert found.home == (tmp_path / "b").resolve()


def test_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(name, "")
    assert settings().lease_seconds == 300
    assert settings().database_url is None


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("SPOTIFY_PAGE_SIZE", "ten", "SPOTIFY_PAGE_SIZE='ten' is not a whole number above 0."),
        ("LEASE_SECONDS", "0", "LEASE_SECONDS='0' is not a whole number above 0."),
        ("PROVIDER_WAIT_DAYS", "soon", "PROVIDER_WAIT_DAYS='soon' is not a number."),
        ("PROVIDER_WAIT_DAYS", "-1", "PROVIDER_WAIT_DAYS='-1' is not a number of 0 or more."),
        ("DISCOVERY_FRESH_HOURS", "inf", "DISCOVERY_FRESH_HOURS='inf' is not a number of 0 or more."),
    ],
)
def test_invalid_value_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str, text: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingError) as raised:
        settings()
    assert str(raised.value) == text


def test_variable_of_a_family_is_checked_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    assert positive_integer("RETRY_SYNC_MAX_ATTEMPTS", default=5) == 5
    monkeypatch.setenv("RETRY_SYNC_MAX_ATTEMPTS", "1.5")
    with pytest.raises(SettingError, match="is not a whole number above 0"):
        positive_integer("RETRY_SYNC_MAX_ATTEMPTS", default=5)


def test_override_wins_and_ends(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://elsewhere/db")
    with overridden(home=tmp_path, database_url=None):
        with overridden(sandbox_url="http://127.0.0.1:1"):
            assert (settings().home, settings().database_url) == (tmp_path.resolve(), None)
        assert settings().sandbox_url is None
    assert settings().database_url == "postgresql://elsewhere/db"
