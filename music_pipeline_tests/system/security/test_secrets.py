"""Planted secrets leak nowhere.

The database, logs, errors, output and arguments of processes are searched for them.

Each credential has a recognisable value, first in the environment, then stored. So has the database's password. Then
every provider fails in every way, with all logging at DEBUG. Other tests prove that the searched evidence is complete,
and that the secrets were sent.
"""

import base64
import json
import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, quote_plus
from uuid import uuid4

import psycopg
import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet
from psycopg import sql

from music_pipeline.cli.database import without_password
from music_pipeline.database import embedded
from music_pipeline.providers.registry import PROVIDERS
from music_pipeline.sandbox.process import SandboxProcess
from music_pipeline.settings import PROJECT
from music_pipeline_tests.conftest import created_database

ERROR_PATHS = "music_pipeline_tests.system.security.error_paths"
# Run several commands in one process, and print each command before its output.
COMMANDS = """
import json, sys
from music_pipeline.cli.main import run
for arguments in json.loads(sys.argv[1]):
    print("$", *arguments, flush=True)
    run(arguments)
"""
# The number of an account is part of the URL and not secret.
NO_SECRET = {"INSTAGRAM_USER_ID": "17841400000424242"}
NAMES = sorted({name for provider in PROVIDERS.values() for name in provider.credentials} - set(NO_SECRET))
FAULTS = ("expired_token", "5xx", "latency", "reset")
PATIENCE_SECONDS = 500

pytestmark = pytest.mark.soak


def _planted(what: str) -> str:
    """A secret that a URL has to escape, so that both forms are searched."""
    return f"planted+{what.casefold()}/{secrets.token_hex(12)}"


def _forms(secret: str) -> set[bytes]:
    """All forms in which a secret could have been written."""
    raw = secret.encode()
    return {
        raw,
        quote(secret, safe="").encode(),
        quote_plus(secret).encode(),
        base64.b64encode(raw),
        raw.hex().encode(),
    }


@dataclass
class Evidence:
    """All output by its place, and the arguments of all processes."""

    written: dict[str, bytes] = field(default_factory=dict)
    arguments: set[bytes] = field(default_factory=set)

    def leaks(self, hidden: Mapping[str, Iterable[bytes]]) -> list[str]:
        """The leaked secrets, each with its place."""
        places = {**self.written, "arguments of a process": b"\n".join(self.arguments)}
        return [
            f"{name} in {place}"
            for name, forms in hidden.items()
            for place, content in places.items()
            if any(form in content for form in forms)
        ]


@dataclass
class Installation:
    """A database with a planted password, a home, and a sandbox with credentials."""

    environment: dict[str, str]
    url: str
    home: Path
    sandbox: SandboxProcess
    artist: str
    hidden: dict[str, set[bytes]]
    evidence: Evidence = field(default_factory=Evidence)
    printed: dict[str, list[str]] = field(default_factory=dict)

    def hide(self, name: str, secret: str) -> str:
        self.hidden[name] = _forms(secret)
        return secret

    def hide_pair(self, name: str, client: str, secret: str) -> None:
        """Hide the basic authorization for Spotify's accounts service."""
        self.hidden[name] = {base64.b64encode(f"{client}:{secret}".encode())}

    def run(self, place: str, *arguments: str, **options: str | dict[str, str]) -> int:
        """Run Python in the installation.

        Keep its output and the arguments of all processes.
        """
        given = options.get("input")
        environment = {**self.environment, **dict(options.get("env") or {})}
        process = subprocess.Popen(
            [sys.executable, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=environment, cwd=PROJECT,
        )  # fmt: skip
        with _watching(self.evidence.arguments):
            printed, _ = process.communicate(str(given or "").encode(), timeout=PATIENCE_SECONDS)
        self.evidence.written[f"output of {place}"] = printed
        return process.returncode

    def commands(self, *commands: Sequence[str], **options: str | dict[str, str]) -> None:
        """Run our commands, and keep the output of each by its name."""
        place = f"commands, {uuid4().hex}"
        assert self.run(place, "-c", COMMANDS, json.dumps(commands), **options) == 0
        for printed in self.output(place).split("\n$ "):
            words, _, text = printed.removeprefix("$ ").partition("\n")
            self.printed.setdefault(words, []).append(text)

    def output(self, place: str) -> str:
        return self.evidence.written[f"output of {place}"].decode()

    def collect(self) -> None:
        """Take the home, the database and its server's log as evidence."""
        for path in sorted(self.home.rglob("*")):
            if path.is_file() and path.name != "credentials.key":
                self.evidence.written[str(path.relative_to(self.home))] = path.read_bytes()
        self.evidence.written["the database"] = _dump(self.url)


class _watching:  # noqa: N801 - a context manager
    """Collect the arguments of all processes during the block."""

    def __init__(self, found: set[bytes]) -> None:
        self._found = found
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.5):
            self._found |= _arguments_of_all()


def _arguments_of_all() -> set[bytes]:
    if Path("/proc/self/cmdline").exists():
        return {line for path in Path("/proc").glob("[0-9]*/cmdline") if (line := _read(path))}
    listed = subprocess.run(["ps", "-A", "-o", "args="], capture_output=True, check=True)
    return set(listed.stdout.splitlines())


def _read(path: Path) -> bytes:
    """The contents of a file in /proc, empty if the process has ended."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def _dump(url: str) -> bytes:
    """The whole database, with all of its schemas."""
    given = sa.make_url(url)
    environment = os.environ | {"PGPASSWORD": str(given.password)}
    program = embedded._binaries(None) / "pg_dump"  # has to be of the server's version
    target = without_password(given).render_as_string(hide_password=False)
    return subprocess.run([program, target], env=environment, capture_output=True, check=True).stdout


@pytest.fixture(scope="module")
def database_with_password(postgres_url: str, template_database: str) -> Iterator[tuple[str, str]]:
    """The URL of a database with its own password, and the password."""
    password, role = _planted("password"), f"planted_{uuid4().hex[:8]}"
    name = sql.Identifier(role)
    with created_database(postgres_url, f"planted_{uuid4().hex}", template=template_database) as url:
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            create = sql.SQL("CREATE ROLE {} SUPERUSER LOGIN PASSWORD {}")
            connection.execute(create.format(name, sql.Literal(password)))
        try:
            given = sa.make_url(url).set(username=role, password=password)
            yield given.render_as_string(hide_password=False), password
        finally:
            with psycopg.connect(url, autocommit=True) as connection:
                admin = sql.Identifier(embedded.ADMIN)
                connection.execute(sql.SQL("REASSIGN OWNED BY {} TO {}").format(name, admin))
                connection.execute(sql.SQL("DROP OWNED BY {}").format(name))
                connection.execute(sql.SQL("DROP ROLE {}").format(name))


@pytest.fixture(scope="module")
def installation(
    database_with_password: tuple[str, str],
    session_home: Path,
    sandbox: Callable[..., SandboxProcess],
    tmp_path_factory: pytest.TempPathFactory,
) -> Installation:
    """An installation that has used all its secrets on every error path."""
    url, password = database_with_password
    home = tmp_path_factory.mktemp("planted").resolve()
    running = sandbox(speed=600.0, seed=5)
    listed = [one["spotify_id"] for one in running.artists()]
    smallest = min(running.bound(listed)["artists"], key=lambda row: row["spotify"] + row["discogs"])
    key = Fernet.generate_key().decode()
    environment = {
        **os.environ, **NO_SECRET, "DATABASE_URL": url, "MUSIC_PIPELINE_HOME": str(home), "DAGSTER_HOME": str(PROJECT),
        "MUSIC_SANDBOX_URL": running.url, "MUSIC_PIPELINE_KEY": key,
    }  # fmt: skip
    made = Installation(environment, url, home, running, smallest["spotify_id"], {})
    made.hide("the database's password", password)
    made.hide("the key of stored credentials", key)
    _go_through_everything(made)
    made.collect()
    log = embedded.cluster_of(session_home).log
    made.evidence.written["the server's log"] = log.read_bytes() if log.exists() else b""
    return made


def _go_through_everything(made: Installation) -> None:
    given = {name: made.hide(f"{name} of the environment", _planted(name)) for name in NAMES}
    made.hide_pair("Spotify's pair", given["SPOTIFY_CLIENT_ID"], given["SPOTIFY_CLIENT_SECRET"])
    made.environment.update(given)
    _error_paths(made, "environment", 2, FAULTS)
    # The sandbox refuses secrets that contain `wrong`.
    stored = [made.hide(f"stored {name}", f"wrong-{_planted(name)}") for name in NAMES]
    made.commands(*(["credentials", "set", name] for name in NAMES), input="".join(f"{one}\n" for one in stored))
    _error_paths(made, "stored", 1, ("reset",))
    _look_at_everything(made)


def _error_paths(made: Installation, place: str, rounds: int, kinds: tuple[str, ...]) -> None:
    folder = made.home / place
    folder.mkdir()
    arguments = ("-m", ERROR_PATHS, str(folder), made.artist, str(rounds), *kinds)
    assert made.run(f"the error paths, {place}", *arguments) == 0, made.output(f"the error paths, {place}")[-2_000:]


def _look_at_everything(made: Installation) -> None:
    """Run commands that show state, and commands that fail at a wrong password or URL."""
    made.sandbox.clear_faults()
    made.commands(
        ["credentials", "list"], ["credentials", "test"], ["credentials", "test", "sonoteller"], ["doctor"], ["status"],
        ["errors"], ["dead", "list"], ["source", "list"], ["env"], ["credentials", "rotate"],
    )  # fmt: skip
    wrong = made.hide("a wrong password", _planted("wrong_password"))
    given = sa.make_url(made.url)
    refused = given.set(password=wrong).render_as_string(hide_password=False)
    made.commands(["status"], env={"DATABASE_URL": refused})
    made.run("dagster", "-m", "dagster", "run", "list", env={"DATABASE_URL": refused})
    made.commands(["status"], env={"DATABASE_URL": f"postgresql://somebody:{wrong}@127.0.0.1:port/none"})
    made.commands(["credentials", "list"], env={"MUSIC_PIPELINE_KEY": made.hide("no key", _planted("key"))})


def test_evidence_covers_all_output(installation: Installation) -> None:
    written = installation.evidence.written
    assert b"COPY dagster.event_logs" in written["the database"]
    assert b"COPY music.cached_answers" in written["the database"]
    assert written["the database"].count(b"STEP_FAILURE") > 0
    for place in ("environment", "stored"):
        assert b" - DEBUG - " in written[f"output of the error paths, {place}"]
        assert b"INFO:" in written[f"{place}/standard.log"]
        assert written[f"{place}/errors.txt"].count(b"Traceback") >= len(PROVIDERS)
    texts = written["environment/errors.txt"].decode()
    for sign in ("HTTP 401", "HTTP 503", "no answer in time"):
        assert sign in texts, sign
    assert any(ERROR_PATHS.encode() in line for line in installation.evidence.arguments)
    assert any(b"postgres" in line for line in installation.evidence.arguments)


def test_secrets_were_sent(installation: Installation) -> None:
    """The sandbox has received the stored secrets: it refuses what contains `wrong`."""
    tried = [*installation.printed["credentials test"], *installation.printed["credentials test sonoteller"]]
    refused = {line.split(":")[0] for line in "\n".join(tried).splitlines() if "FAILED" in line}
    assert refused == {name for name, provider in PROVIDERS.items() if provider.credentials}
    assert len(installation.printed["credentials set GENIUS_ACCESS_TOKEN"]) == 1


def test_commands_failed_for_the_intended_reasons(installation: Installation) -> None:
    _, refused, unreadable = installation.printed["status"]
    assert "password authentication failed" in refused
    assert "DATABASE_URL cannot be read" in unreadable
    assert "password authentication failed" in installation.output("dagster")
    listed, without_key = installation.printed["credentials list"]
    assert "stored since" in listed
    assert "no Fernet key" in without_key


def test_leaked_secret_would_be_found() -> None:
    secret = _planted("discogs_token")
    for form in _forms(secret):
        evidence = Evidence({"somewhere": b"before " + form + b" after"})
        assert evidence.leaks({"it": _forms(secret)}) == ["it in somewhere"]
    assert Evidence({}, {b"program\0" + secret.encode()}).leaks({"it": _forms(secret)}) == [
        "it in arguments of a process"
    ]


def test_no_secret_leaked(installation: Installation) -> None:
    assert len(installation.hidden) >= 2 * len(NAMES) + 5
    assert installation.evidence.leaks(installation.hidden) == []
