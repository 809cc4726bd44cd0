"""The generated world keeps its promises, is the same every time, and providers know the shares that they should."""

import os
import re
import subprocess
import sys
import unicodedata
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from music_pipeline.sandbox.world.credits_served import Served, credits_of_track, relations_of
from music_pipeline.sandbox.world.discogs_file import read_discogs_file
from music_pipeline.sandbox.world.generated import generate_world
from music_pipeline.sandbox.world.model import World
from music_pipeline.sandbox.world.roles import expand_range, production_parts
from music_pipeline.sandbox.world.spotify_file import read_spotify_file
from music_pipeline_tests.sandbox.support import served_of

FINGERPRINT = (
    "import hashlib; from music_pipeline.sandbox.world.generated import generate_world;"
    "from music_pipeline.sandbox.world.credits_served import decide_served;"
    "world = generate_world({seed}); served = decide_served(world);"
    "text = repr((world.artists, world.releases, world.recordings, world.listed, served.release_relations,"
    " served.recording_relations, served.genius_credits, sorted(served.coverage.discogs_releases)));"
    "print(hashlib.sha256(text.encode()).hexdigest())"
)


def _fingerprint(seed: int, hash_seed: str) -> str:
    command = [sys.executable, "-c", FINGERPRINT.format(seed=seed)]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def test_one_seed_is_one_world_in_every_process() -> None:
    assert _fingerprint(7, "1") == _fingerprint(7, "2")


def test_another_seed_is_another_world(world: World) -> None:
    other = generate_world(2)
    assert {artist.mbid for artist in other.artists.values() if artist.key.startswith("artist:")}.isdisjoint(
        artist.mbid for artist in world.artists.values() if artist.key.startswith("artist:")
    )


def test_the_first_25_artists_have_the_promised_releases_and_tracks(world: World) -> None:
    first = world.listed[:25]
    releases = {key for artist in first for key in world.releases_of[artist]}
    assert len(world.listed) >= 60
    assert len(releases) >= 250
    assert sum(len(world.releases[key].tracks) for key in releases) >= 2_500
    assert 300 in {len(world.releases_of[artist]) for artist in first}


def test_a_tenth_of_the_names_is_in_other_scripts(world: World) -> None:
    foreign = [key for key in world.listed if not _is_latin(world.artists[key].name)]
    assert 0.07 <= len(foreign) / len(world.listed) <= 0.13


def _is_latin(text: str) -> bool:
    return all("LATIN" in unicodedata.name(letter, "") for letter in text if letter.isalpha())


def test_some_artists_and_some_producers_share_a_name(world: World) -> None:
    listed = Counter(world.artists[key].name for key in world.listed)
    decoys = {artist.name for artist in world.artists.values() if artist.decoy}
    people = Counter(artist.name for artist in world.artists.values() if artist.key.startswith("person:"))
    assert 2 in listed.values()
    assert decoys & set(listed)
    assert 2 in people.values()
    assert any(artist.kind == "company" and not artist.decoy for artist in world.artists.values())


def test_an_isrc_belongs_to_one_recording_and_fifteen_percent_have_none(world: World) -> None:
    isrcs = [recording.isrc for recording in world.recordings.values()]
    given_out = [isrc for isrc in isrcs if isrc]
    assert len(set(given_out)) == len(given_out)
    assert all(re.fullmatch(r"[A-Z]{2}[A-Z0-9]{3}\d{7}", isrc) for isrc in given_out)
    assert isrcs.count(None) / len(isrcs) == pytest.approx(0.15, abs=0.02)


def test_recordings_are_on_several_releases_and_versions_are_recordings_of_their_own(world: World) -> None:
    shared = [key for key in world.recordings if len(world.releases_with(key)) > 1]
    live = [recording for recording in world.recordings.values() if recording.title.endswith("(Live)")]
    assert len(shared) > 100
    assert live
    for recording in live:
        original = next(each for each in world.recordings if recording.key == f"{each}:Live")
        assert world.recordings[original].isrc != recording.isrc or recording.isrc is None


def test_ids_look_like_the_providers_own_and_are_unique(world: World) -> None:
    tracks = [track.spotify_id for track in world.tracks.values()]
    assert all(re.fullmatch(r"[0-9A-Za-z]{22}", each) for each in tracks)
    assert len(set(tracks)) == len(tracks)
    assert len({release.discogs_id for release in world.releases.values()}) == len(world.releases)
    assert len({recording.genius_id for recording in world.recordings.values()}) == len(world.recordings)


@pytest.mark.parametrize("source", ["generated", "discogs_releases.jsonl", "spotify_tracks.csv"])
def test_providers_know_their_shares(source: str, world: World, request: pytest.FixtureRequest) -> None:
    chosen = world if source == "generated" else _read(request.getfixturevalue("shared_folder") / "catalog" / source)
    served = served_of(chosen)
    coverage = served.coverage
    credited = _credited_recordings(chosen)
    known = {key for key in credited if key in served.recording_relations or _release_level(chosen, key, served)}
    assert len(known) / len(credited) == pytest.approx(0.45, abs=0.06)
    assert len(coverage.discogs_releases) / len(chosen.releases) == pytest.approx(0.85, abs=0.04)
    assert len(coverage.genius_songs) / len(chosen.recordings) == pytest.approx(0.50, abs=0.03)


def _read(path: Path) -> World:
    return read_discogs_file(path) if path.suffix == ".jsonl" else read_spotify_file(path)


def _credited_recordings(world: World) -> set[str]:
    return {
        track.recording
        for release in world.releases.values()
        for track, credits in zip(release.tracks, credits_of_track(release, wide=True), strict=True)
        if relations_of(credits)
    }


def _release_level(world: World, recording: str, served: Served) -> bool:
    return any(key in served.release_relations for key in world.releases_with(recording))


def test_five_percent_of_credited_recordings_disagree_at_each_source(world: World) -> None:
    served = served_of(world)
    truth: dict[str, set[str]] = {}
    for release in world.releases.values():
        for track, credits in zip(release.tracks, credits_of_track(release, wide=True), strict=True):
            truth.setdefault(track.recording, set()).update(relation.artist for relation in relations_of(credits))
    wrong = [
        key for key, relations in served.recording_relations.items()
        if not {relation.artist for relation in relations} <= truth[key]
    ]  # fmt: skip
    genius = [
        key for key, credits in served.genius_credits.items() if not {each.artist for each in credits} <= truth[key]
    ]
    assert len(wrong) / len(served.recording_relations) == pytest.approx(0.05, abs=0.02)
    assert len(genius) / len(served.genius_credits) == pytest.approx(0.05, abs=0.02)


def test_the_real_catalogue_has_the_artists_releases_and_tracks_that_were_counted(shared_folder: Path) -> None:
    real = read_discogs_file(shared_folder / "catalog" / "discogs_releases.jsonl")
    first = set(real.listed[:100])
    releases = [
        release for release in real.releases.values() if release.artists[0].artist in first and release.key[0] == "d"
    ]
    releases = [release for release in releases if not release.key.startswith("decoy:")]
    assert len(real.listed) == 808
    assert len(releases) == 133
    assert sum(len(release.tracks) for release in releases) == 703
    assert sum(len(release.headings) for release in releases) == 15
    assert "Various" not in {real.artists[key].name for key in real.listed}


def test_a_catalogue_that_is_none_is_refused_with_its_line(tmp_path: Path) -> None:
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"id": 1}\n')
    with pytest.raises(ValueError, match="line 1"):
        read_discogs_file(broken)
    table = tmp_path / "table.csv"
    table.write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="no column track_id"):
        read_spotify_file(table)


@pytest.mark.parametrize(
    ("role", "heads"),
    [
        ("Producer, Written-By", ["producer"]),
        ("Remix, Producer [Additional]", ["producer"]),
        ("Co-producer", ["co producer"]),
        ("Executive-Producer [Eagle Rock Entertainment Ltd., London]", ["executive producer"]),
        ("Producer [Produced By]", ["producer"]),
        ("Produced By", ["produced by"]),
        ("Coordinator [Production Coordinator]", []),
        ("Production Manager", []),
        ("Engineer [Produced By]", []),
    ],
)
def test_a_production_credit_is_one_whose_head_is_producer_or_produced_by(role: str, heads: list[str]) -> None:
    assert [part.head for part in production_parts(role)] == heads


VINYL = ["A1", "A2", "A3", "B1", "B2", "B3"]
DISCS = [f"CD{disc}-{number}" for disc in (1, 2, 3) for number in (1, 2, 3)]


@pytest.mark.parametrize(
    ("text", "positions", "expected"),
    [
        ("", VINYL, VINYL),
        ("A1 to B1", VINYL, ["A1", "A2", "A3", "B1"]),
        ("A1-B1", VINYL, ["A1", "A2", "A3", "B1"]),
        ("B", VINYL, ["B1", "B2", "B3"]),
        ("A1, B2 to B3", VINYL, ["A1", "B2", "B3"]),
        ("(tracks: A2, B1) ", VINYL, ["A2", "B1"]),
        ("A1; A2 and B3", VINYL, ["A1", "A2", "B3"]),
        ("CD1-2 to CD2-1, CD3-3", DISCS, ["CD1-2", "CD1-3", "CD2-1", "CD3-3"]),
        ("CD2", DISCS, ["CD2-1", "CD2-2", "CD2-3"]),
        ("1, 2, 4 to 6", [str(number) for number in range(1, 8)], ["1", "2", "4", "5", "6"]),
        ("A1", ["A1a", "A1b", "A2", "A10"], ["A1a", "A1b"]),
        ("Z9", VINYL, []),
    ],
)
def test_a_range_names_positions(text: str, positions: list[str], expected: list[str]) -> None:
    assert [positions[index] for index in expand_range(text, positions)] == expected


@given(st.lists(st.integers(1, 30), min_size=1, max_size=6), st.integers(1, 30))
def test_a_list_of_single_positions_is_the_set_of_them(chosen: list[int], count: int) -> None:
    positions = [str(number) for number in range(1, count + 1)]
    indexes = expand_range(", ".join(str(number) for number in chosen), positions)
    assert indexes == sorted({number - 1 for number in chosen if number <= count})
