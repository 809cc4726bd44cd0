"""python3-discogs-client against the sandbox, unchanged but for its address.

Every method that it has for an endpoint of ours; its objects fetch what they lack by the addresses that answers give.
"""

from typing import Any

import discogs_client
import pytest
from discogs_client.exceptions import HTTPError

from music_pipeline.sandbox.process import SandboxProcess
from music_pipeline.sandbox.world.model import World, WorldRelease
from music_pipeline_tests.sandbox.support import Desk

NOBODY = 999_999_999


def _client(url: str, token: str | None = "token") -> discogs_client.Client:
    client = discogs_client.Client("catalogue-tests/1.0", user_token=token)
    client._base_url = f"{url}/discogs"
    return client


@pytest.fixture
def client(providers: SandboxProcess) -> discogs_client.Client:
    return _client(providers.url)


@pytest.fixture
def known(desk: Desk) -> list[WorldRelease]:
    return list(desk.provider("discogs").releases.values())


@pytest.fixture
def release(known: list[WorldRelease]) -> WorldRelease:
    return next(each for each in known if each.credits and each.labels and each.discogs_master_id)


def _credits_of(entries: Any) -> list[tuple[int, str]]:
    return [(artist.id, artist.role) for artist in entries]


def test_a_release_has_what_the_world_has(
    client: discogs_client.Client, release: WorldRelease, desk: Desk, world: World
) -> None:
    read = client.release(release.discogs_id)
    assert (read.title, read.country, read.genres, read.styles) == (
        release.title, release.country, list(release.genres), list(release.styles),
    )  # fmt: skip
    assert [artist.id for artist in read.artists] == [world.artists[each.artist].discogs_id for each in release.artists]
    assert [label.catno for label in read.labels] == [label.catalogue_number for label in release.labels]
    served = desk.provider("discogs").site.served.discogs_release_credits[release.key]
    assert _credits_of(read.credits) == [(world.artists[each.artist].discogs_id, each.role) for each in served]


def test_a_track_list_has_positions_and_credits(
    client: discogs_client.Client, known: list[WorldRelease], desk: Desk, world: World
) -> None:
    credited = desk.provider("discogs").site.served.discogs_track_credits
    release = next(each for each in known if any(credited[track.key] for track in each.tracks) and not each.headings)
    read = client.release(release.discogs_id).tracklist
    assert [(track.position, track.title, track.duration) for track in read] == [
        (track.position, track.title, track.duration) for track in release.tracks
    ]
    for ours, theirs in zip(release.tracks, read, strict=True):
        expected = [(world.artists[each.artist].discogs_id, each.role) for each in credited[ours.key]]
        assert _credits_of(theirs.credits) == expected


def test_a_master_leads_to_its_versions_and_back(client: discogs_client.Client, desk: Desk) -> None:
    masters = desk.provider("discogs").masters
    identity, releases = max(masters.items(), key=lambda entry: len(entry[1]))
    master = client.master(identity)
    assert master.main_release.id == releases[0].discogs_id
    assert [version.id for version in master.versions] == [release.discogs_id for release in releases]
    assert master.versions[0].master.id == identity
    assert master.main_release.title == releases[0].title


def test_all_pages_of_an_artists_releases_are_walked(
    client: discogs_client.Client, known: list[WorldRelease], world: World
) -> None:
    by_artist = {
        key: {each.discogs_id for each in known if each.key in {*world.releases_of[key]}} for key in world.listed
    }
    key = max(by_artist, key=lambda each: len(by_artist[each]))
    artist = client.artist(world.artists[key].discogs_id)
    assert artist.name == world.artists[key].discogs_name
    listed = artist.releases
    listed.per_page = 2
    assert {each.id for each in listed if each.fetch("role") == "Main"} == by_artist[key]
    assert listed.pages == -(-listed.count // 2) > 1


def test_searches_find_releases_artists_and_masters(
    client: discogs_client.Client, release: WorldRelease, world: World
) -> None:
    artist = world.artists[release.artists[0].artist]
    releases = client.search(artist=artist.name, release_title=release.title, type="release")
    assert release.discogs_id in {found.id for found in releases}
    assert all(isinstance(found, discogs_client.Release) for found in releases)
    artists = client.search(artist.name, type="artist")
    assert artist.discogs_id in {found.id for found in artists}
    masters = client.search(release_title=release.title, type="master")
    assert release.discogs_master_id in {found.id for found in masters}
    assert len(client.search("zzz nothing has this name")) == 0


def test_paging_past_the_end_is_an_index_error(client: discogs_client.Client, release: WorldRelease) -> None:
    found = client.search(release_title=release.title, type="release")
    with pytest.raises(IndexError):
        found[1_000]


def test_what_is_unknown_is_a_404(client: discogs_client.Client) -> None:
    for thing in (client.release(NOBODY), client.master(NOBODY), client.artist(NOBODY)):
        with pytest.raises(HTTPError, match="not found") as missing:
            thing.refresh()
        assert missing.value.status_code == 404


def test_no_token_and_a_wrong_one_are_a_401(providers: SandboxProcess, release: WorldRelease) -> None:
    for token in (None, "wrong"):
        with pytest.raises(HTTPError) as refusal:
            len(_client(providers.url, token).search(release.title))
        assert refusal.value.status_code == 401
    assert _client(providers.url, None).release(release.discogs_id).title == release.title


def test_a_429_is_waited_out(client: discogs_client.Client, providers: SandboxProcess, release: WorldRelease) -> None:
    providers.add_fault("discogs", "429", count=1)
    providers.reset_stats()
    assert client.release(release.discogs_id).title == release.title
    assert providers.stats()["discogs"]["requests"] == 2


def test_a_429_is_raised_where_it_is_not_waited_out(
    client: discogs_client.Client, providers: SandboxProcess, release: WorldRelease
) -> None:
    providers.add_fault("discogs", "429")
    client.backoff_enabled = False
    with pytest.raises(HTTPError, match="too quickly") as refusal:
        client.release(release.discogs_id).refresh()
    assert refusal.value.status_code == 429


def test_the_rate_limit_of_an_answer_is_read(client: discogs_client.Client, release: WorldRelease) -> None:
    client.release(release.discogs_id).refresh()
    fetcher = client._fetcher
    assert fetcher.rate_limit == "60"
    assert int(fetcher.rate_limit_used) + int(fetcher.rate_limit_remaining) == 60
