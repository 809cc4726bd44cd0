"""spotipy against the sandbox, unchanged but for its two addresses.

Every method that it has for an endpoint of ours, in the mode in which Spotify offers it.
"""

import pytest
import spotipy
from spotipy.cache_handler import MemoryCacheHandler
from spotipy.oauth2 import SpotifyClientCredentials, SpotifyOauthError

from music_pipeline.sandbox.process import SandboxProcess
from music_pipeline.sandbox.world.coverage import covered
from music_pipeline.sandbox.world.model import World, WorldArtist, WorldRelease
from music_pipeline_tests.sandbox.support import Desk

NOBODY = "0" * 22


@pytest.fixture
def artist(world: World) -> WorldArtist:
    return world.artists[world.listed[0]]


@pytest.fixture
def release(world: World, artist: WorldArtist) -> WorldRelease:
    """A release of which no track is another at Spotify."""
    releases = (world.releases[key] for key in world.releases_of[artist.key])
    return next(each for each in releases if not any(covered("spotify relinked", one.key) for one in each.tracks))


def _client(url: str, *, secret: str = "secret", **options: int) -> spotipy.Spotify:
    credentials = SpotifyClientCredentials("id", secret, cache_handler=MemoryCacheHandler())
    credentials.OAUTH_TOKEN_URL = f"{url}/spotify-accounts/api/token"
    client = spotipy.Spotify(auth_manager=credentials, **options)
    client.prefix = f"{url}/spotify/v1/"
    return client


@pytest.fixture
def client(providers: SandboxProcess) -> spotipy.Spotify:
    return _client(providers.url)


@pytest.fixture
def extended_client(extended_providers: SandboxProcess) -> spotipy.Spotify:
    return _client(extended_providers.url)


def test_what_is_open_to_every_app_is_read(
    client: spotipy.Spotify, artist: WorldArtist, release: WorldRelease, world: World
) -> None:
    track = release.tracks[0]
    assert client.artist(f"spotify:artist:{artist.spotify_id}")["name"] == artist.name
    album = client.album(f"https://open.spotify.com/album/{release.spotify_id}", market="US")
    assert (album["name"], album["total_tracks"]) == (release.title, len(release.tracks))
    tracks = client.album_tracks(release.spotify_id, limit=50)
    assert [each["id"] for each in tracks["items"]] == [each.spotify_id for each in release.tracks]
    read = client.track(track.spotify_id)
    assert read["duration_ms"] == world.recordings[track.recording].duration_ms
    assert read["external_ids"].get("isrc") == world.recordings[track.recording].isrc


def test_all_pages_of_an_artists_albums_are_walked(client: spotipy.Spotify, artist: WorldArtist, world: World) -> None:
    page = client.artist_albums(artist.spotify_id, include_groups="album,single,compilation", limit=3)
    found = [album["id"] for album in page["items"]]
    while page["next"]:
        page = client.next(page)
        found += [album["id"] for album in page["items"]]
    listed = [world.releases[key].spotify_id for key in world.releases_of[artist.key] if world.releases[key].tracks]
    assert sorted(found) == sorted(listed)
    assert len(found) == page["total"] > 3
    assert client.previous(page)["offset"] == page["offset"] - 3


def test_each_kind_is_found_by_its_name(client: spotipy.Spotify, artist: WorldArtist, release: WorldRelease) -> None:
    found = client.search(f'artist:"{artist.name}"', type="artist,track,album", limit=10)
    assert found["artists"]["items"][0]["id"] == artist.spotify_id
    albums = client.search(f'album:"{release.title}" artist:"{artist.name}"', type="album", limit=10)["albums"]
    assert release.spotify_id in {album["id"] for album in albums["items"]}
    following = client.next(found["tracks"])
    assert following["tracks"]["offset"] == 10


@pytest.mark.filterwarnings("ignore:You're using:DeprecationWarning")
def test_what_is_not_open_to_a_new_app_is_refused(client: spotipy.Spotify) -> None:
    for ask in (
        lambda: client.tracks([NOBODY]),
        lambda: client.albums([NOBODY]),
        lambda: client.artists([NOBODY]),
        lambda: client.artist_top_tracks(NOBODY),
        lambda: client.audio_features([NOBODY]),
        lambda: client.artist_related_artists(NOBODY),
        lambda: client.recommendations(seed_artists=[NOBODY]),
        client.new_releases,
        client.available_markets,
    ):
        with pytest.raises(spotipy.SpotifyException) as refusal:
            ask()
        assert refusal.value.http_status == 403


@pytest.mark.filterwarnings("ignore:You're using:DeprecationWarning")
def test_many_are_read_at_once_by_an_app_in_extended_mode(
    extended_client: spotipy.Spotify, artist: WorldArtist, release: WorldRelease, extended_desk: Desk
) -> None:
    client = extended_client
    ids = [track.spotify_id for track in release.tracks]
    assert [track["id"] for track in client.tracks(ids, market="US")["tracks"]] == ids
    assert client.tracks([NOBODY])["tracks"] == [None]
    assert [album["name"] for album in client.albums([release.spotify_id])["albums"]] == [release.title]
    assert [each["name"] for each in client.artists([artist.spotify_id])["artists"]] == [artist.name]
    top = client.artist_top_tracks(artist.spotify_id)["tracks"]
    assert [track["popularity"] for track in top] == sorted((track["popularity"] for track in top), reverse=True)
    truth = extended_desk.get("/_sandbox/enrichment", {"artists": artist.spotify_id}).json["recordings"]
    facts = {spotify_id: each["facts"] for each in truth for spotify_id in each["spotify_ids"]}
    (features,) = client.audio_features(ids[:1])
    assert {name: features[name] for name in facts[ids[0]]} == facts[ids[0]]


def test_an_unknown_id_a_wrong_id_and_a_wrong_secret_are_told_apart(
    client: spotipy.Spotify, providers: SandboxProcess
) -> None:
    for ask in (client.artist, client.album, client.track, client.album_tracks):
        with pytest.raises(spotipy.SpotifyException) as missing:
            ask(NOBODY)
        assert missing.value.http_status == 404
    with pytest.raises(spotipy.SpotifyException, match="Invalid limit") as too_many:  # its default of 20
        client.artist_albums(NOBODY)
    assert too_many.value.http_status == 400
    with pytest.raises(spotipy.SpotifyException, match="Invalid base62 id") as invalid:
        client.artist_albums("spotify", limit=10)
    assert invalid.value.http_status == 400
    with pytest.raises(SpotifyOauthError, match="invalid_client"):
        _client(providers.url, secret="wrong").artist(NOBODY)


def test_an_expired_token_is_a_401(client: spotipy.Spotify, providers: SandboxProcess, artist: WorldArtist) -> None:
    providers.add_fault("spotify", "expired_token")
    with pytest.raises(spotipy.SpotifyException, match="expired") as refusal:
        client.artist(artist.spotify_id)
    assert refusal.value.http_status == 401


def test_a_429_is_waited_out_by_its_retry_after(
    client: spotipy.Spotify, providers: SandboxProcess, artist: WorldArtist
) -> None:
    providers.add_fault("spotify", "429", retry_after=1, count=1)
    providers.reset_stats()
    assert client.artist(artist.spotify_id)["name"] == artist.name
    assert providers.stats()["spotify"]["requests"] == 2


def test_a_429_is_raised_with_its_retry_after_where_it_is_not_waited_out(
    providers: SandboxProcess, artist: WorldArtist
) -> None:
    providers.add_fault("spotify", "429", retry_after=7)
    client = _client(providers.url, retries=0, status_retries=0)
    with pytest.raises(spotipy.SpotifyException) as refusal:
        client.artist(artist.spotify_id)
    assert refusal.value.http_status == 429
