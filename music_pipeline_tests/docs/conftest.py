"""A checkout to run the documentation: a demo's data, its sandbox, fast commands."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from music_pipeline.database import embedded
from music_pipeline.settings import PROJECT

BINARIES = Path(sys.executable).parent
SMALL_DEMO = ("make", "--no-print-directory", "-o", ".venv/set-up", "demo", "ARTISTS=2")


@dataclass(frozen=True, slots=True)
class Checkout:
    """`folder`: where commands run. `home`: the demo's data.

    `commands`: a folder with fast commands.
    """

    folder: Path
    home: Path
    commands: Path
    sandbox_url: str

    def environment(self) -> dict[str, str]:
        """The variables of a shell that works on the demo's data."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        path = f"{self.commands}:{BINARIES}:{os.environ['PATH']}"
        return kept | {"MUSIC_PIPELINE_HOME": str(self.home), "PATH": path, "COLUMNS": "160"}


@pytest.fixture(scope="session")
def checkout_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project made of links, in which commands may leave files."""
    folder = tmp_path_factory.mktemp("checkout")
    for entry in PROJECT.iterdir():
        if entry.name not in (".git", ".music_pipeline"):
            (folder / entry.name).symlink_to(entry)
    return folder


@pytest.fixture(scope="session")
def checkout(checkout_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A checkout with the data of a demo of two artists and its running sandbox.

    Slow to make.
    """
    home = tmp_path_factory.mktemp("home").resolve()
    data = home / "demo"
    with contextlib.ExitStack() as closing:
        closing.callback(_remove_server, data)
        _run_demo(checkout_folder, home)
        sandbox = closing.enter_context(_sandbox_of(home))
        commands = closing.enter_context(_quick_commands(tmp_path_factory.mktemp("commands")))
        yield Checkout(checkout_folder, data, commands, sandbox)


def _run_demo(folder: Path, home: Path) -> None:
    done = subprocess.run(
        SMALL_DEMO, cwd=folder, env=_environment(home), capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert json.loads(done.stdout.splitlines()[-1])["artists"] == 2


@contextlib.contextmanager
def _sandbox_of(home: Path) -> Iterator[str]:
    """The address of the demo's sandbox, served again as in operations.md."""
    with _process([BINARIES / "music-pipeline", "--demo", "sandbox"], _environment(home)) as first_line:
        assert "http://" in first_line
        yield str(json.loads((home / "demo" / "sandbox.json").read_text())["url"])


@contextlib.contextmanager
def _quick_commands(folder: Path) -> Iterator[Path]:
    """A folder with `music-pipeline` and `dagster` that run in a loaded process."""
    from music_pipeline_tests.docs import command_server

    address = folder / "socket"
    with _process([sys.executable, "-m", command_server.__name__, address], os.environ | {"PWD": str(PROJECT)}):
        command_server.write_clients(folder / "bin", address)
        yield folder / "bin"


@contextlib.contextmanager
def _process(command: Sequence[str | Path], environment: dict[str, str]) -> Iterator[str]:
    """Run a process during the block. Yields the first line that it prints."""
    process = subprocess.Popen(command, env=environment, cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline()
    finally:
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def _environment(home: Path) -> dict[str, str]:
    return dict(os.environ) | {"MUSIC_PIPELINE_HOME": str(home)}


def _remove_server(home: Path) -> None:
    cluster = embedded.cluster_of(home)
    embedded.stop(cluster)
    for folder in (cluster.folder, cluster.socket_folder):
        shutil.rmtree(folder, ignore_errors=True)
