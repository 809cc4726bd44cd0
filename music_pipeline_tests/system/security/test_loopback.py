"""Every server of ours listens on the loopback address only, by default."""

import contextlib
import ipaddress
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click
import httpx
import pytest
import sqlalchemy as sa

from music_pipeline.sandbox.__main__ import parse_options
from music_pipeline.sandbox.options import SandboxOptions
from music_pipeline.sandbox.process import SandboxProcess
from music_pipeline.settings import PROJECT

LISTENS = "0A"
PATIENCE_SECONDS = 120
needs_proc = pytest.mark.skipif(
    not Path("/proc/net/tcp").exists(), reason="this system has no /proc/net/tcp to look at"
)


def listening_of(pid: int) -> set[tuple[str, int]]:
    """The addresses and ports where a process listens. Empty if it has ended."""
    try:
        ours = {os.readlink(entry) for entry in Path(f"/proc/{pid}/fd").iterdir() if entry.is_symlink()}
        tables = [Path(f"/proc/{pid}/net/{name}").read_text() for name in ("tcp", "tcp6")]
    except (FileNotFoundError, ProcessLookupError):
        return set()  # workers of Postgres come and go
    inodes = {found[1] for one in ours if (found := re.fullmatch(r"socket:\[(\d+)\]", one))}
    rows = [line.split() for table in tables for line in table.splitlines()]
    return {_address(row[1]) for row in rows if row[3] == LISTENS and row[9] in inodes}


def _address(text: str) -> tuple[str, int]:
    """`0100007F:1F90` is 127.0.0.1:8080.

    Each group of four bytes is in the machine's order.
    """
    host, port = text.split(":")
    raw = bytes.fromhex(host)
    if sys.byteorder == "little":
        raw = b"".join(raw[place : place + 4][::-1] for place in range(0, len(raw), 4))
    return str(ipaddress.ip_address(raw)), int(port, 16)


@needs_proc
def test_socket_open_to_all_would_be_seen() -> None:
    with socket.socket() as one, socket.socket(socket.AF_INET6) as another:
        one.bind(("0.0.0.0", 0))  # noqa: S104 - that is what is to be seen
        another.bind(("::", 0))
        for each in (one, another):
            each.listen()
        found = listening_of(os.getpid())
        assert ("0.0.0.0", one.getsockname()[1]) in found  # noqa: S104
        assert ("::", another.getsockname()[1]) in found


@needs_proc
def test_sandbox_listens_on_loopback_only(sandbox: Callable[..., SandboxProcess]) -> None:
    running = sandbox(speed=60.0, seed=1)
    port = int(running.url.rpartition(":")[2])
    assert listening_of(running.pid) == {("127.0.0.1", port)}


def test_sandbox_cannot_listen_elsewhere() -> None:
    assert "host" not in SandboxOptions.__slots__
    with pytest.raises(click.UsageError):
        parse_options(["--host", "0.0.0.0"])  # noqa: S104


def test_make_dev_gives_dagster_a_loopback_address(tmp_path: Path) -> None:
    """Runs the script in a project with fake programs that record their arguments."""
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "dev").write_text((PROJECT / "scripts" / "dev").read_text())
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name in ("dagster", "python"):
        (programs / name).write_text(f'#!/bin/sh\necho "{name} $*" >> "{tmp_path}/called"\n')
        (programs / name).chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MUSIC_", "DAGSTER_"))}
    chosen = {"SANDBOX": "1", "SANDBOX_PORT": "8765", "SANDBOX_SPEED": "1", "UI_PORT": "3000"}
    subprocess.run(["bash", "scripts/dev"], cwd=tmp_path, env=environment | chosen, check=True, capture_output=True)
    called = _lines_once_written(tmp_path / "called", 2)
    assert {line.split()[0] for line in called} == {"dagster", "python"}
    (dagster,) = [line for line in called if line.startswith("dagster ")]
    assert "--host 127.0.0.1" in dagster
    (emulated,) = [line for line in called if line.startswith("python ")]
    assert parse_options(emulated.split()[3:]).port == 8765


def _lines_once_written(file: Path, count: int) -> list[str]:
    """Wait until another process has written `count` lines to the file."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not file.exists() or len(file.read_text().splitlines()) < count:
        assert time.monotonic() < end
        os.sched_yield()
    return file.read_text().splitlines()


@needs_proc
@pytest.mark.soak
def test_make_dev_listens_on_loopback_only(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if not (PROJECT / ".venv").exists():
        pytest.skip("the project has no .venv, which scripts/dev uses")
    with socket.socket() as one, socket.socket() as another:
        for each in (one, another):
            each.bind(("127.0.0.1", 0))
        ports = [str(each.getsockname()[1]) for each in (one, another)]
    chosen = {"SANDBOX": "1", "SANDBOX_PORT": ports[0], "SANDBOX_SPEED": "60", "UI_PORT": ports[1]}
    command = ["bash", str(PROJECT / "scripts" / "dev")]
    with (tmp_path / "dev.log").open("w") as log:
        dev = subprocess.Popen(command, env={**os.environ, **chosen}, stdout=log, stderr=log, start_new_session=True)
    try:
        _wait_for_answer(f"http://127.0.0.1:{ports[1]}/server_info", dev)
        found = {address for pid in _group(dev.pid) for address in listening_of(pid)}
        assert {int(port) for port in ports} <= {port for _, port in found}
        assert all(ipaddress.ip_address(host).is_loopback for host, _ in found), found
    finally:
        os.killpg(dev.pid, signal.SIGINT)
        dev.wait(PATIENCE_SECONDS)


def _wait_for_answer(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            httpx.get(url).raise_for_status()
            return
        except httpx.HTTPError:
            assert time.monotonic() < end
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.2)
                raise AssertionError(f"`make dev` ended with {process.returncode}") from None


def _group(leader: int) -> list[int]:
    """The processes of a session."""
    pids = [int(path.name) for path in Path("/proc").glob("[0-9]*")]
    return [pid for pid in pids if _session_of(pid) == leader]


def _session_of(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None
