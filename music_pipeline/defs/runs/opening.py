"""How what runs begins: with the database, and with its events in the log.

What `defs/` declares, and what it does when Dagster runs it, are apart: the latter is in this folder, and asks here for
its engine. It is imported in the bodies of what is declared, so that to load the definitions loads none of it.
"""

import sqlalchemy as sa
import structlog

from music_pipeline import logs
from music_pipeline.database.engine import get_engine


def open_database() -> sa.Engine:
    """The migrated database; from now on events are written as JSON lines, to stderr unless set otherwise."""
    if not structlog.is_configured():
        logs.configure()
    return get_engine()
