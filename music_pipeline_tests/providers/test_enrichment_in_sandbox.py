"""The clients of enrichment against the emulated providers: what is true there is what they answer, on bad days too."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pytest

from music_pipeline.gateway.errors import CredentialsRefused, EndpointGone
from music_pipeline_tests.support.calls import SPEED

if TYPE_CHECKING:
    from music_pipeline.sandbox.process import SandboxProcess

Recording = Mapping[str, Any]
MOST_ARTISTS = 6


@pytest.fixture
def truth(world: "SandboxProcess") -> dict[str, Any]:
    """What each source has of the recordings of a few artists, and their producers' profiles."""
    return world.enrichment([artist["name"] for artist in world.artists(MOST_ARTISTS)])


def some(truth: Mapping[str, Any], fits: Callable[[Recording], bool], count: int) -> list[Recording]:
    found = [recording for recording in truth["recordings"] if fits(recording)][:count]
    assert found, "the sandbox's catalogue has none of these"
    return found


def known_to(source: str, **fields: Any) -> Callable[[Recording], bool]:
    return lambda recording: (
        source in recording["sources"]
        and all(recording["sources"][source].get(name) == value for name, value in fields.items())
    )


async def test_reccobeats_answers_for_all_that_it_knows_of_forty(
    world: "SandboxProcess", truth: dict[str, Any], opened: Any
) -> None:
    ids = [spotify_id for recording in truth["recordings"] for spotify_id in recording["spotify_ids"]][:40]
    known = {
        spotify_id: features
        for recording in truth["recordings"]
        for spotify_id, features in recording["sources"].get("reccobeats", {}).items()
        if spotify_id in ids
    }
    async with opened() as clients:
        found = await clients.reccobeats.audio_features(ids)
    assert found.keys() == known.keys()
    for spotify_id, features in known.items():
        expected = {name: value for name, value in features.items() if value != -1}
        assert {name: value for name, value in asdict(found[spotify_id]).items() if value is not None} == expected
    assert world.stats()["reccobeats"]["requests"] == 1


async def test_acousticbrainz_answers_for_all_that_it_knows_of_twenty_five(
    world: "SandboxProcess", truth: dict[str, Any], opened: Any
) -> None:
    recordings = some(truth, lambda recording: bool(recording["mbid"]), 25)
    known = {each["mbid"]: each["sources"].get("acousticbrainz") for each in recordings}
    async with opened() as clients:
        found = await clients.acousticbrainz.low_level(list(known))
        judged = await clients.acousticbrainz.high_level(list(known))
    assert found.keys() == judged.keys() == {mbid for mbid, sounding in known.items() if sounding}
    for mbid, features in found.items():
        sounding = known[mbid]
        assert sounding is not None
        assert (features.bpm, features.key, features.scale) == (sounding["bpm"], sounding["key"], sounding["scale"])
        assert features.average_loudness == pytest.approx(sounding["average_loudness"])
        assert judged[mbid]["danceability"].probability is not None
    assert world.stats()["acousticbrainz"]["requests"] == 2


async def test_lastfm_knows_tracks_by_artist_and_title(truth: dict[str, Any], opened: Any) -> None:
    known = some(truth, known_to("lastfm"), 6)
    unknown = some(truth, lambda recording: "lastfm" not in recording["sources"], 2)
    async with opened() as clients:
        for recording in known:
            track = await clients.lastfm.track(recording["artists"][0], recording["title"])
            expected = recording["sources"]["lastfm"]
            assert (track.listeners, track.playcount) == (expected["listeners"], expected["playcount"])
            assert set(track.tags) <= set(expected["tags"])
            assert bool(track.tags) == bool(expected["tags"])
        for recording in unknown:
            assert await clients.lastfm.track(recording["artists"][0], recording["title"]) is None


async def test_lastfm_knows_artists_and_searches(truth: dict[str, Any], opened: Any) -> None:
    (recording,) = some(truth, known_to("lastfm"), 1)
    name, title = recording["artists"][0], recording["title"]
    async with opened() as clients:
        assert (await clients.lastfm.artist(name)).name == name
        assert await clients.lastfm.artist_tags(name) is not None
        assert await clients.lastfm.track_tags(name, title) is not None
        assert await clients.lastfm.similar_artists(name) is not None
        assert title in {hit.name for hit in await clients.lastfm.search_tracks(name, title)}
        assert await clients.lastfm.artist("Nobody Of That Name") is None


async def test_deezer_knows_tracks_by_isrc_with_tempo_where_it_has_one(truth: dict[str, Any], opened: Any) -> None:
    recordings = some(truth, lambda recording: bool(recording["isrc"]), 20)
    async with opened() as clients:
        found = {each["isrc"]: await clients.deezer.track_by_isrc(each["isrc"]) for each in recordings}
    for recording in recordings:
        expected, track = recording["sources"].get("deezer"), found[recording["isrc"]]
        assert (track is None) == (expected is None)
        if expected is not None:
            assert (track.bpm, track.isrc) == (expected["bpm"], recording["isrc"])
    assert any(track is None for track in found.values())


async def test_deezers_lists_lead_from_track_to_album_and_artist(truth: dict[str, Any], opened: Any) -> None:
    (recording,) = some(truth, known_to("deezer", by_isrc=True), 1)
    async with opened() as clients:
        deezer = clients.deezer
        track = await deezer.track_by_isrc(recording["isrc"])
        album = await deezer.album(track.album_id)
        page = await deezer.album_tracks(album.id)
        assert track.id in {each.id for each in page.items}
        assert (await deezer.album_by_upc(album.barcode)).barcode == album.barcode
        artist = await deezer.artist(track.artist.id)
        assert artist.name == track.artist.name
        assert (await deezer.artist_albums(artist.id)).total >= 1
        assert (await deezer.artist_top(artist.id)).items
        assert artist.id in {each.id for each in (await deezer.search_artists(artist.name)).items}
        assert track.title in {each.title for each in (await deezer.search_tracks(artist.name, track.title)).items}
        assert await deezer.track("999999999999") is None


async def test_getsongbpm_finds_songs_by_title_and_artist(truth: dict[str, Any], opened: Any) -> None:
    known = some(truth, known_to("getsongbpm", by_both=True), 6)
    unknown = some(truth, lambda recording: "getsongbpm" not in recording["sources"], 1)
    async with opened() as clients:
        for recording in known:
            expected = recording["sources"]["getsongbpm"]
            hits = await clients.getsongbpm.search(recording["title"], recording["artists"][0])
            assert (expected["tempo"], expected["key"]) in {(hit.tempo, hit.key_of) for hit in hits}
            assert recording["artists"][0] in {hit.artist for hit in hits}
        assert await clients.getsongbpm.search(unknown[0]["title"], "Nobody Of That Name") == ()


async def test_profiles_are_those_that_the_providers_give(truth: dict[str, Any], opened: Any) -> None:
    profiles = truth["profiles"][:12]
    async with opened() as clients:
        for profile in profiles:
            artist = await clients.genius.artist(str(profile["genius_id"]))
            named = {service: name for service, name in profile["genius"].items() if name}
            urls = {service: url.rsplit("/", 1)[1] for service, url in artist.urls.items() if service != "genius"}
            assert urls == named
    assert any(profile["genius"] for profile in profiles)


async def test_instagram_knows_professional_accounts_and_no_others(truth: dict[str, Any], opened: Any) -> None:
    named = [profile for profile in truth["profiles"] if profile["genius"].get("instagram")][:6]
    async with opened() as clients:
        found = {each["name"]: await clients.instagram.business(each["genius"]["instagram"]) for each in named}
    assert {name for name, account in found.items() if account} == {
        each["name"] for each in named if each["instagram_professional"]
    }
    assert all(account.followers_count for account in found.values() if account)


async def test_spotify_gives_audio_features_to_those_who_always_had_them(
    world: "SandboxProcess", truth: dict[str, Any], opened: Any,
    sandbox: Callable[..., "SandboxProcess"], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    recordings = truth["recordings"][:5]
    ids = [recording["spotify_ids"][0] for recording in recordings]
    async with opened() as clients:
        for _ in range(2):
            with pytest.raises(EndpointGone):
                await clients.spotify.audio_features(ids)
    assert world.stats()["spotify"]["requests"] == 1
    extended = sandbox(speed=SPEED, seed=77, spotify="extended")
    monkeypatch.setenv("MUSIC_SANDBOX_URL", extended.url)
    monkeypatch.setenv("SPOTIFY_CLIENT_ID", "an-extended-app")
    async with opened() as clients:
        found = await clients.spotify.audio_features(ids)
    assert {spotify_id: asdict(features) for spotify_id, features in found.items()} == {
        recording["spotify_ids"][0]: recording["facts"] for recording in recordings
    }


CALLS: dict[str, Callable[[Any], Any]] = {
    "lastfm": lambda clients: clients.lastfm.artist("Nobody Of That Name"),
    "deezer": lambda clients: clients.deezer.track("999999999999"),
    "reccobeats": lambda clients: clients.reccobeats.audio_features(["A" * 22]),
    "acousticbrainz": lambda clients: clients.acousticbrainz.low_level(["0dad432b-16cc-4bf0-8961-fd31d124b01b"]),
    "getsongbpm": lambda clients: clients.getsongbpm.search("No Such Song", "Nobody"),
    "instagram": lambda clients: clients.instagram.business("nobody.of.that.name"),
}


@pytest.mark.parametrize("kind", ["html", "truncated_json", "reset", "5xx", "429"])
async def test_a_bad_moment_of_every_provider_is_outlasted(world: "SandboxProcess", opened: Any, kind: str) -> None:
    for provider in CALLS:
        world.add_fault(provider, kind, count=1, **({"retry_after": 1} if kind == "429" else {}))
    async with opened() as clients:
        answers = await asyncio.gather(*(call(clients) for call in CALLS.values()))
    assert not any(answers)
    stats = world.stats()
    assert {name: (stats[name]["requests"], stats[name]["overruns"]) for name in CALLS} == dict.fromkeys(CALLS, (2, 0))


@pytest.mark.parametrize("provider", ["lastfm", "getsongbpm", "instagram"])
async def test_a_wrong_key_is_refused_once_and_not_tried_again(
    world: "SandboxProcess", opened: Any, monkeypatch: pytest.MonkeyPatch, provider: str
) -> None:
    monkeypatch.setenv(f"{provider.upper()}_API_KEY", "a-wrong-key")
    async with opened() as clients:
        for _ in range(2):
            with pytest.raises(CredentialsRefused) as refused:
                await CALLS[provider](clients)
            assert "a-wrong-key" not in str(refused.value)
    assert world.stats()[provider]["requests"] == 1
