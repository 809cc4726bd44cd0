"""Private names of Dagster are imported in one module, which says with which version they were checked."""

import re
from pathlib import Path

import dagster as dg

from music_pipeline.defs.instance.private import CHECKED_WITH
from music_pipeline.settings import PROJECT

PRIVATE = re.compile(r"^\s*(from|import) dagster\w*\._|^\s*from dagster\w*\.\w+\._", re.MULTILINE)


def test_installed_version_is_the_checked_one() -> None:
    assert dg.__version__ == CHECKED_WITH, "run the tests, try `make dev`, and note the new version in private.py"


def test_no_other_module_imports_private_names() -> None:
    package = PROJECT / "music_pipeline"
    private = package / "defs" / "instance" / "private.py"
    found = [path for path in package.rglob("*.py") if PRIVATE.search(path.read_text())]
    assert [Path(path) for path in found] == [private]
