"""The output and exit status of `scripts/vulnerabilities.py` against a local OSV."""

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from music_pipeline.settings import PROJECT

SCRIPT = PROJECT / "scripts" / "vulnerabilities.py"
PINNED = """\
safe==1.0 \\
    --hash=sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
weak==2.0 \\
    --hash=sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
elsewhere==3.0 ; python_full_version < '3' \\
    --hash=sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc
"""
KNOWN = {
    "id": "OSV-1",
    "summary": "it leaks",
    "affected": [
        {
            "package": {"name": "weak", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.1"}]}],
        }
    ],
}


@contextmanager
def _osv(known: dict[str, Any], status: int = 200) -> Iterator[tuple[str, list[Any]]]:
    """A local OSV with the given vulnerabilities by package.

    Yields its URL and the packages asked for.
    """
    asked: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append((question["package"]["name"], question["version"]))
            vulnerabilities = known.get(question["package"]["name"])
            body = json.dumps({"vulns": vulnerabilities} if vulnerabilities else {}).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1/query", asked
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def requirements(tmp_path: Path) -> Path:
    file = tmp_path / "requirements.txt"
    file.write_text(PINNED)
    return file


def _run(requirements: Path, url: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), str(requirements), "--osv-url", url]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_known_vulnerability_exits_1_with_its_remedy(requirements: Path) -> None:
    with _osv({"weak": [KNOWN]}) as (url, _):
        done = _run(requirements, url)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "weak 2.0: OSV-1, mended in 2.1: it leaks",
        "1 known vulnerabilities in 2 packages.",
    ]


def test_unreachable_osv_exits_2_and_says_so(requirements: Path) -> None:
    with socket.socket() as taken:  # bound, but not listening
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1/query"
        done = _run(requirements, url)
    assert done.returncode == 2
    assert f"OSV, the database of vulnerabilities, could not be reached at {url}" in done.stderr
    assert "is not known" in done.stderr
    assert "No known" not in done.stdout + done.stderr


def test_osv_error_exits_2(requirements: Path) -> None:
    with _osv({}, status=503) as (url, _):
        done = _run(requirements, url)
    assert (done.returncode, done.stdout) == (2, "")


def test_unpinned_requirements_exit_3(tmp_path: Path) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text("weak>=2\n")
    with _osv({"weak": [KNOWN]}) as (url, asked):
        done = _run(file, url)
    assert (done.returncode, asked) == (3, [])


def test_clean_requirements_exit_0() -> None:
    with _osv({}) as (url, asked):
        done = _run(PROJECT / "requirements.txt", url)
    assert done.returncode == 0, done.stderr
    assert {"dagster", "spotipy", "cryptography"} <= {name for name, _ in asked}
    assert done.stdout == f"No known vulnerabilities in {len(asked)} packages.\n"
