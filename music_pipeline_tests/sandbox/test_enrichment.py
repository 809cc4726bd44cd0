"""One set of facts, seen by many: shares, noise, profiles, and the truth that the control interface tells."""

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from music_pipeline.sandbox.world.audio_facts import audio_facts
from music_pipeline.sandbox.world.audio_views import deezer_bpm, reccobeats_features, tempo_heard
from music_pipeline.sandbox.world.coverage import SHARES, covered
from music_pipeline.sandbox.world.model import World
from music_pipeline.sandbox.world.social import profiles_of
from music_pipeline_tests.sandbox.support import Desk

TWELVE = {"danceability", "energy", "key", "loudness", "mode", "speechiness", "acousticness", "instrumentalness",
          "liveness", "valence", "tempo", "time_signature"}  # fmt: skip


@pytest.fixture(scope="module")
def report(desk: Desk, world: World) -> dict[str, Any]:
    names = [world.artists[key].spotify_id for key in world.listed]
    told: dict[str, Any] = desk.get("/_sandbox/enrichment", [("artists", name) for name in names]).json
    return told


def test_each_source_knows_its_share_of_the_recordings(report: dict[str, Any]) -> None:
    recordings = report["recordings"]
    counts = Counter(source for recording in recordings for source in recording["sources"])
    shares = {source: count / len(recordings) for source, count in counts.items()}
    assert shares["deezer"] == pytest.approx(0.85, abs=0.03)
    assert shares["lastfm"] == pytest.approx(0.90, abs=0.03)
    assert shares["getsongbpm"] == pytest.approx(0.40, abs=0.03)
    in_musicbrainz = [each for each in recordings if "musicbrainz" in each["sources"]]
    submitted = sum("acousticbrainz" in each["sources"] for each in in_musicbrainz)
    assert submitted / len(in_musicbrainz) == pytest.approx(0.35, abs=0.03)
    assert counts["acousticbrainz"] == submitted
    with_tempo = sum(bool(each["sources"]["deezer"]["bpm"]) for each in recordings if "deezer" in each["sources"])
    assert with_tempo / counts["deezer"] == pytest.approx(0.60, abs=0.03)
    tagged = sum(bool(each["sources"]["lastfm"]["tags"]) for each in recordings if "lastfm" in each["sources"])
    assert tagged / counts["lastfm"] == pytest.approx(0.80, abs=0.03)
    places = [(each, identity) for each in recordings for identity in each["spotify_ids"]]
    known = sum(identity in each["sources"].get("reccobeats", {}) for each, identity in places)
    assert known / len(places) == pytest.approx(0.58, abs=0.03)


def test_what_one_source_knows_says_nothing_of_another(report: dict[str, Any]) -> None:
    recordings = report["recordings"]
    both = sum({"deezer", "getsongbpm"} <= set(each["sources"]) for each in recordings) / len(recordings)
    assert both == pytest.approx(SHARES["deezer recording"] * SHARES["getsongbpm song"], abs=0.03)


def test_the_truth_is_what_the_providers_answer(desk: Desk, report: dict[str, Any]) -> None:
    for recording in report["recordings"][:60]:
        sources = recording["sources"]
        if recording["isrc"]:
            answer = desk.get(f"/deezer/track/isrc:{recording['isrc']}", pause=1.0).json
            assert ("error" not in answer) == ("deezer" in sources)
            assert "error" in answer or (answer["bpm"] or None) == sources["deezer"]["bpm"]
        ids = ",".join(recording["spotify_ids"])
        content = desk.get("/reccobeats/v1/audio-features", {"ids": ids}).json["content"]
        assert {entry["href"].rpartition("/")[2] for entry in content} == set(sources.get("reccobeats", {}))
        names = {"artist": recording["artists"][0], "track": recording["title"]}
        page = desk.get("/lastfm/2.0/", {"method": "track.getInfo", "api_key": "k", "format": "json", **names}).json
        assert page.get("track", {}).get("listeners") == _listeners(sources)
        mbid = recording["mbid"]
        bulk = desk.get("/acousticbrainz/api/v1/low-level", {"recording_ids": mbid}).json
        assert (mbid in bulk) == ("acousticbrainz" in sources)
        assert mbid not in bulk or bulk[mbid]["0"]["rhythm"]["bpm"] == sources["acousticbrainz"]["bpm"]


def _listeners(sources: dict[str, Any]) -> str | None:
    return str(sources["lastfm"]["listeners"]) if "lastfm" in sources else None


def test_tempos_are_near_the_fact_and_now_and_then_its_half_or_double(world: World) -> None:
    for source in ("deezer", "reccobeats", "acousticbrainz", "getsongbpm"):
        ratios = [tempo_heard(source, each) / audio_facts(each).tempo for each in world.recordings.values()]
        near = [ratio for ratio in ratios if math.isclose(ratio, 1, abs_tol=0.01)]
        octaves = [
            ratio for ratio in ratios if math.isclose(ratio, 2, abs_tol=0.01) or math.isclose(ratio, 0.5, abs_tol=0.01)
        ]
        assert len(near) + len(octaves) == len(ratios)
        assert len(octaves) / len(ratios) == pytest.approx(0.03, abs=0.015)


def test_features_stay_within_their_ranges_and_near_the_facts(world: World) -> None:
    for track in list(world.tracks.values())[:300]:
        recording = world.recordings[track.recording]
        features = reccobeats_features(track, recording)
        if features is None:
            continue
        facts = audio_facts(recording)
        assert 0 <= features["energy"] <= 1
        assert features["valence"] == pytest.approx(facts.valence, abs=0.0201)
        assert features["key"] in {facts.key, -1}
        assert deezer_bpm(recording) >= 0


def test_extended_mode_serves_the_twelve_facts_themselves(extended_desk: Desk, world: World) -> None:
    tracks = list(world.tracks.values())[:100]
    ids = ",".join(track.spotify_id for track in tracks)
    answer = extended_desk.get("/spotify/v1/audio-features", {"ids": ids}).json["audio_features"]
    for track, features in zip(tracks, answer, strict=True):
        facts = audio_facts(world.recordings[track.recording])
        assert {name: features[name] for name in TWELVE} == {name: getattr(facts, name) for name in TWELVE}


def test_the_bound_of_enrichment_stands_beside_the_others(desk: Desk, world: World) -> None:
    artist = world.artists[world.listed[0]]
    bound = desk.get("/_sandbox/bound", {"artists": artist.spotify_id}).json
    told = desk.get("/_sandbox/enrichment", {"artists": artist.spotify_id}).json["recordings"]
    least = bound["enrichment"]
    assert set(bound) == {
        "providers",
        "total",
        "tracks",
        "releases",
        "tracks_without_producer",
        "artists",
        "enrichment",
    }
    assert set(bound["providers"]) == {"spotify", "musicbrainz", "discogs", "genius"}
    assert least["recordings"] == least["providers"]["lastfm"] == len(told)
    assert least["providers"]["deezer"] == sum(each["isrc"] is not None for each in told)
    assert least["providers"]["reccobeats"] == math.ceil(len(told) / 40)
    in_musicbrainz = sum("musicbrainz" in each["sources"] for each in told)
    assert least["providers"]["acousticbrainz"] == math.ceil(in_musicbrainz / 25)
    unmeasured = [each for each in told if "acousticbrainz" not in each["sources"] and not _reccobeats_key(each)]
    assert least["providers"]["getsongbpm"] == len(unmeasured)
    assert least["total"] == sum(least["providers"].values())


def _reccobeats_key(recording: dict[str, Any]) -> bool:
    return any(features["key"] >= 0 for features in recording["sources"].get("reccobeats", {}).values())


def test_in_extended_mode_one_call_a_hundred_leaves_nothing_to_getsongbpm(extended_desk: Desk, world: World) -> None:
    artist = world.artists[world.listed[3]]
    least = extended_desk.get("/_sandbox/bound", {"artists": artist.spotify_id}).json["enrichment"]
    assert least["providers"]["spotify"] == math.ceil(least["recordings"] / 100)
    assert least["providers"]["getsongbpm"] == 0


def test_profiles_of_producers_are_what_three_providers_say(desk: Desk, world: World, report: dict[str, Any]) -> None:
    by_mbid = {artist.mbid: key for key, artist in world.artists.items()}
    people = desk.provider("musicbrainz").knowledge.people
    asked = [profile for profile in report["profiles"] if by_mbid[profile["mbid"]] in people]
    assert sum(bool(profile["musicbrainz"]) for profile in asked) / len(asked) == pytest.approx(0.40, abs=0.1)
    for profile in asked[:40]:
        answer = desk.get(f"/musicbrainz/ws/2/artist/{profile['mbid']}", {"inc": "url-rels", "fmt": "json"}).json
        others = {"free streaming", "discogs"}
        links = {each["url"]["resource"] for each in answer["relations"] if each["type"] not in others}
        assert links == set(profile["musicbrainz"].values())
        at_discogs = desk.get(f"/discogs/artists/{profile['discogs_id']}").json
        assert at_discogs["urls"] == profile["discogs"]
        at_genius = desk.get(f"/genius/artists/{profile['genius_id']}").json["response"]["artist"]
        names = {site: at_genius[f"{site}_name"] for site in ("facebook", "instagram", "twitter")}
        assert names == (profile["genius"] or dict.fromkeys(names))


def test_musicbrainz_finds_an_artist_by_the_address_of_his_profile(desk: Desk) -> None:
    links = desk.provider("musicbrainz").knowledge.social_links
    key, addresses = next((key, each) for key, each in links.items() if len(each) > 2)
    for site, address in addresses.items():
        found = desk.get("/musicbrainz/ws/2/url", {"resource": address, "inc": "artist-rels", "fmt": "json"}).json
        kinds = {"soundcloud": "soundcloud", "youtube": "youtube", "homepage": "official homepage"}
        assert found["relations"][0]["type"] == kinds.get(site, "social network")
        assert found["relations"][0]["artist"]["id"] == desk.provider("musicbrainz").knowledge.world.artists[key].mbid


def test_no_handle_is_an_artists_name_alone(world: World) -> None:
    for artist in world.artists.values():
        plain = "".join(artist.name.casefold().split())
        handles = [profiles_of(artist).instagram, profiles_of(artist).twitter, profiles_of(artist).facebook]
        assert plain not in handles
        assert artist.special or any(profiles_of(artist).urls().values())


def test_a_share_is_a_hash_and_the_same_every_time() -> None:
    keys = [str(number) for number in range(4_000)]
    for share, expected in SHARES.items():
        first = [covered(share, key) for key in keys]
        assert first == [covered(share, key) for key in keys]
        assert sum(first) / len(keys) == pytest.approx(expected, abs=0.03)


def test_an_unknown_artist_is_told(desk: Desk) -> None:
    assert desk.get("/_sandbox/enrichment", {"artists": "Nobody"}).status == 404
    assert desk.get("/_sandbox/enrichment").status == 400


def test_the_process_tells_the_truth_of_enrichment(sandbox: Callable[..., Any]) -> None:
    running = sandbox(speed=60.0, seed=1)
    name = running.artists(1)[0]["name"]
    assert running.enrichment([name])["recordings"]
    assert running.bound([name])["enrichment"]["total"] > 0
