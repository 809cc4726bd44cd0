"""Credentials: an encrypted table, else the environment. Read at call time, so that a change needs no restart.

The key is MUSIC_PIPELINE_KEY (one Fernet key, or several separated by commas, the newest first), else the file
`credentials.key` in our home, which only its owner may read. `providers` says what each credential is for.
"""

import os
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from filelock import FileLock

from music_pipeline.database.queries import query
from music_pipeline.settings import settings

KEY_VARIABLE = "MUSIC_PIPELINE_KEY"


class CredentialError(Exception):
    """A stored credential or a key cannot be used. The text says what to do and holds no secret."""


def read(engine: sa.Engine, name: str) -> str | None:
    """Return the secret `name` (SPOTIFY_CLIENT_ID, …): the stored one, else the environment's, else None.

    Raises CredentialError if the stored one was encrypted with a key that we do not have.
    """
    with engine.connect() as connection:
        return choose(connection.execute(query("credential"), {"name": name}).scalar_one_or_none(), name)


def choose(stored: bytes | None, name: str) -> str | None:
    """The stored secret decrypted, else the environment's, else None. Raises CredentialError as `read` does."""
    if stored is None:
        return os.environ.get(name, "").strip() or None
    return _decrypted(_cipher(_keys()), name, bytes(stored))


def store(engine: sa.Engine, name: str, secret: str) -> None:
    """Encrypt and store `secret`, in place of one of the same name. Raises CredentialError if it is empty."""
    if not secret.strip():
        raise CredentialError(f"{name} is empty: nothing is stored.")
    encrypted = _cipher(_keys_or_new()).encrypt(secret.strip().encode())
    with engine.begin() as connection:
        connection.execute(query("store_credential"), {"name": name, "secret": encrypted})


def remove(engine: sa.Engine, name: str) -> bool:
    """Delete the stored secret; return False if there was none. One in the environment stays."""
    with engine.begin() as connection:
        return connection.execute(query("remove_credential"), {"name": name}).rowcount > 0


def names(engine: sa.Engine) -> dict[str, datetime]:
    """The names of the stored credentials, and when each was stored."""
    with engine.connect() as connection:
        return {row.name: row.stored_at for row in connection.execute(query("credential_names"))}


def rotate(engine: sa.Engine) -> int:
    """Make a new key and encrypt every secret with it; return how many there are.

    If the key is in the environment, only the operator can change it: its first key is the new one. Raises
    CredentialError if there is only one, or if a secret cannot be read.
    """
    if os.environ.get(KEY_VARIABLE):
        if len(_keys()) < 2:
            raise CredentialError(
                f"The key is in {KEY_VARIABLE}: put a new one before it, separated by a comma, and rotate again."
            )
        return reencrypt(engine, _keys())
    with _key_lock():
        new_keys = [Fernet.generate_key(), *_keys_from_file()]
        _write_keys(new_keys)  # both stay until every secret is encrypted again: a crash in between loses nothing
        count = reencrypt(engine, new_keys)
        _write_keys(new_keys[:1])
    return count


def reencrypt(engine: sa.Engine, keys: list[bytes]) -> int:
    """Encrypt every stored secret with the first of `keys`, having read it with any; return how many there are."""
    cipher = _cipher(keys)
    with engine.begin() as connection:
        rows = connection.execute(query("credentials")).all()
        for row in rows:
            secret = cipher.encrypt(_decrypted(cipher, row.name, bytes(row.secret)).encode())
            connection.execute(query("replace_credential"), {"name": row.name, "secret": secret})
    return len(rows)


def _decrypted(cipher: MultiFernet, name: str, encrypted: bytes) -> str:
    try:
        return cipher.decrypt(encrypted).decode()
    except InvalidToken:
        raise CredentialError(
            f"{name} was stored with another key than {_key_source()} has. Put that key back, or store {name} again."
        ) from None


def _key_source() -> str:
    return KEY_VARIABLE if os.environ.get(KEY_VARIABLE) else str(_key_file())


def _key_file() -> Path:
    return settings().home / "credentials.key"


def _cipher(keys: list[bytes]) -> MultiFernet:
    if not keys:
        raise CredentialError(f"Credentials are stored, but their key is not in {_key_file()} nor in {KEY_VARIABLE}.")
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError:
        raise CredentialError(f"{_key_source()} holds no Fernet key (32 bytes in URL-safe base64).") from None


def _keys() -> list[bytes]:
    given = os.environ.get(KEY_VARIABLE)
    if given:
        return [key.strip().encode() for key in given.split(",") if key.strip()]
    return _keys_from_file()


def _keys_from_file() -> list[bytes]:
    path = _key_file()
    return path.read_bytes().split() if path.exists() else []


def _keys_or_new() -> list[bytes]:
    if _keys():
        return _keys()
    with _key_lock():
        if not _keys_from_file():
            _write_keys([Fernet.generate_key()])
        return _keys_from_file()


def _key_lock() -> FileLock:
    settings().home.mkdir(parents=True, exist_ok=True)
    return FileLock(settings().home / "credentials.key.lock")


def _write_keys(keys: list[bytes]) -> None:
    """Replace the file atomically, never readable by others: a half-written key would lose every secret."""
    unfinished = _key_file().with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(b"\n".join(keys) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(_key_file())
