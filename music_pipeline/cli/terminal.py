"""What the commands share: the terminal, the database, and one line instead of a traceback."""

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
    """The terminal; a pipe gets lines wide enough for every table."""
    return Console(width=None if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL, highlight=False, markup=False)


def open_database() -> sa.Engine:
    """The migrated database; the log of events goes to a file of our home, not between the lines for people."""
    logs.configure(file=settings().home / "logs" / "music-pipeline.jsonl")
    return get_engine()


def show_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; None is an empty cell. The first column is never cut: by it a row is named to other commands."""
    table = Table(title=title, title_justify="left", title_style="bold")
    cells = [["" if cell is None else str(cell) for cell in row] for row in rows]
    widest = max((len(row[0]) for row in cells), default=0)
    for place, column in enumerate(columns):
        table.add_column(column, min_width=None if place else widest)
    for row in cells:
        table.add_row(*(Text(cell) for cell in row))
    screen().print(table)


def local_time(moment: datetime | None) -> str | None:
    """A time in UTC to the second."""
    return None if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def spoken(duration: timedelta) -> str:
    """A duration in words, to two units: 3 h 20 min."""
    seconds = max(0, round(duration.total_seconds()))
    units = [("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)]
    parts: list[str] = []
    for name, size in units:
        count, seconds = divmod(seconds, size)
        if count or (name == "s" and not parts):
            parts.append(f"{count} {name}")
    return " ".join(parts[:2])


def who() -> str:
    """The user at the terminal, for what is recorded as decided by a person."""
    return getpass.getuser()


@contextlib.contextmanager
def one_line_for(*errors: type[Exception]) -> Iterator[None]:
    """End the command with an error's text alone, where one of `errors` is raised."""
    try:
        yield
    except BrokenPipeError:  # an OSError, but no fault: whoever read our output has enough
        raise
    except errors as error:
        raise click.ClickException(str(error)) from error
