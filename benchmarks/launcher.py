"""Run a command, and write its cost to a file as JSON: `launcher.py FILE COMMAND …`.

This is a small process of its own, because Linux never reports a lower peak of memory for a process than what its
parent held when it started it.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path


def main() -> int:
    """Run the command; return its exit code."""
    began = time.perf_counter()
    process = subprocess.Popen(sys.argv[2:])  # noqa: S603
    _, status, used = os.wait4(process.pid, 0)
    took = {
        "seconds": time.perf_counter() - began,
        "cpu": used.ru_utime + used.ru_stime,
        "peak_kib": used.ru_maxrss,
    }
    Path(sys.argv[1]).write_text(json.dumps(took))
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main())
