"""Tables and unclear columns have comments, and docs/data-model.md shows them."""

import importlib.util
from types import ModuleType

import pytest
import sqlalchemy as sa

from music_pipeline.settings import PROJECT

SCRIPT = PROJECT / "scripts" / "data_model.py"
UNEXPLAINED = """
SELECT c.relname FROM pg_class c
WHERE c.relnamespace = 'music'::regnamespace AND c.relkind IN ('r', 'v') AND obj_description(c.oid, 'pg_class') IS NULL
UNION ALL
SELECT proname FROM pg_proc
WHERE pronamespace = 'music'::regnamespace AND prokind = 'f' AND obj_description(oid, 'pg_proc') IS NULL
"""
UNEXPLAINED_COLUMNS = """
SELECT c.relname || '.' || a.attname
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'music'::regnamespace AND c.relkind = 'r' AND col_description(c.oid, a.attnum) IS NULL
  AND c.relname NOT IN ('work_archive', 'dead_work') AND a.attname <> ALL (CAST(:plain AS text[]))
"""
# The name of these columns, or the introduction of the page, says what they mean.
PLAIN = {
    "first_seen_at", "last_seen_at", "inactive_at", "inactive_reason", "content_hash", "artist_id", "release_id",
    "recording_id", "track_id", "producer_id", "credit_id", "work_id", "review_id", "held_id", "audit_id", "issue_id",
    "metric_id", "name", "title", "provider", "entity", "source", "status", "kind", "at", "created_at", "updated_at",
    "decided_at", "decided_by", "decided_why", "set_at", "set_by", "stored_at", "started_at", "ended_at", "enqueued_at",
    "applied_at", "counted_at", "learnt_at", "first_used_at", "open_until", "probe_until", "until", "reason", "error",
    "value", "stage", "subject", "run_id", "correlation_id", "bucket", "account", "endpoint", "calls", "succeeded",
    "failed", "release_type", "disc_number", "place", "service", "handle", "asked_at",
}  # fmt: skip


@pytest.fixture(scope="module")
def script() -> ModuleType:
    specification = importlib.util.spec_from_file_location("data_model", SCRIPT)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_tables_views_and_functions_have_comments(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        assert list(connection.execute(sa.text(UNEXPLAINED)).scalars()) == []


def test_columns_explain_themselves_or_have_comments(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        unexplained = connection.execute(sa.text(UNEXPLAINED_COLUMNS), {"plain": sorted(PLAIN)})
        assert list(unexplained.scalars()) == []


def test_page_is_up_to_date(engine: sa.Engine, script: ModuleType) -> None:
    page = script.data_model(engine)
    assert page == (PROJECT / "docs" / "data-model.md").read_text(), "run make docs"
