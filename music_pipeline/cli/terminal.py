"""What the commands share: tables, formats, the database, and errors as one line."""

import contextlib
import getpass
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

import click
import sqlalchemy as sa
from rich.console import Console
from rich.table import Table
from rich.text import Text

from music_pipeline import logs
from music_pipeline.database.engine import get_engine
from music_pipeline.settings import settings

WIDTH_WITHOUT_TERMINAL = 160


def screen() -> Console:
    """The terminal. A pipe gets lines wide enough for every table."""
    return Console(width=None if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL, highlight=False, markup=False)


def open_database() -> sa.Engine:
    """Return the engine of the migrated database.

    Events are logged to a file in our home, not to the terminal.
    """
    logs.configure(file=settings().home / "logs" / "music-pipeline.jsonl")
    return get_engine()


def show_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table.

    None is an empty cell. The first column is never cut, since other commands take it.
    """
    table = Table(title=title, title_justify="left", title_style="bold")
    cells = [["" if cell is None else str(cell) for cell in row] for row in rows]
    widest = max((len(row[0]) for row in cells), default=0)
    for place, column in enumerate(columns):
        table.add_column(column, min_width=None if place else widest)
    for row in cells:
        table.add_row(*(Text(cell) for cell in row))
    screen().print(table)


def utc_time(moment: datetime | None) -> str | None:
    """Format as UTC, to the second."""
    return None if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def human_duration(duration: timedelta) -> str:
    """Format in two units, as "3 h 20 min"."""
    seconds = max(0, round(duration.total_seconds()))
    units = [("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)]
    parts: list[str] = []
    for name, size in units:
        count, seconds = divmod(seconds, size)
        if count or (name == "s" and not parts):
            parts.append(f"{count} {name}")
    return " ".join(parts[:2])


def current_user() -> str:
    """The user at the terminal, for the audit."""
    return getpass.getuser()


@contextlib.contextmanager
def errors_as_messages(*errors: type[Exception]) -> Iterator[None]:
    """Turn these errors into one line and exit code 1."""
    try:
        yield
    except BrokenPipeError:  # an OSError, but only the reader of our output has gone
        raise
    except errors as error:
        raise click.ClickException(str(error)) from error
