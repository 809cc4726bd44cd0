"""How reaching the database can fail, in words for a person."""

import sqlalchemy as sa


class DatabaseUnreachable(Exception):
    """Postgres does not answer. The text says which one and what to do, without the password."""


class MigrationError(Exception):
    """An applied migration differs from its file."""


def unreachable_text(url: sa.URL, error: sa.exc.OperationalError) -> str:
    """A line for a person: which Postgres, what it said, what to do."""
    where = url.query.get("host") or f"{url.host}:{url.port or 5432}"
    said = " ".join(str(error.orig).split()).rstrip("?.")
    return f"Postgres at {where} (database {url.database}) does not answer: {said}. Start it, or correct DATABASE_URL."
