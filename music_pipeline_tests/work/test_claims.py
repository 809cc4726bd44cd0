"""Claims in a queue that is long: in which order, how much of it is read, and what a lease writes."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from music_pipeline.database.queries import statement
from music_pipeline.work import status
from music_pipeline.work.claim import give_back, renew
from music_pipeline.work.enqueue import enqueue_many
from music_pipeline.work.finish import finish
from music_pipeline.work.model import EnqueueRequest, Stage
from music_pipeline.work.stages import STAGES
from music_pipeline.work.status import DUE_COUNTED_TO, standing
from music_pipeline_tests.conftest import filled_database, fresh_engine
from music_pipeline_tests.support.ledger import ask, claim, pass_time, rows, value

LEASE = timedelta(seconds=300)
LEASED = 500


def settle(engine: sa.Engine) -> None:
    """What autovacuum does after a while."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("VACUUM ANALYZE work"))


@pytest.fixture(scope="session")
def crowded_database(postgres_url: str, template_database: str) -> str:
    """The name of a database with a long queue."""
    return filled_database(postgres_url, template_database, crowd)


@pytest.fixture
def crowded(
    postgres_url: str, crowded_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[sa.Engine]:
    """60,000 open rows: urgent ones that are due only tomorrow, 60 that are due now, and 500 leased before these."""
    with fresh_engine(postgres_url, crowded_database, tmp_path, monkeypatch) as engine:
        assert value(engine, "SELECT count(*) FROM work WHERE lease_until > now()") == LEASED
        yield engine


def crowd(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO work (stage, subject, payload, origin, priority, correlation_id, idempotency_key, cutoff,"
                " available_at, max_attempts, lease_token, lease_until, lease_run_id)"
                " SELECT 'artist_discovery', 'artist ' || n, jsonb_build_object('artistName', 'artist ' || n), 'batch',"
                " CASE WHEN leased OR n % 1000 = 0 THEN 7 ELSE 2 END, 'c', 'key ' || n, now(), now() + CASE"
                " WHEN leased THEN interval '-2 hours' WHEN n % 1000 = 0 THEN interval '-1 hour' ELSE interval '1 day'"
                " END, 5, CASE WHEN leased THEN gen_random_uuid() END,"
                " CASE WHEN leased THEN now() + interval '1 hour' END, CASE WHEN leased THEN 'other run' END"
                " FROM generate_series(1, 60000) AS n CROSS JOIN LATERAL (SELECT n % 120 = 1) AS l (leased)"
            )
        )
    settle(engine)


@pytest.mark.parametrize("all_due", [False, True])
@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("due_work", {"stages": [stage.value for stage in STAGES], "at_most": DUE_COUNTED_TO}),
        ("oldest_due_work", {"stage": "artist_discovery"}),
    ],
)
def test_a_tick_reads_what_is_due_and_never_the_whole_queue(
    crowded: sa.Engine, name: str, values: dict[str, object], all_due: bool
) -> None:
    if all_due:
        pass_time(crowded, timedelta(days=2))
        settle(crowded)
    with crowded.connect() as connection:
        explained = connection.execute(
            sa.text(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement(name)}"), values
        ).scalar_one()
        connection.rollback()
    plan = json.dumps(explained)
    assert "Seq Scan" not in plan
    assert "work_claimable" in plan
    # 560 of the 60,000 rows, or 1,000, are looked at: reading even a tenth of the others would show.
    assert explained[0]["Plan"]["Shared Hit Blocks"] + explained[0]["Plan"]["Shared Read Blocks"] < 2_500


@pytest.mark.parametrize("all_due", [False, True])
def test_claim_reads_what_is_due_and_leases_it_in_place(crowded: sa.Engine, all_due: bool) -> None:
    if all_due:
        pass_time(crowded, timedelta(days=2))
        settle(crowded)
    values = {
        "stage": "artist_discovery", "run_id": "r", "limit": 50, "lease_seconds": 300, "max_attempts": 5,
        "work_ids": None,
    }  # fmt: skip
    before = scans(crowded)
    with crowded.begin() as connection:
        explained = connection.execute(
            sa.text(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement('claim_work')}"), values
        ).scalar_one()
    assert value(crowded, "SELECT count(*) FROM work WHERE lease_run_id = 'r'") == 50
    assert explained[0]["Plan"]["Shared Hit Blocks"] + explained[0]["Plan"]["Shared Read Blocks"] < 2_500
    # No row is sought again by its id.
    assert scans(crowded)["work_pkey"] == before["work_pkey"]
    assert scans(crowded)["work_claimable"] > before["work_claimable"]


def scans(engine: sa.Engine) -> dict[str, int]:
    """How often each index of the queue was used."""
    with engine.begin() as connection:
        connection.execute(sa.text("SELECT pg_stat_force_next_flush()"))
    return {
        row["indexrelname"]: row["idx_scan"]
        for row in rows(engine, "SELECT indexrelname, idx_scan FROM pg_stat_user_indexes WHERE relname = 'work'")
    }


def test_due_work_is_counted_up_to_a_limit_and_its_age_is_told(crowded: sa.Engine) -> None:
    assert status.due(crowded, [Stage.ARTIST_DISCOVERY, Stage.ALBUM_DISCOVERY]) == {
        Stage.ARTIST_DISCOVERY: 60,
        Stage.ALBUM_DISCOVERY: 0,
    }
    age = status.overdue(crowded, Stage.ARTIST_DISCOVERY)
    assert age is not None
    assert timedelta(minutes=59) < age < timedelta(minutes=90)
    assert status.overdue(crowded, Stage.ALBUM_DISCOVERY) is None
    pass_time(crowded, timedelta(days=2))
    assert status.due(crowded, [Stage.ARTIST_DISCOVERY]) == {Stage.ARTIST_DISCOVERY: DUE_COUNTED_TO}


def test_a_lease_its_renewal_and_its_end_write_no_index(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        enqueue_many(
            connection,
            [
                EnqueueRequest(
                    Stage.ARTIST_DISCOVERY, {"artistName": f"artist {n}"}, subject=f"artist {n}",
                    idempotency_key=f"artist_discovery:artist {n}:2026-01-01T00:00:00", partition_key=f"artist-{n}",
                )
                for n in range(2_000)
            ],
        )  # fmt: skip
    settle(engine)
    before = updates(engine)
    for _ in range(4):
        items = claim(engine, run_id="5b0d8a52-7c5c-4b6f-9a3e-0d5c1f2b7e11", limit=50)
        renew(engine, items)
    give_back(engine, items)
    written, in_place = (now - then for now, then in zip(updates(engine), before, strict=True))
    assert written == 4 * 100 + 50
    assert in_place == written


def updates(engine: sa.Engine) -> tuple[int, int]:
    """How many versions of rows of the queue were written as updates, and how many of these without any index entry."""
    with engine.begin() as connection:
        connection.execute(sa.text("SELECT pg_stat_force_next_flush()"))
    (counted,) = rows(engine, "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'work'")
    return counted["n_tup_upd"], counted["n_tup_hot_upd"]


def queue_after_a_killed_run(engine: sa.Engine) -> None:
    """Of one priority: "killed", whose lease ended a minute ago, "before" that due, and "after"."""
    ask(engine, "killed")
    claim(engine, run_id="killed run")
    pass_time(engine, timedelta(seconds=100))
    ask(engine, "before")
    pass_time(engine, LEASE - timedelta(seconds=100) + timedelta(minutes=1))
    ask(engine, "after")


def test_work_whose_lease_ran_out_is_due_from_that_moment_on_and_not_before_others(engine: sa.Engine) -> None:
    queue_after_a_killed_run(engine)
    assert [claim(engine, limit=1)[0].subject for _ in range(3)] == ["before", "killed", "after"]
    assert value(engine, "SELECT subject FROM worker_issues") == "killed"


def test_work_whose_lease_ran_out_keeps_its_new_place_when_it_is_given_back(engine: sa.Engine) -> None:
    queue_after_a_killed_run(engine)
    give_back(engine, claim(engine))
    assert [item.subject for item in claim(engine)] == ["before", "killed", "after"]


def test_the_oldest_due_work_is_told_by_when_it_could_be_claimed(engine: sa.Engine) -> None:
    queue_after_a_killed_run(engine)
    told = [told_overdue(engine)]
    (before,) = claim(engine, limit=1)
    told.append(told_overdue(engine))
    with engine.begin() as connection:
        finish(connection, before, run_id="run", result={})
    claim(engine, limit=1)
    told.append(told_overdue(engine))
    expected = [timedelta(seconds=260), timedelta(minutes=1), timedelta(0)]
    assert all(timedelta(0) <= found - due < timedelta(seconds=30) for found, due in zip(told, expected, strict=True))


def told_overdue(engine: sa.Engine) -> timedelta:
    """For how long the oldest work is due; what ticks are told and what people are told must be the same."""
    overdue = status.overdue(engine, Stage.ARTIST_DISCOVERY)
    (oldest,) = [stage.oldest_due for stage in standing(engine) if stage.stage == Stage.ARTIST_DISCOVERY]
    assert overdue is not None
    assert oldest is not None
    assert abs(datetime.now(UTC) - oldest - overdue) < timedelta(seconds=5)
    return overdue


def test_what_many_killed_runs_lost_is_claimed_once_each_behind_what_waited(engine: sa.Engine) -> None:
    for number in range(7):
        ask(engine, f"lost {number}")
        claim(engine, run_id=f"killed {number}")
        pass_time(engine, timedelta(seconds=10))
    ask(engine, "waited")
    pass_time(engine, LEASE)
    first, *others = [item.subject for _ in range(4) for item in claim(engine, limit=2)]
    assert first == "waited"
    assert others == [f"lost {number}" for number in range(7)]
    assert value(engine, "SELECT count(*) FROM worker_issues") == 7
