"""What the providers of enrichment were recorded, or are documented, to say is read for what it means."""

import contextlib
import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from music_pipeline.gateway.errors import UnreadableAnswer
from music_pipeline.providers import (
    acousticbrainz,
    deezer,
    discogs,
    genius,
    getsongbpm,
    instagram,
    lastfm,
    reccobeats,
    spotify,
)
from music_pipeline.providers.records import AudioFeatures
from music_pipeline_tests.providers.test_contracts import WRONG, places
from music_pipeline_tests.support.recorded import of_deezer, payload

# Shapes of providers of which there are no recordings, as their clients document them.
SONG = {
    "id": "voKlYL", "title": "Billie Jean", "uri": "https://getsongbpm.com/song/billie-jean/voKlYL", "tempo": "117",
    "time_sig": "4/4", "key_of": "F♯m", "open_key": "4m", "danceability": 92, "acousticness": 0,
    "artist": {"id": "x", "name": "Michael Jackson", "genres": ["pop"], "from": "US", "mbid": "m"},
    "album": {"title": "Thriller", "uri": "u", "year": "1982"},
}  # fmt: skip
HEARD = {
    "id": "878dadea-33c5-4c08-bdb9-e2b117475a99", "href": "https://open.spotify.com/track/11dFghVXANMlKmJXsNCbNl",
    "isrc": "USUM71703861", "acousticness": 0.011, "danceability": 0.696, "energy": 0.905, "instrumentalness": 0.0009,
    "key": -1, "liveness": 0.302, "loudness": -2.743, "mode": 1, "speechiness": 0.103, "tempo": 114.9, "valence": 0.6,
}  # fmt: skip
PAGE = {
    "meta": {"status": 200},
    "response": {
        "artist": {
            "id": 130, "name": "Drake", "url": "https://genius.com/artists/Drake", "alternate_names": ["Drizzy"],
            "instagram_name": "champagnepapi", "twitter_name": "@Drake", "facebook_name": None,
        }
    },
}  # fmt: skip
DOCUMENTED = [
    (getsongbpm.parse_search, {"search": [SONG]}),
    (reccobeats.parse_audio_features, {"content": [HEARD]}),
    (genius.parse_artist, PAGE),
    (spotify.parse_several_audio_features, {"audio_features": [HEARD, None]}),
    (acousticbrainz.parse_high_level, {"M": {"0": {"highlevel": {"gender": {"value": "female", "probability": 1}}}}}),
    (lastfm.parse_similar_artists, {"similarartists": {"artist": [{"name": "Drake", "mbid": "m", "match": "0.9"}]}}),
    (deezer.parse_track, {"id": 1, "duration": 1, "album": {"id": 2}, "artist": {"id": 3}, "bpm": 0, "gain": 0}),
]


def test_a_lastfm_track_has_numbers_and_tags(shared_folder: Path) -> None:
    track = lastfm.parse_track(payload(shared_folder, "lastfm/track.getInfo"))
    assert track == lastfm.LastfmTrack(
        name="One Step Closer",
        artist="Linkin Park",
        mbid="30cb03f3-bd95-43b0-9d41-6d75e13cd353",
        duration_ms=157_000,
        listeners=1_315_650,
        playcount=11_022_708,
        tags=("Nu Metal", "rock", "Linkin Park", "alternative rock", "alternative"),
        url="https://www.last.fm/music/Linkin+Park/_/One+Step+Closer",
    )


def test_what_lastfm_does_not_know_of_a_track_is_missing(shared_folder: Path) -> None:
    track = lastfm.parse_track(payload(shared_folder, "lastfm/track.getInfo.2"))
    assert track is not None
    assert (track.duration_ms, track.mbid, track.tags, track.listeners) == (None, None, (), 2)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"tag": {"name": "rock"}}, ("rock",)),
        ({"tag": [{"name": "rock"}, {"name": "pop"}]}, ("rock", "pop")),
        ({"tag": ""}, ()),
        ({}, ()),
        ("", ()),
        (None, ()),
    ],
)
def test_a_list_that_was_made_of_xml_is_a_list(tags: Any, expected: tuple[str, ...]) -> None:
    track = lastfm.parse_track({"track": {"name": "T", "toptags": tags}})
    assert track is not None
    assert track.tags == expected


def test_lastfm_artists_and_tags_have_their_numbers(shared_folder: Path) -> None:
    artist = lastfm.parse_artist(payload(shared_folder, "lastfm/artist.getInfo"))
    tags = lastfm.parse_tags(payload(shared_folder, "lastfm/track.getTopTags"))
    assert artist is not None
    assert (artist.name, artist.listeners, artist.playcount) == ("The Weeknd", 1_688_480, 135_692_303)
    assert tags[:2] == (lastfm.LastfmTag("hard rock", 100), lastfm.LastfmTag("rock", 58))


def test_a_deezer_track_has_what_only_it_has(shared_folder: Path) -> None:
    track = deezer.parse_track(of_deezer(shared_folder, "Track.test_track_attributes", "/track/3135556"))
    assert track is not None
    assert (track.isrc, track.bpm, track.gain, track.rank) == ("GBDUW0000059", 123.0, -12.4, 760_033)
    assert (track.duration_ms, track.release_date, track.explicit) == (224_000, "2001-03-07", False)
    assert (track.album_id, track.artist and track.artist.name) == ("302127", "Daft Punk")


def test_a_deezer_album_lists_its_tracks_with_isrc_and_without_tempo(shared_folder: Path) -> None:
    page = deezer.parse_tracks(of_deezer(shared_folder, "Album.test_get_tracks", "/album/302127/tracks"))
    assert (page.total, len(page.items), page.next_offset, page.nulls) == (14, 14, None, 0)
    assert {track.bpm for track in page.items} == {None}
    assert all(track.isrc and track.rank for track in page.items)
    album = deezer.parse_album(of_deezer(shared_folder, "Album.test_get_tracks", "/album/302127"))
    assert album is not None
    assert (album.barcode, album.label, album.genres) == ("724384960650", "Parlophone France", ("Dance",))


def test_the_next_page_of_a_deezer_list_begins_where_its_address_says(shared_folder: Path) -> None:
    page = deezer.parse_albums(of_deezer(shared_folder, "Artist.test_get_albums", "/artist/27/albums"))
    assert page.next_offset == len(page.items)
    with pytest.raises(UnreadableAnswer):
        deezer.parse_albums({"data": [], "next": "https://api.deezer.com/artist/27/albums?limit=25"})


def test_deezers_zeros_for_unknown_are_missing_and_a_gain_of_zero_is_not() -> None:
    track = deezer.parse_track({"id": 1, "bpm": 0, "gain": 0, "duration": 0, "release_date": "0000-00-00"})
    assert track is not None
    assert (track.bpm, track.gain, track.duration_ms, track.release_date) == (None, 0.0, None, None)


def test_spotifys_audio_features_are_all_twelve(shared_folder: Path) -> None:
    found = spotify.parse_several_audio_features(
        {"audio_features": [payload(shared_folder, "spotify/audio_features"), None]}
    )
    assert found == {
        "11dFghVXANMlKmJXsNCbNl": AudioFeatures(
            danceability=0.696, energy=0.905, key=2, loudness=-2.743, mode=1, speechiness=0.103, acousticness=0.011,
            instrumentalness=0.000905, liveness=0.302, valence=0.625, tempo=114.944, time_signature=4,
        )
    }  # fmt: skip


def test_audio_features_that_were_not_detected_are_missing() -> None:
    (heard,) = reccobeats.parse_audio_features({"content": [{**HEARD, "tempo": 0}, {"id": None}]})
    assert heard.spotify_id == "11dFghVXANMlKmJXsNCbNl"
    features = heard.features
    assert (features.key, features.tempo, features.time_signature, features.mode) == (None, None, None, 1)


def test_acousticbrainz_answers_by_mbid_with_the_first_analysis(shared_folder: Path) -> None:
    found = acousticbrainz.parse_low_level(payload(shared_folder, "acousticbrainz/lowlevel_select_features"))
    first = found["0dad432b-16cc-4bf0-8961-fd31d124b01b"]
    assert first == acousticbrainz.AcousticBrainzFeatures(None, "D", None, 0.048737552017, None)
    assert len(found) == 2
    mapped = {"mbid_mapping": {"M": "m"}, "m": {"0": {"rhythm": {"bpm": 161.9}}, "1": {"rhythm": {"bpm": 80}}}}
    assert acousticbrainz.parse_low_level(mapped)["m"].bpm == 161.9


def test_acousticbrainz_judgements_have_a_probability(shared_folder: Path) -> None:
    found = acousticbrainz.parse_judgements(payload(shared_folder, "acousticbrainz/highlevel"))
    assert found["danceability"] == acousticbrainz.AcousticBrainzClass("not_danceable", 0.964681088924)


def test_getsongbpm_says_nothing_in_two_ways_and_numbers_as_text() -> None:
    assert getsongbpm.parse_search({"search": {"error": "no result"}}) == ()
    assert getsongbpm.parse_search({"search": []}) == ()
    (hit,) = getsongbpm.parse_search({"search": [SONG]})
    assert (hit.artist, hit.tempo, hit.key_of, hit.time_signature) == ("Michael Jackson", 117.0, "F♯m", "4/4")
    assert (hit.danceability, hit.acousticness) == (92, None)
    (unknown,) = getsongbpm.parse_search({"search": [{"id": "a", "tempo": None, "danceability": "0"}]})
    assert (unknown.tempo, unknown.danceability, unknown.artist) == (None, None, None)
    with pytest.raises(UnreadableAnswer):
        getsongbpm.parse_search({"search": [{"id": "a", "tempo": "fast"}]})


def test_an_instagram_account_has_its_followers(shared_folder: Path) -> None:
    account = instagram.parse_business(payload(shared_folder, "instagram/business_discovery"))
    assert account == instagram.InstagramAccount("17841407673135339", "facebookfordevelopers", 64_976, 436)


def test_a_genius_page_gives_the_accounts_that_it_names_and_no_others() -> None:
    artist = genius.parse_artist(PAGE)
    assert artist is not None
    assert artist.urls == {
        "genius": "https://genius.com/artists/Drake",
        "instagram": "https://www.instagram.com/champagnepapi",
        "twitter": "https://twitter.com/Drake",
    }
    odd = {"id": 1, "name": "A", "instagram_name": "two words", "facebook_name": "https://facebook.com/a"}
    assert genius.parse_artist({"response": {"artist": odd}}).urls == {"facebook": "https://facebook.com/a"}


def test_a_discogs_release_has_genres_styles_labels_and_country(shared_folder: Path) -> None:
    release = discogs.parse_release(payload(shared_folder, "discogs/releases_1"))
    assert release is not None
    assert (release.genres, release.styles) == (("Electronic",), ("Deep House",))
    assert (release.labels, release.country) == (("Svek",), "Sweden")


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_nulls_missing_keys_and_wrong_types_in_what_is_documented_are_unreadable_at_worst(data: st.DataObject) -> None:
    parser, documented = data.draw(st.sampled_from(DOCUMENTED))
    damaged = copy.deepcopy(documented)
    for _ in range(data.draw(st.integers(1, 4))):
        remaining = list(places(damaged))
        if not remaining:
            break
        container, key = data.draw(st.sampled_from(remaining))
        container[key] = copy.deepcopy(data.draw(st.sampled_from((*WRONG, float("nan"), "nan", "0x1", "1e400"))))
    with contextlib.suppress(UnreadableAnswer):
        parser(damaged)


@pytest.mark.parametrize(
    ("text", "possible"), [("a.b_1", True), ("A", False), ("", False), ("a" * 31, False), ("a){", False)]
)
def test_only_what_could_be_a_handle_is_one(text: str, possible: bool) -> None:
    assert instagram.is_handle(text) is possible
