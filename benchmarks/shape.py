"""The package's shape, read from its files: sizes of functions, names of classes, files in folders, imports."""

import ast
import statistics
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import grimp
from grimp import ImportGraph

from music_pipeline.settings import PROJECT

NAME = "music_pipeline"
PACKAGE = PROJECT / NAME
NINE_TENTHS = 0.9


@dataclass(frozen=True, slots=True)
class Shape:
    """The figures of the package, the sandbox included."""

    median_function: float
    p90_function: int
    longest_function: int
    classes_of_shared_name: int
    most_classes_of_one_name: int
    files_in_largest_folder: int
    loose_modules: int
    circles: int
    upward: int


def shape() -> Shape:
    """Read the package."""
    trees = [ast.parse(file.read_text()) for file in PACKAGE.rglob("*.py")]
    lines = sorted(_lines_of_functions(trees))
    classes = Counter(node.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    folders = Counter(file.parent for file in PACKAGE.rglob("*.py") if file.name != "__init__.py")
    graph = grimp.build_graph(NAME, exclude_type_checking_imports=True, cache_dir=None)
    return Shape(
        median_function=statistics.median(lines),
        p90_function=lines[int(len(lines) * NINE_TENTHS)],
        longest_function=lines[-1],
        classes_of_shared_name=sum(count > 1 for count in classes.values()),
        most_classes_of_one_name=max(classes.values()),
        files_in_largest_folder=max(folders.values()),
        loose_modules=folders[PACKAGE],
        circles=len(circles(graph)),
        upward=len(upward_imports(graph, layers())),
    )


def _lines_of_functions(trees: list[ast.Module]) -> Iterator[int]:
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield (node.end_lineno or node.lineno) - node.lineno + 1


def circles(graph: ImportGraph) -> list[set[str]]:
    """The groups of modules that import one another, in a circle of whatever length; imports in bodies count."""
    reached = {module: set(graph.find_modules_directly_imported_by(module)) for module in graph.modules}
    for through, beyond in reached.items():  # Warshall's closure
        for targets in reached.values():
            if through in targets:
                targets |= beyond
    found: list[set[str]] = []
    for module in sorted(reached):
        group = {other for other in reached[module] if module in reached[other]}
        if group and group not in found:
            found.append(group)
    return found


def layers() -> list[set[str]]:
    """The layers of the package that import-linter is told to enforce, the highest first."""
    contracts = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    rows = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    return [{f"{NAME}.{room.strip()}" for room in row.replace("|", ":").split(":")} for row in rows]


def upward_imports(graph: ImportGraph, rows: list[set[str]]) -> set[tuple[str, str]]:
    """The imports of a room by one in a layer beneath it, ignored ones included."""
    heights: Mapping[str, int] = {room: -place for place, row in enumerate(rows) for room in row}
    found: set[tuple[str, str]] = set()
    for importer in graph.modules:
        below = heights.get(".".join(importer.split(".")[:2]))
        for imported in graph.find_modules_directly_imported_by(importer):
            above = heights.get(".".join(imported.split(".")[:2]))
            if below is not None and above is not None and above > below:
                found.add((importer, imported))
    return found
