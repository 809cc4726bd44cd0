"""The chunks of a run: items are committed and reported at once, and the next chunk begins meanwhile."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Sequence
from contextlib import closing

import pytest
import sqlalchemy as sa

from music_pipeline.database.rows import Version
from music_pipeline.work.model import Stage, WorkItem
from music_pipeline.worker import runner, session
from music_pipeline.worker.outcomes import Status
from music_pipeline.worker.stage import ReadMany, ReadResult, StageContext, StageData, StageFunctions, StageResult
from music_pipeline_tests.support.pipeline import Pipeline

STAGE = Stage.ARTIST_DISCOVERY
Results = AsyncGenerator[tuple[WorkItem, ReadResult], None]


def store(_: sa.Connection, item: WorkItem, subject: str) -> StageResult:
    return StageResult(artist_key=None, version=Version(0, "h"), status=Status.UNCHANGED, text=subject)


def read_with(monkeypatch: pytest.MonkeyPatch, read_many: ReadMany) -> None:
    """Let the stage read with this function."""
    monkeypatch.setattr(session, "load_stage", lambda _: StageFunctions(read_many, store))


def data_of(item: WorkItem) -> StageData[str]:
    return StageData(item.subject)


async def in_time(event: threading.Event) -> None:
    assert await asyncio.to_thread(event.wait, 20)


def test_items_are_committed_and_reported_while_others_are_read(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    reported = threading.Event()

    async def read(_: StageContext, items: Sequence[WorkItem]) -> Results:
        yield items[0], data_of(items[0])
        await in_time(reported)
        for item in items[1:]:
            yield item, data_of(item)

    read_with(monkeypatch, read)
    pipeline.discover("One", "Two", "Three")
    with closing(runner.sweep(STAGE, run_id="sweep", time_box=60)) as outcomes:
        assert next(outcomes).error is None
        assert pipeline.value("SELECT count(*) FROM work_archive") == 1
        reported.set()
        assert len(list(outcomes)) == 2


def test_next_chunk_begins_while_one_is_at_work(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = threading.Event()

    async def read(_: StageContext, items: Sequence[WorkItem]) -> Results:
        if items[0].subject == "one":
            await in_time(begun)
        begun.set()
        for item in items:
            yield item, data_of(item)

    read_with(monkeypatch, read)
    monkeypatch.setattr(runner, "CHUNK", 1)
    pipeline.discover("One", "Two")
    outcomes = list(runner.sweep(STAGE, run_id="sweep", time_box=60))
    assert {one.subject for one in outcomes} == {"one", "two"}


def test_failed_claim_costs_work_under_way_nothing(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    asked_again, claim = threading.Event(), runner.claim

    async def read(_: StageContext, items: Sequence[WorkItem]) -> Results:
        await in_time(asked_again)
        yield items[0], data_of(items[0])

    def claim_once(*args: object, **kwargs: object) -> object:
        if begun:
            asked_again.set()
            raise sa.exc.OperationalError("SELECT", {}, ConnectionError("the server is away"))
        begun.append(True)
        return claim(*args, **kwargs)  # type: ignore[arg-type]

    begun: list[bool] = []
    read_with(monkeypatch, read)
    monkeypatch.setattr(runner, "claim", claim_once)
    pipeline.discover("One")
    outcomes = runner.sweep(STAGE, run_id="sweep", time_box=60)
    assert next(outcomes).error is None
    with pytest.raises(sa.exc.OperationalError):
        next(outcomes)


def test_closing_gives_back_uncommitted_items(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    async def read(_: StageContext, items: Sequence[WorkItem]) -> Results:
        yield items[0], data_of(items[0])
        await asyncio.Event().wait()

    read_with(monkeypatch, read)
    pipeline.discover("One", "Two", "Three")
    with closing(runner.sweep(STAGE, run_id="sweep", time_box=60)) as outcomes:
        next(outcomes)
        assert pipeline.value("SELECT count(*) FROM work WHERE lease_token IS NOT NULL") == 2
    assert pipeline.value("SELECT count(*) FROM work WHERE lease_token IS NOT NULL") == 0
    assert pipeline.value("SELECT count(*) FROM work WHERE attempts = 0") == 2


def test_defect_costs_only_remaining_items_an_attempt(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    async def read(_: StageContext, items: Sequence[WorkItem]) -> Results:
        yield items[0], data_of(items[0])
        raise ValueError("broken")

    read_with(monkeypatch, read)
    pipeline.discover("One", "Two", "Three")
    first, *left = runner.sweep(STAGE, run_id="sweep", time_box=60)
    assert first.error is None
    assert [one.error for one in left] == ["ValueError: broken"] * 2
    assert pipeline.value("SELECT sum(attempts) FROM work") == 2
