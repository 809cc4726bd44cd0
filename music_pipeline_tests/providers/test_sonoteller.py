"""Sonoteller, each of whose calls is one of a month's few: asked once, counted once, and read as far as it is known.

No real answer of it has been seen. What the tests let it say are the forms that clients of others expect.
"""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from aiohttp import web

from music_pipeline.gateway.daily_quota import MONTH_SECONDS
from music_pipeline.gateway.errors import (
    CredentialsMissing,
    CredentialsRefused,
    ProviderFailure,
    ProviderGatewayRateLimitedError,
    ProviderRefused,
    UnreadableAnswer,
)
from music_pipeline.gateway.provider import with_configured_quotas
from music_pipeline.ops.doctor import provider_findings
from music_pipeline.ops.quotas import DayUse, day_uses, period_uses
from music_pipeline.providers.sonoteller import SONOTELLER, LyricsAnalysis, parse_lyrics
from music_pipeline.sandbox.providers.sonoteller import analysis
from music_pipeline.sandbox.world.coverage import covered
from music_pipeline.settings import SettingError, settings
from music_pipeline_tests.providers.test_enrichment_clients import Serve, Server, rows
from music_pipeline_tests.support.calls import SPEED

if TYPE_CHECKING:
    from music_pipeline.sandbox.process import SandboxProcess

SONG = "https://audio.example.org/songs/1.mp3"
OTHER = "https://audio.example.org/songs/2.mp3"
LISTED = {
    "summary": "A farewell.", "language": "English", "explicit": False, "moods": ["Sad", "Calm"], "themes": ["Loss"],
    "keywords": ["rain"],
}  # fmt: skip
READ = LyricsAnalysis("A farewell.", "English", False, ("Sad", "Calm"), ("Loss",), ("rain",), tuple(LISTED))
OVER_PLAN = {"message": "You have exceeded the MONTHLY quota for Requests on your current plan, BASIC."}


def addresses(*shares: str, without: str | None = None) -> Iterator[str]:
    """Addresses on which these shares of the sandbox fall, and that one does not."""
    every = (f"https://audio.example.org/{place}.mp3" for place in range(10_000))
    return (
        one for one in every if all(covered(share, one) for share in shares) and not (without and covered(without, one))
    )


def month(engine: sa.Engine, speed: float = SPEED) -> DayUse:
    (found,) = [one for one in period_uses(engine, sandboxed=True, speed=speed) if one.provider == "sonoteller"]
    return found


@pytest.mark.parametrize(
    ("came", "said"),
    [
        (LISTED, READ),
        (
            LISTED | {"moods": {"0": "Sad", "1": "Calm"}, "themes": {"0": "Loss"}, "keywords": {"0": "rain"},
                      "explicit": "No"},
            READ,
        ),
        (
            {"moods": ["Sad", None, 3], "themes": "Loss", "explicit": "perhaps", "language": 7, "summary": ["a"],
             "keywords": {"first": "rain"}},
            LyricsAnalysis(None, None, None, None, None, None,
                           ("moods", "themes", "explicit", "language", "summary", "keywords")),
        ),
        (
            {"summary": " ", "moods": [], "themes": {}, "explicit": "YES ", "keywords": [" rain ", "", "rain"]},
            LyricsAnalysis("", None, True, (), (), ("rain",), ("summary", "moods", "themes", "explicit", "keywords")),
        ),
        ({}, LyricsAnalysis(None, None, None, None, None, None, ())),
    ],
    ids=["lists", "numbered objects and words", "other kinds", "empty", "nothing"],
)  # fmt: skip
def test_what_came_in_the_expected_kind_is_read_and_nothing_else(came: Any, said: LyricsAnalysis) -> None:
    assert parse_lyrics(came) == said
    assert parse_lyrics(came).is_understood == any(value is not None for value in (said.summary, said.explicit))


@pytest.mark.parametrize("came", [None, [], "text", 7])
def test_an_answer_that_is_no_object_is_unreadable(came: Any) -> None:
    with pytest.raises(UnreadableAnswer):
        parse_lyrics(came)


async def test_both_forms_of_the_emulated_answers_say_the_same(world: "SandboxProcess", opened: Any) -> None:
    fetched = ("sonoteller fetched", "sonoteller sung")
    chosen = [next(addresses(*fetched, "sonoteller lists")), next(addresses(*fetched, without="sonoteller lists"))]
    async with opened() as clients:
        for one in chosen:
            found, told = await clients.sonoteller.lyrics(one), analysis(one)
            lists = {name: tuple(told[name]) for name in ("moods", "themes", "keywords")}
            assert {name: getattr(found, name) for name in told} == told | lists
    assert world.stats()["sonoteller"]["requests"] == 2


async def test_a_file_in_which_nobody_sings_is_understood_and_one_that_cannot_be_fetched_is_refused(
    world: "SandboxProcess", opened: Any
) -> None:
    async with opened() as clients:
        silent = await clients.sonoteller.lyrics(next(addresses("sonoteller fetched", without="sonoteller sung")))
        assert (silent.summary, silent.moods, silent.is_understood) == ("", (), True)
        with pytest.raises(ProviderRefused, match="could not be fetched"):
            await clients.sonoteller.lyrics(next(addresses(without="sonoteller fetched")))
    assert world.stats()["sonoteller"]["requests"] == 2


async def test_the_address_is_posted_with_key_and_host_and_its_answer_kept_without_the_key(
    opened: Any, own_server: Serve, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SONOTELLER_API_KEY", "5ecre7")
    bodies: list[Any] = []

    async def answer(request: web.Request) -> web.Response:
        named = (request.headers["X-RapidAPI-Key"], request.headers["X-RapidAPI-Host"], request.content_type)
        bodies.append((request.method, *named, await request.json()))
        return web.json_response(LISTED)

    own_server("/sonoteller/lyrics", answer)
    async with opened() as clients:
        assert [await clients.sonoteller.lyrics(one) for one in (SONG, SONG, OTHER)] == [READ] * 3
    sent = ("POST", "5ecre7", "sonoteller-ai1.p.rapidapi.com", "application/json")
    assert bodies == [(*sent, {"file": SONG}), (*sent, {"file": OTHER})]
    async with opened() as clients:  # another process, half a year later
        assert await clients.sonoteller.lyrics(SONG, fresh_since=datetime.now(UTC) - timedelta(days=180)) == READ
    assert len(bodies) == 2
    kept = [str(tuple(row)) for row in rows(engine, "SELECT * FROM cached_answers")]
    assert any(f"POST /lyrics {json.dumps({'file': SONG})}" in row for row in kept)
    assert "5ecre7" not in "".join(kept)


async def test_an_answer_of_which_nothing_can_be_read_says_what_came_and_is_not_paid_for_twice(
    opened: Any, own_server: Serve
) -> None:
    server = Server({"result": {"moods": ["Sad"]}, "took": 3, "moods": 7})
    own_server("/sonoteller/lyrics", server)
    async with opened() as clients:
        for _ in range(2):
            with pytest.raises(ProviderFailure, match="none came in the expected kind; what came: result, took, moods"):
                await clients.sonoteller.lyrics(SONG)
    assert len(server.asked) == 1


@pytest.mark.parametrize("kind", ["reset", "5xx", "truncated_json", "html", "drip"])
async def test_a_call_that_fails_on_its_way_is_counted_and_made_once(
    world: "SandboxProcess", opened: Any, engine: sa.Engine, kind: str
) -> None:
    world.add_fault("sonoteller", kind, **({"status": 502} if kind == "html" else {}))
    one = next(addresses("sonoteller fetched", "sonoteller sung"))
    async with opened() as clients:
        if kind == "drip":
            assert (await clients.sonoteller.lyrics(one)).is_understood
        else:
            with pytest.raises(ProviderFailure):
                await clients.sonoteller.lyrics(one)
    assert world.stats()["sonoteller"]["requests"] == 1
    assert month(engine).used == 1


async def test_nobody_is_followed_elsewhere_with_the_key(opened: Any, own_server: Serve, engine: sa.Engine) -> None:
    elsewhere = Server(LISTED)
    own_server("/elsewhere", elsewhere)
    own_server("/sonoteller/lyrics", Server({}, status=307, headers={"Location": "/elsewhere"}))
    async with opened() as clients:
        with pytest.raises(ProviderRefused, match="HTTP 307"):
            await clients.sonoteller.lyrics(SONG)
    assert elsewhere.asked == []
    assert month(engine, 1000).used == 1


async def test_a_key_that_is_not_subscribed_is_refused_once_and_uses_nothing_of_the_month(
    world: "SandboxProcess", opened: Any, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SONOTELLER_API_KEY", "a-wrong-key")
    async with opened() as clients:
        for _ in range(2):
            with pytest.raises(CredentialsRefused, match="You are not subscribed to this API") as refused:
                await clients.sonoteller.lyrics(SONG)
            assert "a-wrong-key" not in str(refused.value)
    assert world.stats()["sonoteller"]["requests"] == 1
    assert month(engine).used == 0
    monkeypatch.setenv("SONOTELLER_API_KEY", "another-key")
    async with opened() as clients:
        assert (await clients.sonoteller.lyrics(next(addresses("sonoteller fetched")))).is_understood
    assert month(engine).used == 1


async def test_without_a_key_nobody_is_asked(engine: sa.Engine, opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MUSIC_SANDBOX_URL", raising=False)
    async with opened() as clients:
        with pytest.raises(CredentialsMissing, match="SONOTELLER_API_KEY is not set"):
            await clients.sonoteller.lyrics(SONG)
    assert rows(engine, "SELECT 1 FROM quota_day_slices") == []


async def test_a_plan_that_is_used_up_blocks_until_its_month_is_over(
    opened: Any, own_server: Serve, engine: sa.Engine
) -> None:
    left = {"x-ratelimit-requests-remaining": "0", "x-ratelimit-requests-reset": "2163603"}
    server = Server(OVER_PLAN, status=429, headers=left)
    own_server("/sonoteller/lyrics", server)
    async with opened() as clients:
        for one in (SONG, OTHER):
            with pytest.raises(ProviderGatewayRateLimitedError, match="MONTHLY quota") as refused:
                await clients.sonoteller.lyrics(one)
            until = refused.value.until - datetime.now(UTC)
            assert timedelta(seconds=2150) < until < timedelta(seconds=2165)  # its seconds are a thousandth of ours
    assert len(server.asked) == 1
    assert month(engine, 1000).used == 0
    assert rows(engine, "SELECT kind FROM provider_blocks") == [("quota_exceeded",)]


async def test_too_many_calls_a_second_are_no_used_up_plan(opened: Any, own_server: Serve, engine: sa.Engine) -> None:
    left = {"x-ratelimit-requests-remaining": "7", "x-ratelimit-requests-reset": "2163603"}
    server = Server({"message": "Too many requests"}, status=429, headers=left)
    own_server("/sonoteller/lyrics", server)
    async with opened() as clients:
        with pytest.raises(ProviderGatewayRateLimitedError) as refused:
            await clients.sonoteller.lyrics(SONG)
        assert refused.value.until - datetime.now(UTC) < timedelta(seconds=1)
    assert len(server.asked) == 1
    assert rows(engine, "SELECT kind FROM provider_blocks") == [("retry_after",)]


async def test_what_the_month_allows_is_kept_to_by_all_processes_and_told(
    opened: Any, own_server: Serve, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SONOTELLER_MONTHLY_QUOTA", "3")
    server = Server(LISTED)
    own_server("/sonoteller/lyrics", server)
    assert day_uses(engine, sandboxed=True, speed=1000) == []  # nobody uses it: nobody has to hear of it
    for place in range(3):
        async with opened() as clients:
            await clients.sonoteller.lyrics(f"{SONG}?{place}")
    assert next(one.text for one in day_uses(engine, sandboxed=True, speed=1000)).startswith(
        "0 of 3 calls a month are left; "
    )
    async with opened() as clients:
        with pytest.raises(ProviderGatewayRateLimitedError, match="the 3 calls of the month are used up") as refused:
            await clients.sonoteller.lyrics(f"{SONG}?3")
        assert await clients.sonoteller.lyrics(f"{SONG}?2") == READ  # what is known costs nothing
    free_again = refused.value.until - datetime.now(UTC)
    assert timedelta(seconds=MONTH_SECONDS / 1000 - 30) < free_again < timedelta(seconds=1.01 * MONTH_SECONDS / 1000)
    assert len(server.asked) == 3
    found = await asyncio.to_thread(lambda: list(provider_findings(engine, settings())))
    (told,) = [one for one in found if one.subject == "sonoteller quota"]
    assert told.advice is not None
    assert "SONOTELLER_MONTHLY_QUOTA sets the calls per month" in told.advice


def test_a_month_has_ten_calls_unless_the_operator_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    assert with_configured_quotas(SONOTELLER).monthly_quota == 10
    monkeypatch.setenv("SONOTELLER_MONTHLY_QUOTA", "250")
    assert with_configured_quotas(SONOTELLER).monthly_quota == 250
    monkeypatch.setenv("SONOTELLER_DAILY_QUOTA", "5")
    with pytest.raises(SettingError, match="by the day or by the month"):
        with_configured_quotas(SONOTELLER)
    monkeypatch.delenv("SONOTELLER_DAILY_QUOTA")
    monkeypatch.setenv("SONOTELLER_MONTHLY_QUOTA", "many")
    with pytest.raises(SettingError, match="SONOTELLER_MONTHLY_QUOTA"):
        with_configured_quotas(SONOTELLER)
