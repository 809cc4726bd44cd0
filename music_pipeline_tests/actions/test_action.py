"""An action of an operator is one transaction, with one reason and one row of the audit."""

import pytest
import sqlalchemy as sa

from music_pipeline.actions.action import action
from music_pipeline_tests.support.ledger import rows

INSERT = "INSERT INTO artists (artist_key, name, name_normalised, content_hash) VALUES ('abba', 'ABBA', 'abba', 'h')"


def audit(engine: sa.Engine) -> list[tuple[str, str]]:
    return [(row["entity"], row["why"]) for row in rows(engine, "SELECT entity, why FROM audit ORDER BY audit_id")]


def test_rows_and_action_share_a_reason(engine: sa.Engine) -> None:
    with action(engine, "artist_added", by="ann", why="a test") as act:
        act.connection.exec_driver_sql(INSERT)
        act.facts(artists=1)
    reason = "artist_added by ann: a test"
    assert audit(engine) == [("artists", reason), ("artist_added", reason)]
    (one,) = rows(engine, "SELECT * FROM audit WHERE entity = 'artist_added'")
    assert (one["after"], one["correlation_id"]) == ({"artists": 1}, act.correlation_id)


def add_and_fail(engine: sa.Engine) -> None:
    with action(engine, "artist_added", by="ann", why=None) as act:
        act.connection.exec_driver_sql(INSERT)
        act.facts(artists=1)
        raise ValueError("no")


def test_error_undoes_all(engine: sa.Engine) -> None:
    with pytest.raises(ValueError, match="no"):
        add_and_fail(engine)
    assert audit(engine) == []
    assert rows(engine, "SELECT * FROM artists") == []


def test_action_that_changed_nothing_leaves_no_row(engine: sa.Engine) -> None:
    with action(engine, "artist_added", by="ann", why="a test"):
        pass
    assert audit(engine) == []
