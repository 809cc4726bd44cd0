"""Every path, link, variable and job in the documentation exists.

Pictures are current.
"""

import ast
import importlib.util
import inspect
import re
from functools import cache
from pathlib import Path
from types import ModuleType
from urllib.parse import urlsplit

import pytest

from music_pipeline.definitions import definitions
from music_pipeline.settings import PROJECT
from music_pipeline.stages.enrichment.sources import Source
from music_pipeline.work.stages import StageSpec
from music_pipeline_tests.docs.markdown import blocks_in

FILES = [*sorted(PROJECT.glob("*.md")), *sorted((PROJECT / "docs").glob("*.md"))]
PATH = re.compile(r"`((?:[\w.-]+/)+[\w.-]*)`")
VARIABLE = re.compile(r"`?\b((?:<[A-Z]+>)?[A-Z]*_?[A-Z]+(?:_(?:<[A-Z]+>|[A-Z]+))+)\b")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
# The folders where a path of the documentation may begin.
ROOTS = (
    PROJECT,
    PROJECT / "music_pipeline",
    PROJECT / "music_pipeline" / "defs",
    PROJECT / "music_pipeline" / "stages",
)
# Files that a running pipeline writes, and keys of assets.
WRITTEN = ("logs/music-pipeline.jsonl", "log/postgres.log")
ASSET = re.compile(r"^(queue|enrichment)/\w*$")
# Variables whose names the code puts together.
COMPOSED = (
    re.compile(r"^(?:<PROVIDER>|[A-Z]+)(_(?:DAILY_|MONTHLY_)?QUOTA)$"),
    re.compile(r"^RETRY_(?:<STAGE>|[A-Z_]+?)(_(?:MAX_ATTEMPTS|BASE_SECONDS|CAP_SECONDS|JITTER))$"),
)
# The classes that the documentation shows how to declare.
DECLARED = {"StageSpec": StageSpec, "Source": Source}
LONGEST_README_LINES = 150
LARGEST_PICTURE_BYTES = 400_000

of_each_file = pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)


@of_each_file
def test_paths_exist(file: Path) -> None:
    named = {path for path in PATH.findall(prose_of(file)) if path not in WRITTEN and not ASSET.match(path)}
    missing = sorted(path for path in named if not any((root / path).exists() for root in ROOTS))
    assert not missing


@of_each_file
def test_links_lead_somewhere(file: Path) -> None:
    missing = []
    for target in LINK.findall(file.read_text()):
        link = urlsplit(target)
        if link.scheme:
            continue
        page = (file.parent / link.path).resolve() if link.path else file
        if not page.exists() or (link.fragment and link.fragment not in anchors_of(page)):
            missing.append(target)
    assert not missing


@of_each_file
def test_variables_are_read_somewhere(file: Path) -> None:
    named = set(VARIABLE.findall(file.read_text()))
    missing = sorted(name for name in named if literal_of(name).casefold() not in code())
    assert not missing


@of_each_file
def test_python_blocks_parse_and_match_signatures(file: Path) -> None:
    for block in blocks_in(file):
        if block.language == "python":
            for call in (node for node in ast.walk(ast.parse(block.text)) if isinstance(node, ast.Call)):
                if isinstance(call.func, ast.Name) and call.func.id in DECLARED:
                    given = {keyword.arg or "**": None for keyword in call.keywords}
                    inspect.signature(DECLARED[call.func.id]).bind(*call.args, **given)


def test_all_jobs_are_described() -> None:
    described = set(re.findall(r"^\| `(\w+)` \| (?:every|hourly|Sundays|by hand)", page("operations.md"), re.MULTILINE))
    assert described == {job.name for job in definitions().resolve_all_job_defs() if not job.name.startswith("__")}


def test_all_sources_are_described() -> None:
    described = set(re.findall(r"^\| `(\w+)` \|.*\| \d+ days \|$", page("sources-and-statuses.md"), re.MULTILINE))
    keys = definitions().resolve_asset_graph().get_all_asset_keys()
    assert described == {key.path[1] for key in keys if key.path[0] == "enrichment"}


def test_readme_is_short() -> None:
    assert len((PROJECT / "README.md").read_text().splitlines()) <= LONGEST_README_LINES


def test_pictures_are_small_and_shown() -> None:
    shown = {Path(target).name for file in FILES for target in LINK.findall(file.read_text())}
    pictures = list((PROJECT / "docs" / "images").iterdir())
    assert {picture.name for picture in pictures} <= shown
    assert all(picture.stat().st_size <= LARGEST_PICTURE_BYTES for picture in pictures)


def test_diagrams_are_current() -> None:
    diagrams = script("diagrams")
    images = PROJECT / "docs" / "images"
    assert (images / "flow.svg").read_text() == diagrams.draw_flow()
    layers = diagrams.layers_in(PROJECT / "pyproject.toml")
    assert (images / "layers.svg").read_text() == diagrams.draw_layers(layers), "run scripts/diagrams.py"


def page(name: str) -> str:
    return (PROJECT / "docs" / name).read_text()


def prose_of(file: Path) -> str:
    """The text without fenced blocks."""
    return re.sub(r"^```.*?^```$", "", file.read_text(), flags=re.MULTILINE | re.DOTALL)


def anchors_of(file: Path) -> set[str]:
    """The anchors that a page's headings have on GitHub."""
    headings = re.findall(r"^#+ (.+)$", prose_of(file), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.casefold()).strip().replace(" ", "-") for heading in headings}


def literal_of(variable: str) -> str:
    """The part of a variable's name that the code contains literally."""
    found = next((match for pattern in COMPOSED if (match := pattern.match(variable))), None)
    return found[1] if found else variable


@cache
def code() -> str:
    """The text of all code that may read a variable, casefolded."""
    sources = [*(PROJECT / "music_pipeline").rglob("*.py"), *(PROJECT / "music_pipeline_tests").glob("*.py")]
    others = [PROJECT / "Makefile", *(PROJECT / "scripts").iterdir()]
    return "\n".join(source.read_text() for source in (*sources, *others) if source.is_file()).casefold()


def script(name: str) -> ModuleType:
    """Load a module of scripts/, which is not a package."""
    specification = importlib.util.spec_from_file_location(name, PROJECT / "scripts" / f"{name}.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module
