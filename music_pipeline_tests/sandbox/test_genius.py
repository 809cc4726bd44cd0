"""Genius as it is: its envelope, its paging, its tokens, its credits in two places, and hits that are no songs."""

import json
from pathlib import Path

import pytest

from music_pipeline.sandbox.world.model import World
from music_pipeline_tests.sandbox.support import Desk, misfits


@pytest.mark.parametrize("header", [None, "Bearer ", "Bearer wrong", "Basic x"])
def test_a_token_is_needed(header: str | None, desk: Desk) -> None:
    answer = desk.get("/genius/search", {"q": "x"}, {"Authorization": header} if header else {})
    assert answer.status == 401
    assert answer.json["error"] == "invalid_token"


def test_a_token_may_stand_in_the_query(desk: Desk) -> None:
    assert desk.get("/genius/search", {"q": "x", "access_token": "t"}, {}).status == 200


@pytest.mark.parametrize("path", ["songs/99999999", "songs/x", "artists/99999999", "artists/99999999/songs", "nothing"])
def test_what_is_not_there_answers_404_in_the_envelope(path: str, desk: Desk) -> None:
    answer = desk.get(f"/genius/{path}")
    assert (answer.status, answer.json) == (404, {"meta": {"status": 404, "message": "Not found"}})


def test_searching_an_artist_leads_to_all_his_songs(desk: Desk, world: World) -> None:
    provider = desk.provider("genius")
    for key in world.listed[:6]:
        artist = world.artists[key]
        hits = desk.get("/genius/search", {"q": artist.name}).json["response"]["hits"]
        named = [
            hit["result"]["primary_artist"]["id"]
            for hit in hits
            if hit["result"]["primary_artist"]["name"] == artist.name
        ]
        assert artist.genius_id in named
        songs, page = [], 1
        while page:
            answer = desk.get(
                f"/genius/artists/{artist.genius_id}/songs", {"per_page": 500, "sort": "title", "page": page}
            )
            assert len(answer.json["response"]["songs"]) <= 50
            songs += answer.json["response"]["songs"]
            page = answer.json["response"]["next_page"]
        assert [song["title"].casefold() for song in songs] == sorted(song["title"].casefold() for song in songs)
        assert {song["id"] for song in songs} == {song.genius_id for song in provider.songs_by_artist[key]}


def test_a_search_has_10_hits_unless_told(desk: Desk, world: World) -> None:
    name = world.artists[world.listed[0]].name
    assert len(desk.get("/genius/search", {"q": name}).json["response"]["hits"]) == 10
    assert len(desk.get("/genius/search", {"q": name, "per_page": 3}).json["response"]["hits"]) == 3


def test_some_producers_stand_under_custom_performances_only(desk: Desk) -> None:
    provider = desk.provider("genius")
    credited = [song for song in provider.songs.values() if song.key in provider.site.served.genius_credits]
    songs = [desk.get(f"/genius/songs/{song.genius_id}").json["response"]["song"] for song in credited[:200]]
    hidden = [
        song for song in songs
        if not song["producer_artists"] and "Producer" in {each["label"] for each in song["custom_performances"]}
    ]  # fmt: skip
    labels = {each["label"] for song in songs for each in song["custom_performances"]}
    assert 0.1 <= len(hidden) / len(songs) <= 0.3
    assert {"Co-Producer", "Executive Producer", "Additional Producer"} <= labels
    assert labels & {"Engineer", "Mastering Engineer"}


def test_romanizations_are_hits_of_another_account_without_credits(desk: Desk, world: World) -> None:
    romanized = None
    for recording in world.recordings.values():
        if recording.title.isascii():
            continue
        hits = desk.get("/genius/search", {"q": recording.title}).json["response"]["hits"]
        names = [hit["result"] for hit in hits if hit["result"]["primary_artist"]["name"] == "Genius Romanizations"]
        if names:
            romanized = names[0]
            break
    assert romanized is not None
    song = desk.get(f"/genius/songs/{romanized['id']}").json["response"]["song"]
    assert (song["producer_artists"], song["custom_performances"]) == ([], [])


def test_objects_fit_the_recorded_ones(desk: Desk, world: World, shared_folder: Path) -> None:
    folder = shared_folder / "recordings" / "genius"
    search = json.loads((folder / "search.json").read_text(encoding="utf-8"))
    song = json.loads((folder / "song.json").read_text(encoding="utf-8"))
    ours = desk.get("/genius/search", {"q": world.artists[world.listed[0]].name}).json
    newer = ("featured_artists", "song_art_image_url")
    assert [each for each in misfits(ours, search) if not each.split(":")[0].endswith(newer)] == []
    hit = ours["response"]["hits"][0]["result"]["id"]
    found = desk.get(f"/genius/songs/{hit}").json
    assert misfits(found, song) == []
