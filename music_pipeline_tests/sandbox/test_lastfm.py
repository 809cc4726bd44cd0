"""Last.fm as it is: numbers as strings, errors in 200, lists of one that are no lists."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from music_pipeline.sandbox.indexes.lastfm_pages import TrackPage
from music_pipeline.sandbox.world.model import World
from music_pipeline_tests.sandbox.support import Desk, Reply, make_desk, misfits


def _call(desk: Desk, method: str, **parameters: Any) -> Reply:
    return desk.get("/lastfm/2.0/", {"method": method, "api_key": "key", "format": "json", **parameters}, pause=1.0)


def _pages(desk: Desk) -> list[TrackPage]:
    return list(desk.provider("lastfm").pages.tracks.values())


def _names(desk: Desk, page: TrackPage) -> dict[str, str]:
    world = desk.provider("lastfm").pages.world
    return {"artist": world.artists[page.recording.artists[0].artist].name, "track": page.recording.title}


@pytest.mark.parametrize(
    ("parameters", "status", "code"),
    [
        ({"method": "track.getInfo", "format": "json"}, 403, 10),
        ({"method": "track.getInfo", "format": "json", "api_key": "wrong"}, 403, 10),
        ({"method": "track.nothing", "format": "json", "api_key": "k"}, 400, 3),
        ({"method": "track.getInfo", "format": "json", "api_key": "k", "artist": "x"}, 400, 6),
        ({"method": "track.getInfo", "format": "json", "api_key": "k", "artist": "x", "track": "x"}, 200, 6),
        ({"method": "track.getTopTags", "format": "json", "api_key": "k", "artist": "x", "track": "x"}, 200, 6),
        ({"method": "artist.getInfo", "format": "json", "api_key": "k", "artist": "nobody at all"}, 404, 6),
        ({"method": "artist.getSimilar", "format": "json", "api_key": "k", "artist": "nobody at all"}, 404, 6),
    ],
)
def test_errors_have_numbers_and_only_tracks_that_are_unknown_say_200(
    parameters: dict[str, str], status: int, code: int, desk: Desk
) -> None:
    answer = desk.get("/lastfm/2.0/", parameters)
    assert (answer.status, answer.json["error"]) == (status, code)


def test_without_format_there_is_no_json(desk: Desk) -> None:
    answer = desk.get("/lastfm/2.0/", {"method": "track.getInfo", "api_key": "k"})
    assert answer.headers["content-type"].startswith("text/xml")


def test_a_track_is_found_by_name_in_any_case_with_listeners_as_a_string(desk: Desk) -> None:
    for page in _pages(desk)[:50]:
        names = {name: value.upper() for name, value in _names(desk, page).items()}
        track = _call(desk, "track.getInfo", **names).json["track"]
        assert (track["listeners"], track["playcount"]) == (str(page.listeners), str(page.plays))
        assert int(track["duration"]) == page.recording.duration_ms // 1_000 * 1_000


def test_a_title_with_a_dash_finds_the_page_of_the_one_in_brackets(desk: Desk) -> None:
    page = next(page for page in _pages(desk) if page.recording.title.endswith("(Live)"))
    names = _names(desk, page)
    dashed = names["track"].removesuffix(" (Live)") + " - Live"
    assert _call(desk, "track.getInfo", artist=names["artist"], track=dashed).json["track"]["playcount"] == str(
        page.plays
    )


def test_tags_of_one_are_an_object_and_none_an_empty_list_or_string(desk: Desk) -> None:
    by_count: dict[int, TrackPage] = {}
    tags_of = desk.provider("lastfm").pages.tags_of_track
    for page in _pages(desk):
        by_count.setdefault(len(tags_of(page)), page)
    several = _call(desk, "track.getInfo", **_names(desk, by_count[3])).json["track"]["toptags"]["tag"]
    single = _call(desk, "track.getInfo", **_names(desk, by_count[1])).json["track"]["toptags"]["tag"]
    assert [tag["name"] for tag in several] == list(tags_of(by_count[3]))
    assert single["name"] == tags_of(by_count[1])[0]
    untagged = [page for page in _pages(desk) if not tags_of(page)][:40]
    shown = [_call(desk, "track.getInfo", **_names(desk, page)).json["track"]["toptags"] for page in untagged]
    assert "" in shown
    assert {"tag": []} in shown


def test_a_variation_of_a_name_is_corrected_only_if_wanted(world: World) -> None:
    artist = replace(world.artists[world.listed[0]], aliases=("Some Other Spelling",))
    desk = make_desk(replace(world, artists={**world.artists, artist.key: artist}))
    page = desk.provider("lastfm").pages.tracks_by_artist[artist.key][0]
    alias = {"artist": "some other SPELLING", "track": page.recording.title}
    assert _call(desk, "artist.getInfo", artist=alias["artist"]).status == 404
    assert _call(desk, "track.getInfo", **alias).json["error"] == 6
    assert _call(desk, "artist.getInfo", artist=alias["artist"], autocorrect=1).json["artist"]["name"] == artist.name
    assert _call(desk, "track.getInfo", **alias, autocorrect=1).json["track"]["artist"]["name"] == artist.name


def test_the_most_heard_tracks_of_an_artist_come_in_pages(desk: Desk, world: World) -> None:
    name = world.artists[world.listed[0]].name
    first = _call(desk, "artist.getTopTracks", artist=name, limit=10).json["toptracks"]
    second = _call(desk, "artist.getTopTracks", artist=name, limit=10, page=2).json["toptracks"]
    plays = [int(track["listeners"]) for track in first["track"] + second["track"]]
    assert plays == sorted(plays, reverse=True)
    assert first["@attr"]["total"] == str(len(desk.provider("lastfm").pages.tracks_by_artist[world.listed[0]]))


def test_too_many_requests_are_error_29(world: World) -> None:
    desk = make_desk(world)
    request = {"method": "track.search", "api_key": "k", "format": "json", "track": "zzz"}
    answers = [desk.get("/lastfm/2.0/", request, pause=0.01) for _ in range(1_501)]
    assert "error" not in answers[1_499].json
    assert (answers[1_500].status, answers[1_500].json["error"]) == (200, 29)
    assert answers[1_500].json["message"].startswith("Rate Limit Exceeded")


def test_objects_fit_the_recorded_ones(desk: Desk, world: World, shared_folder: Path) -> None:
    folder = shared_folder / "recordings" / "lastfm"
    tags_of = desk.provider("lastfm").pages.tags_of_track
    page = next(page for page in _pages(desk) if page.mbid and len(tags_of(page)) > 1)
    name = world.artists[world.listed[0]].name
    pairs = {
        "track.getInfo.1": _call(desk, "track.getInfo", **_names(desk, page)),
        "track.getTopTags": _call(desk, "track.getTopTags", **_names(desk, page)),
        "artist.getInfo.1": _call(desk, "artist.getInfo", artist=name),
        "artist.getInfo.2": _call(desk, "artist.getInfo", artist="nobody at all"),
        "artist.getTopTags": _call(desk, "artist.getTopTags", artist=name),
        "track.search": _call(desk, "track.search", track="zzz"),
    }
    for recording, ours in pairs.items():
        theirs = json.loads((folder / f"{recording}.json").read_text(encoding="utf-8"))
        assert misfits(ours.json, theirs) == [], recording
