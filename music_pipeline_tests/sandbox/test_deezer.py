"""Deezer as it is: errors inside 200, tempo in one place only, and a quota that says so with a code."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from music_pipeline.sandbox.world.audio_views import deezer_bpm
from music_pipeline.sandbox.world.model import World
from music_pipeline_tests.sandbox.support import Desk, make_desk, misfits, missing_keys

NO_DATA = {"error": {"type": "DataException", "message": "no data", "code": 800}}


def _recorded(shared_folder: Path, cassette: str, place: int = 0) -> Any:
    text = (shared_folder / "recordings" / "deezer" / cassette).read_text(encoding="utf-8")
    return json.loads(yaml.safe_load(text)["interactions"][place]["response"]["body"]["string"])


def _name(world: World) -> str:
    return world.artists[world.listed[0]].name


def _found(desk: Desk, world: World) -> dict[str, Any]:
    hits: list[dict[str, Any]] = desk.get("/deezer/search", {"q": f'artist:"{_name(world)}"'}).json["data"]
    return hits[0]


def test_nobody_needs_credentials(desk: Desk) -> None:
    assert desk.get("/deezer/search", {"q": "x"}, {}).status == 200


@pytest.mark.parametrize(
    "path", ["track/1", "track/x", "track/isrc:XXXX00000000", "album/0", "album/upc:1", "artist/0"]
)
def test_what_is_not_there_is_an_error_inside_200(path: str, desk: Desk) -> None:
    answer = desk.get(f"/deezer/{path}")
    assert (answer.status, answer.json) == (200, NO_DATA)


def test_an_unknown_path_is_a_404_whose_error_is_a_string(desk: Desk) -> None:
    answer = desk.get("/deezer/nothing/1")
    assert (answer.status, answer.json) == (404, {"error": "Not Found"})


@pytest.mark.parametrize(("parameters", "code"), [({}, 501), ({"q": ""}, 500), ({"q": "x", "limit": "many"}, 500)])
def test_a_search_without_sense_is_refused_inside_200(parameters: dict[str, str], code: int, desk: Desk) -> None:
    answer = desk.get("/deezer/search", parameters)
    assert (answer.status, answer.json["error"]["code"]) == (200, code)


def test_an_isrc_finds_one_of_its_tracks_with_the_tempo_of_the_facts(desk: Desk, world: World) -> None:
    catalogue = desk.provider("deezer").catalogue
    for isrc, track in list(catalogue.tracks_by_isrc.items())[:100]:
        answer = desk.get(f"/deezer/track/isrc:{isrc}", pause=1.0).json
        assert (answer["isrc"], answer["title"]) == (isrc, track.title)
        assert answer["bpm"] == deezer_bpm(world.recordings[track.recording])


def test_only_the_track_itself_has_the_tempo_and_an_albums_own_list_lacks_the_isrc(desk: Desk, world: World) -> None:
    hit = _found(desk, world)
    album = desk.get(f"/deezer/album/{hit['album']['id']}").json
    listed = desk.get(f"/deezer/album/{hit['album']['id']}/tracks").json["data"]
    assert {"isrc", "bpm"} & set(album["tracks"]["data"][0]) == set()
    assert all("isrc" in track and "rank" in track and "bpm" not in track for track in listed)
    assert {"isrc", "bpm"} & set(hit) == set()
    assert {"isrc", "bpm", "gain", "rank"} <= set(desk.get(f"/deezer/track/{hit['id']}").json)


def test_an_album_is_found_by_its_barcode(desk: Desk) -> None:
    catalogue = desk.provider("deezer").catalogue
    upc, release = next(iter(catalogue.albums_by_upc.items()))
    album = desk.get(f"/deezer/album/upc:{upc}").json
    assert (album["upc"], album["title"]) == (upc, release.title)


def test_pages_lead_to_all_entries_each_once(desk: Desk, world: World) -> None:
    artist = desk.provider("deezer").catalogue.artist_ids[world.listed[3]]
    path, ids, total = f"/deezer/artist/{artist}/albums", [], 0
    while path:
        page = desk.get(*path.partition("?")[::2]) if "?" not in path else _follow(desk, path)
        ids += [album["id"] for album in page.json["data"]]
        total = page.json["total"]
        path = page.json.get("next", "").removeprefix("http://sandbox")
    assert len(ids) == len(set(ids)) == total > 100


def _follow(desk: Desk, address: str) -> Any:
    path, _, query = address.partition("?")
    return desk.get(path, [tuple(pair.split("=")) for pair in query.split("&")])


def test_a_client_that_puts_the_path_of_next_below_its_base_still_finds_the_page(desk: Desk, world: World) -> None:
    artist = desk.provider("deezer").catalogue.artist_ids[world.listed[0]]
    plain = desk.get(f"/deezer/artist/{artist}/top", {"index": 5}).json
    assert desk.get(f"/deezer/deezer/artist/{artist}/top", {"index": 5}).json == plain


def test_too_many_requests_are_code_4_in_200_and_asking_again_is_no_repeat(world: World) -> None:
    desk = make_desk(world)
    answers = [desk.get("/deezer/artist/0", pause=0.01) for _ in range(51)]
    assert [answer.json["error"]["code"] for answer in answers] == [800] * 50 + [4]
    assert {answer.status for answer in answers} == {200}
    assert desk.statistics("deezer")["overruns"] == 1
    desk.get("/deezer/artist/1", pause=5.0)
    refused = make_desk(world)
    for _ in range(50):
        refused.get("/deezer/album/0", pause=0.01)
    refused.get("/deezer/search", {"q": "x"}, pause=0.01)
    refused.get("/deezer/search", {"q": "x"}, pause=6.0)
    assert refused.statistics("deezer")["repeats_by_endpoint"] == {"album/{id}": 49}


def test_a_search_has_all_words_and_strict_the_phrase(desk: Desk, world: World) -> None:
    track = next(iter(desk.provider("deezer").catalogue.tracks.values()))
    words = track.title.split()
    turned = " ".join(reversed(words))
    loose = desk.get("/deezer/search", {"q": f'track:"{turned}"', "limit": 100}).json["data"]
    strict = desk.get("/deezer/search", {"q": f'track:"{track.title}"', "strict": "on", "limit": 100}).json["data"]
    assert track.title in {hit["title"] for hit in loose}
    assert track.title in {hit["title"] for hit in strict}
    assert len(words) > 1
    assert desk.get("/deezer/search", {"q": f'track:"{turned}"', "strict": "on"}).json["data"] == []


@pytest.mark.parametrize(
    ("cassette", "place", "path"),
    [
        ("Track.test_track_attributes.yaml", 0, "track/{track}"),
        ("Album.test_as_dict.yaml", 0, "album/{album}"),
        ("Album.test_get_tracks.yaml", 1, "album/{album}/tracks"),
        ("Artist.test_attributes.yaml", 0, "artist/{artist}"),
        ("Artist.test_get_albums.yaml", 1, "artist/{artist}/albums"),
        ("Artist.test_get_top.yaml", 1, "artist/{artist}/top"),
        ("Client.test_search_advanced.yaml", 0, "search"),
        ("Client.test_search_artists.yaml", 0, "search/artist"),
    ],
)
def test_objects_have_the_recorded_fields_neither_more_nor_less(
    cassette: str, place: int, path: str, desk: Desk, world: World, shared_folder: Path
) -> None:
    hit = _found(desk, world)
    ids = {"track": hit["id"], "album": hit["album"]["id"], "artist": hit["artist"]["id"]}
    recorded = _recorded(shared_folder, cassette, place)
    ours = desk.get(f"/deezer/{path.format(**ids)}", {"q": _name(world), "limit": 1}).json
    paging = (".next:", ".next")  # on which page a list ends is no matter of its shape
    assert [
        each for each in [*misfits(ours, recorded), *missing_keys(ours, recorded)] if not each.startswith(paging)
    ] == []
