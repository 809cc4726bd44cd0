"""Every stage's module has the functions by which the worker runs it, and what they read is data."""

import dataclasses
import inspect
from importlib import import_module
from types import ModuleType
from typing import get_args, get_type_hints

import pytest

from music_pipeline.stages.credits.producers import ArtistCredits
from music_pipeline.stages.discovery.artists import AmbiguousArtist, ResolvedArtist
from music_pipeline.stages.discovery.releases import ReleaseList
from music_pipeline.stages.discovery.tracks import TrackLists
from music_pipeline.stages.enrichment.stage import SourceRows
from music_pipeline.stages.profiles.producers import ProducerProfiles
from music_pipeline.work.model import Stage
from music_pipeline.work.stages import STAGES
from music_pipeline.worker.session import load_stage

DATA = (ResolvedArtist, AmbiguousArtist, ReleaseList, TrackLists, ArtistCredits, SourceRows, ProducerProfiles)


def module_of(stage: Stage) -> ModuleType:
    return import_module(STAGES[stage].module)


@pytest.mark.parametrize("stage", STAGES)
def test_stage_has_one_way_to_read_and_one_to_store(stage: Stage) -> None:
    module = module_of(stage)
    assert hasattr(module, "read") != hasattr(module, "read_many")
    assert list(inspect.signature(module.store).parameters)[:2] == ["connection", "item"]
    assert load_stage(stage).store is module.store


@pytest.mark.parametrize("stage", STAGES)
def test_what_a_stage_stores_is_known_data(stage: Stage) -> None:
    hints = get_type_hints(module_of(stage).store)
    hint = list(hints.values())[2]
    assert set(get_args(hint) or [hint]) <= set(DATA)


@pytest.mark.parametrize("data", DATA)
def test_data_is_frozen_and_compared_by_value(data: type) -> None:
    assert dataclasses.is_dataclass(data)
    assert data.__dataclass_params__.frozen  # type: ignore[attr-defined]
    assert data.__eq__ is not object.__eq__
