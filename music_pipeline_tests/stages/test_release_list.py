"""What the stage `releases` reads, as data: no database, no network."""

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from music_pipeline.catalog.artists import Artist
from music_pipeline.gateway.errors import ProviderFailure
from music_pipeline.providers.records import NamedId, Page
from music_pipeline.providers.spotify import SpotifyAlbum
from music_pipeline.stages.discovery.releases import ReleaseList, read
from music_pipeline.work.model import Stage, WorkItem
from music_pipeline.worker.stage import Impossible, StageData

ARTIST = Artist(uuid4(), "nina-simone", "Nina Simone", "spotify-id")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ITEM = WorkItem(
    work_id=uuid4(), stage=Stage.ALBUM_DISCOVERY, subject=str(ARTIST.artist_id), partition_key="nina-simone",
    payload={"artistId": str(ARTIST.artist_id), "artistName": ARTIST.name, "offset": 0}, origin="manual", priority=1,
    force=False, correlation_id="c", idempotency_key="k", cutoff=NOW, attempts=0, max_attempts=5, lease_token=uuid4(),
    enqueued_at=NOW,
)  # fmt: skip
FAILURE = ProviderFailure("spotify", "artist_albums", "spotify: HTTP 500")
RELEASES = 5


def album(number: int) -> SpotifyAlbum:
    return SpotifyAlbum(
        id=f"album-{number}", name=f"Album {number}", album_type="album", release_date="1966-00-00", total_tracks=10,
        artists=(NamedId("spotify-id", "Nina Simone"),), barcode=None,
    )  # fmt: skip


class Spotify:
    """A list of five albums, two to a page, with errors at the offsets that fail."""

    def __init__(self, *, failing: tuple[int, ...] = (), total: int = RELEASES, knows: bool = True) -> None:
        self.failing, self.total, self.knows = failing, total, knows
        self.asked: list[int] = []

    async def artist_albums(self, spotify_id: str, *, offset: int, **_: object) -> Page[SpotifyAlbum] | None:
        self.asked.append(offset)
        if offset in self.failing:
            raise FAILURE
        if not self.knows:
            return None
        items = tuple(album(number) for number in range(offset, min(offset + 2, RELEASES)))
        return Page(items, self.total, offset + 2 if offset + 2 < RELEASES else None, 0)


class Context:
    """A catalogue that has one artist."""

    def __init__(self, spotify: Spotify) -> None:
        self.providers = SimpleNamespace(spotify=spotify)

    async def in_database(self, work: Any) -> Any:
        return work(self)

    def execute(self, statement: Any, parameters: Any = None) -> Any:
        if "artist_ids" in str(statement):
            return [ARTIST]
        return SimpleNamespace(scalar_one=lambda: NOW)


async def read_from(spotify: Spotify, item: WorkItem = ITEM) -> StageData[ReleaseList]:
    context: Any = Context(spotify)
    return await read(context, item)


def ids(read: StageData[ReleaseList]) -> list[str]:
    return [release.spotify_id for release in read.data.releases]


async def test_whole_list_is_read_as_data() -> None:
    found = await read_from(Spotify())
    assert found == await read_from(Spotify())
    assert ids(found) == [f"album-{number}" for number in range(RELEASES)]
    assert (found.data.expected, found.data.is_complete, found.data.error) == (5, True, None)
    assert (found.setback, found.payload) == (None, None)
    assert found.data.releases[0].release_date == "1966"
    assert "Album 3" in repr(found)


async def test_pages_before_a_setback_count_and_nothing_is_complete() -> None:
    found = await read_from(Spotify(failing=(2,)))
    assert ids(found) == ["album-0", "album-1", "album-4"]
    assert found.setback is FAILURE
    assert found.payload == ITEM.payload | {"offset": 2}
    assert (found.data.is_complete, found.data.error) == (False, str(FAILURE))


@pytest.mark.parametrize(("attempts", "is_set_back"), [(0, True), (1, True), (2, False)])
async def test_contradictory_list_is_read_again_and_tried_twice(attempts: int, is_set_back: bool) -> None:
    spotify = Spotify(total=6)
    found = await read_from(spotify, replace(ITEM, attempts=attempts))
    assert spotify.asked == [0, 2, 4, 0, 2, 4]
    assert (found.setback is not None) == is_set_back
    assert not found.data.is_complete


async def test_artist_that_spotify_lost_is_impossible_after_two_attempts() -> None:
    with pytest.raises(ProviderFailure):
        await read_from(Spotify(knows=False))
    with pytest.raises(Impossible):
        await read_from(Spotify(knows=False), replace(ITEM, attempts=2))
