"""How reaching the database can fail, in words for a person."""

import sqlalchemy as sa


class DatabaseUnreachable(Exception):
    """Postgres does not answer. The text says which one and what to do, without the password."""


class MigrationError(Exception):
    """An applied migration differs from ours, or the schema is another version's."""


def unreachable_text(url: sa.URL, error: sa.exc.OperationalError) -> str:
    """One line for people: which Postgres, what it said, what to do."""
    said = " ".join(str(error.orig).split()).rstrip("?.")
    return f"Postgres at {place_of(url)} does not answer: {said}. Start it, or correct DATABASE_URL."


def place_of(url: sa.URL) -> str:
    """The host, port and database of a URL, without its password."""
    return f"{url.query.get('host') or f'{url.host}:{url.port or 5432}'} (database {url.database})"
