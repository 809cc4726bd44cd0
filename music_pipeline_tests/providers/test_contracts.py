"""The clients read what the providers were recorded to answer; nothing missing or wrong in it breaks them."""

import contextlib
import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from music_pipeline.gateway.errors import UnreadableAnswer
from music_pipeline.providers import discogs, genius, musicbrainz_records, spotify, spotify_playlists
from music_pipeline_tests.support.recorded import DEEZER_PARSERS, PARSERS, payload, recordings

WRONG = (None, "", "text", 0, 7, -1.5, True, [], {}, [None], [[]], {"id": None}, "0", "１")


def test_every_recording_is_read(shared_folder: Path) -> None:
    found = recordings(shared_folder)
    assert {each.provider for each in found} == {*PARSERS, "deezer"}
    for each in found:
        if each.parser is not None:
            parsed = each.parser(each.payload)
            assert parsed is not None or each.name.endswith("_null"), each.name


def test_spotify_tracks_have_isrc_place_and_album(shared_folder: Path) -> None:
    found = spotify.parse_search(payload(shared_folder, "spotify/search"))
    track = found.tracks[0]
    assert (track.name, track.isrc, track.duration_ms) == ("Never Gonna Give You Up", "GBARL9300135", 213573)
    assert (track.disc_number, track.track_number, track.is_local) == (1, 1, False)
    assert track.album is not None
    assert (track.album.id, track.album.total_tracks) == ("6eUW0wxWtzkFdaEFsTJto6", 10)
    assert (found.total_tracks, found.next_offset, found.artists) == (16, 5, ())


def test_a_full_spotify_album_has_its_barcode_and_a_listed_one_has_none(shared_folder: Path) -> None:
    full = spotify.parse_album(payload(shared_folder, "spotify/get_album"))
    listed = spotify.parse_artist_albums(payload(shared_folder, "spotify/artist_albums"))
    assert full is not None
    assert full.barcode == "195916707034"
    assert {album.barcode for album in listed.items} == {None}
    assert (listed.total, len(listed.items), listed.next_offset) == (918, 48, 48)


def test_a_playlist_is_read_by_its_new_and_its_old_field(shared_folder: Path) -> None:
    page = payload(shared_folder, "spotify/playlist_items")
    both = spotify_playlists.parse_playlist_items(page)
    for entry in page["items"]:
        del entry["item"]
    assert spotify_playlists.parse_playlist_items(page) == both
    assert both.items[0].isrc == "GBCFB2300770"


def test_musicbrainz_credits_keep_role_attributes_and_person(shared_folder: Path) -> None:
    recording = musicbrainz_records.parse_recording(payload(shared_folder, "musicbrainz/recording_credits"))
    assert recording is not None
    producers = [credit for credit in recording.credits if credit.type == "producer"]
    assert [credit.name for credit in producers] == ["Benny Andersson", "Björn Ulvaeus"]
    assert any(credit.role == "electric guitar instrument" for credit in recording.credits)


def test_musicbrainz_is_read_with_underscores_and_grouped_relationships_too(shared_folder: Path) -> None:
    release = musicbrainz_records.parse_release(payload(shared_folder, "musicbrainz/official_release"))
    assert release is not None
    assert (release.barcode, release.track_count, len(release.tracks)) == ("199066336168", 1, 1)
    assert release.credits[0].credited_as == "Lilas Ikuta"
    assert [credit.type for credit in release.tracks[0].credits].count("arranger") == 1
    assert release.tracks[0].isrcs == ("JPP302400868",)
    assert "https://open.spotify.com/album/3LDV2xGL9HiqCsQujEPQLb" in release.urls


def test_tracks_of_all_media_are_listed_with_their_disc(shared_folder: Path) -> None:
    release = musicbrainz_records.parse_release(payload(shared_folder, "musicbrainz/release_multidisc"))
    assert release is not None
    assert [(track.disc_number, track.position) for track in release.tracks] == [
        (1, 1), (1, 2), (1, 3), (1, 4), (2, 1), (2, 2), (2, 3),
    ]  # fmt: skip


def test_an_answer_without_an_id_is_nothing_rather_than_an_error(shared_folder: Path) -> None:
    assert musicbrainz_records.parse_artist(payload(shared_folder, "musicbrainz/artist_null")) is None
    assert musicbrainz_records.parse_recording(payload(shared_folder, "musicbrainz/recording_null")) is None


def test_a_discogs_release_has_credits_tracks_and_durations(shared_folder: Path) -> None:
    release = discogs.parse_release(payload(shared_folder, "discogs/releases_3"))
    assert release is not None
    assert release.credits == (discogs.DiscogsCredit("3", "Josh Wink", None, "DJ Mix", None),)
    third = release.tracks[2]
    assert (third.position, third.duration_ms, third.credits[0].role) == ("3", 325_000, "Remix")
    assert release.tracks[1].artists[0].name == "Karl Axel Bissler"


def test_a_discogs_search_leaves_out_what_is_no_release(shared_folder: Path) -> None:
    page = discogs.parse_search(payload(shared_folder, "discogs/search"))
    assert (page.total, len(page.items) + page.nulls, page.nulls > 0, page.next_offset) == (13, 13, True, None)


def test_discogs_headings_are_no_tracks_and_parts_inherit_credits() -> None:
    credit = {"id": 5, "name": "P", "role": "Producer"}
    release = discogs.parse_release(
        {
            "id": 1,
            "tracklist": [
                {"type_": "heading", "title": "Side one"},
                {
                    "type_": "index", "title": "Suite", "extraartists": [credit],
                    "sub_tracks": [{"position": "1a", "type_": "track"}, {"position": "1b", "type_": "track"}],
                },
                {"type_": "track", "position": "2", "duration": "1:02:03"},
            ],
        }
    )  # fmt: skip
    assert release is not None
    assert [(track.position, len(track.credits)) for track in release.tracks] == [("1a", 1), ("1b", 1), ("2", 0)]
    assert release.tracks[2].duration_ms == 3_723_000


def test_a_genius_song_has_performances_by_label(shared_folder: Path) -> None:
    song = genius.parse_song(payload(shared_folder, "genius/song"))
    assert song is not None
    assert [(label, person.name) for label, person in song.performances] == [("Worship Leader", "Marty Sampson")]
    assert (song.producers, song.album and song.album.name) == ((), "Aftermath")


def test_one_address_and_several_are_mapped_alike() -> None:
    entry = {
        "resource": "https://open.spotify.com/artist/a",
        "relations": [{"target-type": "artist", "artist": {"id": "m"}}],
    }
    expected = {"https://open.spotify.com/artist/a": ("m",)}
    assert musicbrainz_records.parse_urls(entry) == expected
    assert musicbrainz_records.parse_urls({"urls": [entry, None], "url-count": 1}) == expected


def test_a_release_of_more_than_500_recordings_says_that_its_credits_are_missing() -> None:
    def release(recordings: int) -> dict[str, Any]:
        tracks = [{"position": number, "recording": {"id": f"r{number}"}} for number in range(recordings)]
        return {"id": "x", "media": [{"position": 1, "tracks": tracks}]}

    over, at = (musicbrainz_records.parse_release(release(count)) for count in (501, 500))
    assert over is not None
    assert at is not None
    assert over.recording_relations_missing
    assert not at.recording_relations_missing


def test_nulls_in_lists_are_dropped_and_counted() -> None:
    page = spotify.parse_tracks({"items": [None, {"id": None}, {"id": "t"}], "total": 3, "next": None})
    assert ([track.id for track in page.items], page.nulls, page.next_offset) == (["t"], 2, None)


def test_what_is_no_answer_at_all_is_unreadable() -> None:
    parsers = [parser for entries in (*PARSERS.values(), DEEZER_PARSERS) for _, parser in entries if parser is not None]
    for parser in parsers:
        with pytest.raises(UnreadableAnswer):
            parser([1, 2])


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) in the JSON."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from places(value[key])


def trimmed(value: Any) -> Any:
    """The JSON with its lists cut to three entries, so that each change counts."""
    if isinstance(value, dict):
        return {
            key: trimmed(entry)
            for key, entry in value.items()
            if key not in ("available_markets", "available_countries")
        }
    return [trimmed(entry) for entry in value[:3]] if isinstance(value, list) else value


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_nulls_missing_keys_and_wrong_types_never_raise_anything_but_unreadable(
    shared_folder: Path, data: st.DataObject
) -> None:
    recorded = data.draw(st.sampled_from([each for each in recordings(shared_folder) if each.parser]))
    assert recorded.parser is not None
    damaged = trimmed(recorded.payload)
    for _ in range(data.draw(st.integers(1, 4))):
        remaining = list(places(damaged))
        if not remaining:
            break
        container, key = data.draw(st.sampled_from(remaining))
        if isinstance(container, dict) and data.draw(st.booleans()):
            container.pop(key, None)
        else:
            container[key] = copy.deepcopy(data.draw(st.sampled_from(WRONG)))
    with contextlib.suppress(UnreadableAnswer):
        recorded.parser(damaged)
