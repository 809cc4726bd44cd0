"""Outcomes as the archive keeps them, in the present form and in that of earlier versions."""

import json
from dataclasses import asdict
from typing import Any

import pytest

from music_pipeline.worker.outcomes import Outcome, Status

OUTCOME = Outcome("subject", "nina-simone", 3, "hash", Status.CHANGED, "3 rows", detail={"releases": 3})
OLDER: dict[str, Any] = {
    "subject": "subject", "artist_key": "nina-simone", "rows": 3, "content_hash": "hash", "changed": True,
    "error": None, "waiting": False, "buried": False, "text": "3 rows", "detail": {"releases": 3},
}  # fmt: skip


@pytest.mark.parametrize("status", Status)
def test_archived_outcome_is_read_again(status: Status) -> None:
    outcome = Outcome("subject", None, 0, "", status, "a line", "an error")
    assert Outcome.from_archive(json.loads(json.dumps(asdict(outcome)))) == outcome


def test_outcome_of_an_earlier_version_is_read() -> None:
    assert Outcome.from_archive(OLDER) == OUTCOME


def test_earlier_outcome_without_change_is_unchanged() -> None:
    assert Outcome.from_archive({**OLDER, "changed": False}).status is Status.UNCHANGED


def test_earlier_outcome_may_be_ambiguous() -> None:
    ambiguous = {**OLDER, "changed": False, "artist_key": None, "detail": {"verdict": "ambiguous", "candidates": ["a"]}}
    assert Outcome.from_archive(ambiguous).status is Status.AMBIGUOUS


@pytest.mark.parametrize("status", Status)
def test_each_status_is_done_waiting_or_failed(status: Status) -> None:
    outcome = Outcome("subject", None, 0, "", status, "a line")
    assert [outcome.is_done, outcome.is_waiting, outcome.is_failed].count(True) == 1
