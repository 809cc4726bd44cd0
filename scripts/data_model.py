"""Write docs/data-model.md from the database's comments: `data_model.py [FILE]`.

Tables stand in the order of the migrations, views in the order of sql/views.sql. This script explains nothing: a
missing text belongs in a COMMENT ON.
"""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from music_pipeline.database.engine import get_engine
from music_pipeline.database.queries import sql_folder
from music_pipeline.settings import PROJECT

FILE = PROJECT / "docs" / "data-model.md"
CREATED = re.compile(r"^CREATE (?:UNLOGGED TABLE|TABLE|OR REPLACE VIEW) (\w+)", re.MULTILINE)
COLUMNS = sa.text("""
SELECT c.relname AS relation, obj_description(c.oid, 'pg_class') AS about, a.attname AS name,
       format_type(a.atttypid, a.atttypmod) AS type, col_description(c.oid, a.attnum) AS meaning,
       (SELECT confrelid::regclass::text FROM pg_constraint
        WHERE contype = 'f' AND conrelid = c.oid AND conkey = ARRAY[a.attnum] LIMIT 1) AS refers_to
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'v')
ORDER BY c.relname, a.attnum
""")
FUNCTIONS = sa.text("""
SELECT proname AS name, pg_get_function_identity_arguments(oid) AS arguments, obj_description(oid, 'pg_proc') AS about
FROM pg_proc WHERE pronamespace = current_schema()::regnamespace AND prokind = 'f' ORDER BY proname
""")
INTRODUCTION = """\
# Data model

<!-- Made by `make docs` from the comments in sql/. Change the comment there, not this file. -->

All tables are in the schema `music`. Some columns recur:

- `first_seen_at`, `last_seen_at`: when a provider's answer first listed the row, and when last (to the day).
- `inactive_at`, `inactive_reason`: when and why the row became inactive. Rows are never deleted. A row becomes
  inactive when a provably complete answer no longer lists it.
- `content_hash`: a hash of the row's facts. An answer with the same hash writes nothing.

A column without a meaning explains itself.
"""


def data_model(engine: sa.Engine) -> str:
    """The text of the page, from the comments in a migrated database."""
    with engine.connect() as connection:
        relations: dict[str, list[Any]] = {}
        for row in connection.execute(COLUMNS):
            relations.setdefault(row.relation, []).append(row)
        functions = connection.execute(FUNCTIONS).all()
    return "\n".join([INTRODUCTION, *_sections(relations), *_functions(functions)]) + "\n"


def _sections(relations: Mapping[str, Sequence[Any]]) -> Iterator[str]:
    folder = sql_folder()
    for path in [*sorted((folder / "migrations").glob("*.sql")), folder / "views.sql"]:
        text = path.read_text()
        yield f"## {_heading(path)}\n\n{_first_comment(text)}\n"
        for name in CREATED.findall(text):
            yield _relation(name, relations[name])


def _heading(path: Path) -> str:
    """The name of a file without its number.

    The page spells "catalogue" as all prose does.
    """
    name = path.stem.lstrip("0123456789_").replace("catalog", "catalogue")
    return name.capitalize()


def _first_comment(text: str) -> str:
    """The first paragraph of the comment at the beginning of a file."""
    lines = text.partition("\n\n")[0].split("\n--\n")[0].splitlines()
    return "\n".join(line.removeprefix("-- ") for line in lines)


def _relation(name: str, columns: Sequence[Any]) -> str:
    lines = [f"### {name}", "", columns[0].about or "", "", "| column | type | meaning |", "|---|---|---|"]
    return "\n".join(lines + [f"| `{one.name}` | {one.type} | {_meaning(one)} |" for one in columns]) + "\n"


def _meaning(column: Any) -> str:
    refers_to = f"→ `{column.refers_to}`." if column.refers_to else ""
    return " ".join(filter(None, [refers_to, (column.meaning or "").replace("|", "\\|")]))


def _functions(functions: Sequence[Any]) -> Iterator[str]:
    yield "## Functions\n\nThe functions are in sql/functions. A changed file is applied again.\n"
    for one in functions:
        yield f"- `{one.name}({one.arguments})`: {one.about}"


def main(arguments: Sequence[str]) -> int:
    """Write the page to the given file, or to docs/data-model.md."""
    file = Path(arguments[0]) if arguments else FILE
    file.write_text(data_model(get_engine()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
