"""What every change of the catalogue has in common: why it is made, how rows are handed over.

What a row means belongs to the module of its table.
"""

import sqlalchemy as sa

from music_pipeline.database.queries import query


def explain(connection: sa.Connection, *, why: str, run_id: str, correlation_id: str) -> None:
    """Say why the rest of this transaction changes the catalogue; the audit records it with every row."""
    connection.execute(query("explain_change"), {"why": why, "run_id": run_id, "correlation_id": correlation_id})
