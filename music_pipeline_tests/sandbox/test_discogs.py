"""Discogs as it is: objects like the recorded ones, verbatim roles, paging in body and header, authentication."""

import json
from pathlib import Path
from typing import Any

import pytest

from music_pipeline.sandbox.world.discogs_file import read_discogs_file
from music_pipeline.sandbox.world.model import World, WorldRelease
from music_pipeline_tests.sandbox.support import AGENT, Desk, make_desk, misfits


def _known(desk: Desk) -> list[WorldRelease]:
    return list(desk.provider("discogs").releases.values())


@pytest.mark.parametrize("agent", [None, "python-requests/2.34", "curl/8.1"])
def test_a_missing_or_generic_user_agent_meets_a_page_of_html(agent: str | None, desk: Desk) -> None:
    answer = desk.get("/discogs/releases/1", headers={"User-Agent": agent} if agent else {})
    assert answer.status == 403
    assert answer.headers["content-type"].startswith("text/html")


def test_a_search_needs_authentication_and_a_release_does_not(desk: Desk) -> None:
    anonymous = {"User-Agent": AGENT}
    refused = desk.get("/discogs/database/search", {"q": "x"}, anonymous)
    assert (refused.status, refused.json) == (401, {"message": "You must authenticate to access this resource."})
    release = desk.get(f"/discogs/releases/{_known(desk)[0].discogs_id}", headers=anonymous)
    assert (release.status, release.json["thumb"]) == (200, "")


@pytest.mark.parametrize(
    ("parameters", "header"),
    [
        ({"token": "t"}, None),
        ({}, "Discogs token=t"),
        ({"key": "k", "secret": "s"}, None),
        ({}, "Discogs key=k, secret=s"),
    ],
)
def test_every_way_to_authenticate_opens_the_search(parameters: Any, header: str | None, desk: Desk) -> None:
    headers = {"User-Agent": AGENT} | ({"Authorization": header} if header else {})
    assert desk.get("/discogs/database/search", {"q": "x", **parameters}, headers).status == 200


def test_wrong_credentials_are_refused(desk: Desk) -> None:
    answer = desk.get("/discogs/database/search", {"q": "x", "token": "wrong"}, {"User-Agent": AGENT})
    assert answer.status == 401


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("releases/999999999", "Release not found."),
        ("masters/999999999", "Master Release not found."),
        ("masters/999999999/versions", "Master Release not found."),
        ("artists/999999999", "Artist not found."),
        ("artists/999999999/releases", "Artist not found."),
        ("nothing", "The requested resource was not found."),
    ],
)
def test_what_is_not_there_answers_404_in_discogs_words(path: str, text: str, desk: Desk) -> None:
    answer = desk.get(f"/discogs/{path}")
    assert (answer.status, answer.json) == (404, {"message": text})


def test_objects_fit_the_recorded_ones(desk: Desk, shared_folder: Path) -> None:
    folder = shared_folder / "recordings" / "discogs"
    recorded = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")}
    release = next(each for each in _known(desk) if each.discogs_master_id and each.credits)
    newer = {"type_", "uri", "artists_sort", "identifiers", "format_quantity", "extraartists"}
    found = desk.get(f"/discogs/releases/{release.discogs_id}").json
    assert _unrecorded(found, recorded["releases_3"]) <= newer
    master = desk.get(f"/discogs/masters/{release.discogs_master_id}").json
    assert _unrecorded(master, recorded["masters_4242"]) <= newer | {"most_recent_release"}
    artist = found["artists"][0]
    assert misfits(artist, recorded["releases_3"]["artists"][0]) == []
    searched = desk.get("/discogs/database/search", {"type": "release", "artist": artist["name"]}).json
    assert _unrecorded(searched["pagination"], recorded["search"]["pagination"]) == set()
    recorded_hit = recorded["search"]["results"][1] | {"label": [""]}
    assert _unrecorded(searched["results"][0], recorded_hit) <= {"barcode", "cover_image", "master_id", "master_url"}


def _unrecorded(ours: Any, theirs: Any) -> set[str]:
    return {each.split(":")[0].rpartition(".")[2] for each in misfits(ours, theirs)}


def test_pages_have_links_in_body_and_header_and_end(desk: Desk, world: World) -> None:
    key = max(world.listed[:25], key=lambda each: len(world.releases_of[each]))
    name = world.artists[key].name
    parameters = {"type": "release", "artist": name, "per_page": 1000, "token": "secret"}
    first = desk.get("/discogs/database/search", parameters)
    paging = first.json["pagination"]
    assert paging["per_page"] == 100
    assert paging["items"] > 200
    assert paging["urls"]["next"] in first.headers["link"]
    assert "secret" not in first.headers["link"]
    pages = [
        desk.get("/discogs/database/search", {**parameters, "page": page}).json
        for page in range(1, paging["pages"] + 1)
    ]
    assert sum(len(page["results"]) for page in pages) == paging["items"]
    assert "next" not in pages[-1]["pagination"]["urls"]
    assert desk.get("/discogs/database/search", {**parameters, "page": paging["pages"] + 1}).status == 404


def test_one_search_an_artist_has_all_his_known_releases(desk: Desk, world: World) -> None:
    for key in world.listed[5:15]:
        ids = {world.releases[each].discogs_id for each in world.releases_of[key]} & {
            each.discogs_id for each in _known(desk)
        }
        found = desk.get(
            "/discogs/database/search", {"type": "release", "artist": world.artists[key].name, "per_page": 100}
        )
        assert ids <= {each["id"] for each in found.json["results"]}


def test_a_barcode_finds_its_release(desk: Desk) -> None:
    release = next(each for each in _known(desk) if each.upc)
    found = desk.get("/discogs/database/search", {"barcode": release.upc, "type": "release"}).json["results"]
    assert [each["id"] for each in found] == [release.discogs_id]


def test_masters_have_versions_and_artists_have_releases(desk: Desk, world: World) -> None:
    release = next(each for each in _known(desk) if each.discogs_master_id)
    versions = desk.get(f"/discogs/masters/{release.discogs_master_id}/versions").json["versions"]
    assert release.discogs_id in {each["id"] for each in versions}
    artist = world.artists[release.artists[0].artist]
    listed = desk.get(f"/discogs/artists/{artist.discogs_id}/releases", {"per_page": 100}).json["releases"]
    assert (release.discogs_id, "Main") in {(each["id"], each["role"]) for each in listed}


def test_namesakes_have_a_suffix(desk: Desk, world: World) -> None:
    namesake = next(artist for artist in world.artists.values() if artist.discogs_name == f"{artist.name} (2)")
    assert desk.get(f"/discogs/artists/{namesake.discogs_id}").json["name"].endswith(" (2)")


def test_a_catalogues_credits_headings_and_positions_are_served_verbatim(shared_folder: Path) -> None:
    path = shared_folder / "catalog" / "discogs_releases.jsonl"
    rows = {row["id"]: row for row in map(json.loads, path.open(encoding="utf-8"))}
    desk = make_desk(read_discogs_file(path))
    same = 0
    for release in _known(desk):
        row = rows.get(release.discogs_id)
        if row is None:
            continue
        served = desk.provider("discogs").views.release(release, authenticated=True)
        assert [(each["position"], each["title"]) for each in served["tracklist"] if each["type_"] == "track"] == [
            (each["position"], each["title"]) for each in row["tracklist"] if each["position"].strip()
        ] or not any(each["position"].strip() for each in row["tracklist"])
        assert len(served["tracklist"]) >= sum(bool(each["title"]) for each in row["tracklist"])
        assert _credits(served, "role", "tracks") == _credits(row, "role", "tracks")
        same += _credits(served, "id", "anv", "role") == _credits(row, "id", "anv", "role")
    assert same / len(_known(desk)) > 0.85


def _credits(release: Any, *fields: str) -> list[tuple[Any, ...]]:
    everyone = [
        *release["extraartists"],
        *(each for track in release["tracklist"] for each in track.get("extraartists", ())),
    ]
    return [tuple(each.get(field, "") for field in fields) for each in everyone]
