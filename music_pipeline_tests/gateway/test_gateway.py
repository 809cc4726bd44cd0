"""The gateway against the sandbox: the cache, blocks, the breaker, credentials, and bad days."""

import asyncio
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
import structlog
from aiohttp import web

from music_pipeline.gateway.errors import (
    CircuitBreakerOpenException,
    CredentialsMissing,
    CredentialsRefused,
    EndpointGone,
    ProviderFailure,
    ProviderGatewayRateLimitedError,
    ProviderGatewayTimeoutError,
    ProviderRefused,
    UnreadableAnswer,
)
from music_pipeline.gateway.request import Request
from music_pipeline.providers.discogs import RELEASE, parse_release
from music_pipeline.providers.genius import SONG
from music_pipeline.providers.spotify import ARTIST, parse_artist
from music_pipeline.sandbox.process import SandboxProcess
from music_pipeline_tests.support.providers import declared

UNKNOWN = "A" * 22


def requests(world: SandboxProcess, provider: str) -> int:
    return int(world.stats()[provider]["requests"])


def rows(engine: sa.Engine, statement: str) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(sa.text(statement)))


async def test_an_answer_is_asked_for_once_and_then_comes_from_the_cache(world: SandboxProcess, opened: Any) -> None:
    artist_id = world.artists(1)[0]["spotify_id"]
    async with opened() as first:
        asked = await asyncio.gather(*(first.spotify.artist(artist_id) for _ in range(5)))
    async with opened() as second:
        kept = await second.gateway.send(Request(ARTIST, (artist_id,)), parse_artist)
    assert asked == [kept.body] * 5
    assert kept.from_cache
    assert requests(world, "spotify") == 1


async def test_a_question_asked_from_all_sides_at_uneven_moments_goes_out_once(
    world: SandboxProcess, opened: Any
) -> None:
    ids = [artist["spotify_id"] for artist in world.artists(40)]

    async def ask_around(clients: Any, place: int) -> None:
        await asyncio.gather(*(clients.spotify.artist(ids[(place * step) % len(ids)]) for step in range(8)))
        await asyncio.gather(*(clients.spotify.artist(one) for one in ids))

    async with opened() as clients:
        await asyncio.gather(*(ask_around(clients, place) for place in range(60)))
    assert requests(world, "spotify") == len(ids)
    assert world.stats()["spotify"]["repeats"] == 0


async def test_an_answer_from_before_fresh_since_is_asked_for_again(world: SandboxProcess, opened: Any) -> None:
    artist_id = world.artists(1)[0]["spotify_id"]
    async with opened() as clients:
        await clients.spotify.artist_albums(artist_id)
        cutoff = datetime.now(UTC)
        await clients.spotify.artist_albums(artist_id, fresh_since=cutoff - timedelta(hours=1))
        assert requests(world, "spotify") == 1
        await clients.spotify.artist_albums(artist_id, fresh_since=cutoff)
        await clients.spotify.artist_albums(artist_id, fresh_since=cutoff)
        assert requests(world, "spotify") == 2


async def test_absence_is_an_answer_which_is_not_kept_where_only_a_404_says_so(
    world: SandboxProcess, opened: Any
) -> None:
    async with opened() as clients:
        assert await clients.discogs.release("999999999") is None
        assert await clients.discogs.release("999999999") is None
        assert await clients.musicbrainz.releases_of_artist("5b11f4ce-a62d-471e-81fc-a69a8278c7da") is None
        assert await clients.spotify.album_tracks(UNKNOWN) is None
        assert await clients.genius.song("999999999") is None
    assert requests(world, "discogs") == 2


async def test_an_id_that_is_none_is_refused_without_a_request(world: SandboxProcess, opened: Any) -> None:
    async with opened() as clients:
        with pytest.raises(ProviderRefused, match="Unsupported"):
            await clients.spotify.artist("no such id!")
    assert requests(world, "spotify") == 0


async def test_a_block_of_a_day_is_recorded_and_nobody_calls_before_its_end(world: SandboxProcess, opened: Any) -> None:
    world.add_fault("spotify", "429", count=1, retry_after=86_400)
    async with opened() as clients:
        before = datetime.now(UTC)
        with pytest.raises(ProviderGatewayRateLimitedError) as refused:
            await clients.spotify.artist(UNKNOWN)
        assert abs((refused.value.until - before).total_seconds() - 86_400 / 60) < 5
    async with opened() as after_a_restart:
        with pytest.raises(ProviderGatewayRateLimitedError) as again:
            await after_a_restart.spotify.artist("B" * 22)
        assert again.value.until == refused.value.until
    assert requests(world, "spotify") == 1
    assert world.stats()["spotify"]["early_calls_raw"] == 0


async def test_a_short_retry_after_is_waited_for_by_everyone(
    world: SandboxProcess, opened: Any, engine: sa.Engine
) -> None:
    world.add_fault("discogs", "429", count=1, retry_after=60)
    async with opened() as one, opened() as other:
        refused = asyncio.create_task(one.discogs.release("999999991"))
        while not await asyncio.to_thread(rows, engine, "SELECT * FROM provider_blocks"):
            pass
        answers = await asyncio.gather(refused, other.discogs.release("999999992"), one.discogs.release("999999993"))
    stats = world.stats()["discogs"]
    assert answers == [None] * 3
    assert (stats["early_calls"], stats["by_status"]) == (0, {"404": 3, "429": 1})


async def test_a_used_up_quota_holds_for_all_apps_of_the_developer(
    world: SandboxProcess, opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.add_fault("spotify", "quota_exceeded", count=1)
    async with opened() as clients:
        with pytest.raises(ProviderGatewayRateLimitedError, match="Too many requests"):
            await clients.spotify.artist(UNKNOWN)
    monkeypatch.setenv("SPOTIFY_CLIENT_ID", "another-app")
    monkeypatch.setenv("SPOTIFY_CLIENT_SECRET", "another-secret")
    async with opened() as another_app:
        with pytest.raises(ProviderGatewayRateLimitedError):
            await another_app.spotify.artist(UNKNOWN)
    assert requests(world, "spotify") == 1


async def test_refused_credentials_say_why_and_are_not_tried_again_until_they_change(
    world: SandboxProcess, opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.add_fault("spotify", "premium_403", count=1)
    async with opened() as clients:
        for _ in range(2):
            with pytest.raises(CredentialsRefused, match="Active premium subscription required"):
                await clients.spotify.artist(UNKNOWN)
    assert requests(world, "spotify") == 1
    monkeypatch.setenv("SPOTIFY_CLIENT_SECRET", "a-new-one")
    async with opened() as clients:
        assert await clients.spotify.artist(UNKNOWN) is None


async def test_an_expired_token_is_replaced_once(world: SandboxProcess, opened: Any) -> None:
    world.add_fault("spotify", "expired_token", count=1)
    async with opened() as clients:
        assert await clients.spotify.artist(UNKNOWN) is None
    assert requests(world, "spotify-accounts") == 2
    world.add_fault("spotify", "expired_token")
    async with opened() as clients:
        with pytest.raises(CredentialsRefused, match="401"):
            await clients.spotify.artist("B" * 22)
    assert requests(world, "spotify") == 4


async def test_missing_credentials_are_named_and_nothing_is_sent(opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MUSIC_SANDBOX_URL", raising=False)
    async with opened() as clients:
        with pytest.raises(CredentialsMissing, match="SPOTIFY_CLIENT_ID and SPOTIFY_CLIENT_SECRET"):
            await clients.spotify.artist(UNKNOWN)
        with pytest.raises(CredentialsMissing, match="DISCOGS_TOKEN"):
            await clients.discogs.release("1")
        with pytest.raises(CredentialsMissing, match="GENIUS_ACCESS_TOKEN"):
            await clients.genius.song("1")
        with pytest.raises(CredentialsMissing, match="MUSICBRAINZ_CONTACT"):
            await clients.musicbrainz.artist(UNKNOWN)


async def test_secrets_are_in_no_error_no_table_and_no_log(
    world: SandboxProcess,
    opened: Any,
    engine: sa.Engine,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(0)
    secrets = {
        name: f"wrong-{name.lower()}-5ecre7"
        for name in ("SPOTIFY_CLIENT_SECRET", "DISCOGS_TOKEN", "GENIUS_ACCESS_TOKEN")
    }
    for name, secret in {"SPOTIFY_CLIENT_ID": "some-app", **secrets}.items():
        monkeypatch.setenv(name, secret)
    errors = []
    with structlog.testing.capture_logs() as logs:
        async with opened() as clients:
            for asking in (
                clients.spotify.artist(UNKNOWN),
                clients.discogs.search_releases("x"),
                clients.genius.search("x"),
            ):
                with pytest.raises(CredentialsRefused) as refused:
                    await asking
                errors.append(f"{refused.value} {refused.value!r} {refused.value.__dict__}")
    monkeypatch.setenv("DISCOGS_TOKEN", "fine-5ecre7")
    async with opened() as clients:
        await clients.discogs.search_releases("x")
    tables = (
        "cached_answers",
        "provider_calls",
        "provider_blocks",
        "provider_breakers",
        "quota_buckets",
        "provider_capabilities",
    )
    written = [str(row) for table in tables for row in rows(engine, f"SELECT * FROM {table}")]
    assert len(written) > 4
    assert "5ecre7" not in " ".join([*errors, *written, str(logs), caplog.text])


async def test_the_breaker_opens_for_all_processes_and_closes_when_the_provider_is_back(
    world: SandboxProcess, opened: Any, engine: sa.Engine
) -> None:
    world.add_fault("genius", "outage")
    async with opened() as clients:
        await asyncio.gather(*(clients.genius.song(str(n)) for n in (1, 2)), return_exceptions=True)
        sent = requests(world, "genius")
        async with opened() as other_process:
            with pytest.raises(CircuitBreakerOpenException, match="Circuit breaker 'genius' is OPEN") as refused:
                await other_process.genius.song("3")
        assert requests(world, "genius") == sent
        assert refused.value.until > datetime.now(UTC) - timedelta(seconds=1)
        world.clear_faults()
        open_again_at(engine, "genius")
        assert await clients.genius.song("999999998") is None
        assert rows(engine, "SELECT state FROM provider_breakers WHERE provider = 'genius'") == [("half_open",)]
        assert await clients.genius.song("999999997") is None
        assert rows(engine, "SELECT state FROM provider_breakers WHERE provider = 'genius'") == [("closed",)]


def open_again_at(engine: sa.Engine, provider: str) -> None:
    """The breaker's time is over now."""
    with engine.begin() as connection:
        connection.execute(
            sa.text("UPDATE provider_breakers SET open_until = now() WHERE provider = :provider"),
            {"provider": provider},
        )


async def test_one_bad_request_is_no_outage(world: SandboxProcess, opened: Any, engine: sa.Engine) -> None:
    world.add_fault("discogs", "5xx", path_regex="/releases/13$", status=500)
    async with opened() as clients:
        with pytest.raises(ProviderFailure) as failed:
            await clients.discogs.release("13")
        assert await clients.discogs.release("999999999") is None
    assert failed.value.status == 500
    assert world.stats()["discogs"]["by_status"] == {"404": 1, "500": 6}


@pytest.mark.parametrize("kind", ["html", "truncated_json", "reset", "outage", "5xx"])
@pytest.mark.parametrize("provider", ["spotify", "discogs"])
async def test_a_broken_answer_is_asked_for_again(world: SandboxProcess, opened: Any, kind: str, provider: str) -> None:
    world.add_fault(provider, kind, count=2)
    artist = world.artists(1)[0]
    async with opened() as clients:
        if provider == "spotify":
            assert (await clients.spotify.artist(artist["spotify_id"])).name == artist["name"]
        else:
            assert (await clients.discogs.search_releases(artist["name"])).total > 0


async def test_a_vanished_endpoint_is_learnt_and_not_called_again(world: SandboxProcess, opened: Any) -> None:
    world.add_fault("spotify", "vanished_endpoint", path_regex="/albums$")
    async with opened() as clients:
        with pytest.raises(EndpointGone):
            await clients.spotify.artist_albums(UNKNOWN)
    async with opened() as another_process:
        with pytest.raises(EndpointGone):
            await another_process.spotify.artist_albums("B" * 22)
        assert await another_process.spotify.artist(UNKNOWN) is None
    assert requests(world, "spotify") == 2


async def test_a_page_size_that_is_refused_is_learnt(
    world: SandboxProcess, opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPOTIFY_PAGE_SIZE", "50")
    artist = world.artists(1)[0]
    async with opened() as clients:
        assert len((await clients.spotify.search(artist["name"])).tracks) > 0
    async with opened() as another_process:
        assert (await another_process.spotify.artist_albums(artist["spotify_id"])).total > 0
    assert world.stats()["spotify"]["by_status"] == {"200": 2, "400": 1}


async def test_an_empty_400_is_a_refusal(world: SandboxProcess, opened: Any) -> None:
    world.add_fault("spotify", "empty_400", count=1)
    async with opened() as clients:
        with pytest.raises(ProviderRefused, match="400") as refused:
            await clients.spotify.track(UNKNOWN)
    assert refused.value.status == 400


async def test_null_entries_are_counted(world: SandboxProcess, opened: Any) -> None:
    world.add_fault("spotify", "null_items")
    async with opened() as clients:
        page = await clients.spotify.artist_albums(world.artists(1)[0]["spotify_id"])
    assert page.nulls >= 1
    assert len(page.items) + page.nulls == min(10, page.total)


async def test_a_browse_that_overwhelms_the_server_is_asked_for_in_halves(world: SandboxProcess, opened: Any) -> None:
    async with opened() as clients:
        ids = [artist["spotify_id"] for artist in world.artists(25)]
        linked = await clients.musicbrainz.artists_by_spotify_id(ids)
        mbid = next(iter(linked.values()))[0]
        world.add_fault("musicbrainz", "5xx", count=4, status=504)
        page = await clients.musicbrainz.releases_of_artist(mbid)
    assert 0 < len(page.items) <= 25
    assert world.stats()["musicbrainz"]["by_status"] == {"200": 2, "504": 4}


async def test_a_full_page_is_followed_by_another_whatever_its_total_says_and_that_by_none(
    opened: Any, own_server: Callable[..., None]
) -> None:
    releases = [{"id": f"00000000-0000-4000-8000-{number:012}", "media": []} for number in range(4)]

    async def browse(request: web.Request) -> web.Response:
        offset = int(request.query["offset"])
        page = {"releases": releases[offset : offset + 2], "release-count": 2, "release-offset": offset}
        return web.json_response(page)

    own_server("/musicbrainz/ws/2/release", browse)
    async with opened() as clients:
        first = await clients.musicbrainz.releases_of_artist("a", limit=2)
        second = await clients.musicbrainz.releases_of_artist("a", limit=2, offset=2)
    assert (first.next_offset, first.total) == (2, 2)
    assert (len(second.items), second.next_offset) == (2, None)


async def test_an_endpoint_that_vanished_is_no_absence_and_one_thing_that_is_not_found_is_not_kept(
    world: SandboxProcess, opened: Any, engine: sa.Engine
) -> None:
    artist = world.artists(1)[0]
    world.add_fault("discogs", "vanished_endpoint")
    async with opened() as clients:
        with pytest.raises(ProviderFailure, match="404"):
            await clients.discogs.search_releases(artist["name"])
        assert await clients.discogs.release("1") is None
    world.clear_faults()
    assert rows(engine, "SELECT request FROM cached_answers WHERE provider = 'discogs'") == []


async def test_addresses_that_musicbrainz_is_asked_for_are_several_so_that_a_404_is_no_answer(
    world: SandboxProcess, opened: Any
) -> None:
    (known,) = [one["spotify_id"] for one in world.artists(1)]
    async with opened() as clients:
        assert await clients.musicbrainz.artists_by_spotify_id([UNKNOWN]) == {}
        assert set(await clients.musicbrainz.artists_by_spotify_id([known])) <= {known}
        world.add_fault("musicbrainz", "vanished_endpoint")
        with pytest.raises(ProviderFailure, match="404"):
            await clients.musicbrainz.artists_by_spotify_id(["B" * 22])


async def test_calls_are_accounted_for_in_sql(world: SandboxProcess, opened: Any, engine: sa.Engine) -> None:
    async with opened() as clients:
        await clients.discogs.search_releases("Nobody")
        await clients.discogs.search_releases("Nobody")
    counted = rows(engine, "SELECT outcome, calls FROM provider_calls WHERE provider = 'discogs' ORDER BY outcome")
    assert counted == [("answered", 1), ("cache_hit", 1), ("cache_miss", 1)]
    assert rows(engine, "SELECT outcome, sum(calls) FROM provider_latency GROUP BY 1 HAVING sum(calls) > 0") == [
        ("answered", 1)
    ]


async def test_a_connection_that_breaks_is_one_call_of_its_permit_and_no_second(
    opened: Any, own_server: Callable[..., None]
) -> None:
    arrived: list[str] = []

    async def release(request: web.Request) -> web.Response:
        arrived.append(request.path)
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    own_server("/discogs/releases/1", release)
    async with opened() as clients:
        with pytest.raises(ProviderFailure, match="Disconnected"):
            await clients.gateway.send(Request.get(RELEASE, "1"), parse_release, attempts=1)
    assert len(arrived) == 1


async def test_what_has_not_changed_is_not_sent_again(opened: Any, own_server: Callable[..., None]) -> None:
    validators: list[str | None] = []

    async def song(request: web.Request) -> web.Response:
        validators.append(request.headers.get("If-None-Match"))
        if validators[-1] == '"v1"':
            return web.Response(status=304)
        return web.json_response({"response": {"song": {"id": 1, "title": "T"}}}, headers={"ETag": '"v1"'})

    own_server("/genius/songs/1", song)
    async with opened() as clients:
        first = await clients.genius.song("1")
        again = await clients.genius.song("1", fresh_since=datetime.now(UTC))
        kept = await clients.genius.song("1", fresh_since=datetime.now(UTC) - timedelta(seconds=5))
    assert first == again == kept
    assert validators == [None, '"v1"']


@pytest.mark.parametrize("body", ['{"error": "text"}', '["list"]', '{"error": ["list"]}', "null", '"text"'])
async def test_error_bodies_that_spotipy_cannot_read_break_nothing(
    opened: Any, own_server: Callable[..., None], body: str
) -> None:
    async def artist(_: web.Request) -> web.Response:
        return web.Response(status=400, text=body, content_type="application/json")

    own_server(f"/spotify/v1/artists/{UNKNOWN}", artist)
    async with opened() as clients:
        with pytest.raises(ProviderRefused):
            await clients.spotify.artist(UNKNOWN)


async def test_an_answer_of_the_wrong_shape_is_a_failure_and_is_not_kept(
    opened: Any, own_server: Callable[..., None], engine: sa.Engine
) -> None:
    async def song(_: web.Request) -> web.Response:
        return web.json_response({"response": []})

    own_server("/genius/songs/1", song)
    async with opened() as clients:
        with pytest.raises(ProviderFailure, match=r"answer\.response is not what it should be"):
            await clients.genius.song("1")
    assert rows(engine, "SELECT * FROM cached_answers") == []


async def test_musicbrainz_is_told_who_asks(
    opened: Any, own_server: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUSICBRAINZ_CONTACT", "us@example.org")
    agents: list[str] = []

    async def artist(request: web.Request) -> web.Response:
        agents.append(request.headers["User-Agent"])
        return web.json_response({"id": "m"})

    own_server("/musicbrainz/ws/2/artist/m", artist)
    async with opened() as clients:
        await clients.musicbrainz.artist("m")
    assert agents == ["music_pipeline/0.1.0 ( us@example.org )"]


async def test_a_provider_that_never_answers_times_out(opened: Any, own_server: Callable[..., None]) -> None:
    forever = asyncio.Event()

    async def never(_: web.Request) -> web.Response:
        await forever.wait()
        return web.Response()

    own_server("/genius/songs/1", never)
    own_server(f"/spotify/v1/artists/{UNKNOWN}", never)
    with declared(lambda _: {"timeout_seconds": 0.2}):
        async with opened() as clients:
            with pytest.raises(ProviderGatewayTimeoutError):
                await clients.gateway.send(Request.get(SONG, "1"), lambda payload: payload, attempts=1)
            with pytest.raises(ProviderGatewayTimeoutError):
                await clients.gateway.send(Request(ARTIST, (UNKNOWN,)), parse_artist, attempts=1)
    forever.set()


async def test_a_sandbox_that_is_not_there_is_one_clear_sentence(opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSIC_SANDBOX_URL", "http://127.0.0.1:9")
    with pytest.raises(ProviderFailure, match="no sandbox answers at http://127"):
        async with opened():
            pytest.fail("there is no sandbox")


async def test_the_trusted_certificates_are_read_once_in_a_process(
    world: SandboxProcess, opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened():
        pass
    monkeypatch.setattr(ssl, "create_default_context", lambda **_: pytest.fail("the certificates were read again"))
    async with opened() as clients:
        await clients.spotify.artist(world.artists(1)[0]["spotify_id"])


def test_an_unreadable_answer_is_a_failure_that_another_attempt_may_mend() -> None:
    assert issubclass(UnreadableAnswer, ProviderFailure)
