"""A sandbox in its own process, for tests, the demo and benchmarks: start it, ask it, always end it."""

import json
import ssl
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from music_pipeline.sandbox.options import OptionError, SandboxOptions

PATIENCE_SECONDS = 5.0
ANSWER_SECONDS = 60.0
# The sandbox speaks plain HTTP. httpx would read all trusted certificates at each request, which takes 50 ms of CPU.
TRUSTS_NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@dataclass(frozen=True, slots=True)
class SandboxProcess:
    """A running sandbox. Every method raises httpx.HTTPStatusError where the sandbox refuses."""

    url: str
    pid: int

    def _ask(self, method: str, path: str, **arguments: Any) -> Any:
        answer = httpx.request(
            method, f"{self.url}/_sandbox/{path}", timeout=ANSWER_SECONDS, verify=TRUSTS_NOBODY, **arguments
        )
        answer.raise_for_status()
        return answer.json()

    def info(self) -> dict[str, Any]:
        """Speed, Spotify's mode, catalogue, seed and start."""
        return dict(self._ask("GET", "info"))

    def artists(self, limit: int | None = None) -> list[dict[str, str]]:
        """The artists of the catalogue: name and Spotify id."""
        return list(self._ask("GET", "artists", params={} if limit is None else {"limit": limit}))

    def stats(self) -> dict[str, dict[str, Any]]:
        """The counts by provider."""
        return dict(self._ask("GET", "stats"))

    def reset_stats(self) -> None:
        """Reset the counts, and what counts as a repeat."""
        self._ask("POST", "reset_stats")

    def bound(self, artists: Sequence[str]) -> dict[str, Any]:
        """The fewest requests for artists, by name or Spotify id."""
        return dict(self._ask("GET", "bound", params=[("artists", name) for name in artists]))

    def credits(self, artists: Sequence[str]) -> list[dict[str, Any]]:
        """Every production credit that is served for artists."""
        return list(self._ask("GET", "credits", params=[("artists", name) for name in artists]))

    def enrichment(self, artists: Sequence[str]) -> dict[str, Any]:
        """What each source has of each recording of artists, and the profiles of its producers."""
        return dict(self._ask("GET", "enrichment", params=[("artists", name) for name in artists]))

    def add_fault(self, provider: str, kind: str, **details: Any) -> dict[str, Any]:
        """Make a provider fail."""
        return dict(self._ask("POST", "faults", json={"provider": provider, "kind": kind, **details}))

    def faults(self) -> list[dict[str, Any]]:
        """The faults in force, with how many answers each has harmed."""
        return list(self._ask("GET", "faults"))

    def clear_faults(self) -> None:
        """End all faults."""
        self._ask("DELETE", "faults")

    def shrink(self, artist: str, releases: int) -> None:
        """Hide this many releases from Spotify's album list of an artist."""
        self._ask("POST", "shrink", json={"artist": artist, "releases": releases})


@contextmanager
def running_sandbox(**options: Any) -> Iterator[SandboxProcess]:
    """A running sandbox with these fields of SandboxOptions; it ends with the block.

    Raises OptionError with the sandbox's own message if it does not start.
    """
    chosen = SandboxOptions(**{**options, "with_parent": True})
    command = [sys.executable, "-m", "music_pipeline.sandbox", *chosen.arguments()]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:  # noqa: S603
        try:
            yield SandboxProcess(_read_address(process), process.pid)
        finally:
            _end(process)


def _read_address(process: subprocess.Popen[bytes]) -> str:
    line = process.stdout.readline() if process.stdout else b""
    if not line:
        _, words = process.communicate()
        raise OptionError(words.decode("utf-8", "replace").strip() or f"the sandbox ended with {process.returncode}")
    return str(json.loads(line)["url"])


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process: close its stdin, and kill it if it does not end."""
    if process.stdin:
        process.stdin.close()
    try:
        process.wait(PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
