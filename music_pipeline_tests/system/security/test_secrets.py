"""Secrets that are planted are found nowhere: not in the database, not in logs, errors, output or arguments.

Each credential has a recognisable value, from the environment first, then stored; the database's password too. Then
every provider fails in every way, with logging at its loudest. What is looked through is proved to be what was written,
and the secrets to have been sent.
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
# Several commands one after the other in one process, each after a line with its words.
COMMANDS = """
import json, sys
from music_pipeline.cli.main import run
for arguments in json.loads(sys.argv[1]):
    print("$", *arguments, flush=True)
    run(arguments)
"""
# An account's number, which is no secret, and stands in the address.
NO_SECRET = {"INSTAGRAM_USER_ID": "17841400000424242"}
NAMES = sorted({name for provider in PROVIDERS.values() for name in provider.credentials} - set(NO_SECRET))
FAULTS = ("expired_token", "5xx", "latency", "reset")
PATIENCE_SECONDS = 500

pytestmark = pytest.mark.soak


def _planted(what: str) -> str:
    """A value that a URL has to escape, so that both its forms are looked for."""
    return f"planted+{what.casefold()}/{secrets.token_hex(12)}"


def _forms(secret: str) -> set[bytes]:
    """A secret as it is, and in each form in which it could have been written."""
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
    """All that was written, by where it was found."""

    written: dict[str, bytes] = field(default_factory=dict)
    arguments: set[bytes] = field(default_factory=set)

    def leaks(self, hidden: Mapping[str, Iterable[bytes]]) -> list[str]:
        """Which secret is found where."""
        places = {**self.written, "arguments of a process": b"\n".join(self.arguments)}
        return [
            f"{name} in {place}"
            for name, forms in hidden.items()
            for place, content in places.items()
            if any(form in content for form in forms)
        ]


@dataclass
class Installation:
    """A database with a planted password, a home, and a sandbox that wants credentials."""

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
        """What Spotify's accounts service gets as basic authorization."""
        self.hidden[name] = {base64.b64encode(f"{client}:{secret}".encode())}

    def run(self, place: str, *arguments: str, **options: str | dict[str, str]) -> int:
        """Run Python on what is installed; keep what it prints, and every process's arguments meanwhile."""
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
        """Run commands of ours; what each printed is kept by its words."""
        place = f"commands, {uuid4().hex}"
        assert self.run(place, "-c", COMMANDS, json.dumps(commands), **options) == 0
        for printed in self.output(place).split("\n$ "):
            words, _, text = printed.removeprefix("$ ").partition("\n")
            self.printed.setdefault(words, []).append(text)

    def output(self, place: str) -> str:
        return self.evidence.written[f"output of {place}"].decode()

    def collect(self) -> None:
        """Take what lies in the home, the database and its server's log as evidence."""
        for path in sorted(self.home.rglob("*")):
            if path.is_file() and path.name != "credentials.key":
                self.evidence.written[str(path.relative_to(self.home))] = path.read_bytes()
        self.evidence.written["the database"] = _dump(self.url)


class _watching:  # noqa: N801 - a context manager
    """Collects the arguments of all processes while its block lasts."""

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
    """What a file of /proc says; nothing of a process that has ended meanwhile."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def _dump(url: str) -> bytes:
    """The whole database, with all of its schemas."""
    given = sa.make_url(url)
    environment = os.environ | {"PGPASSWORD": str(given.password)}
    program = embedded._binaries(None) / "pg_dump"  # of the server's own version
    target = without_password(given).render_as_string(hide_password=False)
    return subprocess.run([program, target], env=environment, capture_output=True, check=True).stdout


@pytest.fixture(scope="module")
def database_with_password(postgres_url: str, template_database: str) -> Iterator[tuple[str, str]]:
    """A database's URL with a password of its own, and that password."""
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
    """An installation whose secrets were all used, in every way that goes wrong, before a test looks at it."""
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
    # The sandbox refuses what has `wrong` in it.
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
    """Every command that shows how things stand, and those that a wrong password or URL ends."""
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


def test_what_was_written_is_what_is_looked_through(installation: Installation) -> None:
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


def test_the_secrets_were_sent(installation: Installation) -> None:
    """Those that were stored have a word in them that the sandbox refuses; those of the environment have not."""
    tried = [*installation.printed["credentials test"], *installation.printed["credentials test sonoteller"]]
    refused = {line.split(":")[0] for line in "\n".join(tried).splitlines() if "FAILED" in line}
    assert refused == {name for name, provider in PROVIDERS.items() if provider.credentials}
    assert len(installation.printed["credentials set GENIUS_ACCESS_TOKEN"]) == 1


def test_the_commands_failed_for_the_reasons_that_were_meant(installation: Installation) -> None:
    _, refused, unreadable = installation.printed["status"]
    assert "password authentication failed" in refused
    assert "DATABASE_URL cannot be read" in unreadable
    assert "password authentication failed" in installation.output("dagster")
    listed, without_key = installation.printed["credentials list"]
    assert "stored since" in listed
    assert "no Fernet key" in without_key


def test_a_planted_secret_that_leaked_would_be_found() -> None:
    secret = _planted("discogs_token")
    for form in _forms(secret):
        evidence = Evidence({"somewhere": b"before " + form + b" after"})
        assert evidence.leaks({"it": _forms(secret)}) == ["it in somewhere"]
    assert Evidence({}, {b"program\0" + secret.encode()}).leaks({"it": _forms(secret)}) == [
        "it in arguments of a process"
    ]


def test_no_planted_secret_is_found_anywhere(installation: Installation) -> None:
    assert len(installation.hidden) >= 2 * len(NAMES) + 5
    assert installation.evidence.leaks(installation.hidden) == []
