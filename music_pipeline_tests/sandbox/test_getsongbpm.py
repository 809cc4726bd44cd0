"""GetSongBPM as clients found it: slashes, a key in the query, JSON that calls itself HTML, an object for a list."""

from typing import Any

import pytest

from music_pipeline.sandbox.world.audio_facts import audio_facts
from music_pipeline.sandbox.world.coverage import covered
from music_pipeline.sandbox.world.model import World, WorldRecording
from music_pipeline_tests.sandbox.support import Desk, Reply, make_desk

NO_RESULT = {"error": "no result"}


def _search(desk: Desk, kind: str, lookup: str, **more: Any) -> Reply:
    return desk.get("/getsongbpm/search/", {"api_key": "k", "type": kind, "lookup": lookup, **more})


def _songs(desk: Desk) -> list[WorldRecording]:
    return list(desk.provider("getsongbpm").songs.values())


def _artist(world: World, song: WorldRecording) -> str:
    return world.artists[song.artists[0].artist].name


def test_a_path_without_its_slash_is_a_page_that_says_404(desk: Desk) -> None:
    answer = desk.get("/getsongbpm/search", {"api_key": "k", "type": "song", "lookup": "x"})
    assert answer.status == 404
    assert answer.body.startswith(b"<!DOCTYPE html>")


@pytest.mark.parametrize("headers", [{}, {"X-API-KEY": "key"}])
def test_the_key_must_stand_in_the_query(headers: dict[str, str], desk: Desk) -> None:
    assert desk.get("/getsongbpm/search/", {"type": "song", "lookup": "x"}, headers).status == 401


def test_json_has_the_type_of_html(desk: Desk) -> None:
    answer = _search(desk, "song", "zzzz")
    assert answer.headers["content-type"].startswith("text/html")
    assert (answer.status, answer.json) == (200, {"search": NO_RESULT})


@pytest.mark.parametrize(("kind", "lookup"), [("both", "enter sandman"), ("song", ""), ("album", "x")])
def test_a_query_without_sense_is_bad(kind: str, lookup: str, desk: Desk) -> None:
    assert _search(desk, kind, lookup).json == {"error": "Bad query."}


def test_a_search_for_both_misses_some_that_one_for_the_song_finds(desk: Desk, world: World) -> None:
    missed = 0
    for song in _songs(desk)[:80]:
        both = _search(desk, "both", f"song:{song.title} artist:{_artist(world, song)}").json["search"]
        alone = _search(desk, "song", song.title, limit=250).json["search"]
        hits = [hit["uri"] for hit in both] if isinstance(both, list) else []
        found = {hit["id"] for hit in alone if hit["artist"]["name"] == _artist(world, song)}
        assert found
        missed += not hits
        assert covered("getsongbpm found by both", song.key) <= bool(hits)
    assert 0 < missed < 30


def test_a_hit_has_tempo_as_a_string_and_the_key_in_letters_and_on_the_wheel(desk: Desk, world: World) -> None:
    keys = set()
    for song in _songs(desk)[:150]:
        hit = desk.get("/getsongbpm/song/", {"api_key": "k", "id": _id(desk, song)}).json["song"]
        facts = audio_facts(song)
        assert hit["tempo"] is None or hit["tempo"].isdigit()
        assert hit["key_of"].endswith("m") == (facts.mode == 0)
        keys.add((hit["key_of"], hit["open_key"]))
    assert ("C", "1d") in keys
    assert ("Am", "1m") in keys
    assert ("F♯m", "4m") in keys
    assert len(keys) <= 24


def _id(desk: Desk, song: WorldRecording) -> str:
    songs: dict[str, WorldRecording] = desk.provider("getsongbpm").songs
    return next(identity for identity, each in songs.items() if each is song)


def test_songs_are_listed_by_tempo_and_by_key_and_artists_by_name(desk: Desk, world: World) -> None:
    by_tempo = desk.get("/getsongbpm/tempo/", {"api_key": "k", "bpm": 120}).json["tempo"]
    assert {song["tempo"] for song in by_tempo} == {"120"}
    by_key = desk.get("/getsongbpm/key/", {"api_key": "k", "key_of": "F♯m"}).json["key"]
    assert {song["key_of"] for song in by_key} == {"F♯m"}
    name = _artist(world, _songs(desk)[0])
    found = _search(desk, "artist", name).json["search"]
    assert found[0]["name"] == name
    again = desk.get("/getsongbpm/artist/", {"api_key": "k", "id": found[0]["id"]}).json["artist"]
    assert again == found[0]


def test_one_request_too_many_blocks_the_key_for_an_hour(world: World) -> None:
    desk = make_desk(world)
    statuses = [_unpaused(desk) for _ in range(3_001)]
    assert statuses == [200] * 3_000 + [429]
    desk.clock.advance(3_500)
    assert _unpaused(desk) == 429
    desk.clock.advance(101)
    assert _unpaused(desk) == 200


def _unpaused(desk: Desk) -> int:
    return desk.get("/getsongbpm/song/", {"api_key": "k", "id": "x"}, pause=0.0).status
