"""Measure processes: time, CPU, memory.

CPU is that of the process and of all its children that it waited for. The CPU of Postgres for it is counted apart.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from music_pipeline.settings import PROJECT

PROC = Path("/proc")
LAUNCHER = Path(__file__).with_name("launcher.py")
MIB = 1024 * 1024
KIB = 1024


class ProcessFailed(Exception):
    """A measured process ended with an error. The text ends with the process's output."""


@dataclass(frozen=True, slots=True)
class Run:
    """A finished process: seconds, CPU seconds, MiB of its largest process, and its last line as JSON."""

    seconds: float
    cpu: float
    server_cpu: float
    peak_mib: float
    said: Mapping[str, Any]


def sweep_command(
    program: str, postmaster: int, *, artists: int, first: int = 0, stages: Sequence[str] = ()
) -> list[str]:
    """A sweep of made-up artists by `benchmarks.<program>`: of these stages, or else of those of the catalogue."""
    command = [sys.executable, "-m", f"benchmarks.{program}", "--postmaster", str(postmaster)]
    command += ["--first", str(first), "--artists", str(artists)]
    return [*command, "--stages", *stages] if stages else command


def run_measured(command: Sequence[str], *, postmaster: int, environment: Mapping[str, str] | None = None) -> Run:
    """Run a program to its end. Raises ProcessFailed for an exit code other than 0."""
    before = cpu_of_server(postmaster)
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "took.json"
        text = _output_of([sys.executable, "-I", "-S", str(LAUNCHER), str(told), *command], environment or {})
        took = json.loads(told.read_text())
    return Run(
        seconds=took["seconds"],
        cpu=took["cpu"],
        server_cpu=cpu_of_server(postmaster) - before,
        peak_mib=took["peak_kib"] * KIB / MIB,
        said=_last_line(text),
    )


def _output_of(command: Sequence[str], environment: Mapping[str, str]) -> str:
    process = subprocess.Popen(  # noqa: S603
        command,
        cwd=PROJECT,
        env=_environment() | dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        text, _ = process.communicate()
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)  # also what the launcher has started
        raise
    if process.returncode != 0:
        raise ProcessFailed(f"{' '.join(command)} ended with {process.returncode}:\n{text[-4000:]}")
    return text


def _environment() -> dict[str, str]:
    """This process's environment. A process may write its compiled modules, so that the next one finds them."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _last_line(text: str) -> Mapping[str, Any]:
    last = text.strip().rpartition("\n")[2]
    return dict(json.loads(last)) if last.startswith("{") else {}


def cpu_of_server(postmaster: int) -> float:
    """CPU seconds that a Postgres has used so far: by its living processes and by its ended sessions.

    Reads Linux's /proc. Sessions are children of the postmaster, which waits for them.
    """
    ticks = sum(_ticks(pid, with_ended=pid == postmaster) for pid in (postmaster, *_children(postmaster)))
    return ticks / os.sysconf("SC_CLK_TCK")


def _children(parent: int) -> Iterator[int]:
    for folder in PROC.iterdir():
        if folder.name.isdecimal() and _fields(int(folder.name))[1:2] == [str(parent)]:
            yield int(folder.name)


def _ticks(pid: int, *, with_ended: bool) -> int:
    fields = _fields(pid)
    return sum(map(int, fields[11 : 15 if with_ended else 13]))


def _fields(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat after the program's name (proc_pid_stat(5)); empty once it has ended."""
    try:
        text = (PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return text.rpartition(") ")[2].split()
