"""The SQL linter finds built statements, accepts bound ones, and passes our code."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from music_pipeline.settings import PROJECT

SCRIPT = PROJECT / "scripts" / "bound_parameters.py"


@pytest.fixture(scope="module")
def rule() -> ModuleType:
    specification = importlib.util.spec_from_file_location("bound_parameters", SCRIPT)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module  # dataclasses look up their module
    specification.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "built",
    [
        'connection.execute(sa.text(f"SELECT * FROM artists WHERE name = {name!r}"))',
        "cursor.execute(\"SELECT * FROM artists WHERE name = '%s'\" % name)",
        'cursor.execute("SELECT * FROM artists WHERE name = \'" + name + "\'")',
        "cursor.execute(\"SELECT * FROM artists WHERE name = '{}'\".format(name))",
        'cursor.execute("SELECT * FROM artists WHERE name = :name".replace(":name", name))',
        'cursor.execute(" ".join(["SELECT", name]), values)',
        'cursor.executemany(f"INSERT INTO {table} VALUES (%s)", rows)',
        'cursor.copy(f"COPY {table} FROM STDIN")',
        'connection.exec_driver_sql(f"DROP TABLE {table}")',
        'connection.execute(text("SELECT 1" if plain else f"SELECT {name}"))',
        'connection.execute(statement=f"SELECT {name}")',
        'pd.read_sql_query(f"SELECT * FROM {table}", connection)',
        'sql.SQL(f"DROP TABLE {table}")',
        'statement = f"SELECT {name}"\ncursor.execute(statement)',
        'statement: str = "SELECT " + name\ncursor.execute(statement)',
        'statement = "SELECT 1"\nif name:\n    statement += name\ncursor.execute(statement)',
        'def find(name):\n    with connect() as c:\n        asked = f"SELECT {name}"\n        c.execute(asked)',
        'QUERY = "SELECT {}".format(NAME)\ndef find():\n    return text(QUERY)',
    ],
)
def test_sql_built_from_pieces_is_found(rule: ModuleType, built: str) -> None:
    (finding,) = rule.find_in(built, "example.py")
    assert str(finding).startswith(f"example.py:{finding.line}: {finding.call}() is given SQL that is put together")
    assert finding.call in built.splitlines()[finding.line - 1]


@pytest.mark.parametrize(
    "bound",
    [
        'connection.execute(sa.text("SELECT * FROM artists WHERE name = :name"), {"name": name})',
        'connection.execute(query("artist"), {"name": f"{first} {last}"})',
        'cursor.execute(f"SELECT 1")',
        'cursor.execute("SELECT 1 " "FROM artists")',
        'connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))',
        'connection.execute(sql.SQL(", ").join(parts))',
        'path.write_text(f"SELECT {name}")',
        'statement = f"SELECT {name}"\nprint(statement)',
        'def one():\n    words = f"{a}"\n    return words\ndef other():\n    words = "SELECT 1"\n    c.execute(words)',
    ],
)
def test_bound_or_quoted_sql_passes(rule: ModuleType, bound: str) -> None:
    assert rule.find_in(bound, "example.py") == []


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, check=False)


def test_our_sql_binds_its_values() -> None:
    ours = _run(str(PROJECT / "music_pipeline"))
    assert (ours.returncode, ours.stdout, ours.stderr) == (0, "", "")


def test_findings_and_an_empty_folder_fail_the_lint(tmp_path: Path) -> None:
    assert _run(str(tmp_path)).returncode == 2
    (tmp_path / "example.py").write_text('cursor.execute(f"SELECT {name}")\n')
    found = _run(str(tmp_path))
    assert (found.returncode, found.stdout.count("\n")) == (1, 1)


def test_ruff_refuses_sql_built_from_pieces() -> None:
    """The project's own configuration of ruff does this for every file of the package."""
    example = "def find(name: str) -> str:\n    return f\"SELECT * FROM artists WHERE name = '{name}'\"\n"
    ruff = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--output-format",
        "concise",
        "--stdin-filename",
        "music_pipeline/example.py",
        "-",
    ]
    found = subprocess.run(ruff, input=example, capture_output=True, text=True, check=False, cwd=PROJECT)
    assert found.returncode == 1
    assert "S608" in found.stdout


def test_make_lint_runs_the_rule() -> None:
    shown = subprocess.run(["make", "--dry-run", "lint"], capture_output=True, text=True, check=True, cwd=PROJECT)
    assert "scripts/bound_parameters.py music_pipeline" in shown.stdout
