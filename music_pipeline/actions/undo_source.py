"""Taking back what a source said: its rows are pending again, and the catalogue shows what the others say."""

import json
from datetime import datetime
from uuid import uuid4

import sqlalchemy as sa
import structlog

from music_pipeline.catalog.audit import set_audit_reason
from music_pipeline.database.queries import query

log = structlog.get_logger()


def undo_source(engine: sa.Engine, source: str, *, since: datetime | None, why: str, by: str) -> int:
    """Take back all that a source said, or what it said from `since` on; answers of how many recordings.

    It is not asked again by itself: only by `reprocess` with this source, or when somebody asks for an artist afresh.
    """
    correlation_id = str(uuid4())
    reason = f"{source} taken back by {by}: {why}"
    with engine.begin() as connection:
        set_audit_reason(connection, why=reason, run_id="", correlation_id=correlation_id)
        undone = connection.execute(query("undo_source"), {"source": source, "since": since}).rowcount
        facts = json.dumps({"source": source, "since": since, "rows": undone}, default=str)
        values = {"act": "source_undo", "facts": facts, "why": reason, "run_id": "", "correlation_id": correlation_id}
        connection.execute(query("record_operator_act"), values)
    log.info("enrichment.undo", source=source, by=by, rows=undone, correlation_id=correlation_id)
    return undone
