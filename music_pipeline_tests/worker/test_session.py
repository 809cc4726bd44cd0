"""A run's chunks: what is read is settled and told at once, and the next chunk begins meanwhile."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Sequence
from contextlib import closing

import pytest
import sqlalchemy as sa

from music_pipeline.database.rows import Version
from music_pipeline.work.model import Stage, WorkItem
from music_pipeline.worker import runner, session
from music_pipeline.worker.stage import Reading, ReadResult, Result, StageContext
from music_pipeline_tests.support.pipeline import Pipeline

STAGE = Stage.ARTIST_DISCOVERY
Readings = AsyncGenerator[tuple[WorkItem, ReadResult], None]


def reading_of(item: WorkItem) -> Reading:
    def write(_: sa.Connection) -> Result:
        return Result(artist_key=None, version=Version(0, "h"), changed=False, text=item.subject)

    return Reading(write)


async def in_time(event: threading.Event) -> None:
    assert await asyncio.to_thread(event.wait, 20)


def test_what_is_read_is_settled_and_told_while_the_rest_is_read(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = threading.Event()

    async def read(_: StageContext, items: Sequence[WorkItem]) -> Readings:
        yield items[0], reading_of(items[0])
        await in_time(told)
        for item in items[1:]:
            yield item, reading_of(item)

    monkeypatch.setattr(session, "reader_of", lambda _: read)
    pipeline.discover("One", "Two", "Three")
    with closing(runner.drain(STAGE, run_id="sweep", time_box=60)) as outcomes:
        assert next(outcomes).error is None
        assert pipeline.value("SELECT count(*) FROM work_archive") == 1
        told.set()
        assert len(list(outcomes)) == 2


def test_the_next_chunk_begins_while_one_is_at_work(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = threading.Event()

    async def read(_: StageContext, items: Sequence[WorkItem]) -> Readings:
        if items[0].subject == "one":
            await in_time(begun)
        begun.set()
        for item in items:
            yield item, reading_of(item)

    monkeypatch.setattr(session, "reader_of", lambda _: read)
    monkeypatch.setattr(runner, "CHUNK", 1)
    pipeline.discover("One", "Two")
    outcomes = list(runner.drain(STAGE, run_id="sweep", time_box=60))
    assert [one.subject for one in outcomes] == ["two", "one"]


def test_a_claim_that_the_database_does_not_answer_costs_the_work_under_way_nothing(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_again, claim = threading.Event(), runner.claim

    async def read(_: StageContext, items: Sequence[WorkItem]) -> Readings:
        await in_time(asked_again)
        yield items[0], reading_of(items[0])

    def claim_once(*args: object, **kwargs: object) -> object:
        if begun:
            asked_again.set()
            raise sa.exc.OperationalError("SELECT", {}, ConnectionError("the server is away"))
        begun.append(True)
        return claim(*args, **kwargs)  # type: ignore[arg-type]

    begun: list[bool] = []
    monkeypatch.setattr(session, "reader_of", lambda _: read)
    monkeypatch.setattr(runner, "claim", claim_once)
    pipeline.discover("One")
    outcomes = runner.drain(STAGE, run_id="sweep", time_box=60)
    assert next(outcomes).error is None
    with pytest.raises(sa.exc.OperationalError):
        next(outcomes)


def test_who_stops_listening_gives_back_what_is_not_settled(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def read(_: StageContext, items: Sequence[WorkItem]) -> Readings:
        yield items[0], reading_of(items[0])
        await asyncio.Event().wait()

    monkeypatch.setattr(session, "reader_of", lambda _: read)
    pipeline.discover("One", "Two", "Three")
    with closing(runner.drain(STAGE, run_id="sweep", time_box=60)) as outcomes:
        next(outcomes)
        assert pipeline.value("SELECT count(*) FROM work WHERE lease_token IS NOT NULL") == 2
    assert pipeline.value("SELECT count(*) FROM work WHERE lease_token IS NOT NULL") == 0
    assert pipeline.value("SELECT count(*) FROM work WHERE attempts = 0") == 2


def test_a_defect_in_mid_chunk_costs_those_that_are_left_an_attempt_and_nobody_else(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def read(_: StageContext, items: Sequence[WorkItem]) -> Readings:
        yield items[0], reading_of(items[0])
        raise ValueError("broken")

    monkeypatch.setattr(session, "reader_of", lambda _: read)
    pipeline.discover("One", "Two", "Three")
    first, *left = runner.drain(STAGE, run_id="sweep", time_box=60)
    assert first.error is None
    assert [one.error for one in left] == ["ValueError: broken"] * 2
    assert pipeline.value("SELECT sum(attempts) FROM work") == 2
