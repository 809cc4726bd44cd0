"""Find SQL that is built from pieces: `bound_parameters.py FOLDER …`.

A finding is a call that takes SQL (`text`, `execute`, `copy`, …) and whose first argument is an f-string with a value
in it, a sum, a `%`, or the result of `format`, `format_map`, `join` or `replace`. The argument may also be a variable
of the same function or module with such a value. psycopg's own composition
(`sql.SQL("…").format(sql.Identifier(name))`) is allowed, because it quotes. ruff's S608 judges how strings look; this
script judges where they go. Exit status: 0 without findings, 1 with findings, 2 without any Python file.
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TAKES_SQL = frozenset(
    {"text", "execute", "executemany", "exec_driver_sql", "copy", "copy_expert", "cursor_execute", "stream", "scalar",
     "scalars", "SQL", "TextClause", "DDL", "read_sql", "read_sql_query", "from_statement", "executescript"}
)  # fmt: skip
SQL_KEYWORDS = frozenset({"statement", "query", "sql", "text"})
BUILDS_TEXT = frozenset({"format", "format_map", "join", "replace"})
SCOPES = (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


@dataclass(frozen=True, slots=True)
class Finding:
    """A call whose SQL is built from pieces."""

    path: str
    line: int
    call: str

    def __str__(self) -> str:
        """The finding as a line that editors understand."""
        return f"{self.path}:{self.line}: {self.call}() is given SQL that is put together: bind its values instead"


def find_in(source: str, path: str) -> list[Finding]:
    """The findings in the text of a Python file, by line. Raises SyntaxError."""
    tree = ast.parse(source, path)
    found = [
        Finding(path, call.lineno, name)
        for call, scopes in _calls(tree, ())
        if (name := _name_of(call.func)) in TAKES_SQL and any(_is_built(each, scopes) for each in _statements_of(call))
    ]
    return sorted(found, key=lambda finding: finding.line)


def _calls(node: ast.AST, scopes: tuple[ast.AST, ...]) -> Iterator[tuple[ast.Call, tuple[ast.AST, ...]]]:
    """Every call, with the scopes around it, the innermost last."""
    if isinstance(node, SCOPES):
        scopes = (*scopes, node)
    if isinstance(node, ast.Call):
        yield node, scopes
    for child in ast.iter_child_nodes(node):
        yield from _calls(child, scopes)


def _name_of(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _statements_of(call: ast.Call) -> list[ast.expr]:
    return [*call.args[:1], *(keyword.value for keyword in call.keywords if keyword.arg in SQL_KEYWORDS)]


def _is_built(value: ast.expr, scopes: tuple[ast.AST, ...]) -> bool:
    if isinstance(value, ast.Name):
        return any(_is_built(each, ()) for scope in scopes[-1:] + scopes[:1] for each in _assigned(scope, value.id))
    if isinstance(value, ast.JoinedStr):
        return any(isinstance(part, ast.FormattedValue) for part in value.values)
    if isinstance(value, ast.BinOp):
        return isinstance(value.op, ast.Add | ast.Mod)
    if isinstance(value, ast.IfExp):
        return _is_built(value.body, scopes) or _is_built(value.orelse, scopes)
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
        return value.func.attr in BUILDS_TEXT and not _composes(value.func.value)
    return False


def _composes(value: ast.expr) -> bool:
    """Whether it is psycopg's `SQL("…")`, which quotes in `format` and `join`."""
    return isinstance(value, ast.Call) and _name_of(value.func) == "SQL"


def _assigned(scope: ast.AST, name: str) -> Iterator[ast.expr]:
    """The values assigned to a variable in a scope, without scopes inside it.

    `+=` counts as a sum.
    """
    for node in ast.iter_child_nodes(scope):
        if isinstance(node, SCOPES):
            continue
        if isinstance(node, ast.AugAssign) and _names(node.target, name):
            yield ast.BinOp(node.target, node.op, node.value)
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(_names(target, name) for target in targets):
                yield node.value
        yield from _assigned(node, name)


def _names(target: ast.expr, name: str) -> bool:
    return isinstance(target, ast.Name) and target.id == name


def main(folders: list[str]) -> int:
    """Print the findings in the folders' Python files, and return the exit status."""
    paths = [path for folder in folders for path in sorted(Path(folder).rglob("*.py"))]
    if not paths:
        sys.stderr.write(f"There is no Python file in {', '.join(folders) or 'no folder at all'}.\n")
        return 2
    found = [finding for path in paths for finding in find_in(path.read_text(encoding="utf-8"), str(path))]
    sys.stdout.write("".join(f"{finding}\n" for finding in found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
