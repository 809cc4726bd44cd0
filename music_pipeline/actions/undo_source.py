"""Undo what a source gave. Its rows are pending again."""

from datetime import datetime

import sqlalchemy as sa

from music_pipeline.actions.action import action
from music_pipeline.database.queries import query


def undo_source(engine: sa.Engine, source: str, *, since: datetime | None, why: str, by: str) -> int:
    """Undo all that a source gave, or what it gave from `since` on.

    Returns the number of recordings.

    It is only fetched again by `reprocess` with this source, or when somebody requests an artist by force.
    """
    with action(engine, "source_undo", by=by, why=why) as act:
        undone = act.connection.execute(query("undo_source"), {"source": source, "since": since}).rowcount
        act.facts(source=source, since=since, rows=undone)
    return undone
