"""MusicBrainz as it is: lookups, browses, urls and searches, their clamps and cuts, its errors and its objects."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from music_pipeline.sandbox.indexes.lucene import QueryError, Term, parse
from music_pipeline.sandbox.indexes.musicbrainz_knowledge import Knowledge, spotify_url
from music_pipeline.sandbox.providers.musicbrainz import cut_at_tracks
from music_pipeline.sandbox.world.model import World, build_world
from music_pipeline_tests.sandbox.support import AGENT, Desk, make_desk, misfits

ALL_INC = "recordings+artist-credits+isrcs+media+labels+release-groups+artist-rels+url-rels+recording-level-rels"
BASE = "/musicbrainz/ws/2"


@pytest.fixture
def knowledge(desk: Desk) -> Knowledge:
    found: Knowledge = desk.provider("musicbrainz").knowledge
    return found


def _ask(desk: Desk, path: str, **parameters: Any) -> Any:
    return desk.get(f"{BASE}/{path}", {"fmt": "json", **parameters})


def _known_artist(knowledge: Knowledge) -> tuple[str, str]:
    """Returns MBID and key of a listed artist with several releases there."""
    key = next(each for each in knowledge.world.listed if len(knowledge.releases_of(each)) > 3)
    return knowledge.world.artists[key].mbid, key


@pytest.mark.parametrize("agent", [None, "", "python-requests/2.34", "curl/8", "Python-urllib/3.11", "Java/17"])
def test_a_missing_or_generic_user_agent_is_refused(agent: str | None, desk: Desk) -> None:
    headers = {} if agent is None else {"User-Agent": agent}
    assert desk.get(f"{BASE}/artist", {"query": "x", "fmt": "json"}, headers).status == 403


def test_json_must_be_asked_for(desk: Desk) -> None:
    assert desk.get(f"{BASE}/artist", {"query": "x"}).status == 406
    headers = {"User-Agent": AGENT, "Accept": "application/json"}
    assert desk.get(f"{BASE}/artist", {"query": "x"}, headers).status == 200


def test_too_fast_a_client_gets_503_with_musicbrainz_words(world: World) -> None:
    desk = make_desk(world)
    answers = [desk.get(f"{BASE}/artist", {"query": f"x{index}", "fmt": "json"}, pause=0.01) for index in range(30)]
    refused = answers[-1]
    assert refused.status == 503
    assert refused.json["error"].startswith("Your requests are exceeding the allowable rate limit.")
    assert desk.statistics("musicbrainz")["overruns"] > 0


@pytest.mark.parametrize(
    ("path", "parameters", "status", "text"),
    [
        ("artist/not-an-mbid", {}, 400, "Invalid mbid."),
        ("artist/00000000-0000-4000-8000-000000000000", {}, 404, "Not Found"),
        ("isrc/nonsense", {}, 400, "Invalid isrc."),
        ("isrc/USXXX0000000", {}, 404, "Not Found"),
        ("isrc/USXXX0000000", {"inc": "labels"}, 400, "labels is not a valid inc parameter for the isrc resource."),
        ("isrc/USXXX0000000", {"inc": "work-level-rels"}, 400,
         "work-level-rels is not a valid inc parameter for the isrc resource."),
        ("url", {"resource": "https://open.spotify.com/artist/none"}, 404, "Not Found"),
        ("nothing", {}, 404, "Not Found"),
    ],
)  # fmt: skip
def test_refusals_have_musicbrainz_words(path: str, parameters: Any, status: int, text: str, desk: Desk) -> None:
    answer = _ask(desk, path, **parameters)
    assert (answer.status, answer.json["error"]) == (status, text)


@pytest.mark.parametrize(("asked", "shown"), [(101, 25), (0, 25), (100, 100), (3, 3)])
def test_a_search_limit_over_100_becomes_25(asked: int, shown: int, desk: Desk) -> None:
    found = _ask(desk, "recording", query="status:official", limit=asked).json
    assert found["count"] > 100
    assert len(found["recordings"]) == shown


@pytest.mark.parametrize(("asked", "most"), [(500, 100), (2, 2)])
def test_a_browse_limit_over_100_becomes_100(asked: int, most: int, desk: Desk, knowledge: Knowledge) -> None:
    prolific = max(knowledge.world.listed, key=lambda key: len(knowledge.releases_of(key)))
    mbid = knowledge.world.artists[prolific].mbid
    found = _ask(desk, "release", artist=mbid, limit=asked).json
    assert found["release-count"] > 100
    assert len(found["releases"]) == most


def test_a_browse_with_recordings_is_cut_at_500_tracks_and_pages_on_by_what_came(
    desk: Desk, knowledge: Knowledge
) -> None:
    prolific = max(knowledge.world.listed, key=lambda key: sum(_sizes(knowledge, key)))
    mbid = knowledge.world.artists[prolific].mbid
    offset, pages, seen = 0, 0, []
    while True:
        page = _ask(desk, "release", artist=mbid, inc=ALL_INC, limit=100, offset=offset).json
        tracks = sum(medium["track-count"] for release in page["releases"] for medium in release["media"])
        assert tracks <= 500
        assert [each["id"] for each in page["releases"]] == sorted(each["id"] for each in page["releases"])
        seen += [each["id"] for each in page["releases"]]
        offset += len(page["releases"])
        pages += 1
        if offset >= page["release-count"]:
            break
    assert pages > 1
    assert sorted(seen) == sorted(knowledge.world.releases[key].mbid for key in knowledge.releases_of(prolific))


def _sizes(knowledge: Knowledge, artist: str) -> list[int]:
    return [len(knowledge.world.releases[key].tracks) for key in knowledge.releases_of(artist)]


def test_the_cut_never_leaves_a_page_empty() -> None:
    assert cut_at_tracks([("a", 700), ("b", 1)]) == ["a"]
    assert cut_at_tracks([("a", 300), ("b", 200), ("c", 1)]) == ["a", "b"]


def test_a_release_of_more_than_500_recordings_comes_without_their_relationships(world: World) -> None:
    plain = make_desk(world).provider("musicbrainz").knowledge
    key = next(
        each
        for each in plain.release_keys.values()
        if any(track.recording in plain.served.recording_relations for track in world.releases[each].tracks)
        and not world.releases[each].tracks[0].artists
    )
    large, desk = _with_many_tracks(world, key)
    assert _relations_in(_ask(desk, f"release/{large.releases[key].mbid}", inc=ALL_INC).json) == 0
    assert _relations_in(_ask(make_desk(world), f"release/{world.releases[key].mbid}", inc=ALL_INC).json) > 0
    browsed = _ask(desk, "recording", release=world.releases[key].mbid, inc="artist-rels+isrcs", limit=100).json
    assert browsed["recording-count"] > 500
    assert all("relations" in recording for recording in browsed["recordings"])


def _relations_in(release: Any) -> int:
    tracks = [track for medium in release["media"] for track in medium["tracks"]]
    return sum(len(track["recording"].get("relations", [])) for track in tracks)


def _with_many_tracks(world: World, key: str) -> tuple[World, Desk]:
    """Returns the world with 501 more recordings on one release."""
    release = world.releases[key]
    recordings = dict(world.recordings)
    tracks = list(release.tracks)
    first = recordings[release.tracks[0].recording]
    for index in range(501):
        recording = replace(
            first, key=f"more:{index}", mbid=f"00000000-0000-4000-8000-{index:012d}", genius_id=10**8 + index
        )
        recordings[recording.key] = recording
        track = release.tracks[0]
        tracks.append(
            replace(
                track,
                key=f"{key}:more:{index}",
                recording=recording.key,
                spotify_id=f"{index:022d}",
                position=f"X{index}",
            )
        )
    releases = {**world.releases, key: replace(release, tracks=tuple(tracks))}
    large = build_world(world.artists.values(), releases.values(), recordings.values(), world.listed)
    return large, make_desk(large)


def test_one_call_has_producers_of_release_and_recording_barcodes_isrcs_and_discogs_links(
    desk: Desk, knowledge: Knowledge
) -> None:
    releases = [
        release
        for key in knowledge.world.listed[:25]
        if key in knowledge.people
        for release in _ask(desk, "release", artist=knowledge.world.artists[key].mbid, inc=ALL_INC, limit=100).json[
            "releases"
        ]
    ]
    of_releases = [each for release in releases for each in release["relations"]]
    recordings = [
        track["recording"] for release in releases for medium in release["media"] for track in medium["tracks"]
    ]
    of_recordings = [each for recording in recordings for each in recording["relations"]]
    assert {each["type-id"] for each in of_releases if each["type"] == "producer"} == {
        "8bf377ba-8d71-4ecc-97f2-7bb2d8a2a75f"
    }
    assert {each["type-id"] for each in of_recordings if each["type"] == "producer"} == {
        "5c0ceac3-feb4-41f0-868d-dc06f6e27fc0"
    }
    assert {"producer", "arranger", "mix"} <= {each["type"] for each in of_recordings}
    assert any(
        each["url"]["resource"].startswith("https://www.discogs.com/release/") for each in of_releases if "url" in each
    )
    assert any(each["attributes"] == ["executive"] for each in of_releases)
    assert any(each["target-credit"] for each in of_recordings)
    assert any(release["barcode"] for release in releases)
    assert any(recording["isrcs"] for recording in recordings)


def test_without_level_rels_recordings_have_no_relations(desk: Desk, knowledge: Knowledge) -> None:
    mbid, _ = _known_artist(knowledge)
    page = _ask(desk, "release", artist=mbid, inc="recordings+artist-rels", limit=5).json
    assert all("relations" in release for release in page["releases"])
    assert all(
        "relations" not in track["recording"]
        for each in page["releases"]
        for medium in each["media"]
        for track in medium["tracks"]
    )


def test_several_urls_answer_a_list_of_the_known_and_one_an_object(desk: Desk, knowledge: Knowledge) -> None:
    world = knowledge.world
    linked = [key for key in world.listed if key in knowledge.spotify_artists]
    assert len(linked) / len(world.listed) == pytest.approx(0.6, abs=0.15)
    urls = [spotify_url("artist", world.artists[key].spotify_id) for key in world.listed]
    several = _ask(desk, "url", resource=urls, inc="artist-rels").json
    assert several["url-count"] == len(several["urls"]) == len(linked)
    single = _ask(
        desk, "url", resource=spotify_url("artist", world.artists[linked[0]].spotify_id), inc="artist-rels"
    ).json
    assert single["relations"][0]["artist"]["id"] == world.artists[linked[0]].mbid
    assert single["relations"][0]["direction"] == "backward"


def test_more_than_100_resources_are_dropped_in_silence(desk: Desk, knowledge: Knowledge) -> None:
    key = next(key for key in knowledge.world.listed if key in knowledge.spotify_artists)
    known = spotify_url("artist", knowledge.world.artists[key].spotify_id)
    fillers = [f"https://x.org/{index}" for index in range(100)]
    assert _ask(desk, "url", resource=[*fillers[:99], known]).json["url-count"] == 1
    assert _ask(desk, "url", resource=[*fillers, known]).json["url-count"] == 0


def test_a_url_above_8_kb_is_too_long(desk: Desk) -> None:
    assert _ask(desk, "recording", query="isrc:(" + " OR ".join(["USXXX0000000"] * 600) + ")").status == 414


def test_names_are_searched_in_lists_and_by_alias(desk: Desk, knowledge: Knowledge) -> None:
    world = knowledge.world
    keys = [key for key in world.listed if key in knowledge.people][:15]
    query = "artist:(" + " OR ".join(f'"{world.artists[key].name}"' for key in keys) + ")"
    found = {artist["id"] for artist in _ask(desk, "artist", query=query, limit=100).json["artists"]}
    assert {world.artists[key].mbid for key in keys} <= found
    aliased = next(
        world.artists[key] for key in world.artists if key in knowledge.people and world.artists[key].aliases
    )
    by_alias = _ask(desk, "artist", query=f'alias:"{aliased.aliases[0]}"').json["artists"]
    assert aliased.mbid in {artist["id"] for artist in by_alias}


def test_isrcs_and_barcodes_are_searched_in_lists(desk: Desk, knowledge: Knowledge) -> None:
    recordings = [each for each in knowledge.recordings.values() if each.isrc][:60]
    isrcs = " OR ".join(str(each.isrc) for each in recordings)
    found = _ask(desk, "recording", query=f"isrc:({isrcs})", limit=100).json
    assert {each["id"] for each in found["recordings"]} == {each.mbid for each in recordings}
    assert all("relations" not in each for each in found["recordings"])
    releases = [each for key in knowledge.release_keys.values() if (each := knowledge.world.releases[key]).upc][:40]
    barcodes = " OR ".join(str(each.upc) for each in releases)
    by_barcode = _ask(desk, "release", query=f"barcode:({barcodes})", limit=100).json["releases"]
    assert {each["barcode"] for each in by_barcode} == {each.upc for each in releases}


def test_title_and_artist_together_find_a_recording_first(desk: Desk, knowledge: Knowledge) -> None:
    for wanted in list(knowledge.recordings.values())[:200:20]:
        artist = knowledge.world.artists[wanted.artists[0].artist].name
        query = f'recording:"{wanted.title}" AND artist:"{artist}"'
        best = _ask(desk, "recording", query=query, limit=5).json["recordings"]
        top = [each for each in best if each["score"] == 100]
        assert wanted.title in {each["title"] for each in top}


@pytest.mark.parametrize("query", ['artist:"open', "artist:(a OR b", "AND", "()"])
def test_a_query_that_cannot_be_parsed_is_refused(query: str, desk: Desk) -> None:
    with pytest.raises(QueryError):
        parse(query)
    assert _ask(desk, "artist", query=query).status == 400


def test_escaped_signs_are_letters_of_the_name() -> None:
    assert parse(r'artist:"AC\/DC \(live\)"') == Term("artist", "AC/DC (live)")
    assert parse(r"a\:b") == Term("", "a:b")


def test_a_lookup_by_isrc_has_the_one_recording(desk: Desk, knowledge: Knowledge) -> None:
    isrc, recordings = next(iter(knowledge.recordings_by_isrc.items()))
    found = _ask(desk, f"isrc/{isrc}", inc="artist-credits+releases+isrcs").json
    assert [each["id"] for each in found["recordings"]] == [each.mbid for each in recordings]
    assert found["recordings"][0]["isrcs"] == [isrc]


def test_producers_have_discogs_links_for_three_in_five(desk: Desk, knowledge: Knowledge) -> None:
    people = [key for key in knowledge.people if key.startswith("person:")]
    linked = 0
    for key in people:
        artist = _ask(desk, f"artist/{knowledge.world.artists[key].mbid}", inc="url-rels+aliases").json
        resources = [each["url"]["resource"] for each in artist["relations"]]
        linked += any("discogs.com/artist/" in resource for resource in resources)
    assert linked / len(people) == pytest.approx(0.6, abs=0.12)


def test_objects_fit_the_recorded_ones(desk: Desk, knowledge: Knowledge, shared_folder: Path) -> None:
    recorded = {
        name: json.loads((shared_folder / "recordings" / "musicbrainz" / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("artist", "release_multidisc", "recording_credits", "release")
    }
    mbid, key = _known_artist(knowledge)
    release = knowledge.world.releases[knowledge.releases_of(key)[0]]
    credited = next(each for each in knowledge.recordings.values() if each.key in knowledge.served.recording_relations)
    artist = _ask(desk, f"artist/{mbid}", inc="aliases").json
    assert misfits(artist, recorded["artist"]) == []
    lookup = _ask(desk, f"release/{release.mbid}", inc="recordings").json
    assert _unrecorded(lookup, recorded["release_multidisc"]) <= {"id"}  # media have one in newer recordings
    full = _ask(desk, f"release/{release.mbid}", inc="artist-credits+labels+release-groups").json
    assert _unrecorded(full, recorded["release"]) <= {"type", "type-id", "country"}
    recording = _ask(desk, f"recording/{credited.mbid}", inc="artist-rels+artist-credits").json
    newer = {"type", "type-id", "country", "attribute-ids", "first-release-date"}
    assert _unrecorded(recording, recorded["recording_credits"]) <= newer


def _unrecorded(ours: Any, theirs: Any) -> set[str]:
    """Returns the last names of what does not fit, without what the recording happens to leave out."""
    return {each.split(":")[0].rpartition(".")[2] for each in misfits(ours, theirs)} - {
        "text-representation",
        "packaging",
    }
