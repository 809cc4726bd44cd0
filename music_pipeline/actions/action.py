"""An operator's action: one transaction, one reason, one row of the audit."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
import structlog

from music_pipeline.catalog.audit import set_audit_reason
from music_pipeline.database.queries import query

log = structlog.get_logger()


class Action:
    """An action in progress. Work that it enqueues takes its `correlation_id`."""

    def __init__(self, connection: sa.Connection) -> None:
        self.connection = connection
        self.correlation_id = str(uuid4())
        self.recorded: dict[str, Any] = {}

    def facts(self, **facts: Any) -> None:
        """Record what was done, for the audit.

        An action without facts changed nothing and leaves no row.
        """
        self.recorded |= facts


@contextmanager
def action(engine: sa.Engine, name: str, *, by: str, why: str | None, run_id: str = "") -> Iterator[Action]:
    """Run the block in one transaction.

    The audit has the reason at every changed row, and one row for the action.
    """
    reason = f"{name} by {by}" + (f": {why}" if why else "")
    with engine.begin() as connection:
        act = Action(connection)
        set_audit_reason(connection, why=reason, run_id=run_id, correlation_id=act.correlation_id)
        yield act
        if act.recorded:
            connection.execute(
                query("record_operator_act"),
                {
                    "act": name,
                    "facts": json.dumps(act.recorded, default=str),
                    "why": reason,
                    "run_id": run_id,
                    "correlation_id": act.correlation_id,
                },
            )
    if act.recorded:
        log.info("operator.action", action=name, by=by, why=why, correlation_id=act.correlation_id, **act.recorded)
