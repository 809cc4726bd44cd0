"""Instagram's business_discovery: fields in words of their own, usage in headers, one answer for all whom it hides."""

import json
from pathlib import Path
from typing import Any

import pytest

from music_pipeline.sandbox.providers.instagram import ProfessionalAccount, split_fields
from music_pipeline.sandbox.world.model import World
from music_pipeline.sandbox.world.social import profiles_of
from music_pipeline_tests.sandbox.support import Desk, Reply, make_desk, misfits

NODE = "/instagram/v25.0/17841405309211844"


def _ask(desk: Desk, fields: str, **more: Any) -> Reply:
    return desk.get(NODE, {"fields": fields, "access_token": "t", **more}, headers={})


@pytest.fixture
def account(desk: Desk) -> ProfessionalAccount:
    accounts: dict[str, ProfessionalAccount] = desk.provider("instagram").accounts
    return next(each for each in accounts.values() if each.media > 30)


def test_a_professional_account_tells_its_followers(desk: Desk, account: ProfessionalAccount) -> None:
    answer = _ask(desk, f"business_discovery.username({account.handle}){{followers_count,media_count}}")
    assert answer.json == {
        "business_discovery": {
            "followers_count": account.followers,
            "media_count": account.media,
            "id": account.identity,
        },
        "id": "17841405309211844",
    }


def test_an_unknown_handle_and_a_personal_account_are_answered_alike(desk: Desk, world: World) -> None:
    accounts = desk.provider("instagram").accounts
    handles = [profiles_of(artist).instagram for artist in world.artists.values()]
    personal = next(handle for handle in handles if handle and handle not in accounts)
    refusals = [_ask(desk, f"business_discovery.username({handle}){{id}}") for handle in (personal, "nobody.at.all")]
    for refusal in refusals:
        assert refusal.status == 400
        details = refusal.json["error"]
        assert (details["code"], details["error_subcode"]) == (110, 2207013)
        assert details["message"] == "Invalid user id"


def test_about_half_of_the_handles_are_professional(desk: Desk, world: World) -> None:
    handles = [artist for artist in world.artists.values() if profiles_of(artist).instagram]
    assert len(desk.provider("instagram").accounts) / len(handles) == pytest.approx(0.5, abs=0.08)


def test_a_field_that_may_not_be_asked_spoils_the_whole_request(desk: Desk, account: ProfessionalAccount) -> None:
    refusal = _ask(desk, f"business_discovery.username({account.handle}){{followers_count,email}}")
    assert (refusal.status, refusal.json["error"]["code"]) == (400, 100)
    assert "email" in refusal.json["error"]["message"]


@pytest.mark.parametrize(("token", "code"), [("", 104), ("wrong", 190)])
def test_a_token_is_needed(token: str, code: int, desk: Desk) -> None:
    refusal = desk.get(NODE, {"fields": "id", "access_token": token}, headers={})
    assert (refusal.status, refusal.json["error"]["code"]) == (400, code)


def test_media_come_in_pages_by_cursor(desk: Desk, account: ProfessionalAccount) -> None:
    asked = f"business_discovery.username({account.handle}){{media{{id,like_count}}}}"
    first = _ask(desk, asked).json["business_discovery"]["media"]
    assert len(first["data"]) == 25
    after = first["paging"]["cursors"]["after"]
    more = _ask(desk, asked.replace("media{", f"media.after({after}).limit(5){{")).json["business_discovery"]["media"]
    assert len(more["data"]) == 5
    assert {entry["id"] for entry in first["data"]} & {entry["id"] for entry in more["data"]} == set()


def test_fields_part_at_commas_outside_of_braces() -> None:
    assert split_fields("a{b,c(d,e)},f") == ["a{b,c(d,e)}", "f"]


def test_the_headers_tell_the_usage_and_the_limit_is_code_4(world: World) -> None:
    desk = make_desk(world)
    answers = [desk.get(NODE, {"fields": "id", "access_token": "t"}, pause=1.0) for _ in range(201)]
    usage = [json.loads(answer.headers["x-app-usage"])["call_count"] for answer in answers]
    assert (usage[0], usage[99], usage[199]) == (0, 50, 100)
    assert [answer.status for answer in answers] == [200] * 200 + [400]
    assert answers[200].json["error"]["code"] == 4
    business = json.loads(answers[200].headers["x-business-use-case-usage"])
    assert 50 <= next(iter(business.values()))[0]["estimated_time_to_regain_access"] <= 60


def test_asking_for_followers_again_is_no_repeat(world: World) -> None:
    desk = make_desk(world)
    for _ in range(2):
        desk.get(NODE, {"fields": "id", "access_token": "t"})
    assert desk.statistics("instagram")["repeats"] == 0


def test_answers_fit_the_recorded_ones(desk: Desk, account: ProfessionalAccount, shared_folder: Path) -> None:
    folder = shared_folder / "recordings" / "instagram"
    discovered = json.loads((folder / "business_discovery.json").read_text(encoding="utf-8"))
    refused = json.loads((folder / "error.json").read_text(encoding="utf-8"))
    fields = ",".join(discovered["business_discovery"])
    ours = _ask(desk, f"business_discovery.username({account.handle}){{{fields}}}").json
    assert misfits(ours, discovered) == []
    assert misfits(desk.get("/instagram/v25.0/nobody", {"access_token": "t"}).json, refused) == []
