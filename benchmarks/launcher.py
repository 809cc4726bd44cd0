"""Runs a command, and writes what it took to a file, as JSON: `launcher.py FILE COMMAND …`.

A process of its own, and a small one, because the peak of memory that Linux keeps of a process is never less than what
the process that started it held at that moment.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path


def main() -> int:
    """The exit code is the command's."""
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
