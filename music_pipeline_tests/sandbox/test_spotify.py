"""Spotify as it is: objects like the recorded ones, the limits of both modes, its errors."""

import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from music_pipeline.sandbox.indexes.spotify_search import parse_query
from music_pipeline.sandbox.views.spotify_views import release_date
from music_pipeline.sandbox.world.coverage import covered
from music_pipeline.sandbox.world.model import World, WorldArtist, WorldTrack
from music_pipeline_tests.sandbox.support import AGENT, Desk, make_desk, misfits, missing_keys

# What a recorded object has only where its market or content has it.
OPTIONAL = {"is_playable", "linked_from", "restrictions", "album_group", "available_markets", "popularity", "label"}


@pytest.fixture
def artist(world: World) -> WorldArtist:
    return world.artists[world.listed[0]]


@pytest.fixture
def track(world: World) -> WorldTrack:
    release = world.releases[world.releases_of[world.listed[0]][0]]
    return next(each for each in release.tracks if not covered("spotify relinked", each.key))


def _recorded(shared_folder: Path, name: str) -> Any:
    return json.loads((shared_folder / "recordings" / "spotify" / f"{name}.json").read_text(encoding="utf-8"))


def _agree(ours: Any, recorded: Any, *, optional: set[str]) -> None:
    assert [each for each in misfits(ours, recorded) if each.split(":")[0].rpartition(".")[2] not in optional] == []
    assert [each for each in missing_keys(ours, recorded) if each.rpartition(".")[2] not in optional] == []


def test_extended_objects_have_every_field_of_the_recorded_ones(
    extended_desk: Desk, artist: WorldArtist, track: WorldTrack, world: World, shared_folder: Path
) -> None:
    album = world.releases[track.release].spotify_id
    ours = {
        "artist": f"artists/{artist.spotify_id}",
        "artist_albums": f"artists/{artist.spotify_id}/albums",
        "get_album": f"albums/{album}",
        "album_tracks": f"albums/{album}/tracks",
        "audio_features": f"audio-features/{track.spotify_id}",
    }
    for name, path in ours.items():
        optional = {"album_group"} | (OPTIONAL if name != "artist" else set())
        _agree(extended_desk.get(f"/spotify/v1/{path}").json, _recorded(shared_folder, name), optional=optional)


def test_a_found_track_has_every_field_of_a_recorded_one(
    extended_desk: Desk, artist: WorldArtist, shared_folder: Path
) -> None:
    parameters = {"q": f'artist:"{artist.name}"', "type": "track", "market": "US"}
    found = extended_desk.get("/spotify/v1/search", parameters).json["tracks"]["items"]
    ours = next(item for item in found if item["external_ids"])
    recorded = _recorded(shared_folder, "search")["tracks"]["items"][0]
    _agree(ours, recorded, optional={"is_playable"})


def test_development_mode_lacks_the_removed_fields_and_keeps_external_ids(
    desk: Desk, artist: WorldArtist, track: WorldTrack, world: World
) -> None:
    shown = desk.get(f"/spotify/v1/tracks/{track.spotify_id}").json
    album = desk.get(f"/spotify/v1/albums/{world.releases[track.release].spotify_id}").json
    assert not {"available_markets", "linked_from", "popularity"} & shown.keys()
    assert not {"available_markets", "label", "popularity", "album_group"} & album.keys()
    assert not {"followers", "popularity"} & desk.get(f"/spotify/v1/artists/{artist.spotify_id}").json.keys()
    assert "external_ids" in shown
    assert "external_ids" in album
    assert "external_ids" not in album["tracks"]["items"][0]


@pytest.mark.parametrize(
    "path",
    [
        "artists?ids={artist}",
        "albums?ids={album}",
        "tracks?ids={track}",
        "artists/{artist}/top-tracks",
        "artists/{artist}/related-artists",
    ],
)
def test_what_development_mode_lost_answers_403(
    path: str, desk: Desk, artist: WorldArtist, track: WorldTrack, world: World
) -> None:
    filled = path.format(
        artist=artist.spotify_id, track=track.spotify_id, album=world.releases[track.release].spotify_id
    )
    place, _, query = filled.partition("?")
    answer = desk.get(f"/spotify/v1/{place}", parse_qsl(query))
    assert (answer.status, answer.json) == (403, {"error": {"status": 403, "message": "Forbidden"}})


def test_audio_features_answer_403_without_a_message_in_development_mode(desk: Desk, track: WorldTrack) -> None:
    answer = desk.get(f"/spotify/v1/audio-features/{track.spotify_id}")
    assert (answer.status, answer.json) == (403, {"error": {"status": 403}})


def test_extended_batches_answer_null_for_an_unknown_id(extended_desk: Desk, track: WorldTrack) -> None:
    unknown = "0" * 22
    answer = extended_desk.get("/spotify/v1/tracks", {"ids": f"{unknown},{track.spotify_id}"})
    assert [each and each["id"] for each in answer.json["tracks"]] == [None, track.spotify_id]
    too_many = extended_desk.get("/spotify/v1/albums", {"ids": ",".join([unknown] * 21)})
    assert too_many.status == 400


@pytest.mark.parametrize(
    ("path", "parameters", "status", "message"),
    [
        ("search", {"q": "x", "type": "track", "limit": 11}, 400, "Invalid limit"),
        ("search", {"q": "x", "type": "track", "limit": 0}, 400, "Invalid limit"),
        ("search", {"q": "x", "type": "track", "offset": 1001}, 400, "Invalid offset"),
        ("search", {"type": "track"}, 400, "No search query"),
        ("search", {"q": "x"}, 400, "Missing parameter type"),
        ("search", {"q": "x", "type": "song"}, 400, "Bad search type field song"),
        ("artists/short", {}, 400, "Invalid base62 id"),
        (f"artists/{'0' * 22}", {}, 404, "Resource not found"),
        (f"artists/{'0' * 22}/albums", {"limit": 11}, 400, "Invalid limit"),
        (f"albums/{'0' * 22}/tracks", {"limit": 51}, 400, "Invalid limit"),
        ("nothing", {}, 404, "Service not found"),
    ],
)
def test_refusals_have_spotifys_words(path: str, parameters: Any, status: int, message: str, desk: Desk) -> None:
    answer = desk.get(f"/spotify/v1/{path}", parameters)
    assert (answer.status, answer.json) == (status, {"error": {"status": status, "message": message}})


def test_defaults_of_a_page_are_5_and_20_by_mode(desk: Desk, extended_desk: Desk, artist: WorldArtist) -> None:
    for asked, limit in ((desk, 5), (extended_desk, 20)):
        assert asked.get(f"/spotify/v1/artists/{artist.spotify_id}/albums").json["limit"] == limit
        assert asked.get("/spotify/v1/search", {"q": "x", "type": "artist"}).json["artists"]["limit"] == limit


@pytest.mark.parametrize(
    ("header", "status", "message"),
    [
        (None, 401, "No token provided"),
        ("Basic abc", 400, "Only valid bearer authentication supported"),
        ("Bearer ", 401, "Invalid access token"),
        ("Bearer something-wrong", 401, "Invalid access token"),
    ],
)
def test_a_token_is_needed(header: str | None, status: int, message: str, desk: Desk) -> None:
    headers = {"User-Agent": AGENT} | ({"Authorization": header} if header else {})
    answer = desk.get("/spotify/v1/search", {"q": "x", "type": "artist"}, headers)
    assert (answer.status, answer.json["error"]["message"]) == (status, message)


def _token(desk: Desk, client: str, form: bytes = b"grant_type=client_credentials") -> Any:
    header = "Basic " + base64.b64encode(client.encode()).decode()
    return desk.ask("POST", "/spotify-accounts/api/token", headers={"Authorization": header}, body=form)


def test_a_token_lasts_an_hour_of_real_time(world: World) -> None:
    desk = make_desk(world, speed=60.0)
    token = _token(desk, "id:secret").json
    assert (token["token_type"], token["expires_in"]) == ("Bearer", 3_600)
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    parameters = {"q": "x", "type": "artist"}
    assert desk.get("/spotify/v1/search", parameters, headers, pause=3_599).status == 200
    expired = desk.get("/spotify/v1/search", parameters, headers, pause=2)
    assert (expired.status, expired.json["error"]["message"]) == (401, "The access token expired")


@pytest.mark.parametrize("client", ["id:wrong", "wrong:secret", "id:", ":secret"])
def test_wrong_or_missing_credentials_get_no_token(client: str, desk: Desk, shared_folder: Path) -> None:
    answer = _token(desk, client)
    assert (answer.status, answer.json) == (400, _recorded(shared_folder, "auth-invalid-client"))


def test_other_grants_are_not_supported(desk: Desk) -> None:
    assert _token(desk, "id:secret", b"grant_type=password").json["error"] == "unsupported_grant_type"


def _all_tracks(desk: Desk, query: str) -> list[Any]:
    items: list[Any] = []
    url: str | None = f"/spotify/v1/search?{''}"
    parameters: Any = {"q": query, "type": "track", "limit": 10, "market": "US"}
    while url:
        page = desk.get(urlsplit(url).path, parameters).json["tracks"]
        items += page["items"]
        url = page["next"]
        parameters = parse_qsl(urlsplit(url).query) if url else ()
    return items


def test_search_finds_97_percent_of_the_tracks_and_a_few_of_others(desk: Desk, world: World) -> None:
    found, owned, foreign = 0, 0, 0
    for key in world.listed[:12]:
        if sum(world.artists[each].name == world.artists[key].name for each in world.artists) > 1:
            continue
        ids = {track.spotify_id for release in world.releases_of[key] for track in world.releases[release].tracks}
        items = [item["id"] for item in _all_tracks(desk, f'artist:"{world.artists[key].name}"') if item]
        found += len(ids & set(items))
        owned += len(ids)
        foreign += len(set(items) - ids)
        assert len(items) == len(set(items))
    assert found / owned == pytest.approx(0.97, abs=0.015)
    assert foreign


def test_an_album_search_finds_about_half_of_what_is_withheld(desk: Desk, world: World) -> None:
    withheld = [track for track in world.tracks.values() if not covered("spotify search", track.key)]
    regained = 0
    for track in withheld[:120]:
        release = world.releases[track.release]
        name = world.artists[release.artists[0].artist].name
        items = _all_tracks(desk, f'album:"{release.title}" artist:"{name}"')
        regained += any(item and item["id"] == track.spotify_id for item in items)
    assert regained / 120 == pytest.approx(0.5, abs=0.15)


def test_types_combine_in_one_search_with_a_limit_each(desk: Desk, artist: WorldArtist) -> None:
    parameters = {"q": f'artist:"{artist.name}"', "type": "artist,album,track", "limit": 3}
    answer = desk.get("/spotify/v1/search", parameters).json
    assert set(answer) == {"artists", "albums", "tracks"}
    assert answer["artists"]["items"][0]["id"] == artist.spotify_id
    assert len(answer["tracks"]["items"]) == 3
    assert all(each["type"] == "album" for each in answer["albums"]["items"])


def test_filters_find_by_isrc_upc_and_title(desk: Desk, world: World) -> None:
    track = next(
        each
        for each in world.tracks.values()
        if world.recordings[each.recording].isrc
        and covered("spotify search", each.key)
        and world.releases[each.release].upc
    )
    release = world.releases[track.release]
    by_isrc = _all_tracks(desk, f"isrc:{world.recordings[track.recording].isrc}")
    assert track.spotify_id in {item["id"] for item in by_isrc}
    assert len({item["external_ids"]["isrc"] for item in by_isrc}) == 1
    by_upc = desk.get("/spotify/v1/search", {"q": f"upc:{release.upc}", "type": "album"}).json["albums"]["items"]
    assert [item["id"] for item in by_upc] == [release.spotify_id]
    name = world.artists[release.artists[0].artist].name
    by_title = _all_tracks(desk, f'track:"{track.title}" artist:"{name}"')
    assert track.spotify_id in {item["id"] for item in by_title}


def test_an_unknown_name_finds_lookalikes_at_most(desk: Desk) -> None:
    found = desk.get("/spotify/v1/search", {"q": 'artist:"Qwertz Nobody"', "type": "artist,track"}).json
    assert all(item["name"] != "Qwertz Nobody" for item in found["artists"]["items"])


def test_nulls_stand_in_some_search_pages(desk: Desk, world: World) -> None:
    pages = [_all_tracks(desk, f'artist:"{world.artists[key].name}"') for key in world.listed[:40]]
    assert any(None in page for page in pages)


def test_a_market_relinks_a_few_tracks_to_another_id(desk: Desk, extended_desk: Desk, world: World) -> None:
    track = next(each for each in world.tracks.values() if covered("spotify relinked", each.key))
    path = f"/spotify/v1/tracks/{track.spotify_id}"
    relinked = desk.get(path, {"market": "US"}).json
    assert relinked["id"] != track.spotify_id
    assert "linked_from" not in relinked
    assert desk.get(path).json["id"] == track.spotify_id
    assert extended_desk.get(path, {"market": "US"}).json["linked_from"]["id"] == track.spotify_id
    assert desk.get(f"/spotify/v1/tracks/{relinked['id']}").json["name"] == relinked["name"]


def test_albums_come_by_group_and_page_to_their_total(desk: Desk, world: World) -> None:
    key = max(world.listed[:25], key=lambda each: len(world.releases_of[each]))
    path = f"/spotify/v1/artists/{world.artists[key].spotify_id}/albums"
    ids: list[str] = []
    parameters: Any = {"include_groups": "album,single,compilation", "limit": 10, "offset": 0}
    while True:
        page = desk.get(path, parameters).json
        ids += [item["id"] for item in page["items"]]
        if page["next"] is None:
            break
        parameters = parse_qsl(urlsplit(page["next"]).query)
    assert len(ids) == len(set(ids)) == page["total"] == len(world.releases_of[key])
    guest = desk.get(path, {"include_groups": "appears_on", "limit": 10}).json
    assert not set(ids) & {item["id"] for item in guest["items"]}


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("1999-03-00", ("1999-03", "month")),
        ("1999", ("1999", "year")),
        ("1999-11-02", ("1999-11-02", "day")),
        ("", ("0000", "year")),
    ],
)
def test_partial_dates_have_their_precision(date: str, expected: tuple[str, str]) -> None:
    assert release_date(date) == expected


def test_a_query_is_words_and_filters_quoted_or_not() -> None:
    query = parse_query('some words artist:"A B" track:Doxy Blues year:1990-1999')
    assert query.filters == {"artist": "A B", "track": "Doxy Blues", "year": "1990-1999"}
    assert query.free == ("some", "words")
