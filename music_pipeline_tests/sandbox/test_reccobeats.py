"""ReccoBeats as it is: forty at most, unknown ones left out, in an order of its own."""

import pytest

from music_pipeline.sandbox.world.model import World, WorldTrack
from music_pipeline_tests.sandbox.support import Desk, make_desk

FEATURES = {"acousticness", "danceability", "energy", "instrumentalness", "key", "liveness", "loudness", "mode",
            "speechiness", "tempo", "valence"}  # fmt: skip


def _tracks(world: World, count: int) -> list[WorldTrack]:
    return list(world.tracks.values())[:count]


def _spotify_id(href: str) -> str:
    return href.rpartition("/")[2]


def test_unknown_ids_are_left_out_and_the_order_is_another(desk: Desk, world: World) -> None:
    ids = [track.spotify_id for track in _tracks(world, 40)]
    content = desk.get("/reccobeats/v1/audio-features", {"ids": ",".join(ids)}).json["content"]
    found = [_spotify_id(entry["href"]) for entry in content]
    known = [identity for identity in ids if identity in desk.provider("reccobeats").known]
    assert sorted(found) == sorted(known)
    assert 10 < len(found) < 36
    assert found != known
    assert all(set(entry) == FEATURES | {"id", "href", "isrc"} for entry in content)


def test_what_is_beyond_forty_is_dropped_in_silence(desk: Desk) -> None:
    known = [identity for identity in desk.provider("reccobeats").known if len(identity) == 22][:50]
    answer = desk.get("/reccobeats/v1/audio-features", [("ids", identity) for identity in known])
    assert answer.status == 200
    assert {_spotify_id(entry["href"]) for entry in answer.json["content"]} == set(known[:40])


def test_nothing_known_is_an_empty_list(desk: Desk) -> None:
    assert desk.get("/reccobeats/v1/audio-features", {"ids": "0" * 22}).json == {"content": []}


def test_an_isrc_gives_every_track_that_is_known_with_it(desk: Desk) -> None:
    known = desk.provider("reccobeats").known
    isrc = next(identity for identity, tracks in known.items() if len(identity) == 12 and len(tracks) > 1)
    content = desk.get("/reccobeats/v1/audio-features", {"ids": isrc}).json["content"]
    assert len(content) == len(known[isrc])
    assert {entry["isrc"] for entry in content} == {isrc}


def test_its_own_id_alone_opens_a_single_track(desk: Desk) -> None:
    known = desk.provider("reccobeats").known
    spotify_id = next(identity for identity in known if len(identity) == 22)
    entry = desk.get("/reccobeats/v1/audio-features", {"ids": spotify_id}).json["content"][0]
    assert desk.get(f"/reccobeats/v1/track/{entry['id']}/audio-features").json == entry
    refused = desk.get(f"/reccobeats/v1/track/{spotify_id}/audio-features")
    assert (refused.status, refused.json["code"]) == (404, 4041)


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [("audio-features", 400, 4001), ("audio-features?ids=x", 400, 4002), ("nothing", 404, 4042)],
)
def test_errors_have_codes(path: str, status: int, code: int, desk: Desk) -> None:
    path, _, ids = path.partition("?ids=")
    answer = desk.get(f"/reccobeats/v1/{path}", {"ids": ids} if ids else {})
    assert (answer.status, answer.json["code"]) == (status, code)


def test_metadata_names_title_artists_and_countries_in_one_string(desk: Desk, world: World) -> None:
    known = desk.provider("reccobeats").known
    track = next(track for track in world.tracks.values() if track.spotify_id in known)
    entry = desk.get("/reccobeats/v1/track", {"ids": track.spotify_id}).json["content"][0]
    assert entry["trackTitle"] == track.title
    assert isinstance(entry["availableCountries"], str)
    name = world.artists[world.track_artists(track)[0].artist].name
    assert entry["artists"][0]["name"] == name
    found = desk.get("/reccobeats/v1/artist/search", {"searchText": name, "size": 5}).json
    assert name in {artist["name"] for artist in found["content"]}


def test_too_many_requests_are_429_with_the_seconds_to_wait(world: World) -> None:
    desk = make_desk(world)
    answers = [desk.get("/reccobeats/v1/audio-features", {"ids": "0" * 22}, pause=0.1) for _ in range(61)]
    assert [answer.status for answer in answers] == [200] * 60 + [429]
    assert 50 <= int(answers[60].headers["retry-after"]) <= 60
    assert answers[60].json["code"] == 4291
