"""Titles: what they name, which version, and when two are one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from music_pipeline.matching.titles import (
    close_titles,
    identity_versions,
    parse_release_title,
    parse_title,
    release_title_key,
    same_release_title,
    same_version,
    titles_are_close,
    versions_may_agree,
)


@pytest.mark.parametrize(
    ("text", "base", "versions"),
    [
        ("Song", "Song", set()),
        ("Song (Live)", "Song", {"live"}),
        ("Song - Live", "Song", {"live"}),
        ("Song [Live at Wembley]", "Song", {"live:wembley"}),
        (
            "Song - Live at Royal Albert Hall, London - May 26, 1966",
            "Song",
            {"live:royal albert hall london may 26 1966"},
        ),
        ("Song - Ao Vivo", "Song", {"live"}),
        ("Song - En Vivo", "Song", {"live"}),
        ("Song - Acústico En Vivo", "Song", {"acoustic", "live"}),
        ("夜に駆ける (ライブ)", "夜に駆ける", {"live"}),
        ("夜（现场版）", "夜", {"live"}),
        ("Песня (ремикс)", "Песня", {"remix"}),
        ("Song (R3HAB Remix)", "Song", {"remix:r3hab"}),
        ("Song - Tiësto’s Big Room Remix", "Song", {"remix:tiesto big room"}),
        ("Song (Klingande Remix) [Radio Edit]", "Song", {"remix:klingande", "radio"}),
        ("Song - Klingande Remix Radio Edit", "Song", {"remix:klingande", "radio"}),
        ("Song (Remix By Seba)", "Song", {"remix:seba"}),
        ("Song (Petalpusher Dub)", "Song", {"dub:petalpusher"}),
        ("Song - Acoustic Version", "Song", {"acoustic"}),
        ("Song (Instrumental)", "Song", {"instrumental"}),
        ("Song (Off Vocal Ver.)", "Song", {"instrumental"}),
        ("Song - Edit", "Song", {"edit"}),
        ("Song - Radio Edit", "Song", {"radio"}),
        ("Song (Extended Mix)", "Song", {"extended"}),
        ("Song (Demo 1971)", "Song", {"demo:1971"}),
        ("Song - 2011 Remaster", "Song", {"remaster:2011"}),
        ("Song - Remastered 2011", "Song", {"remaster:2011"}),
        ("Song - Remasterizado 2007", "Song", {"remaster:2007"}),
        ("Song - Single Version; 2007 Remaster", "Song", {"single", "remaster:2007"}),
        ("Song (Mono)", "Song", {"mono"}),
        ("Song - A Cappella", "Song", {"acapella"}),
        ("Song (Karaoke Version)", "Song", {"karaoke"}),
        ("Song (Cover)", "Song", {"cover"}),
        ("Song (Sped Up)", "Song", {"sped up"}),
        ("Song (Slowed + Reverb)", "Song", {"slowed"}),
        ("Song (Reprise)", "Song", {"reprise"}),
        ('Song (12" Mix)', "Song", {"12 inch"}),
        ("Song (Spanish Version)", "Song", {"version:spanish"}),
        ("Live and Let Die", "Live and Let Die", set()),
        ("Song (The Way We Live)", "Song (The Way We Live)", set()),
        ("(I Can't Get No) Satisfaction", "(I Can't Get No) Satisfaction", set()),
        ("Girls (Who Run the World)", "Girls (Who Run the World)", set()),
        ("(Live)", "(Live)", set()),
        ("Remix", "Remix", set()),
        ("Дым - мой круговорот", "Дым - мой круговорот", set()),
        ("Belchior)", "Belchior)", set()),
    ],
)
def test_versions_are_parsed_and_not_stripped(text: str, base: str, versions: set[str]) -> None:
    title = parse_title(text)
    assert (title.base, set(title.versions)) == (base, versions)


@pytest.mark.parametrize(
    ("text", "featured"),
    [
        ("Song (feat. Drake)", ("Drake",)),
        ("Song [ft. A & B]", ("A", "B")),
        ("Song featuring A, B and C", ("A", "B", "C")),
        ("Song (with Dua Lipa) - Radio Edit", ("Dua Lipa",)),
        ("Song - Remix; feat. Cardi B", ("Cardi B",)),
        ("Song (Remix feat. X)", ("X",)),
        ("Defeat. Again", ()),
    ],
)
def test_guests_are_taken_out_of_the_title(text: str, featured: tuple[str, ...]) -> None:
    assert parse_title(text).featured == featured


@pytest.mark.parametrize("text", ["Song (Bonus Track)", "Song - Bonus Track for Japan", "Song (Prod. By X)"])
def test_an_annotation_makes_no_other_version(text: str) -> None:
    title = parse_title(text)
    assert (title.base, title.versions, len(title.annotations)) == ("Song", frozenset(), 1)


def test_annotations_are_kept_apart() -> None:
    title = parse_title("Klaus - from the Netflix Film Klaus")
    assert (title.base, title.annotations) == ("Klaus", ("from the Netflix Film Klaus",))


@pytest.mark.parametrize("text", ["!!!", "鈴虫", "حنان", "🔥", "Мой круговорот", "(Live)", "[untitled]", "..."])
def test_titles_in_every_script_survive(text: str) -> None:
    assert parse_title(text).base_normalised


def test_parts_stay_in_the_base_and_are_spelled_alike() -> None:
    spellings = ["Song, Pt. 2", "Song (Part Two)", "Song Part II", "Song - Part 2"]
    assert {parse_title(text).base_normalised for text in spellings} == {"song part 2"}
    assert not titles_are_close(parse_title("Song, Pt. 1"), parse_title("Song, Pt. 2"))


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("Song", "Song - 2011 Remaster", True),
        ("Song", "Song (Original Mix)", True),
        ("Song", "Song (Album Version)", True),
        ("Song", "Song (Stereo)", True),
        ("Song - Live", "Song (Live) - Remastered", True),
        ("Song", "Song (Live)", False),
        ("Song", "Song (Instrumental)", False),
        ("Song", "Song (Radio Edit)", False),
        ("Song", "Song (Mono)", False),
        ("Song", "Song (Clean)", False),
        ("Song", "Song (Chris Simmonds Original)", False),
        ("Song (Acoustic)", "Song (Live)", False),
        ("Song (R3HAB Remix)", "Song (Kygo Remix)", False),
        ("Song (Remix)", "Song (Kygo Remix)", False),
        ("Song (Live)", "Song (Live at Wembley)", False),
    ],
)
def test_only_mergeable_words_may_differ_in_one_version(left: str, right: str, same: bool) -> None:
    assert same_version(parse_title(left), parse_title(right)) is same


@pytest.mark.parametrize(
    ("left", "right", "may"),
    [
        ("Song (Live)", "Song (Live at Wembley)", True),
        ("Song (Demo)", "Song (Demo 1971)", True),
        ("Song (Live)", "Song", False),
        ("Song (Live in Rome)", "Song (Live at Wembley)", False),
        ("Song (Remix)", "Song (Kygo Remix)", False),
    ],
)
def test_a_place_may_be_left_out_but_not_a_remixer(left: str, right: str, may: bool) -> None:
    assert versions_may_agree(parse_title(left), parse_title(right)) is may
    assert versions_may_agree(parse_title(right), parse_title(left)) is may


TITLE_WORDS = (
    "Song", "live", "Live at", "remix", "(", ")", "[", "]", " - ", "feat.", "2011", "Remaster", "Pt.", ";", ",", "&",
    "ライブ", "", " ", "by", "X",
)  # fmt: skip
TITLE_TEXT = st.lists(st.sampled_from(TITLE_WORDS) | st.text(max_size=5), max_size=12).map(" ".join)


@given(TITLE_TEXT)
def test_any_text_can_be_read_as_a_title(text: str) -> None:
    title = parse_title(text)
    parse_release_title(text)
    assert identity_versions(title) <= title.versions
    assert bool(title.base_normalised) or not text.strip() or not any(char.isalnum() for char in text)


@given(TITLE_TEXT, TITLE_TEXT)
def test_comparing_titles_does_not_depend_on_the_order(left: str, right: str) -> None:
    ours, theirs = parse_title(left), parse_title(right)
    assert same_version(ours, theirs) == same_version(theirs, ours)
    assert versions_may_agree(ours, theirs) == versions_may_agree(theirs, ours)
    assert titles_are_close(ours, theirs) == titles_are_close(theirs, ours)
    assert same_release_title(left, right) == same_release_title(right, left)
    assert versions_may_agree(ours, theirs) or not same_version(ours, theirs)


@given(TITLE_TEXT, st.lists(TITLE_TEXT, max_size=6))
def test_close_titles_among_many_are_those_found_one_by_one(text: str, others: list[str]) -> None:
    title = parse_title(text)
    offered = {number: parse_title(other) for number, other in enumerate([*others, text])}
    assert close_titles(title, offered) == [n for n, other in offered.items() if titles_are_close(title, other)]


@given(TITLE_TEXT)
def test_a_base_read_again_has_the_same_form(text: str) -> None:
    assert same_version(parse_title(text), parse_title(text))
    assert titles_are_close(parse_title(text), parse_title(text))


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("Album", "Album (Deluxe Edition)", True),
        ("Album", "Album (Expanded & Remastered)", True),
        ("Album (Deluxe) [Remastered]", "ALBUM", True),
        ("Hits, Vol. 1", "Hits Volume 1", True),
        ("Song - Single", "Song", True),
        ("Song - EP", "Song - Single", False),
        ("Album", "Album (Live)", False),
        ("Album", "Album (The Remixes)", False),
        ("Hits, Vol. 1", "Hits, Vol. 2", False),
        ("Альбом", "Альбом 2", False),
    ],
)
def test_releases_are_compared_without_their_edition(left: str, right: str, same: bool) -> None:
    assert same_release_title(left, right) is same


def test_editions_are_kept_beside_the_key() -> None:
    title = parse_release_title("Album (Deluxe Edition) [Remastered]")
    assert (title.key, title.editions, title.kind) == ("album", ("deluxe edition", "remastered"), None)
    assert release_title_key("Album - EP") == "album"
    assert parse_release_title("Album - EP").kind == "ep"


def test_no_remaster_of_the_real_catalogue_is_missed(spotify_tracks: list[dict[str, str]]) -> None:
    names = [row["track_name"] for row in spotify_tracks if "remaster" in row["track_name"].casefold()]
    unread = [name for name in names if not any(v.startswith("remaster") for v in parse_title(name).versions)]
    assert len(names) == 218
    assert unread == []


def test_no_remix_of_the_real_catalogue_is_missed(spotify_tracks: list[dict[str, str]]) -> None:
    names = [
        row["track_name"] for row in spotify_tracks if row["track_name"].casefold().endswith((" remix", "(remix)"))
    ]
    marked = [name for name in names if " - " in name or "(" in name or "[" in name]
    unread = [name for name in marked if not any(v.startswith("remix") for v in parse_title(name).versions)]
    assert len(marked) > 300
    assert unread == []


def test_every_real_title_keeps_something_to_compare(spotify_tracks: list[dict[str, str]]) -> None:
    assert all(parse_title(row["track_name"]).base_normalised for row in spotify_tracks if row["track_name"])
