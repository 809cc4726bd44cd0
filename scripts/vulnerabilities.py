"""Ask OSV for known vulnerabilities: `vulnerabilities.py FILE [--osv-url URL]`.

This script calls pip-audit and interprets its result. Exit status: 0 without known vulnerabilities, 1 with some, 2 if
OSV could not be reached, 3 if the audit failed in another way.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

NOTHING_KNOWN, FOUND, UNREACHABLE, FAILED = range(4)
OSV = "https://api.osv.dev/v1/query"
TIMEOUT_SECONDS = 15
NO_CONNECTION = ("ConnectionError", "ConnectTimeout", "ReadTimeout", "Could not connect", "ProxyError", "SSLError",
                 "HTTPError", "JSONDecodeError")  # fmt: skip


def audit(requirements: Path, osv_url: str) -> subprocess.CompletedProcess[str]:
    """Run pip-audit on pinned requirements, without installing or resolving anything."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(requirements), "--require-hashes",
               "--disable-pip", "--vulnerability-service", "osv", "--osv-url", osv_url, "--format", "json",
               "--progress-spinner", "off", "--timeout", str(TIMEOUT_SECONDS)]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603


def verdict(done: subprocess.CompletedProcess[str], osv_url: str) -> tuple[int, str]:
    """The exit status of an audit, and the text to print."""
    if done.stdout.strip():
        return _verdict_of_report(json.loads(done.stdout)["dependencies"])
    said = done.stderr.strip().splitlines() or ["nothing"]
    if any(sign in done.stderr for sign in NO_CONNECTION):
        return UNREACHABLE, (
            f"OSV, the database of vulnerabilities, could not be reached at {osv_url}: {said[-1]}\n"
            "Whether the pinned packages have known vulnerabilities is not known."
        )
    return FAILED, f"pip-audit failed with status {done.returncode}: {said[-1]}"


def _verdict_of_report(packages: list[dict[str, Any]]) -> tuple[int, str]:
    skipped = [f"{each['name']}: not audited, {each['skip_reason']}" for each in packages if "skip_reason" in each]
    if skipped:
        return FAILED, "\n".join(skipped)
    found = [
        f"{package['name']} {package['version']}: {each['id']}, {_remedy(each['fix_versions'])}: {each['description']}"
        for package in packages
        for each in package["vulns"]
    ]
    if found:
        return FOUND, "\n".join([*found, f"{len(found)} known vulnerabilities in {len(packages)} packages."])
    return NOTHING_KNOWN, f"No known vulnerabilities in {len(packages)} packages."


def _remedy(versions: list[str]) -> str:
    return f"mended in {', '.join(versions)}" if versions else "not mended yet"


def main() -> int:
    """Print the verdict and return the exit status."""
    parser = argparse.ArgumentParser(description="Ask for known vulnerabilities of pinned packages.")
    parser.add_argument("requirements", type=Path)
    parser.add_argument("--osv-url", default=OSV)
    chosen = parser.parse_args()
    status, words = verdict(audit(chosen.requirements, chosen.osv_url), chosen.osv_url)
    (sys.stdout if status == NOTHING_KNOWN else sys.stderr).write(f"{words}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
