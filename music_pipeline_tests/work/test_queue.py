"""The queue as a whole: asked in SQL, shared by processes, large, late, swept, cleaned, and in an operator's hands."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from music_pipeline.settings import PROJECT, SettingError
from music_pipeline.work import status
from music_pipeline.work.dead_letters import NothingSelected, cancel, list_dead, open_work, purge, requeue
from music_pipeline.work.enqueue import enqueue, enqueue_many, request_artist_discovery
from music_pipeline.work.finish import bury, finish, record_issue
from music_pipeline.work.model import Enqueued, EnqueueRequest, LeaseLost, Selector, Stage, StopReason
from music_pipeline.work.retry_policy import FailedAttempt, Rescheduled, RetryPolicy, after_failure, retry_policy
from music_pipeline.work.status import due, overdue
from music_pipeline.work.sweeps import begin_sweep, end_sweep, prune, record_batch, sweep_heartbeat, sweeps_in_progress
from music_pipeline_tests.support.ledger import ARTIST, ask, claim, pass_time, value

SPOTIFY_ID = "1dfeR4HaWDbWqFHLkxsg1d"
DAY = timedelta(hours=24)

CLAIMER = """
import json, sys
from music_pipeline.database.engine import get_engine
from music_pipeline.work.claim import claim
from music_pipeline.work.finish import finish
from music_pipeline.work.model import Stage
engine = get_engine()
print("ready", flush=True)
sys.stdin.readline()
claimed = []
while items := claim(engine, Stage.ARTIST_DISCOVERY, run_id=sys.argv[1], limit=7):
    with engine.begin() as connection:
        for item in items:
            finish(connection, item, run_id=sys.argv[1], result={})
    claimed += [item.subject for item in items]
print(json.dumps(claimed))
"""


def start_in_sql(engine: sa.Engine, text: str) -> tuple[object, bool]:
    with engine.begin() as connection:
        row = connection.execute(sa.text("SELECT * FROM start_artist_discovery(:text)"), {"text": text}).one()
    return row.work_id, row.already_enqueued


def start_in_python(engine: sa.Engine, text: str) -> Enqueued:
    with engine.begin() as connection:
        return request_artist_discovery(connection, text, fresh_for=DAY)


def test_discovery_starts_from_any_sql_client_and_says_whether_it_was_there(engine: sa.Engine) -> None:
    work_id, already = start_in_sql(engine, "Nina Simone")
    assert not already
    assert start_in_sql(engine, "Nina Simone") == (work_id, True)
    (item,) = claim(engine)
    assert (item.work_id, item.payload, item.origin) == (work_id, {"artistName": "Nina Simone"}, "manual")


def test_the_function_works_for_a_client_that_has_another_search_path(engine: sa.Engine) -> None:
    url = engine.url.set(drivername="postgresql", query={"host": engine.url.query["host"]})
    with psycopg.connect(url.render_as_string(hide_password=False)) as connection:
        row = connection.execute("SELECT * FROM music.start_artist_discovery('Nina Simone')").fetchone()
    assert row is not None
    assert row[1] is False
    assert [item.work_id for item in claim(engine)] == [row[0]]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Nina Simone", "  nina   SIMONE "),
        ("BJÖRK", "Björk"),
        ("ΣΙΓΜΑ", "σιγμα"),
        ("ﬁne", "Fine"),
        ("Robert'); DROP TABLE work;--", "robert'); drop table WORK;--"),
        ("🎷 100 % :name", "🎷 100 % :NAME"),
        ("فيروز", " فيروز "),
        (SPOTIFY_ID, f"https://open.spotify.com/intl-de/artist/{SPOTIFY_ID}?si=x"),
        (SPOTIFY_ID, f"spotify:artist:{SPOTIFY_ID}"),
    ],
)
def test_both_doors_take_two_spellings_for_one_subject(engine: sa.Engine, first: str, second: str) -> None:
    created = start_in_python(engine, first)
    assert created.answer == "created"
    assert start_in_sql(engine, second) == (created.work_id, True)
    assert start_in_python(engine, second).answer == "already_enqueued"


def test_a_spotify_id_becomes_the_payloads_artist_id(engine: sa.Engine) -> None:
    start_in_sql(engine, f"spotify:artist:{SPOTIFY_ID}")
    (item,) = claim(engine)
    assert (item.subject, item.payload) == (SPOTIFY_ID, {"artistId": SPOTIFY_ID})


def test_both_doors_know_what_was_done_within_a_day(engine: sa.Engine) -> None:
    work_id, _ = start_in_sql(engine, "Nina Simone")
    (item,) = claim(engine)
    with engine.begin() as connection:
        finish(connection, item, run_id="run", result={})
    assert start_in_python(engine, "nina simone") == Enqueued(item.work_id, "already_done")
    assert start_in_sql(engine, "Nina Simone") == (work_id, True)


@pytest.mark.parametrize("text", ["", "   ", "x" * 10_000, "bell\x07"])
def test_a_name_that_is_none_is_refused_in_sql_with_a_sentence(engine: sa.Engine, text: str) -> None:
    with pytest.raises(sa.exc.DBAPIError, match="artist's name"):
        start_in_sql(engine, text)
    assert claim(engine) == []


@pytest.mark.parametrize("after_a_killed_run", [False, True])
def test_two_processes_at_once_share_the_queue_and_nothing_is_done_twice(
    engine: sa.Engine, after_a_killed_run: bool
) -> None:
    names = [f"artist {number:03}" for number in range(200)]
    with engine.begin() as connection:
        enqueue_many(
            connection,
            [
                EnqueueRequest(Stage.ARTIST_DISCOVERY, {"artistName": name}, subject=name, idempotency_key=name)
                for name in names
            ],
        )
    if after_a_killed_run:
        assert len(claim(engine, run_id="killed", limit=100)) == 100
        pass_time(engine, timedelta(seconds=301))
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", CLAIMER, run], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True, cwd=PROJECT,
        )
        for run in ("run 1", "run 2")
    ]  # fmt: skip
    for process in processes:
        assert process.stdout is not None
        while process.stdout.readline().strip() != "ready":
            assert process.poll() is None
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [process.communicate(timeout=60)[0] for process in processes]
    shares = [json.loads(answer.splitlines()[-1]) for answer in answers]
    assert all(shares)
    assert sorted(shares[0] + shares[1]) == names
    assert value(engine, "SELECT count(*) FROM work_archive") == 200
    assert value(engine, "SELECT count(DISTINCT work_id) FROM worker_issues") == (100 if after_a_killed_run else 0)
    assert value(engine, "SELECT count(*) FROM worker_issues") == (100 if after_a_killed_run else 0)


def test_leased_work_is_not_due(engine: sa.Engine) -> None:
    ask(engine)
    claim(engine)
    assert due(engine, [Stage.ARTIST_DISCOVERY]) == {Stage.ARTIST_DISCOVERY: 0}
    assert overdue(engine, Stage.ARTIST_DISCOVERY) is None
    (standing, *others) = status.standing(engine)
    assert (standing.stage, standing.open, standing.due, standing.leased) == ("artist_discovery", 1, 0, 1)
    assert {other.open for other in others} == {0}


def test_a_sweep_is_not_doubled_while_it_lives_and_is_replaced_when_its_heart_stops(engine: sa.Engine) -> None:
    assert begin_sweep(engine, "artists", "first")
    assert not begin_sweep(engine, "artists", "second")
    assert begin_sweep(engine, "releases", "other kind")
    pass_time(engine, timedelta(seconds=80))
    assert sweep_heartbeat(engine, "artists", "first")
    pass_time(engine, timedelta(seconds=80))
    assert [sweep.run_id for sweep in sweeps_in_progress(engine)] == ["first"]
    assert not begin_sweep(engine, "artists", "second")
    pass_time(engine, timedelta(seconds=80))
    assert begin_sweep(engine, "artists", "second")
    assert not sweep_heartbeat(engine, "artists", "first")
    end_sweep(engine, "artists", "first")
    assert [sweep.run_id for sweep in sweeps_in_progress(engine)] == ["second"]
    end_sweep(engine, "artists", "second")
    assert begin_sweep(engine, "artists", "third")


def test_what_is_old_enough_is_forgotten_and_nothing_else(engine: sa.Engine) -> None:
    for name in ("old", "young"):
        ask(engine, name)
        (item,) = claim(engine)
        with engine.begin() as connection:
            record_issue(connection, item, run_id="run", provider=None, error="odd")
            record_batch(
                connection, stage=item.stage, run_id=name, claimed=1, succeeded=1, failed=0, retried=0, buried=0,
                seconds=1,
            )  # fmt: skip
            finish(connection, item, run_id="run", result={})
        if name == "old":
            pass_time(engine, timedelta(days=91))
    assert prune(engine) == 3
    assert value(engine, "SELECT subject FROM work_archive") == "young"
    assert value(engine, "SELECT subject FROM worker_issues") == "young"
    assert value(engine, "SELECT run_id FROM queue_metrics") == "young"


def test_cancelled_work_is_dead_and_the_run_that_was_at_it_commits_nothing(engine: sa.Engine) -> None:
    asked = ask(engine, "Nina", partition_key="nina")
    ask(engine, "Miles")
    nina = next(item for item in claim(engine) if item.subject == "Nina")
    (cancelled,) = cancel(engine, Selector(artist="nina"), why="a mistake")
    assert (cancelled.work_id, cancelled.stop_reason, cancelled.error) == (asked.work_id, "cancelled", "a mistake")
    with pytest.raises(LeaseLost), engine.begin() as connection:
        finish(connection, nina, run_id="run", result={})
    assert [left.subject for left in open_work(engine, Selector())] == ["Miles"]


def test_dead_work_is_requeued_under_its_id_with_its_attempts_forgotten(engine: sa.Engine) -> None:
    asked = ask(engine, "Nina")
    (item,) = claim(engine)
    with engine.begin() as connection:
        bury(connection, item, run_id="run", stop_reason=StopReason.NON_RETRYABLE, error="400", provider="discogs")
    assert requeue(engine, Selector(stop_reason=StopReason.NON_RETRYABLE)) == [Enqueued(asked.work_id, "created")]
    (again,) = claim(engine)
    assert (again.work_id, again.attempts) == (asked.work_id, 0)
    assert list_dead(engine, Selector()) == []


def test_requeued_work_gives_way_to_an_open_request_for_its_subject(engine: sa.Engine) -> None:
    ask(engine, "Nina")
    cancel(engine, Selector(artist="Nina"), why="a mistake")
    second = ask(engine, "Nina")
    (answer,) = requeue(engine, Selector(artist="Nina"))
    assert answer.answer == "already_enqueued"
    assert [left.work_id for left in open_work(engine, Selector())] == [second.work_id]
    assert list_dead(engine, Selector()) == []


def test_dead_work_is_purged_as_selected(engine: sa.Engine) -> None:
    for name in ("Nina", "Miles"):
        ask(engine, name)
    cancel(engine, Selector(stage=Stage.ARTIST_DISCOVERY), why="all")
    assert purge(engine, Selector(artist="Nina")) == 1
    assert [dead.subject for dead in list_dead(engine, Selector())] == ["Miles"]


@pytest.mark.parametrize("selector", [Selector(), Selector(stop_reason=StopReason.CANCELLED)])
def test_nothing_is_cancelled_without_saying_what(engine: sa.Engine, selector: Selector) -> None:
    ask(engine)
    with pytest.raises(NothingSelected):
        cancel(engine, selector, why="?")
    assert len(open_work(engine, Selector())) == 1


def test_dead_work_is_neither_requeued_nor_purged_without_saying_which(engine: sa.Engine) -> None:
    with pytest.raises(NothingSelected):
        requeue(engine, Selector())
    with pytest.raises(NothingSelected):
        purge(engine, Selector())


def test_an_open_row_for_one_artist_in_two_stages_is_two_rows(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        for stage in (Stage.ALBUM_DISCOVERY, Stage.TRACK_DISCOVERY):
            answer = enqueue(
                connection, stage, {"artistId": str(ARTIST)}, subject=str(ARTIST), idempotency_key=str(uuid4())
            )
            assert answer.answer == "created"


POLICY = RetryPolicy(max_attempts=5, base_seconds=60, cap_seconds=21_600, jitter=0.2)


@given(attempts=st.integers(1, 10_000), roll=st.floats(0, 1, exclude_max=True))
def test_backoff_grows_to_its_limit_and_jitter_only_shortens_it(attempts: int, roll: float) -> None:
    delay = POLICY.delay(attempts, roll)
    assert timedelta(seconds=48) <= delay <= timedelta(seconds=21_600)
    assert POLICY.delay(attempts, 0) <= POLICY.delay(attempts + 1, 0)
    assert delay >= 0.8 * POLICY.delay(attempts, 0)


@given(
    attempts=st.integers(0, 10), uses_attempt=st.booleans(), progress=st.booleans(),
    provider=st.sampled_from([None, "spotify"]), waited=st.none() | st.timedeltas(timedelta(0), timedelta(days=30)),
)  # fmt: skip
def test_work_is_buried_only_when_its_attempts_or_its_wait_are_used_up(
    attempts: int, uses_attempt: bool, progress: bool, provider: str | None, waited: timedelta | None
) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    failed = FailedAttempt(
        attempts=attempts, max_attempts=5, uses_attempt=uses_attempt, progress=progress, provider=provider,
        waiting_since=None if waited is None else at - waited, available_at=None, at=at,
    )  # fmt: skip
    decision = after_failure(failed, POLICY, timedelta(days=14), 0.5)
    if decision is StopReason.MAX_RETRIES_EXHAUSTED:
        assert uses_attempt
        assert not progress
        assert attempts >= 4
    elif decision is StopReason.PROVIDER_UNAVAILABLE:
        assert not uses_attempt
        assert not progress
        assert provider is not None
        assert waited is not None
        assert waited > timedelta(days=14)
    else:
        assert isinstance(decision, Rescheduled)
        assert (decision.available_at > at) == uses_attempt
        assert (decision.waiting_since is not None) == (not uses_attempt and provider is not None)


@pytest.mark.parametrize(("name", "text"), [("MAX_ATTEMPTS", "0"), ("BASE_SECONDS", "soon"), ("JITTER", "1.5")])
def test_a_setting_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    monkeypatch.setenv(f"RETRY_ALBUM_DISCOVERY_{name}", text)
    with pytest.raises(SettingError, match=f"RETRY_ALBUM_DISCOVERY_{name}"):
        retry_policy(Stage.ALBUM_DISCOVERY)
