"""The reason that the audit records with every change. The audit itself is made by triggers, in SQL."""

import sqlalchemy as sa

from music_pipeline.database.queries import query


def set_audit_reason(connection: sa.Connection, *, why: str, run_id: str, correlation_id: str) -> None:
    """Set the reason for the changes of this transaction. The audit records it with every row."""
    connection.execute(query("explain_change"), {"why": why, "run_id": run_id, "correlation_id": correlation_id})
