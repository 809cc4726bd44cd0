"""Faults do what they say to the requests that they are for, and nothing to others."""

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from music_pipeline.sandbox.faults import KINDS
from music_pipeline.sandbox.world.model import World
from music_pipeline_tests.sandbox.support import AGENT, Desk, Reply, make_desk

HEADERS = {"User-Agent": AGENT, "Authorization": "Bearer token, Discogs token=token"}


@pytest.fixture
def own_desk(world: World) -> Desk:
    return make_desk(world)


def _add(desk: Desk, **fault: Any) -> Reply:
    return desk.ask("POST", "/_sandbox/faults", body=json.dumps(fault).encode())


def _search(desk: Desk, offset: int = 0, provider: str = "spotify") -> Reply:
    artist = desk.provider("spotify").site.world
    name = artist.artists[artist.listed[0]].name
    if provider == "genius":
        return desk.get("/genius/search", {"q": name, "page": 1 + offset})
    return desk.get("/spotify/v1/search", {"q": f'artist:"{name}"', "type": "track", "limit": 10, "offset": offset})


def test_a_block_of_a_day_has_its_retry_after_and_early_calls_are_counted(own_desk: Desk) -> None:
    _add(own_desk, provider="spotify", kind="429", retry_after=86_400, count=1)
    refused = _search(own_desk)
    assert (refused.status, refused.headers["retry-after"]) == (429, "86400")
    assert _search(own_desk).status == 200
    assert own_desk.statistics("spotify")["early_calls"] == 1


def test_a_quota_that_is_used_up_says_so(own_desk: Desk) -> None:
    _add(own_desk, provider="spotify", kind="quota_exceeded")
    refused = _search(own_desk)
    assert refused.status == 429
    assert refused.json == {"error": {"status": 429, "message": "Too many requests", "reason": "QUOTA_EXCEEDED"}}


def test_premium_refusals_are_plain_text_of_159_signs(own_desk: Desk) -> None:
    _add(own_desk, provider="spotify", kind="premium_403")
    refused = _search(own_desk)
    assert (refused.status, refused.headers["content-type"]) == (403, "text/plain; charset=utf-8")
    assert len(refused.body) == 159


def test_an_empty_400_has_no_body(own_desk: Desk) -> None:
    _add(own_desk, provider="spotify", kind="empty_400")
    assert (_search(own_desk).status, _search(own_desk).body) == (400, b"")


def test_html_comes_instead_of_json(own_desk: Desk) -> None:
    _add(own_desk, provider="genius", kind="html")
    answer = _search(own_desk, provider="genius")
    assert answer.status == 403
    assert answer.headers["content-type"].startswith("text/html")
    assert _search(own_desk).status == 200


def test_truncated_json_cannot_be_read(own_desk: Desk) -> None:
    _add(own_desk, provider="spotify", kind="truncated_json")
    answer = _search(own_desk)
    assert answer.status == 200
    with pytest.raises(ValueError, match="line 1"):
        json.loads(answer.body)


def test_an_item_turns_null(own_desk: Desk) -> None:
    _add(own_desk, provider="spotify", kind="null_items")
    page = _search(own_desk).json["tracks"]
    assert page["items"][0] is None
    assert page["items"][1]["artists"][0]["name"]


def test_a_page_repeats_the_entries_of_the_first_and_keeps_its_place(own_desk: Desk) -> None:
    _add(own_desk, provider="spotify", kind="duplicate_page")
    first, second = _search(own_desk).json["tracks"], _search(own_desk, 10).json["tracks"]
    assert first["items"] == second["items"]
    assert (first["offset"], second["offset"]) == (0, 10)


def test_the_total_shrinks_from_page_to_page(own_desk: Desk) -> None:
    _add(own_desk, provider="spotify", kind="total_changes")
    totals = [_search(own_desk, offset).json["tracks"]["total"] for offset in (0, 10, 20)]
    assert [total - totals[0] for total in totals] == [0, -1, -2]


def test_a_vanished_endpoint_is_forbidden_while_others_answer(own_desk: Desk, world: World) -> None:
    _add(own_desk, provider="spotify", kind="vanished_endpoint", endpoint="search")
    assert _search(own_desk).json == {"error": {"status": 403, "message": "Forbidden"}}
    spotify_id = world.artists[world.listed[0]].spotify_id
    assert own_desk.get(f"/spotify/v1/artists/{spotify_id}").status == 200


@pytest.mark.parametrize(("provider", "status"), [("spotify", 401), ("genius", 401)])
def test_an_expired_token_is_refused_as_the_provider_does(provider: str, status: int, own_desk: Desk) -> None:
    _add(own_desk, provider=provider, kind="expired_token", count=1)
    assert _search(own_desk, provider=provider).status == status
    assert _search(own_desk, provider=provider).status == 200


@pytest.mark.parametrize(
    ("path", "key", "status"),
    [
        ("/lastfm/2.0/?method=track.search&track=x&format=json", "api_key", 403),
        ("/getsongbpm/search/?type=song&lookup=x", "api_key", 401),
        ("/instagram/v25.0/17841405309211844?fields=id", "access_token", 400),
    ],
)
def test_an_expired_key_of_the_query_is_refused_as_the_provider_does(
    path: str, key: str, status: int, own_desk: Desk
) -> None:
    address, _, query = path.partition("?")
    asked = [*(tuple(pair.split("=")) for pair in query.split("&")), (key, "good")]
    _add(own_desk, provider=address.split("/")[1], kind="expired_token", count=1)
    assert [own_desk.get(address, asked).status for _ in range(2)] == [status, 200]


def test_null_entries_come_into_json_that_calls_itself_html(own_desk: Desk) -> None:
    provider = own_desk.provider("getsongbpm")
    title = next(iter(provider.songs.values())).title
    _add(own_desk, provider="getsongbpm", kind="null_items")
    hits = own_desk.get("/getsongbpm/search/", {"api_key": "k", "type": "song", "lookup": title}).json["search"]
    assert hits[0] is None


def test_a_path_a_count_and_a_time_limit_a_fault(own_desk: Desk, world: World) -> None:
    ids = [world.artists[key].spotify_id for key in world.listed[:2]]
    _add(own_desk, provider="spotify", kind="5xx", status=502, path_regex=ids[0], count=2)
    statuses = [own_desk.get(f"/spotify/v1/artists/{each}").status for each in (ids[1], ids[0], ids[0], ids[0])]
    assert statuses == [200, 502, 502, 200]
    _add(own_desk, provider="spotify", kind="5xx", until=100)
    assert [own_desk.get(f"/spotify/v1/artists/{ids[1]}", pause=60).status for _ in range(2)] == [503, 200]


def test_a_probability_is_a_share_and_the_same_every_time(world: World) -> None:
    runs = []
    for _ in range(2):
        desk = make_desk(world)
        _add(desk, provider="genius", kind="5xx", probability=0.3)
        runs.append([_search(desk, provider="genius").status for _ in range(200)])
    assert runs[0] == runs[1]
    assert runs[0].count(503) / 200 == pytest.approx(0.3, abs=0.1)


def test_faults_end_when_they_are_cleared(own_desk: Desk) -> None:
    _add(own_desk, provider="spotify", kind="5xx")
    assert _search(own_desk).status == 503
    assert len(own_desk.get("/_sandbox/faults").json) == 1
    own_desk.ask("DELETE", "/_sandbox/faults")
    assert _search(own_desk).status == 200


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        ({"provider": "spotify", "kind": "nonsense"}, "nonsense"),
        ({"provider": "nobody", "kind": "5xx"}, "spotify"),
        ({"kind": "5xx"}, "provider"),
        ({"provider": "spotify", "kind": "5xx", "colour": 1}, "colour"),
        ({"provider": "spotify", "kind": "5xx", "count": "two"}, "count"),
        ({"provider": "spotify", "kind": "5xx", "path_regex": "("}, "path_regex"),
        ({"provider": "musicbrainz", "kind": "expired_token"}, "token"),
    ],
)
def test_a_fault_that_is_none_is_refused_in_words(fault: dict[str, Any], word: str, own_desk: Desk) -> None:
    answer = _add(own_desk, **fault)
    assert answer.status == 400
    assert word in answer.json["error"]


def test_every_kind_has_a_test_here() -> None:
    with open(__file__, encoding="utf-8") as lines:
        text = lines.read()
    assert [kind for kind in KINDS if f'kind="{kind}"' not in text and f'"{kind}")' not in text] == []


@pytest.fixture
def running(sandbox: Callable[..., Any]) -> Iterator[Any]:
    started = sandbox(speed=60.0, seed=1)
    yield started
    started.clear_faults()


def _ask(running: Any, timeout: float = 5.0) -> httpx.Response:
    return httpx.get(f"{running.url}/genius/search", params={"q": "love"}, headers=HEADERS, timeout=timeout)


def test_a_reset_breaks_the_body_off(running: Any) -> None:
    running.add_fault("genius", kind="reset", count=1)
    with pytest.raises(httpx.TransportError):
        _ask(running)
    assert _ask(running).status_code == 200


def test_an_outage_closes_the_connection_without_a_word(running: Any) -> None:
    running.add_fault("genius", kind="outage", count=1)
    with pytest.raises(httpx.TransportError):
        _ask(running)
    assert _ask(running).status_code == 200


def test_latency_and_dripping_outlast_an_impatient_client(running: Any) -> None:
    running.add_fault("genius", kind="latency", seconds=0.5, count=1)
    with pytest.raises(httpx.ReadTimeout):
        _ask(running, timeout=0.1)
    running.clear_faults()
    running.add_fault("genius", kind="drip", seconds=0.5, count=1)
    assert asyncio.run(_seconds_of_drip(running)) >= 0.4


async def _seconds_of_drip(running: Any) -> float:
    start = asyncio.get_running_loop().time()
    async with httpx.AsyncClient(headers=HEADERS) as client:
        answer = await client.get(f"{running.url}/genius/search", params={"q": "love"})
    assert answer.json()["meta"]["status"] == 200
    return asyncio.get_running_loop().time() - start


def test_a_fault_says_how_many_answers_it_harmed(own_desk: Desk) -> None:
    _add(own_desk, provider="spotify", kind="null_items", count=2)
    own_desk.get("/spotify/v1/tracks/unknown")
    assert own_desk.ask("GET", "/_sandbox/faults").json[0]["harmed"] == 0
    _search(own_desk)
    assert own_desk.ask("GET", "/_sandbox/faults").json[0]["harmed"] == 1
