"""The ledger against a model: whatever is asked, claimed and ended in whichever order, nothing is lost or doubled."""

from dataclasses import dataclass, field
from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from music_pipeline.work import dead_letters
from music_pipeline.work.claim import give_back, renew
from music_pipeline.work.dead_letters import list_dead, open_work
from music_pipeline.work.finish import bury, finish, retry
from music_pipeline.work.model import Enqueued, LeaseLost, Selector, WorkItem
from music_pipeline_tests.support.ledger import ask, claim, pass_time, rows

SUBJECTS = st.sampled_from(["Nina", "Miles", "Björk"])
KEYS = st.sampled_from(["window 1", "window 2"])
LEASE = timedelta(seconds=301)


@dataclass
class Row:
    """A piece of open work as the model sees it."""

    work_id: object
    subject: str
    key: str
    force: bool
    attempts: int = 0
    due: bool = True
    holder: WorkItem | None = None
    leased: bool = False
    """Whether a run has it, be its lease over or not."""
    asked_again: bool = False


@dataclass
class Model:
    open: dict[str, Row] = field(default_factory=dict)
    archived_keys: dict[str, object] = field(default_factory=dict)
    archived: set[object] = field(default_factory=set)
    dead: dict[object, str] = field(default_factory=dict)


class LedgerMachine(RuleBasedStateMachine):
    engine: sa.Engine

    def __init__(self) -> None:
        super().__init__()
        with self.engine.begin() as connection:
            connection.execute(sa.text("TRUNCATE work, work_archive, dead_work, worker_issues"))
        self.model = Model()
        self.lost: list[WorkItem] = []

    @rule(subject=SUBJECTS, window=KEYS, force=st.booleans())
    def enqueue(self, subject: str, window: str, force: bool) -> None:
        key = f"{subject}: {window}"
        answer = ask(self.engine, subject, idempotency_key=key, force=force)
        row = self.model.open.get(subject)
        if row is not None:
            assert answer == Enqueued(row.work_id, "already_enqueued")
            row.asked_again = row.asked_again or (row.leased and (force or key != row.key))
            row.force = row.force or force
            row.due = row.due or force
        elif key in self.model.archived_keys and not force:
            assert answer == Enqueued(self.model.archived_keys[key], "already_done")
        else:
            assert answer.answer == "created"
            own = f"{key}:{answer.work_id}" if key in self.model.archived_keys else key
            self.model.open[subject] = Row(answer.work_id, subject, own, force)

    @rule(limit=st.integers(1, 3))
    def claim(self, limit: int) -> None:
        free = [row for row in self.model.open.values() if row.holder is None and row.due]
        items = claim(self.engine, limit=limit)
        assert len(items) == min(limit, len(free))
        for item in items:
            row = self.model.open[item.subject]
            assert row in free
            assert (item.work_id, item.force, item.attempts) == (row.work_id, row.force, row.attempts)
            row.holder, row.leased, row.asked_again = item, True, False

    @rule()
    def leases_run_out(self) -> None:
        pass_time(self.engine, LEASE)
        for row in self.model.open.values():
            if row.holder is not None:
                self.lost.append(row.holder)
                row.holder = None

    @rule()
    def a_day_goes_by_while_leases_are_renewed(self) -> None:
        pass_time(self.engine, timedelta(days=1))
        held = [row.holder for row in self.model.open.values() if row.holder is not None]
        assert renew(self.engine, held) == {item.work_id for item in held}
        for row in self.model.open.values():
            row.due = True

    @precondition(lambda self: any(row.holder for row in self.model.open.values()))
    @rule(data=st.data(), how=st.sampled_from(["finish", "retry", "wait", "bury", "give_back"]))
    def end(self, data: st.DataObject, how: str) -> None:
        row = data.draw(st.sampled_from([row for row in self.model.open.values() if row.holder]))
        item = row.holder
        assert item is not None
        getattr(self, f"_{how}")(row, item)

    def _finish(self, row: Row, item: WorkItem) -> None:
        with self.engine.begin() as connection:
            finish(connection, item, run_id="run", result={})
        self.model.archived.add(row.work_id)
        self.model.archived_keys[row.key] = row.work_id
        del self.model.open[row.subject]
        if row.asked_again:
            (again,) = open_work(self.engine, Selector(artist=row.subject))
            self.model.open[row.subject] = Row(again.work_id, row.subject, f"{row.key}:again", force=row.force)

    def _retry(self, row: Row, item: WorkItem) -> None:
        with self.engine.begin() as connection:
            ended = retry(connection, item, run_id="run", error="500", provider="spotify")
        row.attempts += 1
        if row.attempts == 5:
            assert ended == "buried"
            self._died(row, "max_retries_exhausted")
        else:
            assert ended == "retried"
            row.due, row.holder, row.leased = False, None, False

    def _wait(self, row: Row, item: WorkItem) -> None:
        with self.engine.begin() as connection:
            ended = retry(connection, item, run_id="run", error="blocked", provider=None, uses_attempt=False)
        assert ended == "retried"
        row.due, row.holder, row.leased = True, None, False

    def _bury(self, row: Row, item: WorkItem) -> None:
        with self.engine.begin() as connection:
            bury(connection, item, run_id="run", stop_reason="non_retryable", error="400")
        self._died(row, "non_retryable")

    def _give_back(self, row: Row, item: WorkItem) -> None:
        give_back(self.engine, [item])
        row.holder, row.leased = None, False

    def _died(self, row: Row, reason: str) -> None:
        self.model.dead[row.work_id] = reason
        del self.model.open[row.subject]

    @precondition(lambda self: self.lost)
    @rule(data=st.data())
    def a_late_run_ends_what_it_lost(self, data: st.DataObject) -> None:
        item = data.draw(st.sampled_from(self.lost))
        row = self.model.open.get(item.subject)
        if row is not None and row.holder is None and self._still_has_token(item):
            # Nobody took it yet: the late run is still the holder, and may finish.
            row.holder = item
            self._finish(row, item)
            return
        with pytest.raises(LeaseLost):
            self._finish(Row(item.work_id, item.subject, item.idempotency_key, item.force), item)

    def _still_has_token(self, item: WorkItem) -> bool:
        return bool(rows(self.engine, "SELECT 1 FROM work WHERE lease_token = :token", token=item.lease_token))

    @rule(subject=SUBJECTS)
    def cancel(self, subject: str) -> None:
        cancelled = dead_letters.cancel(self.engine, Selector(artist=subject), why="not wanted")
        row = self.model.open.get(subject)
        assert [dead.work_id for dead in cancelled] == ([row.work_id] if row else [])
        if row is not None:
            if row.holder is not None:
                self.lost.append(row.holder)
            self._died(row, "cancelled")

    @rule(subject=SUBJECTS)
    def purge(self, subject: str) -> None:
        dead = [row.work_id for row in list_dead(self.engine, Selector(artist=subject))]
        assert dead_letters.purge(self.engine, Selector(artist=subject)) == len(dead)
        for work_id in dead:
            del self.model.dead[work_id]

    @invariant()
    def every_piece_is_in_exactly_one_place(self) -> None:
        found = rows(self.engine, "SELECT subject, work_id, idempotency_key, force, attempts FROM work")
        assert {
            row["subject"]: (row["work_id"], row["idempotency_key"], row["force"], row["attempts"]) for row in found
        } == {row.subject: (row.work_id, row.key, row.force, row.attempts) for row in self.model.open.values()}
        archived = {row["work_id"] for row in rows(self.engine, "SELECT work_id FROM work_archive")}
        assert archived == self.model.archived
        dead = {row["work_id"]: row["stop_reason"] for row in rows(self.engine, "SELECT * FROM dead_work")}
        assert dead == self.model.dead


@pytest.fixture
def machine(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> type[LedgerMachine]:
    # Longer than all leases of a run of the machine together, shorter than its days.
    monkeypatch.setenv("RETRY_ARTIST_DISCOVERY_BASE_SECONDS", "21600")
    monkeypatch.setattr(LedgerMachine, "engine", engine, raising=False)
    return LedgerMachine


def test_the_ledger_behaves_as_its_model(machine: type[LedgerMachine]) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=15, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
