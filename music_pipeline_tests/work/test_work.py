"""The life of a piece of work on a real Postgres: asked for, claimed, finished, tried again, buried."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from music_pipeline.work import finish as work_finish
from music_pipeline.work.claim import claim as claim_stage
from music_pipeline.work.claim import give_back, heartbeat, renew
from music_pipeline.work.dead_letters import cancel, list_dead
from music_pipeline.work.enqueue import enqueue, enqueue_many
from music_pipeline.work.finish import bury, postpone, retry
from music_pipeline.work.model import Enqueued, EnqueueRequest, LeaseLost, Selector, Stage, WorkItem
from music_pipeline.work.payloads import InvalidPayload
from music_pipeline.work.status import waiting_for
from music_pipeline.work.sweeps import record_batch
from music_pipeline_tests.support.ledger import ARTIST, ask, claim, pass_time, rows, value


def test_a_first_request_is_created_and_a_second_for_the_subject_joins_it(engine: sa.Engine) -> None:
    first = ask(engine, "Nina")
    second = ask(engine, "Nina")
    assert first.answer == "created"
    assert second == Enqueued(first.work_id, "already_enqueued")


def test_an_open_row_with_the_same_key_answers_for_another_subject(engine: sa.Engine) -> None:
    first = ask(engine, "Nina", idempotency_key="one")
    assert ask(engine, "Simone", idempotency_key="one") == Enqueued(first.work_id, "already_enqueued")


def test_an_archived_key_is_already_done(engine: sa.Engine) -> None:
    first = ask(engine, idempotency_key="window-1")
    finish_all(engine)
    assert ask(engine, idempotency_key="window-1") == Enqueued(first.work_id, "already_done")
    assert ask(engine, idempotency_key="window-2").answer == "created"


def test_what_succeeded_within_its_fresh_time_is_not_done_again_and_later_is(engine: sa.Engine) -> None:
    ask(engine)
    finish_all(engine)
    assert ask(engine, fresh_for=timedelta(hours=24)).answer == "already_done"
    pass_time(engine, timedelta(hours=25))
    assert ask(engine, fresh_for=timedelta(hours=24)).answer == "created"


def test_force_asks_again_whatever_the_archive_says_and_keys_stay_unique(engine: sa.Engine) -> None:
    ask(engine, idempotency_key="window")
    finish_all(engine)
    forced = ask(engine, idempotency_key="window", force=True)
    assert forced.answer == "created"
    (item,) = finish_all(engine)
    assert item.force
    assert item.idempotency_key == f"window:{forced.work_id}"
    assert value(engine, "SELECT count(DISTINCT idempotency_key) FROM work_archive") == 2


def test_a_forced_request_makes_a_waiting_row_forced_urgent_and_due(engine: sa.Engine) -> None:
    ask(engine, origin="batch")
    (item,) = claim(engine)
    with engine.begin() as connection:
        retry(connection, item, run_id="run", error="500", provider="spotify")
    assert claim(engine) == []
    assert ask(engine, force=True).answer == "already_enqueued"
    (again,) = claim(engine)
    assert (again.force, again.priority) == (True, 2)


def test_a_forced_request_during_a_run_is_done_after_it(engine: sa.Engine) -> None:
    ask(engine)
    (item,) = claim(engine)
    later = datetime.now(UTC) + timedelta(seconds=1)
    assert ask(engine, force=True, cutoff=later).answer == "already_enqueued"
    finish(engine, item)
    (again,) = claim(engine)
    assert again.force
    assert again.work_id != item.work_id
    assert again.cutoff == later


def test_a_second_forced_request_during_a_forced_run_is_done_after_it_too(engine: sa.Engine) -> None:
    ask(engine, force=True)
    (item,) = claim(engine)
    later = datetime.now(UTC) + timedelta(seconds=1)
    ask(engine, force=True, cutoff=later)
    finish(engine, item)
    (again,) = claim(engine)
    assert (again.force, again.cutoff) == (True, later)


def test_new_facts_during_a_run_are_worked_off_after_it(engine: sa.Engine) -> None:
    ask(engine, idempotency_key="version 1")
    (item,) = claim(engine)
    assert ask(engine, idempotency_key="version 2").answer == "already_enqueued"
    finish(engine, item)
    (again,) = claim(engine)
    assert (again.subject, again.force) == (item.subject, False)
    finish(engine, again)
    assert claim(engine) == []


def test_a_request_for_what_may_be_a_day_old_is_answered_by_a_run_in_progress(engine: sa.Engine) -> None:
    ask(engine, idempotency_key="version 1")
    (item,) = claim(engine)
    ask(engine, idempotency_key="version 2", fresh_for=timedelta(hours=24))
    ask(engine, idempotency_key="version 1")
    finish(engine, item)
    assert claim(engine) == []


def test_new_facts_before_a_run_begins_anew_need_no_second_one(engine: sa.Engine) -> None:
    ask(engine, idempotency_key="version 1")
    claim(engine)
    ask(engine, idempotency_key="version 2")
    pass_time(engine, timedelta(hours=1))
    (item,) = claim(engine)
    finish(engine, item)
    assert claim(engine) == []


def test_a_request_waits_for_a_transaction_that_is_finishing_and_is_not_lost_in_it(engine: sa.Engine) -> None:
    ask(engine, idempotency_key="version 1")
    (item,) = claim(engine)
    with ThreadPoolExecutor(1) as beside, engine.begin() as finishing:
        work_finish.finish(finishing, item, run_id="run", result={})
        asked = beside.submit(ask, engine, idempotency_key="version 2")
        with engine.connect() as watching:
            while not watching.execute(sa.text("SELECT 1 FROM pg_locks WHERE NOT granted")).first():
                assert not asked.done()
        finishing.commit()
        assert asked.result().answer == "created"


def test_many_requests_in_one_statement_are_answered_in_their_order(engine: sa.Engine) -> None:
    names = [f"artist {number % 7}" for number in range(20)]
    requests = [
        EnqueueRequest(Stage.ARTIST_DISCOVERY, {"artistName": name}, subject=name, idempotency_key=name)
        for name in names
    ]
    with engine.begin() as connection:
        answers = enqueue_many(connection, requests)
    ids = {name: answers[place].work_id for place, name in enumerate(names[:7])}
    assert [answer.work_id for answer in answers] == [ids[name] for name in names]
    assert [answer.answer for answer in answers] == ["created"] * 7 + ["already_enqueued"] * 13


def test_a_request_is_gone_with_its_transaction(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        enqueue(connection, Stage.ARTIST_DISCOVERY, {"artistName": "Nina"}, subject="nina", idempotency_key="nina")
        connection.rollback()
    assert claim(engine) == []


@pytest.mark.parametrize(
    ("stage", "payload", "complaint"),
    [
        (Stage.ARTIST_DISCOVERY, {}, "artistId or artistName is needed"),
        (Stage.ARTIST_DISCOVERY, {"artistId": "too short"}, "artistId"),
        (Stage.ARTIST_DISCOVERY, {"artistName": "  "}, "artistName"),
        (Stage.ARTIST_DISCOVERY, {"artistName": "Nina", "nickname": "N"}, "nickname"),
        (Stage.ALBUM_DISCOVERY, {"offset": 0}, "artistId"),
        (Stage.ALBUM_DISCOVERY, {"artistId": str(ARTIST), "offset": -1}, "offset"),
        (Stage.TRACK_DISCOVERY, {"artistId": "nobody"}, "artistId"),
        (Stage.PRODUCER_IDENTIFICATION, {"artistId": str(ARTIST), "trackId": 7}, "trackId"),
    ],
)
def test_a_malformed_payload_is_refused_with_a_sentence(
    engine: sa.Engine, stage: Stage, payload: dict[str, object], complaint: str
) -> None:
    with engine.begin() as connection, pytest.raises(InvalidPayload, match=complaint) as refused:
        enqueue(connection, stage, payload, subject="x", idempotency_key="x")
    assert "\n" not in str(refused.value)
    assert value(engine, "SELECT count(*) FROM work") == 0


def test_a_malformed_row_of_another_sql_client_is_buried_when_claimed_and_stops_nobody(engine: sa.Engine) -> None:
    ask(engine, "Nina")
    ask(engine, "Broken")
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE work SET payload = '{}' WHERE subject = 'Broken'"))
    assert [item.subject for item in claim(engine)] == ["Nina"]
    (dead,) = list_dead(engine, Selector())
    assert (dead.subject, dead.stop_reason) == ("Broken", "invalid_payload")


def test_work_is_claimed_by_priority_and_then_by_time(engine: sa.Engine) -> None:
    ask(engine, "batch", origin="batch")
    ask(engine, "watchlist", origin="watchlist")
    ask(engine, "manual")
    ask(engine, "urgent", origin="batch", priority=0)
    ask(engine, "manual later")
    assert [item.subject for item in claim(engine, limit=4)] == ["urgent", "manual", "manual later", "watchlist"]
    assert [item.subject for item in claim(engine)] == ["batch"]


def test_claimed_work_is_nobody_elses_until_its_lease_ends_and_the_loss_is_recorded(engine: sa.Engine) -> None:
    ask(engine)
    (first,) = claim(engine, run_id="killed")
    assert claim(engine, run_id="other") == []
    pass_time(engine, timedelta(seconds=301))
    (second,) = claim(engine, run_id="other")
    assert second.attempts == 0
    assert second.lease_token != first.lease_token
    (issue,) = rows(engine, "SELECT * FROM worker_issues")
    assert issue["work_id"] == first.work_id
    assert "killed" in issue["error"]


def test_named_work_is_claimed_before_it_is_due_but_not_from_a_running_lease(engine: sa.Engine) -> None:
    asked = ask(engine)
    (item,) = claim(engine)
    assert claim(engine, work_ids=[asked.work_id]) == []
    with engine.begin() as connection:
        retry(connection, item, run_id="run", error="500", provider="spotify")
    assert claim(engine) == []
    assert [named.work_id for named in claim(engine, work_ids=[asked.work_id, uuid4()])] == [asked.work_id]


def test_renewal_answers_what_is_still_ours_and_keeps_it_so(engine: sa.Engine) -> None:
    ask(engine, "kept")
    ask(engine, "lost")
    kept, lost = claim(engine)
    cancel(engine, Selector(work_ids=(lost.work_id,)), why="not wanted")
    pass_time(engine, timedelta(seconds=200))
    assert renew(engine, [kept, lost]) == {kept.work_id}
    pass_time(engine, timedelta(seconds=200))
    assert claim(engine) == []


def test_renewal_does_not_wait_for_a_transaction_that_is_finishing(engine: sa.Engine) -> None:
    ask(engine, "finishing")
    ask(engine, "other")
    finishing, other = claim(engine)
    with engine.begin() as connection:
        work_finish.finish(connection, finishing, run_id="run", result={})
        assert renew(engine, [finishing, other]) == {finishing.work_id, other.work_id}
    assert renew(engine, [finishing, other]) == {other.work_id}


async def test_the_heartbeat_renews_leases_and_reports_lost_ones(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEASE_RENEW_SECONDS", "1")
    ask(engine, "kept")
    ask(engine, "lost")
    kept, lost = claim(engine)
    cancel(engine, Selector(work_ids=(lost.work_id,)), why="not wanted")
    before = value(engine, "SELECT lease_until FROM work")
    asked: list[None] = []
    beaten = asyncio.Event()

    def items() -> list[WorkItem]:
        """Asked before and after each renewal."""
        asked.append(None)
        if len(asked) == 2:
            beaten.set()
        return [kept, lost]

    async with heartbeat(engine, items) as heart, asyncio.timeout(20):
        await beaten.wait()
    assert heart.lost == {lost.work_id}
    assert value(engine, "SELECT lease_until FROM work") > before


def test_work_given_back_is_due_as_before_with_no_attempt_used(engine: sa.Engine) -> None:
    ask(engine)
    items = claim(engine)
    before = value(engine, "SELECT available_at FROM work")
    give_back(engine, items)
    assert value(engine, "SELECT available_at FROM work") == before
    (again,) = claim(engine)
    assert again.attempts == 0
    assert rows(engine, "SELECT * FROM worker_issues") == []


def test_finished_work_is_archived_with_its_result(engine: sa.Engine) -> None:
    asked = ask(engine, "Nina", correlation_id="request 1")
    (item,) = claim(engine)
    finish(engine, item, result={"artist_key": "nina"})
    assert rows(engine, "SELECT * FROM work") == []
    (archived,) = rows(engine, "SELECT * FROM work_archive")
    assert archived["work_id"] == asked.work_id
    assert archived["result"] == {"artist_key": "nina"}
    assert (archived["outcome"], archived["run_id"], archived["correlation_id"]) == ("succeeded", "run", "request 1")


ENDINGS = {
    "finish": lambda connection, item: work_finish.finish(connection, item, run_id="late", result={}),
    "retry": lambda connection, item: retry(connection, item, run_id="late", error="500", provider="spotify"),
    "bury": lambda connection, item: bury(connection, item, run_id="late", stop_reason="non_retryable", error="404"),
    "postpone": lambda connection, item: postpone(connection, item, run_id="late"),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_who_lost_the_lease_commits_nothing(engine: sa.Engine, ending: str) -> None:
    ask(engine)
    (late,) = claim(engine, run_id="late")
    pass_time(engine, timedelta(seconds=301))
    (current,) = claim(engine, run_id="current")
    before = rows(engine, "SELECT * FROM work")

    def results_then_ending() -> None:
        with engine.begin() as connection:
            connection.execute(sa.text("INSERT INTO sweeps (kind, run_id) VALUES ('a result', 'late')"))
            ENDINGS[ending](connection, late)

    with pytest.raises(LeaseLost):
        results_then_ending()
    assert rows(engine, "SELECT * FROM sweeps") == []
    assert rows(engine, "SELECT * FROM work") == before
    finish(engine, current)


def test_a_failed_attempt_is_tried_again_later_and_later_and_then_buried(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETRY_ARTIST_DISCOVERY_JITTER", "0")
    ask(engine)
    for minutes in (1, 2, 4, 8):
        (item,) = claim(engine)
        assert fail(engine, item) == "retried"
        wait = value(engine, "SELECT available_at - now() FROM work")
        assert abs(wait - timedelta(minutes=minutes)) < timedelta(seconds=5)
        pass_time(engine, wait)
    (item,) = claim(engine)
    assert fail(engine, item) == "buried"
    (dead,) = list_dead(engine, Selector(artist="Nina"))
    assert (dead.stop_reason, dead.attempts, dead.provider) == ("max_retries_exhausted", 5, "spotify")
    attempts = [issue["attempt"] for issue in rows(engine, "SELECT attempt FROM worker_issues ORDER BY issue_id")]
    assert attempts == [1, 2, 3, 4, 5]


def test_the_retry_settings_of_a_stage_take_effect_at_once(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(engine)
    (item,) = claim(engine)
    fail(engine, item)
    monkeypatch.setenv("RETRY_ARTIST_DISCOVERY_MAX_ATTEMPTS", "2")
    pass_time(engine, timedelta(minutes=2))
    (item,) = claim(engine)
    assert item.max_attempts == 2
    assert fail(engine, item) == "buried"


def test_progress_forgets_the_attempts_and_keeps_the_cursor(engine: sa.Engine) -> None:
    payload = {"artistId": str(ARTIST), "offset": 0}
    with engine.begin() as connection:
        enqueue(connection, Stage.ALBUM_DISCOVERY, payload, subject=str(ARTIST), idempotency_key="albums")
    for offset in (10, 20, 30, 40, 50, 60):
        (item,) = claim_stage(engine, Stage.ALBUM_DISCOVERY, run_id="run", limit=1)
        with engine.begin() as connection:
            advanced = payload | {"offset": offset}
            ended = retry(connection, item, run_id="run", error="502", provider="spotify", payload=advanced)
        assert ended == "retried"
        pass_time(engine, timedelta(hours=1))
    (item,) = claim_stage(engine, Stage.ALBUM_DISCOVERY, run_id="run", limit=1)
    assert (item.attempts, item.payload["offset"]) == (1, 60)


def test_a_wait_for_a_provider_uses_no_attempt_and_is_buried_when_it_lasts_too_long(engine: sa.Engine) -> None:
    ask(engine)
    for _ in range(14):
        (item,) = claim(engine)
        assert wait_a_day(engine, item) == "retried"
        (waiting,) = waiting_for(engine)
        assert (waiting.stage, waiting.provider, waiting.items) == ("artist_discovery", "spotify", 1)
        pass_time(engine, timedelta(days=1, seconds=1))
    (item,) = claim(engine)
    assert item.attempts == 0
    assert wait_a_day(engine, item) == "buried"
    (dead,) = list_dead(engine, Selector())
    assert (dead.stop_reason, dead.attempts) == ("provider_unavailable", 0)


def test_a_call_that_was_made_ends_the_wait_for_a_provider(engine: sa.Engine) -> None:
    ask(engine)
    for days in (10, 10, 10):
        (item,) = claim(engine)
        assert wait_a_day(engine, item) == "retried"
        pass_time(engine, timedelta(days=days))
        (item,) = claim(engine)
        assert fail(engine, item) == "retried"
        pass_time(engine, timedelta(days=1))


def test_postponed_work_continues_at_once_without_an_error(engine: sa.Engine) -> None:
    payload = {"artistId": str(ARTIST), "offset": 0}
    with engine.begin() as connection:
        enqueue(connection, Stage.ALBUM_DISCOVERY, payload, subject=str(ARTIST), idempotency_key="albums")
    (item,) = claim_stage(engine, Stage.ALBUM_DISCOVERY, run_id="run", limit=1)
    with engine.begin() as connection:
        postpone(connection, item, run_id="run", payload=payload | {"offset": 20})
    (again,) = claim_stage(engine, Stage.ALBUM_DISCOVERY, run_id="run", limit=1)
    assert (again.payload["offset"], again.attempts) == (20, 0)
    assert rows(engine, "SELECT * FROM worker_issues") == []


def test_a_batch_is_counted_in_queue_metrics(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        record_batch(
            connection, stage=Stage.ALBUM_DISCOVERY, run_id="run", claimed=5, succeeded=3, failed=2, retried=1,
            buried=1, seconds=1.5,
        )  # fmt: skip
    (batch,) = rows(engine, "SELECT stage, claimed, succeeded, failed, retried, buried, seconds FROM queue_metrics")
    assert batch == {
        "stage": "album_discovery", "claimed": 5, "succeeded": 3, "failed": 2, "retried": 1, "buried": 1,
        "seconds": 1.5,
    }  # fmt: skip


def test_each_step_of_work_is_logged_once_by_the_ledger(engine: sa.Engine) -> None:
    with capture_logs() as logs:
        ask(engine, "succeeds", correlation_id="tick 1")
        ask(engine, "fails")
        ask(engine, "dies")
        named = {item.subject: item for item in claim(engine)}
        finish(engine, named["succeeds"])
        fail(engine, named["fails"])
        with engine.begin() as connection:
            bury(connection, named["dies"], run_id="run", stop_reason="non_retryable", error="400")
    told = [(entry["event"], entry.get("status"), entry["subject"]) for entry in logs]
    assert told.count(("worker.job", "enqueued", "succeeds")) == 1
    assert told.count(("orchestrator.dispatch", None, "succeeds")) == 1
    assert ("worker.job", "succeeded", "succeeds") in told
    assert ("worker.job", "retried", "fails") in told
    assert ("worker.job", "dead-lettered", "dies") in told
    assert [status for event, status, _ in told if event == "orchestrator.commit"] == ["succeeded", "retried", "buried"]
    assert {entry["correlation_id"] for entry in logs if entry["subject"] == "succeeds"} == {"tick 1"}


def finish(engine: sa.Engine, item: WorkItem, result: dict[str, object] | None = None) -> None:
    with engine.begin() as connection:
        work_finish.finish(connection, item, run_id="run", result=result or {})


def finish_all(engine: sa.Engine) -> list[WorkItem]:
    items = claim(engine)
    for item in items:
        finish(engine, item)
    return items


def fail(engine: sa.Engine, item: WorkItem) -> str:
    with engine.begin() as connection:
        return retry(connection, item, run_id="run", error="HTTP 500", provider="spotify")


def wait_a_day(engine: sa.Engine, item: WorkItem) -> str:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    with engine.begin() as connection:
        return retry(
            connection, item, run_id="run", error="blocked", provider="spotify", available_at=tomorrow,
            uses_attempt=False,
        )  # fmt: skip
