"""Identity: artists by name, recordings by facts, people by ids."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from music_pipeline.matching.artists import ArtistCandidate, choose_artist
from music_pipeline.matching.evidence import Verdict
from music_pipeline.matching.people import PersonIds, same_person
from music_pipeline.matching.recordings import RecordingFacts, match_recording
from music_pipeline.matching.titles import parse_title, same_version

SAME, DIFFERENT, AMBIGUOUS = Verdict.SAME, Verdict.DIFFERENT, Verdict.AMBIGUOUS
SONG = RecordingFacts("Song", ("The Band",), 200_000)


def candidates(*names: str) -> list[ArtistCandidate]:
    return [ArtistCandidate(f"id{number}", name) for number, name in enumerate(names)]


@pytest.mark.parametrize(
    ("requested", "offered", "verdict", "chosen"),
    [
        ("Radiohead", ["Radiohead", "Portishead"], SAME, "id0"),
        ("bjork", ["Bjorn", "Björk"], SAME, "id1"),
        ("Beatles", ["The Beatles"], SAME, "id0"),
        ("!!!", ["???", "!!!"], SAME, "id1"),
        ("Nirvana", ["Nirvana", "Nirvana"], AMBIGUOUS, None),
        ("Nirvana", ["Nirvana", "Nirvanna"], AMBIGUOUS, None),
        ("Nirvanna", ["Nirvana"], AMBIGUOUS, None),
        ("Kino", ["Кино"], AMBIGUOUS, None),
        ("Nirvana", ["Foo Fighters"], DIFFERENT, None),
        ("Nirvana", [], DIFFERENT, None),
        ("Various", ["Various"], DIFFERENT, None),
    ],
)
def test_a_bare_name_is_an_artist_only_if_nobody_else_comes_close(
    requested: str, offered: list[str], verdict: Verdict, chosen: str | None
) -> None:
    choice = choose_artist(requested, candidates(*offered))
    assert choice.verdict is verdict
    assert (choice.chosen.provider_id if choice.chosen else None) == chosen


def test_an_alias_counts_as_a_name() -> None:
    known = ArtistCandidate("id1", "Кино", aliases=("Kino",))
    assert choose_artist("Kino", [known]).chosen == known
    assert choose_artist("Kino", [known, ArtistCandidate("id2", "Kino")]).verdict is AMBIGUOUS


def test_an_artist_offered_twice_is_one_candidate() -> None:
    one = ArtistCandidate("id1", "Nirvana")
    assert choose_artist("Nirvana", [one, one]).chosen == one


def test_popularity_orders_candidates_and_decides_nothing() -> None:
    small, large = ArtistCandidate("a", "Nirvana", popularity=1), ArtistCandidate("b", "Nirvana", popularity=90)
    choice = choose_artist("Nirvana", [small, large])
    assert (choice.verdict, choice.candidates) == (AMBIGUOUS, (large, small))


@pytest.mark.parametrize(
    ("ours", "theirs", "verdict"),
    [
        (SONG, SONG, SAME),
        (SONG, replace(SONG, title="SONG - Remastered 2011", duration_ms=202_000), SAME),
        (SONG, replace(SONG, title="Song (feat. Guest)", artists=("Band", "Guest")), SAME),
        (SONG, replace(SONG, duration_ms=209_000), SAME),
        (SONG, replace(SONG, duration_ms=215_000), AMBIGUOUS),
        (SONG, replace(SONG, duration_ms=260_000), DIFFERENT),
        (SONG, replace(SONG, duration_ms=None), SAME),
        (SONG, replace(SONG, title="Song (Live)"), DIFFERENT),
        (SONG, replace(SONG, disambiguation="live, 1986-07-12: Wembley"), DIFFERENT),
        (replace(SONG, title="Song (Live)"), replace(SONG, disambiguation="live"), SAME),
        (replace(SONG, title="Song (Live)"), replace(SONG, title="Song - Live at Wembley"), AMBIGUOUS),
        (SONG, replace(SONG, title="Other"), DIFFERENT),
        (SONG, replace(SONG, artists=("Somebody Else",)), DIFFERENT),
        (SONG, replace(SONG, artists=()), AMBIGUOUS),
        (replace(SONG, title="A Long Song Title"), replace(SONG, title="A Long Song Titel"), SAME),
        (
            replace(SONG, title="A Long Song Title"),
            replace(SONG, title="A Long Song Titel", duration_ms=None),
            AMBIGUOUS,
        ),
        (replace(SONG, title="Song, Pt. 1"), replace(SONG, title="Song, Pt. 2"), DIFFERENT),
    ],
)
def test_text_needs_artist_title_version_and_duration(
    ours: RecordingFacts, theirs: RecordingFacts, verdict: Verdict
) -> None:
    assert match_recording(ours, theirs).verdict is verdict


WITH_ISRC = replace(SONG, isrcs=frozenset({"USAAA0000001"}))


@pytest.mark.parametrize(
    ("theirs", "verdict"),
    [
        (WITH_ISRC, SAME),
        (replace(WITH_ISRC, duration_ms=207_900), SAME),
        (replace(WITH_ISRC, duration_ms=None), SAME),
        (replace(WITH_ISRC, duration_ms=240_000), AMBIGUOUS),
        (replace(WITH_ISRC, title="Other", duration_ms=240_000), DIFFERENT),
        (replace(WITH_ISRC, title="Другая"), SAME),
        (replace(WITH_ISRC, title="Другая", duration_ms=None), AMBIGUOUS),
        (replace(WITH_ISRC, title="Song (Live)"), AMBIGUOUS),
        (replace(WITH_ISRC, isrcs=frozenset({"USAAA0000002"})), SAME),
        (replace(WITH_ISRC, isrcs=frozenset({"USAAA0000002"}), title="Other"), DIFFERENT),
    ],
)
def test_an_equal_isrc_supports_and_a_different_one_proves_nothing(theirs: RecordingFacts, verdict: Verdict) -> None:
    assert match_recording(WITH_ISRC, theirs).verdict is verdict


def test_an_equal_isrc_never_makes_a_match_less_sure() -> None:
    theirs = replace(WITH_ISRC, duration_ms=209_000)
    without = match_recording(SONG, replace(theirs, isrcs=frozenset()))
    assert match_recording(WITH_ISRC, theirs).confidence >= without.confidence


def test_ids_come_before_text() -> None:
    mbid = replace(SONG, recording_ids=frozenset({("musicbrainz", "a")}))
    assert match_recording(mbid, replace(mbid, title="Other")).verdict is SAME
    assert match_recording(mbid, replace(mbid, recording_ids=frozenset({("musicbrainz", "b")}))).verdict is DIFFERENT
    assert match_recording(mbid, replace(SONG, recording_ids=frozenset({("acoustid", "b")}))).verdict is SAME


def test_two_track_ids_prove_nothing_but_a_shared_one_does() -> None:
    one = replace(SONG, track_ids=frozenset({("spotify", "a")}))
    assert match_recording(one, replace(one, track_ids=frozenset({("spotify", "b")}))).verdict is SAME
    assert match_recording(one, replace(one, title="Other")).verdict is SAME


PROVIDER_IDS = st.frozensets(st.tuples(st.sampled_from(["musicbrainz", "other"]), st.sampled_from("ab")), max_size=3)
RECORDINGS = st.builds(
    RecordingFacts,
    title=st.sampled_from(
        ["Song", "Song (Live)", "Song - Live at X", "Song - Remaster", "Songs", "!!!", "Song (X Remix)"]
    ),
    artists=st.lists(st.sampled_from(["Band", "The Band", "Somebody", "Somebodi", ""]), max_size=2).map(tuple),
    duration_ms=st.none() | st.integers(195_000, 240_000),
    isrcs=st.frozensets(st.sampled_from(["I1", "I2"]), max_size=2),
    recording_ids=PROVIDER_IDS,
    track_ids=st.frozensets(st.tuples(st.just("spotify"), st.sampled_from("ab")), max_size=1),
    disambiguation=st.sampled_from(["", "live", "demo"]),
)


OFFERED = st.lists(
    st.builds(
        ArtistCandidate,
        provider_id=st.sampled_from("abcdef"),
        name=st.sampled_from(["Nirvana", "nirvana", "Nirvanna", "Nirvana UK", "Kino", "Кино", "Various", "Hole"]),
        aliases=st.lists(st.sampled_from(["Nirvana", "Kino"]), max_size=1).map(tuple),
        popularity=st.none() | st.integers(0, 100),
    ),
    max_size=5,
    unique_by=lambda one: one.provider_id,
)


@given(st.sampled_from(["Nirvana", "Kino", "Various"]), OFFERED, st.data())
def test_who_a_name_means_does_not_depend_on_the_order_of_the_hits(
    requested: str, offered: list[ArtistCandidate], data: st.DataObject
) -> None:
    choice = choose_artist(requested, offered)
    again = choose_artist(requested, data.draw(st.permutations(offered)))
    assert (choice.verdict, choice.chosen) == (again.verdict, again.chosen)
    assert set(choice.candidates) == set(again.candidates)
    assert (choice.verdict is SAME) == (choice.chosen is not None)
    if choice.chosen is not None:
        assert choice.candidates == (choice.chosen,)


@given(RECORDINGS, RECORDINGS)
def test_the_verdict_on_recordings_does_not_depend_on_the_order(left: RecordingFacts, right: RecordingFacts) -> None:
    forth, back = match_recording(left, right), match_recording(right, left)
    assert (forth.verdict, forth.confidence) == (back.verdict, back.confidence)
    assert 0 <= forth.confidence <= 1
    assert forth.evidence


@given(RECORDINGS, RECORDINGS)
def test_two_ids_of_one_provider_are_never_one_recording(left: RecordingFacts, right: RecordingFacts) -> None:
    ours = replace(left, recording_ids=left.recording_ids | {("strong", "1")})
    theirs = replace(right, recording_ids=right.recording_ids | {("strong", "2")})
    assert match_recording(ours, theirs).verdict is not SAME


@given(RECORDINGS, RECORDINGS)
def test_different_versions_are_never_one_recording_without_an_id(left: RecordingFacts, right: RecordingFacts) -> None:
    ours = replace(left, recording_ids=frozenset(), track_ids=frozenset(), disambiguation="")
    theirs = replace(right, recording_ids=frozenset(), track_ids=frozenset(), disambiguation="")
    if not same_version(parse_title(ours.title), parse_title(theirs.title)):
        assert match_recording(ours, theirs).verdict is not SAME


def person(*ids: tuple[str, str], linked: tuple[tuple[str, str], ...] = ()) -> PersonIds:
    return PersonIds(frozenset(ids), frozenset(linked))


@pytest.mark.parametrize(
    ("left", "right", "verdict"),
    [
        (person(("discogs", "1")), person(("discogs", "1")), SAME),
        (person(("discogs", "1")), person(("discogs", "2")), DIFFERENT),
        (person(("discogs", "1")), person(("genius", "1")), AMBIGUOUS),
        (person(("discogs", "1")), person(("musicbrainz", "m"), linked=(("discogs", "1"),)), SAME),
        (person(("discogs", "1")), person(("musicbrainz", "m"), linked=(("discogs", "2"),)), DIFFERENT),
        (person(("discogs", "2")), person(("musicbrainz", "m"), linked=(("discogs", "1"), ("discogs", "2"))), SAME),
        (person(("discogs", "1"), ("genius", "1")), person(("discogs", "1"), ("genius", "2")), AMBIGUOUS),
        (person(), person(), AMBIGUOUS),
    ],
)
def test_people_are_one_only_by_shared_or_linked_ids(left: PersonIds, right: PersonIds, verdict: Verdict) -> None:
    assert same_person(left, right) is verdict
    assert same_person(right, left) is verdict


@given(PROVIDER_IDS, PROVIDER_IDS)
def test_two_ids_of_one_provider_are_never_one_person(
    ours: frozenset[tuple[str, str]], theirs: frozenset[tuple[str, str]]
) -> None:
    left = PersonIds(ours | {("strong", "1")})
    right = PersonIds(theirs | {("strong", "2")})
    assert same_person(left, right) is not SAME
