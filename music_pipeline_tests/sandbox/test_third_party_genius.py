"""lyricsgenius against the sandbox, unchanged but for its address.

Every method that it has for an endpoint of ours. Its searches for lyrics go to genius.com, not to the API, and the
sandbox has no lyrics.
"""

from typing import Any

import pytest
from lyricsgenius import Genius
from lyricsgenius.types import Artist, Song

from music_pipeline.sandbox.process import SandboxProcess
from music_pipeline.sandbox.world.model import World, WorldRecording
from music_pipeline_tests.sandbox.support import Desk

NOBODY = 999_999_999


def _client(url: str, token: str = "token") -> Genius:
    client = Genius(token, sleep_time=0)
    client.API_ROOT = f"{url}/genius/"
    return client


@pytest.fixture
def client(providers: SandboxProcess) -> Genius:
    return _client(providers.url)


@pytest.fixture
def provider(desk: Desk) -> Any:
    return desk.provider("genius")


@pytest.fixture
def song(provider: Any) -> WorldRecording:
    """A song with both kinds of producers, and a title that nobody had to romanize."""
    credits = provider.site.served.genius_credits
    return next(
        each
        for each in provider.songs.values()
        if {bool(credit.label) for credit in credits.get(each.key, ())} == {True, False} and each.title.isascii()
    )


def test_a_song_has_the_producers_that_the_world_serves(
    client: Genius, song: WorldRecording, provider: Any, world: World
) -> None:
    read = client.song(song.genius_id)["song"]
    served = provider.site.served.genius_credits[song.key]
    assert read["primary_artist"]["id"] == world.artists[song.artists[0].artist].genius_id
    assert [artist["id"] for artist in read["producer_artists"]] == [
        world.artists[credit.artist].genius_id for credit in served if not credit.label
    ]
    performed = {
        (performance["label"], artist["id"])
        for performance in read["custom_performances"]
        for artist in performance["artists"]
    }
    assert {(credit.label, world.artists[credit.artist].genius_id) for credit in served if credit.label} <= performed
    assert read["description"] == {"plain": "?"}


def test_its_own_objects_are_made_of_our_answers(client: Genius, song: WorldRecording, world: World) -> None:
    read = Song("", client.song(song.genius_id)["song"])
    artist = Artist(client.artist(world.artists[song.artists[0].artist].genius_id)["artist"])
    assert (read.title, read.artist) == (song.title, artist.name)
    assert artist.name == world.artists[song.artists[0].artist].name
    assert artist.add_song(read) is read


def test_a_search_finds_a_song_by_artist_and_title(client: Genius, song: WorldRecording, world: World) -> None:
    name = world.artists[song.artists[0].artist].name
    found = client.search_songs(f"{name} {song.title}", per_page=50)["hits"]
    assert song.genius_id in {hit["result"]["id"] for hit in found}
    assert client.search_songs("zzzz")["hits"] == []


def test_all_pages_of_an_artists_songs_are_walked(client: Genius, provider: Any, world: World) -> None:
    key = max(provider.songs_by_artist, key=lambda each: len(provider.songs_by_artist[each]))
    identity = world.artists[key].genius_id
    page: int | None = 1
    found: list[int] = []
    while page:
        answer = client.artist_songs(identity, per_page=2, page=page)
        found += [song["id"] for song in answer["songs"]]
        page = answer["next_page"]
    assert sorted(found) == sorted(song.genius_id for song in provider.songs_by_artist[key])
    popular = client.artist_songs(identity, per_page=50, sort="popularity")["songs"]
    most = max(provider.songs_by_artist[key], key=lambda song: (song.popularity, -song.genius_id))
    assert popular[0]["id"] == most.genius_id


@pytest.mark.parametrize("ask", [Genius.song, Genius.artist, Genius.artist_songs])
def test_what_is_unknown_is_a_404(client: Genius, ask: Any) -> None:
    with pytest.raises(AssertionError, match="status code: 404"):
        ask(client, NOBODY)


def test_a_wrong_token_is_a_401(providers: SandboxProcess, song: WorldRecording) -> None:
    with pytest.raises(AssertionError, match=r"status code: 401.*invalid_token"):
        _client(providers.url, "wrong").song(song.genius_id)


def test_a_429_is_told(client: Genius, providers: SandboxProcess, song: WorldRecording) -> None:
    providers.add_fault("genius", "429")
    with pytest.raises(AssertionError, match="status code: 429"):
        client.song(song.genius_id)
