"""Run `music-pipeline` and `dagster` in forks of a process that has loaded them.

Sixty commands that each load Dagster or SQLAlchemy again would take a minute. Here a shell calls a tiny client. The
client passes its arguments, environment, folder and open files to this server. A fork runs the command's entry point.
"""

import importlib
import json
import os
import signal
import socket
import sys
import tomllib
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

PROJECT = Path(__file__).resolve().parent.parent.parent
MESSAGE_SIZE_BYTES = 8
LOADED_BY_COMMANDS = ("music_pipeline.definitions", "pandas", "pyarrow.parquet")
CLIENT = """#!{python} -IS
import json, os, socket, sys
server = socket.socket(socket.AF_UNIX)
server.connect({address!r})
message = json.dumps([{name!r}, sys.argv[1:], dict(os.environ), os.getcwd()]).encode()
socket.send_fds(server, [len(message).to_bytes({size}, "big")], [0, 1, 2])
server.sendall(message)
sys.exit(int(server.recv(16) or b"1"))
"""


def entry_points() -> dict[str, Callable[[], Any]]:
    """The entry point of each command."""
    declared = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["scripts"]
    return {name: _loaded(target) for name, target in (declared | {"dagster": "dagster._cli:main"}).items()}


def _loaded(target: str) -> Callable[[], Any]:
    module_name, _, function = target.partition(":")
    module = importlib.import_module(module_name)
    for value in list(vars(module).values()):
        if isinstance(value, click.Group):
            _load_commands(value)
    entry: Callable[[], Any] = getattr(module, function)
    return entry


def _load_commands(group: click.Group) -> None:
    """Load every command of a group, including the lazy ones."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            _load_commands(command)


def write_clients(folder: Path, address: Path) -> None:
    """Write an executable for each command."""
    folder.mkdir()
    for name in entry_points():
        client = folder / name
        client.write_text(
            CLIENT.format(python=sys.executable, address=str(address), name=name, size=MESSAGE_SIZE_BYTES)
        )
        client.chmod(0o755)


def serve(address: str) -> None:
    """Serve until the process is ended. Print a line when ready."""
    entries = entry_points()
    for module in LOADED_BY_COMMANDS:
        importlib.import_module(module)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # whoever started the tests may ignore it
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _answer(connection, entries)
        connection.close()


def _answer(connection: socket.socket, entries: dict[str, Callable[[], Any]]) -> None:
    size, files, _, _ = socket.recv_fds(connection, MESSAGE_SIZE_BYTES, 3)
    name, arguments, environment, folder = json.loads(_received(connection, int.from_bytes(size, "big")))
    command = os.fork()
    if command == 0:
        for number, file in enumerate(files):
            os.dup2(file, number)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        sys.argv = [name, *arguments]
        os._exit(_run(entries[name]))
    _, status = os.waitpid(command, 0)
    connection.sendall(str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _received(connection: socket.socket, size: int) -> bytes:
    message = b""
    while len(message) < size:
        message += connection.recv(size - len(message))
    return message


def _run(entry: Callable[[], Any]) -> int:
    code: object = 0
    try:
        entry()
    except SystemExit as ended:
        code = ended.code
    except BaseException:  # noqa: BLE001 - a command's last resort is its traceback
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return code if isinstance(code, int) else int(code is not None)


if __name__ == "__main__":
    serve(sys.argv[1])
