"""Releases and tracklists: which are one, and which track is which."""

import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from music_pipeline.matching.evidence import Verdict
from music_pipeline.matching.releases import (
    ReleaseFacts,
    TrackFacts,
    match_release,
    match_tracklists,
    tracklist_fingerprint,
)
from music_pipeline.matching.titles import parse_title, same_version

SAME, DIFFERENT, AMBIGUOUS = Verdict.SAME, Verdict.DIFFERENT, Verdict.AMBIGUOUS


def tracks(*titles: str, seconds: int | None = None) -> tuple[TrackFacts, ...]:
    return tuple(TrackFacts(title, seconds and (seconds + 10 * n) * 1000) for n, title in enumerate(titles))


def test_tracks_are_assigned_by_isrc_before_anything_else() -> None:
    ours = [TrackFacts("Первая", 100_000, frozenset({"I1"})), TrackFacts("Вторая", 200_000, frozenset({"I2"}))]
    theirs = [TrackFacts("Vtoraya", 200_000, frozenset({"I2"})), TrackFacts("Pervaya", 100_000, frozenset({"I1"}))]
    assert match_tracklists(ours, theirs) == ((0, 1), (1, 0))


def test_an_isrc_with_an_implausible_duration_or_another_version_assigns_nothing() -> None:
    ours = [TrackFacts("One", 100_000, frozenset({"I1"})), TrackFacts("Two", None, frozenset({"I2"}))]
    theirs = [TrackFacts("Uno", 150_000, frozenset({"I1"})), TrackFacts("Two (Live)", None, frozenset({"I2"}))]
    assert match_tracklists(ours, theirs) == ()


def test_equal_titles_are_told_apart_by_position() -> None:
    assert match_tracklists(tracks("Intro", "Song", "Intro"), tracks("Intro", "Song", "Intro")) == (
        (0, 0),
        (1, 1),
        (2, 2),
    )


def test_a_moved_track_is_found_by_its_title() -> None:
    assert match_tracklists(tracks("A", "B", "C"), tracks("C", "A", "B")) == ((0, 1), (1, 2), (2, 0))


def test_equal_titles_elsewhere_are_told_apart_by_duration_or_left_out() -> None:
    ours = [TrackFacts("Intro", 60_000), TrackFacts("Intro", 90_000)]
    theirs = [
        TrackFacts("Song", 200_000),
        TrackFacts("Other", 10_000),
        TrackFacts("Intro", 91_000),
        TrackFacts("Intro", 61_000),
    ]
    assert match_tracklists(ours, theirs) == ((0, 3), (1, 2))
    unknown = [replace(track, duration_ms=None) for track in theirs]
    assert match_tracklists(ours, unknown) == ()


def test_versions_are_never_confused() -> None:
    ours = tracks("Song", "Song (Live)", "Song - Radio Edit")
    theirs = tracks("Song (Radio Edit)", "Song - Live", "Song - 2011 Remaster")
    assert match_tracklists(ours, theirs) == ((0, 2), (1, 1), (2, 0))


def test_a_misprint_is_found_at_its_position_or_by_duration() -> None:
    assert match_tracklists(tracks("A Song of Sorow"), tracks("A Song of Sorrow")) == ((0, 0),)
    ours = [TrackFacts("A Song of Sorow", 200_000)]
    theirs = [TrackFacts("Opening", 10_000), TrackFacts("A Song of Sorrow", 201_000)]
    assert match_tracklists(ours, theirs) == ((0, 1),)


TRACKS = st.lists(
    st.builds(
        TrackFacts,
        title=st.sampled_from(
            ["Song", "Song (Live)", "Song - Remaster", "Long Song Name", "Long Song Nane", "!!!", ""]
        ),
        duration_ms=st.none() | st.sampled_from([0, 100_000, 102_000, 109_000, 150_000]),
        isrcs=st.frozensets(st.sampled_from(["I1", "I2", "I3"]), max_size=2),
    ),
    max_size=8,
)


@given(TRACKS, TRACKS)
def test_each_track_is_assigned_once_and_to_its_own_version(ours: list[TrackFacts], theirs: list[TrackFacts]) -> None:
    pairs = match_tracklists(ours, theirs)
    assert len({our for our, _ in pairs}) == len(pairs) == len({their for _, their in pairs})
    for our, their in pairs:
        assert same_version(parse_title(ours[our].title), parse_title(theirs[their].title))


@given(TRACKS, TRACKS)
def test_assigning_the_other_way_round_gives_the_same_pairs(ours: list[TrackFacts], theirs: list[TrackFacts]) -> None:
    assert {(their, our) for our, their in match_tracklists(theirs, ours)} == set(match_tracklists(ours, theirs))


def test_every_real_tracklist_with_a_title_for_each_track_matches_itself(
    discogs_releases: list[dict[str, Any]],
) -> None:
    for release in discogs_releases:
        ours = [TrackFacts(track["title"]) for track in release["tracklist"]]
        assert match_tracklists(ours, ours) == tuple((index, index) for index in range(len(ours)))


def test_a_hundred_tracks_with_nothing_equal_are_compared_quickly() -> None:
    ours = [TrackFacts(f"Some Song Title {chr(97 + n % 26)}{n}", 200_000) for n in range(100)]
    theirs = [TrackFacts(f"Other Track Name {chr(97 + n % 26)}{n}", 200_000) for n in range(100)]
    match_tracklists(ours, theirs)
    elapsed = []
    for _ in range(5):
        start = time.process_time()
        match_tracklists(ours, theirs)
        elapsed.append(time.process_time() - start)
    assert min(elapsed) < 0.02


def test_fingerprints_ignore_spelling_but_not_order_or_version() -> None:
    assert tracklist_fingerprint(["Song", "Other - Live"]) == tracklist_fingerprint(
        ["SONG - Remastered", "Other (Live)"]
    )
    assert tracklist_fingerprint(["Song", "Other"]) != tracklist_fingerprint(["Other", "Song"])
    assert tracklist_fingerprint(["Song"]) != tracklist_fingerprint(["Song (Live)"])


ALBUM = ReleaseFacts("Album", ("Band",), "1998-06-00", tracks=tracks("A", "B", "C", "D", "E", seconds=200))
BARE = ReleaseFacts("Album", ("Band",), "1998", track_count=5)


@pytest.mark.parametrize(
    ("ours", "theirs", "verdict"),
    [
        (ALBUM, ALBUM, SAME),
        (ALBUM, replace(ALBUM, title="Album (Deluxe Edition)", released="2011"), SAME),
        (ALBUM, replace(ALBUM, tracks=tracks("A", "B", "C", "X", "Y", seconds=200)), AMBIGUOUS),
        (ALBUM, replace(ALBUM, tracks=tracks("V", "W", "X", "Y", "Z", seconds=200)), DIFFERENT),
        (ALBUM, replace(ALBUM, artists=("Somebody",)), DIFFERENT),
        (ALBUM, replace(ALBUM, title="Reissue of Album"), AMBIGUOUS),
        (ALBUM, replace(ALBUM, title="Other", tracks=()), DIFFERENT),
        (BARE, ALBUM, SAME),
        (BARE, replace(BARE, track_count=7), AMBIGUOUS),
        (BARE, replace(BARE, released="2005"), AMBIGUOUS),
        (BARE, replace(BARE, released=None), AMBIGUOUS),
        (replace(BARE, title="Song - EP"), replace(BARE, title="Song - Single"), DIFFERENT),
        (ALBUM, replace(ALBUM, title="Album (Live)", tracks=()), DIFFERENT),
    ],
)
def test_releases_are_compared_by_title_artist_and_tracks(
    ours: ReleaseFacts, theirs: ReleaseFacts, verdict: Verdict
) -> None:
    assert match_release(ours, theirs).verdict is verdict
    assert match_release(theirs, ours).verdict is verdict


def test_a_barcode_corroborates_and_never_decides_alone() -> None:
    ours = replace(ALBUM, barcodes=frozenset({"0 9362-47555-2 4"}), tracks=())
    theirs = replace(ours, barcodes=frozenset({"0093624755524"}))
    assert match_release(ours, theirs).verdict is SAME
    assert match_release(ours, replace(theirs, title="Other")).verdict is AMBIGUOUS
    with_tracks = replace(ours, tracks=ALBUM.tracks)
    assert match_release(with_tracks, replace(with_tracks, title="Other")).verdict is SAME


def test_two_release_ids_of_one_provider_are_two_releases() -> None:
    ours = replace(ALBUM, release_ids=frozenset({("discogs", "1")}))
    assert match_release(ours, replace(ALBUM, release_ids=frozenset({("discogs", "2")}))).verdict is DIFFERENT
    assert match_release(ours, replace(ours, title="Other", artists=())).verdict is SAME


RELEASES = st.builds(
    ReleaseFacts,
    title=st.sampled_from(["Album", "Album (Deluxe)", "Album - EP", "Other", ""]),
    artists=st.lists(st.sampled_from(["Band", "The Band", "Else"]), max_size=2).map(tuple),
    released=st.sampled_from([None, "1998", "1998-06-00", "2005", "unknown", "0000"]),
    track_count=st.none() | st.integers(0, 3),
    barcodes=st.frozensets(st.sampled_from(["12345678", "012345678", "none", "99999999"]), max_size=2),
    tracks=TRACKS.map(tuple),
)


@given(RELEASES, RELEASES)
def test_the_verdict_on_releases_does_not_depend_on_the_order(left: ReleaseFacts, right: ReleaseFacts) -> None:
    forth, back = match_release(left, right), match_release(right, left)
    assert (forth.verdict, forth.confidence, forth.evidence) == (back.verdict, back.confidence, back.evidence)
    assert 0 <= forth.confidence <= 1
