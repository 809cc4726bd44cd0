"""The truth agrees with what is served: the credits with a client that reads everything, the bound with its formula."""

import math
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from music_pipeline.sandbox.indexes.musicbrainz_knowledge import Knowledge
from music_pipeline.sandbox.providers.context import Site
from music_pipeline.sandbox.truth import CatalogTruth, UnknownArtistError, release_pages, spotify_bound
from music_pipeline.sandbox.world import builders
from music_pipeline.sandbox.world.coverage import Coverage, covered
from music_pipeline.sandbox.world.credits_served import decide_served
from music_pipeline.sandbox.world.decoys import Decoys, add_decoy
from music_pipeline.sandbox.world.model import ArtistCredit, World, WorldCredit, WorldRelease, build_world
from music_pipeline.sandbox.world.roles import expand_range, production_parts
from music_pipeline_tests.sandbox.support import Desk, served_of

ALL_INC = "recordings+artist-credits+artist-rels+recording-level-rels"
Found = set[tuple[str, str, str]]  # track's Spotify id, producer's name, source


def _read_musicbrainz(desk: Desk, world: World, artist: str) -> Found:
    """Reads all releases of an artist over HTTP; tracks are told apart by their place."""
    knowledge: Knowledge = desk.provider("musicbrainz").knowledge
    if artist not in knowledge.people:
        return set()
    by_mbid = {release.mbid: release for release in world.releases.values()}
    found: Found = set()
    offset, total = 0, 1
    while offset < total:
        parameters = {
            "artist": world.artists[artist].mbid,
            "inc": ALL_INC,
            "limit": 100,
            "offset": offset,
            "fmt": "json",
        }
        page = desk.get("/musicbrainz/ws/2/release", parameters).json
        total = page["release-count"]
        offset += len(page["releases"])
        for served in page["releases"]:
            found |= _producers_of(served, by_mbid[served["id"]])
    return found


def _producers_of(served: Any, release: WorldRelease) -> Found:
    places = {(track.disc, track.number): track.spotify_id for track in release.tracks}
    wide = [each["artist"]["name"] for each in served["relations"] if each["type"] == "producer"]
    found: Found = set()
    for medium in served["media"]:
        for track in medium["tracks"]:
            own = [each["artist"]["name"] for each in track["recording"]["relations"] if each["type"] == "producer"]
            spotify_id = places[medium["position"], track["position"]]
            found |= {(spotify_id, name, "musicbrainz") for name in wide + own}
    return found


def _read_discogs(desk: Desk, world: World, artist: str) -> Found:
    found: Found = set()
    for release in (world.releases[key] for key in world.releases_of[artist]):
        answer = desk.get(f"/discogs/releases/{release.discogs_id}")
        if answer.status == 200:
            found |= _producers_on(answer.json, release)
    return found


def _producers_on(served: Any, release: WorldRelease) -> Found:
    rows = [row for row in served["tracklist"] if row["type_"] == "track"]
    positions = [row["position"] for row in rows]
    found: Found = set()
    for credit in served["extraartists"]:
        if production_parts(credit["role"]):
            for index in expand_range(credit["tracks"], positions):
                found.add((release.tracks[index].spotify_id, _plain(credit["name"]), "discogs"))
    for row, track in zip(rows, release.tracks, strict=True):
        for credit in row.get("extraartists", ()):
            if production_parts(credit["role"]):
                found.add((track.spotify_id, _plain(credit["name"]), "discogs"))
    return found


def _plain(name: str) -> str:
    return builders.NAMESAKE_SUFFIX.sub("", name)


def test_the_credits_are_what_a_client_finds_who_reads_every_release(desk: Desk, world: World) -> None:
    artists = [key for key in world.listed[:14] if len(world.releases_of[key]) < 50]
    truth = CatalogTruth(Site(world, served_of(world), "", "development"), desk.provider("musicbrainz").knowledge)
    rows = truth.credits(artists)
    read = {each for key in artists for each in _read_musicbrainz(desk, world, key) | _read_discogs(desk, world, key)}
    told = {(row["track_spotify_id"], row["producer"], source) for row in rows for source in row["sources"]}
    direct = {
        (row["track_spotify_id"], row["producer"]) for row in rows if row["direct"] and row["sources"] != ["genius"]
    }
    assert len(read) > 1_000
    assert {each for each in read if each not in told} == set()
    assert {(track, name) for track, name, _ in read} >= direct


def test_genius_is_told_for_recordings_that_the_others_leave_without(desk: Desk, world: World) -> None:
    truth = CatalogTruth(Site(world, served_of(world), "", "development"), desk.provider("musicbrainz").knowledge)
    rows = truth.credits(list(world.listed))
    by_track: dict[str, set[str]] = {}
    for row in rows:
        by_track.setdefault(row["track_spotify_id"], set()).update(row["sources"])
    assert {"genius"} in by_track.values()
    assert all(sources == {"genius"} or "genius" not in sources for sources in by_track.values())


def test_one_row_is_one_producer_and_class_of_a_track(desk: Desk, world: World) -> None:
    truth = CatalogTruth(Site(world, served_of(world), "", "development"), desk.provider("musicbrainz").knowledge)
    rows = truth.credits(list(world.listed[:20]))
    keys = [(row["track_spotify_id"], str(row["provider_ids"]), row["producer"], row["role_class"]) for row in rows]
    assert len(set(keys)) == len(keys)
    assert {"producer", "co", "additional", "executive", "compilation"} <= {row["role_class"] for row in rows}
    assert {row["level"] for row in rows} == {"release", "track"}


def _tiny_world() -> World:
    """Returns two artists: one with two releases of 12 and 3 tracks, one with a release of 11."""
    numbers = builders.Numbers()
    artists = [builders.make_artist(numbers, key, key.title()) for key in ("ada", "bob", "pat")]
    recordings, releases = [], []
    for key, artist, count in (("first", "ada", 12), ("second", "ada", 3), ("third", "bob", 11)):
        credit = (ArtistCredit(artist),)
        made = [
            builders.make_recording(numbers, f"{key}:{index}", f"Song {index}", credit, year=2000, duration_ms=1)
            for index in range(count)
        ]
        recordings += made
        releases.append(_tiny_release(numbers, key, credit, [recording.key for recording in made]))
    return build_world(artists, releases, recordings, ["ada", "bob"])


def _tiny_release(
    numbers: builders.Numbers, key: str, artists: tuple[ArtistCredit, ...], recordings: list[str]
) -> WorldRelease:
    decoys = Decoys()
    add_decoy(numbers, decoys, builders.make_artist(numbers, f"model of {key}", key), key)
    model = decoys.releases[0]
    tracks = tuple(
        replace(
            model.tracks[0],
            key=f"{key}:{index}",
            release=key,
            recording=recording,
            position=str(index + 1),
            number=index + 1,
            spotify_id=f"{key}{index:02d}".rjust(22, "0"),
        )
        for index, recording in enumerate(recordings)
    )
    credits = (WorldCredit("pat", "Producer", tracks="1"),)
    return replace(model, key=key, title=key, artists=artists, tracks=tracks, credits=credits)


def test_the_bound_of_a_tiny_world_is_the_formula_by_hand() -> None:
    world = _tiny_world()
    served = decide_served(world)
    everything = frozenset(world.releases)
    known_there = frozenset({"first", "second"})
    served = replace(
        served,
        coverage=Coverage(frozenset({"ada"}), known_there, everything, frozenset({"second:1", "third:1"})),
        release_relations={},
        recording_relations={},
        musicbrainz_people=frozenset({"ada", "pat"}),
        discogs_release_credits={key: world.releases[key].credits for key in everything},
        discogs_track_credits=dict.fromkeys(world.tracks, ()),
    )
    knowledge = Knowledge(world, served)
    knowledge.spotify_artists = frozenset({"ada"})
    knowledge.discogs_releases = frozenset({"first"})
    bound = CatalogTruth(Site(world, served, "", "development"), knowledge).bound(["ada", "bob"])
    withheld = {key: _repairs(world, key) for key in everything}
    assert [row["spotify"] for row in bound["artists"]] == [
        2 + 1 + withheld["first"] + withheld["second"],  # 15 tracks, 2 albums
        2 + 1 + withheld["third"],  # 11 tracks, 1 album
    ]
    assert [row["musicbrainz"] for row in bound["artists"]] == [1, 1]  # a page; a search by name, unknown there
    assert bound["providers"]["musicbrainz"] == 3  # and one call for the links of both
    assert [row["discogs"] for row in bound["artists"]] == [3, 2]  # releases, and a search for what is not linked
    # Both have tracks without a producer: a search, a page of songs, and the one song of each.
    assert [row["genius"] for row in bound["artists"]] == [3, 3]
    assert (bound["tracks"], bound["releases"], bound["tracks_without_producer"]) == (26, 3, 23)
    assert bound["total"] == sum(bound["providers"][name] for name in ("spotify", "musicbrainz", "discogs"))


def _repairs(world: World, release: str) -> int:
    withheld = [track for track in world.releases[release].tracks if not covered("spotify search", track.key)]
    lost = [track for track in withheld if not covered("spotify album search", track.key)]
    return (1 if withheld else 0) + len(lost)


def test_more_tracks_than_a_search_reaches_are_counted_by_album(world: World) -> None:
    release = next(iter(world.releases.values()))
    shown = [track for track in world.tracks.values() if covered("spotify search", track.key)]
    albums = [replace(release, tracks=tuple(shown[start : start + 101])) for start in range(0, 1_212, 101)]
    assert spotify_bound(albums) == 12 * math.ceil(101 / 10) + math.ceil(12 / 10)
    assert spotify_bound(albums[:10]) == math.ceil(1_010 / 10) + 1


@pytest.mark.parametrize(
    ("tracks", "pages"), [([], 1), ([10] * 100, 2), ([1] * 100, 1), ([1] * 101, 2), ([600, 1, 499], 2), ([300, 300], 2)]
)
def test_pages_of_a_browse_end_at_100_releases_or_500_tracks(tracks: list[int], pages: int) -> None:
    assert release_pages(tracks) == pages


def test_a_plain_client_stays_within_a_tenth_of_the_bound(desk: Desk, world: World) -> None:
    """Pages the search of each artist until his albums are complete, and repairs by album: REQUESTS.md, step 1 to 3."""
    artists = [key for key in world.listed[:25] if _is_alone(world, key)]
    cost = sum(_spotify_cost(desk, world, key) for key in artists)
    bound = sum(spotify_bound([world.releases[each] for each in world.releases_of[key]]) for key in artists)
    assert cost <= 1.10 * bound


def _is_alone(world: World, key: str) -> bool:
    return [artist.name for artist in world.artists.values()].count(world.artists[key].name) == 1


def _spotify_cost(desk: Desk, world: World, key: str) -> int:
    releases = [world.releases[each] for each in world.releases_of[key]]
    missing = {track.spotify_id for release in releases for track in release.tracks}
    pages = 0
    parameters: Any = {"q": f'artist:"{world.artists[key].name}"', "type": "track", "limit": 10}
    while missing and parameters:
        page = desk.get("/spotify/v1/search", parameters).json["tracks"]
        pages += 1
        missing -= {item["id"] for item in page["items"] if item}
        parameters = parse_qsl(urlsplit(page["next"]).query) if page["next"] else None
    repairs = sum(bool(missing & {track.spotify_id for track in release.tracks}) for release in releases)
    lost = sum(
        not covered("spotify album search", track.key) for track in world.tracks.values() if track.spotify_id in missing
    )
    return pages + math.ceil(len(releases) / 10) + repairs + lost


def test_an_artist_who_is_not_in_the_catalogue_is_named(desk: Desk, world: World) -> None:
    truth = CatalogTruth(Site(world, served_of(world), "", "development"), desk.provider("musicbrainz").knowledge)
    with pytest.raises(UnknownArtistError, match="Nobody At All"):
        truth.find_artists(["Nobody At All"])
    assert desk.get("/_sandbox/bound", {"artists": "Nobody At All"}).status == 404
    assert desk.get("/_sandbox/bound").status == 400
