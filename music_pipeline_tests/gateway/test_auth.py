"""Stored credentials are encrypted, found again, and replaced without losing any."""

import stat
from pathlib import Path

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet

from music_pipeline import credentials
from music_pipeline.credentials import CredentialError


def stored_bytes(engine: sa.Engine) -> bytes:
    with engine.connect() as connection:
        return b"".join(bytes(row.secret) for row in connection.execute(sa.text("SELECT secret FROM credentials")))


def test_a_stored_secret_comes_before_the_environments(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCOGS_TOKEN", "from the environment")
    assert credentials.read(engine, "DISCOGS_TOKEN") == "from the environment"
    credentials.store(engine, "DISCOGS_TOKEN", " from the table\n")
    assert credentials.read(engine, "DISCOGS_TOKEN") == "from the table"
    assert list(credentials.names(engine)) == ["DISCOGS_TOKEN"]
    assert credentials.remove(engine, "DISCOGS_TOKEN")
    assert credentials.read(engine, "DISCOGS_TOKEN") == "from the environment"
    monkeypatch.delenv("DISCOGS_TOKEN")
    assert credentials.read(engine, "DISCOGS_TOKEN") is None


def test_the_table_holds_no_secret_and_the_key_is_its_owners_alone(engine: sa.Engine, tmp_path: Path) -> None:
    credentials.store(engine, "GENIUS_ACCESS_TOKEN", "very-secret")
    assert b"very-secret" not in stored_bytes(engine)
    assert stat.S_IMODE((tmp_path / "credentials.key").stat().st_mode) == 0o600


def test_a_new_key_encrypts_everything_anew(engine: sa.Engine, tmp_path: Path) -> None:
    credentials.store(engine, "A", "first")
    credentials.store(engine, "B", "second")
    key, encrypted = (tmp_path / "credentials.key").read_bytes(), stored_bytes(engine)
    assert credentials.rotate(engine) == 2
    assert (tmp_path / "credentials.key").read_bytes() != key
    assert stored_bytes(engine) != encrypted
    assert (credentials.read(engine, "A"), credentials.read(engine, "B")) == ("first", "second")
    (tmp_path / "credentials.key").write_bytes(key)
    with pytest.raises(CredentialError, match="another key"):
        credentials.read(engine, "A")


def test_the_environments_key_is_rotated_by_putting_a_new_one_before_it(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    monkeypatch.setenv("MUSIC_PIPELINE_KEY", old)
    credentials.store(engine, "A", "secret")
    with pytest.raises(CredentialError, match="put a new one before it"):
        credentials.rotate(engine)
    monkeypatch.setenv("MUSIC_PIPELINE_KEY", f"{new},{old}")
    assert credentials.rotate(engine) == 1
    monkeypatch.setenv("MUSIC_PIPELINE_KEY", new)
    assert credentials.read(engine, "A") == "secret"


def test_what_cannot_be_used_is_said_in_a_sentence_without_the_secret(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(CredentialError, match="A is empty"):
        credentials.store(engine, "A", "  ")
    credentials.store(engine, "A", "secret")
    (tmp_path / "credentials.key").unlink()
    with pytest.raises(CredentialError, match=r"credentials\.key"):
        credentials.read(engine, "A")
    monkeypatch.setenv("MUSIC_PIPELINE_KEY", "no key at all")
    with pytest.raises(CredentialError, match="holds no Fernet key") as unusable:
        credentials.read(engine, "A")
    assert "no key at all" not in str(unusable.value)
