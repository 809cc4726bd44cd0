"""Find the statements that the package names, directly or through helpers.

A name is a string, the variable of a loop over strings, or an f-string. An f-string stands for all names that fit it.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

FIRST_TAKERS = {"query": 0, "statement": 0}
Function = ast.FunctionDef | ast.AsyncFunctionDef


def named_statements(files: Iterable[Path]) -> list[tuple[str, str]]:
    """Every named statement as a regular expression, with the place that names it."""
    trees = {path: ast.parse(path.read_text()) for path in files}
    takers = _takers(trees.values())
    return [
        (pattern, f"{path.name}:{call.lineno}")
        for path, tree in trees.items()
        for call, argument, around in _calls_of(tree, takers)
        for pattern in _patterns(argument, around)
    ]


def _takers(trees: Iterable[ast.Module]) -> dict[str, int]:
    """The functions that pass a parameter on as a statement's name, with its position."""
    trees = list(trees)
    takers = dict(FIRST_TAKERS)
    while True:
        found = {
            around.name: position
            for tree in trees
            for _, argument, around in _calls_of(tree, takers)
            if isinstance(around, Function) and (position := _parameter(argument, around)) is not None
        }
        if found.items() <= takers.items():
            return takers
        takers |= found


def _parameter(argument: ast.expr, function: Function) -> int | None:
    names = [one.arg for one in function.args.args if one.arg != "self"]
    return names.index(argument.id) if isinstance(argument, ast.Name) and argument.id in names else None


def _calls_of(tree: ast.Module, takers: Mapping[str, int]) -> Iterator[tuple[ast.Call, ast.expr, ast.AST]]:
    """Every call of a taker, with the statement's name and the function around it."""
    for around in ast.walk(tree):
        if not isinstance(around, Function | ast.Module):
            continue
        for call in _own_nodes(around):
            if not isinstance(call, ast.Call):
                continue
            position = takers.get(_name_of(call.func))
            if position is not None and position < len(call.args):
                yield call, call.args[position], around


def _own_nodes(around: ast.AST) -> Iterator[ast.AST]:
    """The nodes inside, without the nodes of inner functions."""
    for child in ast.iter_child_nodes(around):
        if not isinstance(child, Function):
            yield child
            yield from _own_nodes(child)


def _name_of(function: ast.expr) -> str:
    """The name of the called function or method. `read` is a reader of JSON fields, whose methods name no statement."""
    if isinstance(function, ast.Attribute):
        is_reader = isinstance(function.value, ast.Name) and function.value.id == "read"
        return "" if is_reader else function.attr
    return getattr(function, "id", "")


def _patterns(argument: ast.expr, around: ast.AST) -> list[str]:
    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
        return [argument.value]
    if isinstance(argument, ast.JoinedStr):
        pieces = (re.escape(str(one.value)) if isinstance(one, ast.Constant) else r"\w+" for one in argument.values)
        return ["".join(pieces)]
    if isinstance(argument, ast.Name):
        return _loop_values(argument.id, around)
    return []


def _loop_values(name: str, around: ast.AST) -> list[str]:
    """The strings that the variable `name` takes in a loop of this function."""
    assigned = {
        target.id: node.value
        for node in _own_nodes(around)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    values: list[str] = []
    for node in _own_nodes(around):
        if (
            isinstance(node, ast.For | ast.comprehension)
            and isinstance(node.target, ast.Name)
            and node.target.id == name
        ):
            over = assigned.get(node.iter.id) if isinstance(node.iter, ast.Name) else node.iter
            if isinstance(over, ast.Tuple | ast.List):
                values += [str(one.value) for one in over.elts if isinstance(one, ast.Constant)]
    return values
