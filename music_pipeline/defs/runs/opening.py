"""How a run opens the database.

Bodies of declarations import this, so that loading the definitions does not.
"""

import sqlalchemy as sa
import structlog

from music_pipeline import logs
from music_pipeline.database.engine import get_engine


def open_database() -> sa.Engine:
    """Return the engine of the migrated database.

    Logs events as JSON lines to stderr, unless logs are configured already.
    """
    if not structlog.is_configured():
        logs.configure()
    return get_engine()
