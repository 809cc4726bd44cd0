"""Each row of STAGES names things that exist."""

from importlib import import_module
from pkgutil import resolve_name

import pytest

from music_pipeline.database.queries import statement
from music_pipeline.work.model import Stage
from music_pipeline.work.stages import STAGES, StageSpec, artist_stages, catalog_stages, due_hook


@pytest.mark.parametrize("spec", STAGES.values(), ids=lambda spec: spec.stage)
def test_modules_and_statements_of_a_row_exist(spec: StageSpec) -> None:
    assert import_module(spec.module)
    assert statement(spec.counts)
    assert spec.estimate is None or callable(resolve_name(spec.estimate))
    hook = due_hook(spec.stage)
    assert hook is None or (callable(hook.enqueue_due) and callable(hook.is_due))


def test_names_are_unique_and_stages_follow_earlier_ones() -> None:
    rows = list(STAGES.values())
    for names in ([row.queue for row in rows], [row.job for row in rows], [row.asset for row in rows]):
        assert len(set(names)) == len(rows)
    order = list(STAGES)
    assert all(row.follows is None or order.index(row.follows) < order.index(row.stage) for row in rows)


def test_stages_by_subject_and_report() -> None:
    assert catalog_stages() == (
        Stage.ARTIST_DISCOVERY, Stage.ALBUM_DISCOVERY, Stage.TRACK_DISCOVERY, Stage.PRODUCER_IDENTIFICATION,
    )  # fmt: skip
    assert artist_stages() == (*catalog_stages(), Stage.ENRICHMENT)


def test_equal_names_are_one_stage() -> None:
    assert Stage("enrichment") is Stage.ENRICHMENT
    assert Stage.ENRICHMENT == "enrichment"
    assert f"{Stage.ENRICHMENT}" == Stage.ENRICHMENT.value == "enrichment"
