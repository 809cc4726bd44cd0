"""Dagster's event log in Postgres, with batches of asset events.

Dagster writes each event by itself, in two transactions. It can store batches, but `context.log_event` does not.
"""

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import dagster as dg
from dagster_postgres import PostgresEventLogStorage

BATCHED = (dg.DagsterEventType.ASSET_MATERIALIZATION, dg.DagsterEventType.ASSET_OBSERVATION)


class BatchingEventLog(PostgresEventLogStorage):
    """A PostgresEventLogStorage with `batches()`."""

    def __init__(self, postgres_url: str) -> None:
        super().__init__(postgres_url)
        self._collected = threading.local()

    @contextmanager
    def batches(self) -> Iterator[None]:
        """Collect this thread's asset events, and store them at the end of the block."""
        events: list[dg.EventLogEntry] = []
        self._collected.events = events
        try:
            yield
        finally:
            self._collected.events = None
            by_kind: defaultdict[tuple[dg.AssetKey | None, str], list[dg.EventLogEntry]] = defaultdict(list)
            for event in events:
                found = event.get_dagster_event()
                by_kind[found.asset_key, found.event_type_value].append(event)
            for batch in by_kind.values():
                self.store_event_batch(batch)

    def store_event(self, event: dg.EventLogEntry) -> None:
        collected: list[dg.EventLogEntry] | None = getattr(self._collected, "events", None)
        if collected is not None and event.is_dagster_event and event.dagster_event_type in BATCHED:
            collected.append(event)
        else:
            super().store_event(event)


def asset_events_in_batches(instance: dg.DagsterInstance) -> AbstractContextManager[None]:
    """Store the asset events of a block in batches, if the instance has our event log."""
    storage = instance.event_log_storage
    return storage.batches() if isinstance(storage, BatchingEventLog) else nullcontext()
