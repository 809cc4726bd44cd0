"""Sonoteller in RapidAPI's manner: who is let in, what is left of the plan, and what is said of a file."""

import json
from typing import Any

import pytest

from music_pipeline.sandbox.options import QuotaOverride
from music_pipeline.sandbox.world.coverage import SHARES, covered
from music_pipeline.sandbox.world.model import World
from music_pipeline_tests.sandbox.support import Desk, Reply, make_desk

KEY = {"X-RapidAPI-Key": "k", "X-RapidAPI-Host": "sonoteller-ai1.p.rapidapi.com"}
FILES = [f"https://audio.example.org/{place}.mp3" for place in range(400)]
MONTH = 31 * 86_400


def _ask(desk: Desk, file: Any, headers: dict[str, str] = KEY) -> Reply:
    return desk.ask("POST", "/sonoteller/lyrics", headers=headers, body=json.dumps({"file": file}).encode())


@pytest.mark.parametrize(
    ("headers", "status", "text"),
    [
        ({}, 401, "Invalid API key. Go to https://docs.rapidapi.com/docs/keys for more info."),
        (KEY | {"X-RapidAPI-Key": "wrong"}, 403, "You are not subscribed to this API."),
        ({"X-RapidAPI-Key": "k"}, 404, "API doesn't exists"),
    ],
)
def test_who_is_not_let_in_hears_why(headers: dict[str, str], status: int, text: str, desk: Desk) -> None:
    answer = _ask(desk, FILES[0], headers)
    assert (answer.status, answer.json) == (status, {"message": text})


def test_a_path_that_is_none_does_not_exist(desk: Desk) -> None:
    answer = desk.ask("POST", "/sonoteller/music", headers=KEY)
    assert (answer.status, answer.json) == (404, {"message": "Endpoint '/music' does not exist"})
    assert desk.ask("GET", "/sonoteller/lyrics", headers=KEY).status == 404


@pytest.mark.parametrize("file", [None, "", "song.mp3", "ftp://a.example.org/song.mp3", 7])
def test_what_is_no_address_is_refused(file: Any, desk: Desk) -> None:
    assert _ask(desk, file).status == 400


@pytest.mark.parametrize("body", [b"", b"[]", b"file=x", b"{"])
def test_a_body_that_is_no_object_is_refused(body: bytes, desk: Desk) -> None:
    assert desk.ask("POST", "/sonoteller/lyrics", headers=KEY, body=body).status == 400


def test_a_plan_that_is_used_up_says_so_until_its_month_is_over(world: World) -> None:
    desk = make_desk(world, quotas=(QuotaOverride("sonoteller", 2, float(MONTH)),))
    desk.clock.seconds = 5 * MONTH + 100.0
    left = [_ask(desk, file).headers["x-ratelimit-requests-remaining"] for file in FILES[:2]]
    assert left == ["1", "0"]
    refused = _ask(desk, FILES[2])
    assert refused.status == 429
    assert refused.json["message"].startswith("You have exceeded the MONTHLY quota for Requests on your current plan")
    assert refused.headers["x-ratelimit-requests-limit"] == "2"
    assert refused.headers["x-ratelimit-requests-remaining"] == "0"
    assert refused.headers["x-ratelimit-requests-reset"] == str(MONTH - 100)
    desk.clock.advance(float(refused.headers["x-ratelimit-requests-reset"]))
    assert _ask(desk, FILES[2]).status != 429
    assert desk.statistics("sonoteller")["early_calls"] == 0


def test_what_is_said_of_a_file_depends_on_nothing_but_its_address(world: World) -> None:
    one, other = make_desk(world), make_desk(world)
    assert [_ask(one, file).json for file in FILES[:40]] == [_ask(other, file).json for file in FILES[:40]]


def test_the_shares_of_files_that_are_fetched_and_of_both_forms_are_as_declared(desk: Desk) -> None:
    answers = [_ask(desk, file) for file in FILES]
    fetched = [answer.json for answer in answers if answer.status == 200]
    assert {answer.status for answer in answers} == {200, 400}
    assert len(fetched) / len(FILES) == pytest.approx(SHARES["sonoteller fetched"], abs=0.04)
    lists = [one for one in fetched if isinstance(one["moods"], list)]
    assert len(lists) / len(fetched) == pytest.approx(SHARES["sonoteller lists"], abs=0.1)
    sung = [one for one in fetched if one["moods"]]
    assert len(sung) / len(fetched) == pytest.approx(SHARES["sonoteller sung"], abs=0.06)
    assert {type(one["explicit"]) for one in sung if one in lists} == {bool}
    assert {one["explicit"] for one in sung if one not in lists} == {"Yes", "No"}
    assert {one["explicit"] for one in fetched if one not in sung} == {None}


def test_a_file_is_asked_about_again_where_a_cache_would_know_it(world: World) -> None:
    desk = make_desk(world)
    file = next(one for one in FILES if covered("sonoteller fetched", one))
    _ask(desk, file)
    _ask(desk, file)
    assert desk.statistics("sonoteller")["repeats"] == 1
