"""mbzero and musicbrainzngs against the sandbox, unchanged but for their address.

mbzero speaks JSON. musicbrainzngs does where it is told to; its own XML is not served, as it is another form of every
answer. Between them they have a method for every endpoint of ours.
"""

import json
from collections.abc import Iterator
from typing import Any

import musicbrainzngs
import pytest
from mbzero.mbzerror import MbzBadRequestError, MbzNotFoundError, MbzWebServiceError
from mbzero.mbzrequest import MbzRequest, MbzRequestBrowse, MbzRequestLookup, MbzRequestSearch

from music_pipeline.sandbox.indexes.musicbrainz_knowledge import Knowledge, spotify_url
from music_pipeline.sandbox.process import SandboxProcess
from music_pipeline.sandbox.providers.musicbrainz import MusicBrainz
from music_pipeline.sandbox.views.musicbrainz_views import date_of
from music_pipeline.sandbox.world.model import WorldRecording, WorldRelease
from music_pipeline_tests.sandbox.support import AGENT, Desk

NOBODY = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
def knowledge(desk: Desk) -> Knowledge:
    provider = desk.provider("musicbrainz")
    assert isinstance(provider, MusicBrainz)
    return provider.knowledge


@pytest.fixture
def release(knowledge: Knowledge) -> WorldRelease:
    """A release with a producer, and none of whose tracks stands on it twice."""
    served = knowledge.served.release_relations
    return next(
        knowledge.world.releases[key]
        for key in knowledge.release_keys.values()
        if served.get(key) and len({track.recording for track in knowledge.world.releases[key].tracks}) > 2
    )


@pytest.fixture
def recording(knowledge: Knowledge) -> WorldRecording:
    served = knowledge.served.recording_relations
    return next(each for each in knowledge.recordings.values() if each.isrc and served.get(each.key))


@pytest.fixture
def artist(knowledge: Knowledge) -> str:
    """The key of the artist with the most releases there."""
    return max(knowledge.people, key=lambda key: (len(knowledge.releases_of(key)), key))


def _producers(knowledge: Knowledge, relations: Any) -> set[tuple[str, tuple[str, ...]]]:
    return {(knowledge.world.artists[each.artist].mbid, tuple(each.attributes)) for each in relations}


def _read_producers(relations: list[Any]) -> set[tuple[str, tuple[str, ...]]]:
    return {(each["artist"]["id"], tuple(each["attributes"])) for each in relations if each["type"] == "producer"}


# mbzero


def _sent(providers: SandboxProcess, request: Any, **options: int) -> Any:
    return json.loads(request.send(opts={"url": f"{providers.url}/musicbrainz/ws/2", **options}))


def test_mbzero_looks_up_a_release_with_its_recordings_and_producers(
    providers: SandboxProcess, knowledge: Knowledge, release: WorldRelease
) -> None:
    includes = ["recordings", "artist-credits", "isrcs", "artist-rels", "recording-level-rels", "labels"]
    read = _sent(providers, MbzRequestLookup(AGENT, "release", release.mbid, includes))
    assert (read["title"], read["date"]) == (release.title, date_of(release))
    assert _read_producers(read["relations"]) == _producers(knowledge, knowledge.served.release_relations[release.key])
    tracks = [track for medium in read["media"] for track in medium["tracks"]]
    assert [track["recording"]["id"] for track in tracks] == [
        knowledge.world.recordings[track.recording].mbid for track in release.tracks
    ]
    for ours, theirs in zip(release.tracks, tracks, strict=True):
        served = knowledge.served.recording_relations.get(ours.recording, ())
        assert _read_producers(theirs["recording"]["relations"]) == _producers(knowledge, served)


def test_mbzero_finds_a_recording_by_id_and_by_isrc(
    providers: SandboxProcess, knowledge: Knowledge, recording: WorldRecording
) -> None:
    by_id = _sent(providers, MbzRequestLookup(AGENT, "recording", recording.mbid, ["isrcs", "artist-rels"]))
    assert (by_id["title"], by_id["isrcs"]) == (recording.title, [recording.isrc])
    assert _read_producers(by_id["relations"]) == _producers(
        knowledge, knowledge.served.recording_relations[recording.key]
    )
    by_isrc = _sent(providers, MbzRequestLookup(AGENT, "isrc", str(recording.isrc)))
    assert [each["id"] for each in by_isrc["recordings"]] == [recording.mbid]


def test_mbzero_looks_up_an_artist_with_his_addresses(providers: SandboxProcess, knowledge: Knowledge) -> None:
    key = sorted(knowledge.spotify_artists)[0]
    ours = knowledge.world.artists[key]
    read = _sent(providers, MbzRequestLookup(AGENT, "artist", ours.mbid, ["url-rels", "aliases"]))
    assert read["name"] == ours.name
    assert spotify_url("artist", ours.spotify_id) in {each["url"]["resource"] for each in read["relations"]}
    assert {alias["name"] for alias in read["aliases"]} == set(ours.aliases)


def test_mbzero_walks_all_pages_of_an_artists_releases(
    providers: SandboxProcess, knowledge: Knowledge, artist: str
) -> None:
    mbid = knowledge.world.artists[artist].mbid
    found: list[str] = []
    total = 1
    while len(found) < total:
        browse = MbzRequestBrowse(AGENT, "release", "artist", mbid)
        page = _sent(providers, browse, limit=3, offset=len(found))
        total = page["release-count"]
        found += [each["id"] for each in page["releases"]]
    ours = [knowledge.world.releases[key].mbid for key in knowledge.releases_of(artist)]
    assert sorted(found) == sorted(ours)
    assert len(found) > 3


def test_mbzero_asks_for_many_addresses_at_once(providers: SandboxProcess, knowledge: Knowledge) -> None:
    keys = sorted(knowledge.spotify_artists)[:3]
    resources = [spotify_url("artist", knowledge.world.artists[key].spotify_id) for key in keys]
    request = MbzRequest(AGENT)
    request.set_url(f"{providers.url}/musicbrainz/ws/2")
    payload = {"resource": [*resources, "https://example.org/nobody"], "inc": "artist-rels"}
    read = json.loads(request.get("/url", payload=payload))
    assert [each["resource"] for each in read["urls"]] == resources
    assert [each["relations"][0]["artist"]["id"] for each in read["urls"]] == [
        knowledge.world.artists[key].mbid for key in keys
    ]


@pytest.mark.parametrize("entity", ["artist", "release", "recording"])
def test_mbzero_searches(
    providers: SandboxProcess,
    knowledge: Knowledge,
    release: WorldRelease,
    recording: WorldRecording,
    artist: str,
    entity: str,
) -> None:
    name, mbid = {
        "artist": (knowledge.world.artists[artist].name, knowledge.world.artists[artist].mbid),
        "release": (release.title, release.mbid),
        "recording": (recording.title, recording.mbid),
    }[entity]
    found = _sent(providers, MbzRequestSearch(AGENT, entity, f'{entity}:"{name}"'), limit=100)
    assert mbid in {each["id"] for each in found[f"{entity}s"]}
    assert found["count"] >= len(found[f"{entity}s"]) >= 1


def test_mbzero_tells_what_is_unknown_malformed_and_refused(providers: SandboxProcess) -> None:
    with pytest.raises(MbzNotFoundError):
        _sent(providers, MbzRequestLookup(AGENT, "release", NOBODY))
    with pytest.raises(MbzBadRequestError):
        _sent(providers, MbzRequestLookup(AGENT, "release", "none"))
    with pytest.raises(MbzBadRequestError):
        _sent(providers, MbzRequestLookup(AGENT, "release", NOBODY, ["lyrics"]))
    with pytest.raises(MbzWebServiceError, match="403"):
        _sent(providers, MbzRequestLookup("python-requests/2.0", "release", NOBODY))


def test_mbzero_tells_of_the_rate_limit(providers: SandboxProcess) -> None:
    providers.add_fault("musicbrainz", "429")
    with pytest.raises(MbzWebServiceError, match="503"):
        _sent(providers, MbzRequestLookup(AGENT, "release", NOBODY))


# musicbrainzngs


@pytest.fixture
def ngs(providers: SandboxProcess) -> Iterator[Any]:
    """The module is the client; its settings are put back."""
    musicbrainzngs.set_useragent("catalogue-tests", "1.0", "tests@example.org")
    musicbrainzngs.set_hostname(f"{providers.url.removeprefix('http://')}/musicbrainz", use_https=False)
    musicbrainzngs.set_rate_limit(False)
    with pytest.warns(UserWarning, match="json"):
        musicbrainzngs.set_format("json")
    yield musicbrainzngs
    musicbrainzngs.set_format("xml")
    musicbrainzngs.set_rate_limit(True)
    musicbrainzngs.set_hostname("musicbrainz.org", use_https=True)


def test_musicbrainzngs_looks_up(
    ngs: Any, knowledge: Knowledge, release: WorldRelease, recording: WorldRecording
) -> None:
    read = ngs.get_release_by_id(release.mbid, includes=["recordings", "artist-rels", "recording-level-rels"])
    assert (read["title"], read["date"]) == (release.title, date_of(release))
    assert _read_producers(read["relations"]) == _producers(knowledge, knowledge.served.release_relations[release.key])
    assert ngs.get_recording_by_id(recording.mbid, includes=["isrcs"])["isrcs"] == [recording.isrc]
    by_isrc = ngs.get_recordings_by_isrc(recording.isrc, includes=["artists"])
    assert [each["id"] for each in by_isrc["recordings"]] == [recording.mbid]
    person = knowledge.world.artists[recording.artists[0].artist]
    assert ngs.get_artist_by_id(person.mbid, includes=["url-rels"])["name"] == person.name


def test_musicbrainzngs_browses(ngs: Any, knowledge: Knowledge, release: WorldRelease, artist: str) -> None:
    ours = [knowledge.world.releases[key].mbid for key in knowledge.releases_of(artist)]
    mbid = knowledge.world.artists[artist].mbid
    pages = [ngs.browse_releases(artist=mbid, limit=2, offset=offset) for offset in range(0, len(ours), 2)]
    assert sorted(each["id"] for page in pages for each in page["releases"]) == sorted(ours)
    on_release = ngs.browse_recordings(release=release.mbid, includes=["isrcs"], limit=100)
    assert {each["id"] for each in on_release["recordings"]} == {
        knowledge.world.recordings[track.recording].mbid for track in release.tracks
    }
    recording = knowledge.world.recordings[release.tracks[0].recording]
    assert release.mbid in {each["id"] for each in ngs.browse_releases(recording=recording.mbid)["releases"]}
    person = knowledge.world.artists[sorted(knowledge.spotify_artists)[0]]
    url = ngs.browse_urls(resource=spotify_url("artist", person.spotify_id), includes=["artist-rels"])
    assert url["relations"][0]["artist"]["id"] == person.mbid


def test_musicbrainzngs_searches(
    ngs: Any, knowledge: Knowledge, release: WorldRelease, recording: WorldRecording
) -> None:
    person = knowledge.world.artists[release.artists[0].artist]
    found = ngs.search_releases(release=release.title, artist=person.name, strict=True, limit=50)
    assert release.mbid in {each["id"] for each in found["releases"]}
    assert recording.mbid in {each["id"] for each in ngs.search_recordings(isrc=recording.isrc)["recordings"]}
    assert person.mbid in {each["id"] for each in ngs.search_artists(artist=person.name, limit=100)["artists"]}


def test_musicbrainzngs_tells_what_is_unknown(ngs: Any) -> None:
    with pytest.raises(musicbrainzngs.ResponseError) as missing:
        ngs.get_release_by_id(NOBODY)
    assert missing.value.cause.code == 404


def test_musicbrainzngs_waits_out_the_rate_limit(ngs: Any, providers: SandboxProcess, release: WorldRelease) -> None:
    providers.add_fault("musicbrainz", "429", count=1)
    providers.reset_stats()
    assert ngs.get_release_by_id(release.mbid)["title"] == release.title
    assert providers.stats()["musicbrainz"]["requests"] == 2
