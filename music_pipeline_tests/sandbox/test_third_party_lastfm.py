"""lasty, which speaks Last.fm's JSON, against the sandbox, unchanged but for its address.

Every method that it has for an endpoint of ours. pylast, the better known, speaks XML, over TLS only, to a host without
a path: it would need another form of every answer and a certificate, so it is not served.
"""

from collections.abc import AsyncIterator

import lasty.http
import pytest
import pytest_asyncio
from lasty import LastFM
from lasty.errors import InvalidAPIKeyError, InvalidParametersError, LastFMError

from music_pipeline.sandbox.indexes.lastfm_pages import TrackPage
from music_pipeline.sandbox.process import SandboxProcess
from music_pipeline.sandbox.providers.lastfm import Lastfm
from music_pipeline_tests.sandbox.support import Desk


@pytest.fixture
def provider(desk: Desk) -> Lastfm:
    found = desk.provider("lastfm")
    assert isinstance(found, Lastfm)
    return found


@pytest.fixture
def page(provider: Lastfm) -> TrackPage:
    """A track with an MBID and several tags: of one tag alone Last.fm makes no list, which lasty cannot read."""
    pages = provider.pages
    return next(each for each in pages.tracks.values() if each.mbid and len(pages.tags_of_track(each)) > 1)


@pytest.fixture
def artist_name(provider: Lastfm, page: TrackPage) -> str:
    return provider.views.name_of(page.recording.artists[0].artist)


@pytest_asyncio.fixture
async def client(providers: SandboxProcess, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LastFM]:
    monkeypatch.setattr(lasty.http, "_BASE_URL", f"{providers.url}/lastfm/2.0/")
    async with LastFM("key") as made:
        yield made


async def test_a_track_has_what_the_world_has(
    client: LastFM, provider: Lastfm, page: TrackPage, artist_name: str
) -> None:
    read = await client.track.get_info(artist_name, page.recording.title)
    assert (read.listeners, read.playcount, read.mbid) == (page.listeners, page.plays, page.mbid)
    assert read.duration == page.recording.duration_ms // 1_000 * 1_000
    assert [tag.name for tag in read.toptags] == list(provider.pages.tags_of_track(page))
    assert read.album is not None
    by_mbid = await client.track.get_info("", "", mbid=page.mbid)
    assert (by_mbid.name, by_mbid.artist.name) == (read.name, artist_name)


async def test_tags_of_tracks_and_artists_come_with_their_weights(
    client: LastFM, provider: Lastfm, page: TrackPage, artist_name: str
) -> None:
    tags = await client.track.get_top_tags(artist_name, page.recording.title)
    assert [tag.name for tag in tags] == list(provider.pages.tags_of_track(page))
    assert tags[0].count == 100
    of_artist = await client.artist.get_top_tags(artist_name)
    assert [tag.name for tag in of_artist] == list(provider.pages.tags_of_artist(page.recording.artists[0].artist))


async def test_a_search_finds_a_track(client: LastFM, page: TrackPage, artist_name: str) -> None:
    found = await client.track.search(page.recording.title, artist=artist_name)
    assert artist_name in {track.artist_name for track in found.items}
    assert found.attr.total == len(found.items) >= 1
    assert (await client.track.search("zzzz no track has this name")).items == []


async def test_an_artist_has_listeners_and_others_like_him(
    client: LastFM, provider: Lastfm, page: TrackPage, artist_name: str
) -> None:
    key = page.recording.artists[0].artist
    read = await client.artist.get_info(artist_name)
    assert read.name == artist_name
    assert read.mbid == provider.pages.world.artists[key].mbid
    similar = await client.artist.get_similar(artist_name, limit=3)
    assert [each.name for each in similar] == [
        provider.views.name_of(each) for each in provider.pages.similar_to(key)[:3]
    ]


async def test_all_pages_of_an_artists_tracks_are_walked(client: LastFM, provider: Lastfm) -> None:
    key = max(provider.pages.tracks_by_artist, key=lambda each: len(provider.pages.tracks_by_artist[each]))
    name = provider.views.name_of(key)
    first = await client.artist.get_top_tracks(name, limit=3)
    walked = [track async for track in client.artist.iter_top_tracks(name, limit=20)]
    ours = provider.pages.tracks_by_artist[key]
    assert [track.playcount for track in walked] == [each.plays for each in ours]
    assert [track.name for track in walked[:3]] == [track.name for track in first.items]
    assert (first.attr.total, first.attr.total_pages) == (len(ours), -(-len(ours) // 3))


async def test_an_artist_is_found_in_whatever_case(client: LastFM, artist_name: str) -> None:
    assert artist_name != artist_name.upper()
    read = await client.artist.get_info(artist_name.upper(), autocorrect=True)
    assert read.name == artist_name


async def test_what_is_unknown_is_error_6(client: LastFM) -> None:
    with pytest.raises(InvalidParametersError, match="Track not found"):
        await client.track.get_info("Nobody At All", "zzzz")
    with pytest.raises(InvalidParametersError, match="could not be found"):
        await client.artist.get_info("Nobody At All")


async def test_a_wrong_key_is_error_10(client: LastFM) -> None:
    async with LastFM("wrong") as stranger:
        with pytest.raises(InvalidAPIKeyError, match="Invalid API key"):
            await stranger.track.get_info("Anybody", "Anything")


async def test_a_rate_limit_is_waited_out(
    client: LastFM, providers: SandboxProcess, page: TrackPage, artist_name: str
) -> None:
    providers.add_fault("lastfm", "429", count=1)
    providers.reset_stats()
    assert (await client.track.get_info(artist_name, page.recording.title)).listeners == page.listeners
    assert providers.stats()["lastfm"]["requests"] == 2


async def test_what_last_fm_lacks_is_told(client: LastFM) -> None:
    with pytest.raises(LastFMError, match="Invalid Method"):
        await client.chart.get_top_tracks()
