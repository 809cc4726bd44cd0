"""The clients of enrichment through the gateway, against a server whose answers the test writes."""

import json
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
    ProviderRefused,
    ProviderUnavailable,
)

Serve = Callable[[str, Callable[..., Any]], None]
TRACK = {"track": {"name": "T", "artist": {"name": "A"}, "listeners": "5", "toptags": {"tag": {"name": "rock"}}}}
SPOTIFY_IDS = ("11dFghVXANMlKmJXsNCbNl", "22dFghVXANMlKmJXsNCbNl")
MBID = "0DAD432B-16cc-4bf0-8961-fd31d124b01b"


class Server:
    """Answers the same, or one after the other with the last for ever, and keeps what it was asked."""

    def __init__(self, *answers: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.answers = [json.dumps(answer) for answer in answers]
        self.status = status
        self.headers = headers
        self.asked: list[web.Request] = []

    async def __call__(self, request: web.Request) -> web.Response:
        self.asked.append(request)
        text = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return web.Response(text=text, status=self.status, headers=self.headers, content_type="application/json")

    @property
    def queries(self) -> list[dict[str, str]]:
        return [dict(request.query) for request in self.asked]


def rows(engine: sa.Engine, statement: str) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(sa.text(statement)))


async def test_lastfm_is_asked_with_the_key_and_answers_what_the_cache_keeps_without_it(
    opened: Any, own_server: Serve, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LASTFM_API_KEY", "5ecre7")
    server = Server(TRACK)
    own_server("/lastfm/2.0/", server)
    async with opened() as clients:
        track = await clients.lastfm.track("A", "T & U")
        assert await clients.lastfm.track("A", "T & U") == track
    assert (track.name, track.artist, track.listeners, track.tags) == ("T", "A", 5, ("rock",))
    asked = {"method": "track.getInfo", "artist": "A", "track": "T & U", "autocorrect": "1", "format": "json"}
    assert server.queries == [{**asked, "api_key": "5ecre7"}]
    ((request,),) = rows(engine, "SELECT request FROM cached_answers")
    assert request == "GET /?artist=A&autocorrect=1&format=json&method=track.getInfo&track=T+%26+U"


async def test_every_lastfm_method_has_its_own_answer(opened: Any, own_server: Serve) -> None:
    answers = {
        "track.getTopTags": {"toptags": {"tag": [{"name": "rock", "count": 100}]}},
        "track.search": {"results": {"trackmatches": {"track": {"name": "T", "artist": "A", "listeners": "7"}}}},
        "artist.getInfo": {"artist": {"name": "A", "stats": {"listeners": "1", "playcount": "2"}}},
        "artist.getTopTags": {"toptags": {"tag": ""}},
        "artist.getSimilar": {"similarartists": {"artist": [{"name": "B", "match": "0.5"}]}},
    }

    async def answer(request: web.Request) -> web.Response:
        return web.json_response(answers[request.query["method"]])

    own_server("/lastfm/2.0/", answer)
    async with opened() as clients:
        assert [(tag.name, tag.count) for tag in await clients.lastfm.track_tags("A", "T")] == [("rock", 100)]
        assert [hit.listeners for hit in await clients.lastfm.search_tracks("A", "T")] == [7]
        assert (await clients.lastfm.artist("A")).playcount == 2
        assert await clients.lastfm.artist_tags("A") == ()
        assert [similar.match for similar in await clients.lastfm.similar_artists("A")] == [0.5]


async def test_what_lastfm_does_not_know_is_absent_and_asked_for_once(opened: Any, own_server: Serve) -> None:
    server = Server({"error": 6, "message": "Track not found", "links": []})
    own_server("/lastfm/2.0/", server)
    async with opened() as clients:
        assert await clients.lastfm.track("A", "T") is None
        assert await clients.lastfm.track("A", "T") is None
    assert len(server.asked) == 1


async def test_a_rate_limit_inside_a_200_is_waited_for(opened: Any, own_server: Serve, engine: sa.Engine) -> None:
    limited = {"error": {"type": "Exception", "message": "Quota limit exceeded", "code": 4}}
    lastfm, deezer = Server({"error": 29, "message": "Rate Limit Exceeded"}, TRACK), Server(limited, {"id": 1})
    own_server("/lastfm/2.0/", lastfm)
    own_server("/deezer/track/1", deezer)
    async with opened() as clients:
        assert (await clients.lastfm.track("A", "T")).name == "T"
        assert (await clients.deezer.track("1")).id == "1"
    assert (len(lastfm.asked), len(deezer.asked)) == (2, 2)
    assert rows(engine, "SELECT provider, kind FROM provider_blocks ORDER BY provider") == [
        ("deezer", "retry_after"), ("lastfm", "retry_after"),
    ]  # fmt: skip


async def test_deezer_finds_a_track_by_isrc_and_an_album_with_or_without_leading_zeros(
    opened: Any, own_server: Serve
) -> None:
    absent = {"error": {"type": "DataException", "message": "no data", "code": 800}}
    padded, plain = Server(absent), Server({"id": 302127, "upc": "724384960650"})
    tracks = Server({"data": [{"id": 3, "isrc": "I"}, None], "total": 2, "next": "https://x/album/1/tracks?index=100"})
    own_server("/deezer/track/isrc:GBDUW0000059", Server({"id": 3135556, "bpm": 123, "isrc": "GBDUW0000059"}))
    own_server("/deezer/album/upc:0724384960650", padded)
    own_server("/deezer/album/upc:724384960650", plain)
    own_server("/deezer/album/302127/tracks", tracks)
    async with opened() as clients:
        assert (await clients.deezer.track_by_isrc("GBDUW0000059")).bpm == 123
        assert (await clients.deezer.album_by_upc("0724384960650")).id == "302127"
        assert (await clients.deezer.album_by_upc("724384960650")).id == "302127"
        page = await clients.deezer.album_tracks("302127", index=100)
    assert (len(padded.asked), len(plain.asked)) == (1, 1)
    assert tracks.queries == [{"index": "100", "limit": "100"}]
    assert (page.total, len(page.items), page.nulls, page.next_offset) == (2, 1, 1, 100)


async def test_reccobeats_answers_are_given_to_whom_they_are_about(opened: Any, own_server: Serve) -> None:
    def heard(number: str, spotify_id: str, isrc: str) -> dict[str, Any]:
        return {
            "id": number,
            "href": f"https://open.spotify.com/track/{spotify_id}",
            "isrc": isrc,
            "tempo": len(number),
        }

    content = [heard("bbb", SPOTIFY_IDS[1], "I2"), heard("aa", "x", "I1"), heard("a", "y", "I1"), heard("c", "z", "I3")]
    server = Server({"content": content})
    own_server("/reccobeats/v1/audio-features", server)
    async with opened() as clients:
        found = await clients.reccobeats.audio_features(["I1", *SPOTIFY_IDS])
        with pytest.raises(ValueError, match="it takes 40"):
            await clients.reccobeats.audio_features([str(number) for number in range(41)])
        assert await clients.reccobeats.audio_features([]) == {}
    assert {asked: features.tempo for asked, features in found.items()} == {SPOTIFY_IDS[1]: 3, "I1": 1}
    assert server.queries == [{"ids": ",".join((*SPOTIFY_IDS, "I1"))}]


async def test_acousticbrainz_is_asked_for_few_features_of_many_recordings(opened: Any, own_server: Serve) -> None:
    analysis = {"rhythm": {"bpm": 161.9}, "tonal": {"key_key": "F#", "key_scale": "minor"}}
    server = Server({"mbid_mapping": {}, MBID.lower(): {"0": analysis}})
    own_server("/acousticbrainz/api/v1/low-level", server)
    async with opened() as clients:
        found = await clients.acousticbrainz.low_level([MBID, "f" * 8])
        with pytest.raises(ValueError, match="it takes 25"):
            await clients.acousticbrainz.low_level([str(number) for number in range(26)])
    assert {mbid: (each.bpm, each.key, each.scale) for mbid, each in found.items()} == {MBID: (161.9, "F#", "minor")}
    features = "rhythm.bpm;rhythm.danceability;tonal.key_key;tonal.key_scale;lowlevel.average_loudness"
    assert server.queries == [{"recording_ids": f"{MBID.lower()};ffffffff", "features": features}]


async def test_a_service_that_is_no_more_is_a_failure_and_in_the_end_an_open_breaker(
    opened: Any, own_server: Serve
) -> None:
    async def hang_up(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    own_server("/acousticbrainz/api/v1/low-level", hang_up)
    async with opened() as clients:
        with pytest.raises((ProviderFailure, CircuitBreakerOpenException)) as first:
            await clients.acousticbrainz.low_level([MBID])
        assert not isinstance(first.value, ProviderRefused)
        with pytest.raises(CircuitBreakerOpenException):
            await clients.acousticbrainz.low_level(["f" * 8])


async def test_a_service_that_answers_404_to_everything_knows_nothing_about_anything(
    opened: Any, own_server: Serve
) -> None:
    own_server("/acousticbrainz/api/v1/low-level", Server({"message": "Not found"}, status=404))
    own_server("/reccobeats/v1/audio-features", Server({"status": 4042}, status=404))
    async with opened() as clients:
        with pytest.raises(ProviderRefused):
            await clients.acousticbrainz.low_level([MBID])
        with pytest.raises(ProviderRefused):
            await clients.reccobeats.audio_features(SPOTIFY_IDS)


async def test_getsongbpm_is_asked_by_title_and_artist_below_its_slash(opened: Any, own_server: Serve) -> None:
    server = Server({"search": [{"id": "a", "tempo": "117"}]}, {"search": {"error": "no result"}})
    own_server("/getsongbpm/search/", server)
    async with opened() as clients:
        assert [hit.tempo for hit in await clients.getsongbpm.search("T", "A")] == [117.0]
        assert await clients.getsongbpm.search("U", "A") == ()
    assert server.queries[0] == {"api_key": "sandbox", "type": "both", "lookup": "song:T artist:A"}


async def test_instagram_is_asked_as_our_user_about_another(
    opened: Any, own_server: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSTAGRAM_API_KEY", "5ecre7")
    monkeypatch.setenv("INSTAGRAM_USER_ID", "1784")
    unknown = {"error": {"message": "Invalid user id", "code": 110, "error_subcode": 2207013}}
    server = Server({"business_discovery": {"id": "17", "followers_count": 9}, "id": "1784"}, unknown)
    own_server("/instagram/v25.0/1784", server)
    async with opened() as clients:
        account = await clients.instagram.business("some.body")
        server.status = 400
        assert await clients.instagram.business("nobody") is None
        with pytest.raises(ValueError, match="no handle"):
            await clients.instagram.business("x){id}")
    assert (account.followers_count, account.media_count) == (9, None)
    fields = "business_discovery.username(some.body){id,username,followers_count,media_count}"
    assert server.queries[0] == {"fields": fields, "access_token": "5ecre7"}


async def test_instagram_says_how_long_it_will_not_answer(opened: Any, own_server: Serve) -> None:
    usage = json.dumps({"1": [{"estimated_time_to_regain_access": 10_000}]})
    limited = {"error": {"message": "limit", "code": 80002}}
    server = Server(limited, status=400, headers={"X-Business-Use-Case-Usage": usage})
    own_server("/instagram/v25.0/17841405309211844", server)
    async with opened() as clients:
        for _ in range(2):
            with pytest.raises(ProviderGatewayRateLimitedError) as refused:
                await clients.instagram.business("somebody")
    assert abs(refused.value.until - datetime.now(UTC) - timedelta(seconds=600)) < timedelta(seconds=10)
    assert len(server.asked) == 1


async def test_an_endpoint_that_is_gone_is_learnt_once_and_for_every_process(opened: Any, own_server: Serve) -> None:
    server = Server({"error": {"status": 403}}, status=403)
    own_server("/spotify/v1/audio-features", server)
    async with opened() as clients:
        with pytest.raises(EndpointGone):
            await clients.spotify.audio_features(SPOTIFY_IDS)
    async with opened() as another_process:
        with pytest.raises(EndpointGone):
            await another_process.spotify.audio_features(SPOTIFY_IDS[:1])
    assert len(server.asked) == 1


async def test_spotifys_audio_features_are_asked_for_at_once_with_the_token(opened: Any, own_server: Serve) -> None:
    server = Server({"audio_features": [{"id": SPOTIFY_IDS[0], "tempo": 120.0}, None]})
    own_server("/spotify/v1/audio-features", server)
    async with opened() as clients:
        found = await clients.spotify.audio_features(SPOTIFY_IDS)
        assert await clients.spotify.audio_features([]) == {}
        with pytest.raises(ValueError, match="it takes 100"):
            await clients.spotify.audio_features([str(number) for number in range(101)])
    assert {track_id: features.tempo for track_id, features in found.items()} == {SPOTIFY_IDS[0]: 120.0}
    assert server.queries == [{"ids": ",".join(SPOTIFY_IDS)}]
    assert server.asked[0].headers["Authorization"] == "Bearer token"


async def test_a_genius_page_is_read_for_its_accounts(opened: Any, own_server: Serve) -> None:
    own_server("/genius/artists/130", Server({"response": {"artist": {"id": 130, "twitter_name": "Drake"}}}))
    async with opened() as clients:
        assert (await clients.genius.artist("130")).urls == {"twitter": "https://twitter.com/Drake"}


async def test_missing_credentials_of_enrichment_are_named_and_others_need_none(
    opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MUSIC_SANDBOX_URL", raising=False)
    async with opened() as clients:
        with pytest.raises(CredentialsMissing, match="LASTFM_API_KEY"):
            await clients.lastfm.track("A", "T")
        with pytest.raises(CredentialsMissing, match="GETSONGBPM_API_KEY"):
            await clients.getsongbpm.search("T", "A")
        with pytest.raises(CredentialsMissing, match="INSTAGRAM_API_KEY and INSTAGRAM_USER_ID"):
            await clients.instagram.business("somebody")


async def test_keys_in_addresses_are_in_no_error_no_table_and_no_log(
    opened: Any,
    own_server: Serve,
    engine: sa.Engine,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(0)
    for name in ("LASTFM_API_KEY", "GETSONGBPM_API_KEY", "INSTAGRAM_API_KEY"):
        monkeypatch.setenv(name, f"{name.lower()}-5ecre7/{'x' * 400}")
    monkeypatch.setenv("INSTAGRAM_USER_ID", "1784")

    async def repeat(request: web.Request) -> web.Response:
        key = request.query.get("access_token") or request.query["api_key"]
        if request.query.get("artist") == "fine":
            return web.json_response(TRACK)
        code = {"lastfm": 10, "instagram": 190}.get(request.path.split("/")[1])
        told = f"Malformed key {key}"
        error = {"error": code, "message": told} if code == 10 else {"error": {"message": told, "code": code}}
        return web.json_response(error if code else {"error": told}, status=401)

    for path in ("/lastfm/2.0/", "/getsongbpm/search/", "/instagram/v25.0/1784"):
        own_server(path, repeat)
    errors = []
    with structlog.testing.capture_logs() as logs:
        async with opened() as clients:
            assert (await clients.lastfm.track("fine", "T")).name == "T"
            for asking in (
                clients.lastfm.track("A", "T"),
                clients.getsongbpm.search("T", "A"),
                clients.instagram.business("somebody"),
            ):
                with pytest.raises(ProviderUnavailable) as refused:
                    await asking
                assert isinstance(refused.value, CredentialsRefused)
                errors.append(f"{refused.value} {refused.value!r} {refused.value.__dict__}")
    tables = ("cached_answers", "provider_calls", "provider_blocks", "provider_breakers", "quota_buckets")
    written = [str(row) for table in tables for row in rows(engine, f"SELECT * FROM {table}")]
    assert len(written) > 4
    assert "[hidden]" in errors[0]
    shown = " ".join([*errors, *written, str(logs), caplog.text])
    assert "5ecre7" not in shown
    assert "xxx" not in shown
