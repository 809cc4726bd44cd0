"""Run a documentation file as one shell script, and collect each command's result."""

import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SECONDS = 300


@dataclass(frozen=True, slots=True)
class Step:
    """A command as the shell runs it. `place`: its file and line."""

    place: str
    command: str


@dataclass(frozen=True, slots=True)
class Ended:
    """How a step ended. `code` is None if the shell did not reach the step."""

    step: Step
    code: int | None
    output: str


def run_steps(steps: list[Step], *, folder: Path, environment: Mapping[str, str], outputs: Path) -> list[Ended]:
    """Run the steps in one shell, so that exports hold for the next step."""
    lines = []
    for number, step in enumerate(steps):
        output, code = (shlex.quote(str(outputs / f"{number}.{kind}")) for kind in ("out", "code"))
        lines += ["{", step.command, f"}} > {output} 2>&1 < /dev/null", f"echo $? > {code}"]
    script = outputs / "script.sh"
    script.write_text("\n".join(lines) + "\n")
    subprocess.run(["bash", script], cwd=folder, env=dict(environment), check=False, timeout=SECONDS)
    return [_ended(step, outputs / str(number)) for number, step in enumerate(steps)]


def _ended(step: Step, files: Path) -> Ended:
    code, output = files.with_suffix(".code"), files.with_suffix(".out")
    return Ended(
        step,
        int(code.read_text()) if code.exists() else None,
        output.read_text(errors="replace") if output.exists() else "",
    )
