"""deezer-python against the sandbox, unchanged but for its address.

Every method that it has for an endpoint of ours. It takes the path alone of a page's `next`, and puts that below its
address, which is why the sandbox's Deezer knows its own prefix twice.
"""

from collections.abc import Iterator

import deezer
import pytest

from music_pipeline.sandbox.indexes.deezer_catalogue import DeezerCatalogue, fans, rank
from music_pipeline.sandbox.process import SandboxProcess
from music_pipeline.sandbox.world.audio_views import deezer_bpm
from music_pipeline.sandbox.world.model import WorldTrack
from music_pipeline_tests.sandbox.support import Desk

NOBODY = 999_999_999_999


@pytest.fixture
def catalogue(desk: Desk) -> DeezerCatalogue:
    return desk.provider("deezer").catalogue


@pytest.fixture
def client(providers: SandboxProcess) -> Iterator[deezer.Client]:
    with deezer.Client() as made:
        made.base_url = f"{providers.url}/deezer"
        yield made


@pytest.fixture
def track(catalogue: DeezerCatalogue) -> tuple[int, WorldTrack]:
    world = catalogue.world
    return next(
        (identity, track)
        for identity, track in catalogue.tracks.items()
        if world.recordings[track.recording].isrc and deezer_bpm(world.recordings[track.recording])
    )


def test_a_track_has_what_the_world_has(
    client: deezer.Client, track: tuple[int, WorldTrack], catalogue: DeezerCatalogue
) -> None:
    identity, ours = track
    recording = catalogue.world.recordings[ours.recording]
    theirs = client.get_track(identity)
    assert (theirs.title, theirs.isrc, theirs.rank) == (ours.title, recording.isrc, rank(recording))
    assert (theirs.bpm, theirs.duration) == (deezer_bpm(recording), recording.duration_ms // 1_000)
    assert (theirs.disk_number, theirs.track_position) == (ours.disc, ours.number)
    assert theirs.artist.name == catalogue.world.artists[catalogue.world.track_artists(ours)[0].artist].name
    assert theirs.get_album().title == catalogue.world.releases[ours.release].title
    assert theirs.get_artist().id == theirs.artist.id
    assert next(artist.id for artist in theirs.contributors) == theirs.artist.id


def test_an_isrc_finds_one_of_its_tracks(
    client: deezer.Client, track: tuple[int, WorldTrack], catalogue: DeezerCatalogue
) -> None:
    isrc = str(catalogue.world.recordings[track[1].recording].isrc)
    found = client.request("GET", f"track/isrc:{isrc}")
    assert isinstance(found, deezer.Track)
    assert found.id == catalogue.track_ids[catalogue.tracks_by_isrc[isrc].key]


def test_an_album_has_its_tracks_in_order(
    client: deezer.Client, track: tuple[int, WorldTrack], catalogue: DeezerCatalogue
) -> None:
    release = catalogue.world.releases[track[1].release]
    album = client.get_album(catalogue.album_ids[release.key])
    ours = catalogue.tracks_of(release)
    assert (album.title, album.nb_tracks, album.fans) == (release.title, len(ours), fans("album", release.key))
    listed = list(album.get_tracks(params={"limit": 2}))
    assert [each.id for each in listed] == [catalogue.track_ids[one.key] for one in ours]
    assert [each.isrc for each in listed] == [catalogue.world.recordings[one.recording].isrc or "" for one in ours]
    assert [each.id for each in album.tracks] == [each.id for each in listed]
    by_upc = client.request("GET", f"album/upc:{album.upc}") if album.upc else album
    assert by_upc.id == album.id


def test_an_artist_has_albums_best_tracks_and_relatives(client: deezer.Client, catalogue: DeezerCatalogue) -> None:
    key = max(catalogue.artist_ids, key=lambda each: len(catalogue.albums_of(each)))
    artist = client.get_artist(catalogue.artist_ids[key])
    assert (artist.name, artist.nb_fan) == (catalogue.world.artists[key].name, fans("artist", key))
    albums = artist.get_albums(params={"limit": 2})
    assert [album.id for album in albums] == [catalogue.album_ids[each.key] for each in catalogue.albums_of(key)]
    assert len(albums) == artist.nb_album > 2
    ranks = [track.rank for track in artist.get_top(params={"limit": 10})]
    assert ranks == sorted(ranks, reverse=True)
    assert artist.id not in {other.id for other in artist.get_related()}


def test_searches_find_tracks_albums_and_artists(
    client: deezer.Client, track: tuple[int, WorldTrack], catalogue: DeezerCatalogue
) -> None:
    identity, ours = track
    release = catalogue.world.releases[ours.release]
    artist = catalogue.world.artists[catalogue.world.track_artists(ours)[0].artist]
    assert identity in {found.id for found in client.search(artist=artist.name, track=ours.title)}
    assert identity in {found.id for found in client.search(artist=artist.name, track=ours.title, strict=True)}
    assert identity in {found.id for found in client.search(f"{artist.name} {ours.title}")}
    albums = {found.id for found in client.search_albums(release.title)}
    assert catalogue.album_ids[release.key] in albums
    assert catalogue.artist_ids[artist.key] in {found.id for found in client.search_artists(artist.name)}
    assert len(client.search("zzzz no track has this name")) == 0


def test_all_pages_of_a_search_are_walked(client: deezer.Client, catalogue: DeezerCatalogue) -> None:
    key = max(catalogue.artist_ids, key=lambda each: len(catalogue.tracks_of_artist.get(each, [])))
    found = client.search(artist=catalogue.world.artists[key].name)
    everything = list(found)
    assert len({track.id for track in everything}) == len(everything) == len(found) > 25


def test_what_is_unknown_is_an_error_in_an_answer_of_200(client: deezer.Client) -> None:
    for ask in (client.get_track, client.get_album, client.get_artist):
        with pytest.raises(deezer.exceptions.DeezerErrorResponse) as missing:
            ask(NOBODY)
        assert missing.value.json_data["error"]["code"] == 800


def test_a_path_that_deezer_lacks_is_a_404(client: deezer.Client) -> None:
    with pytest.raises(deezer.exceptions.DeezerNotFoundError):
        client.get_chart()


def test_a_quota_that_is_used_up_is_code_4(
    client: deezer.Client, providers: SandboxProcess, track: tuple[int, WorldTrack]
) -> None:
    providers.add_fault("deezer", "429")
    with pytest.raises(deezer.exceptions.DeezerErrorResponse) as refusal:
        client.get_track(track[0])
    assert refusal.value.json_data["error"]["code"] == 4


def test_an_outage_of_deezer_may_be_tried_again(
    client: deezer.Client, providers: SandboxProcess, track: tuple[int, WorldTrack]
) -> None:
    providers.add_fault("deezer", "5xx", status=503)
    with pytest.raises(deezer.exceptions.DeezerRetryableHTTPError):
        client.get_track(track[0])
