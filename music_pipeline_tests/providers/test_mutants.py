"""Damaged answers against every parser: read for what they say or refused as unreadable, and nothing is made up."""

import functools
import json
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from music_pipeline.gateway.classify import RawResponse, classify, text_of
from music_pipeline.gateway.errors import UnreadableAnswer
from music_pipeline.gateway.provider import ResponseKind
from music_pipeline.providers import (
    acousticbrainz,
    deezer,
    discogs,
    genius,
    getsongbpm,
    instagram,
    lastfm,
    musicbrainz_records,
    reccobeats,
    sonoteller,
    spotify,
)
from music_pipeline.providers.musicbrainz import ARTIST_INC, RELEASE_INC
from music_pipeline.providers.registry import PROVIDERS
from music_pipeline.sandbox.world.generated import generate_world
from music_pipeline_tests.providers.mutants import Leaf, Mutant, invented, mutant_of, said_by, trimmed, unstorable
from music_pipeline_tests.sandbox.support import Desk, make_desk
from music_pipeline_tests.support.recorded import Parser, recordings

NOW = datetime(2026, 11, 22, tzinfo=UTC)
FEW, MANY = 300, 10_000
MUSICBRAINZ = {"fmt": "json"}


@dataclass(frozen=True)
class Answer:
    """An answer, trimmed, with its parser and what the parser makes of it."""

    name: str
    text: str
    parser: Parser
    faithful: Counter[tuple[str, Leaf]]


def answer(name: str, payload: Any, parser: Parser) -> Answer:
    """The answer, trimmed, and what it is read as while it is whole."""
    short = trimmed(payload)
    record = parser(short)
    assert record is not None or name.endswith("_null"), name
    return Answer(name, json.dumps(short), parser, Counter(said_by(record)))


@functools.cache
def of_the_sandbox() -> dict[str, list[Answer]]:
    """Answers of the emulated providers: of those that were not recorded, and of endpoints that were not."""
    desk = make_desk(generate_world(1), spotify="extended")
    first = desk.get("/_sandbox/artists", {"limit": 1}).json[0]
    told = desk.get("/_sandbox/enrichment", {"artists": [first["spotify_id"]]}).json
    asked = {
        "spotify": _of_spotify(told, first), "musicbrainz": _of_musicbrainz(desk, told, first),
        "genius": _of_genius(told), "discogs": _of_discogs(told, first), "lastfm": _of_lastfm(told),
        "deezer": _of_deezer(told), "reccobeats": _of_reccobeats(told), "acousticbrainz": _of_acousticbrainz(told),
        "getsongbpm": _of_getsongbpm(told), "instagram": _of_instagram(told),
    }  # fmt: skip
    answers = {provider: [_asked(desk, *one) for one in questions] for provider, questions in asked.items()}
    return answers | {"sonoteller": _of_sonoteller(desk)}


Asked = tuple[str, dict[str, Any], Parser]


def _asked(desk: Desk, path: str, parameters: dict[str, Any], parser: Parser) -> Answer:
    reply = desk.get(path, parameters)
    assert reply.status == 200, (path, reply.body)
    return answer(path, reply.json, parser)


def _known_to(told: Any, source: str) -> list[Any]:
    return [recording for recording in told["recordings"] if source in recording["sources"]]


def _of_spotify(told: Any, first: Any) -> list[Asked]:
    ids = ",".join(one["spotify_ids"][0] for one in told["recordings"][:5])
    search = {"q": f'artist:"{first["name"]}"', "type": "artist,track", "limit": 5, "market": "US"}
    track = told["recordings"][0]["spotify_ids"][0]
    return [
        ("/spotify/v1/search", search, spotify.parse_search),
        ("/spotify/v1/audio-features", {"ids": ids}, spotify.parse_several_audio_features),
        (f"/spotify/v1/tracks/{track}", {}, spotify.parse_track),
        (f"/spotify/v1/artists/{first['spotify_id']}/albums", {"limit": 5}, spotify.parse_artist_albums),
    ]


def _of_musicbrainz(desk: Desk, told: Any, first: Any) -> list[Asked]:
    resource = f"https://open.spotify.com/artist/{first['spotify_id']}"
    linked = {**MUSICBRAINZ, "resource": resource, "inc": "artist-rels"}
    mbids = musicbrainz_records.parse_urls(desk.get("/musicbrainz/ws/2/url", linked).json)[resource]
    recording = _known_to(told, "musicbrainz")[0]
    person = told["profiles"][0]["mbid"]
    browse = {**MUSICBRAINZ, "artist": mbids[0], "inc": RELEASE_INC, "limit": 3}
    isrcs = {**MUSICBRAINZ, "query": f"isrc:({recording['isrc']})"}
    named = {**MUSICBRAINZ, "query": f'artist:"{first["name"]}"'}
    return [
        ("/musicbrainz/ws/2/url", linked, musicbrainz_records.parse_urls),
        ("/musicbrainz/ws/2/release", browse, musicbrainz_records.parse_releases),
        ("/musicbrainz/ws/2/recording", isrcs, musicbrainz_records.parse_recording_search),
        ("/musicbrainz/ws/2/artist", named, musicbrainz_records.parse_artist_page),
        (f"/musicbrainz/ws/2/artist/{person}", {**MUSICBRAINZ, "inc": ARTIST_INC}, musicbrainz_records.parse_artist),
    ]


def _of_genius(told: Any) -> list[Asked]:
    person = told["profiles"][0]["genius_id"]
    return [
        ("/genius/search", {"q": told["recordings"][0]["artists"][0]}, genius.parse_search),
        (f"/genius/artists/{person}", {"text_format": "plain"}, genius.parse_artist),
    ]


def _of_discogs(told: Any, first: Any) -> list[Asked]:
    release = _known_to(told, "discogs")[0]["sources"]["discogs"]["release_ids"][0]
    search = {"type": "release", "artist": first["name"], "per_page": 3}
    return [
        (f"/discogs/releases/{release}", {}, discogs.parse_release),
        ("/discogs/database/search", search, discogs.parse_search),
        (f"/discogs/artists/{told['profiles'][0]['discogs_id']}", {}, discogs.parse_artist),
    ]


def _of_lastfm(told: Any) -> list[Asked]:
    known = _known_to(told, "lastfm")[0]
    asked = {"api_key": "k", "format": "json", "artist": known["artists"][0], "track": known["title"]}
    return [
        ("/lastfm/2.0/", {**asked, "method": "track.getInfo"}, lastfm.parse_track),
        ("/lastfm/2.0/", {**asked, "method": "track.search"}, lastfm.parse_track_search),
    ]


def _of_deezer(told: Any) -> list[Asked]:
    known = next(one for one in _known_to(told, "deezer") if one["sources"]["deezer"].get("by_isrc"))
    return [(f"/deezer/track/isrc:{known['isrc']}", {}, deezer.parse_track)]


def _of_reccobeats(told: Any) -> list[Asked]:
    ids = [one["spotify_ids"][0] for one in _known_to(told, "reccobeats")[:5]]
    return [("/reccobeats/v1/audio-features", {"ids": ",".join(ids)}, reccobeats.parse_audio_features)]


def _of_acousticbrainz(told: Any) -> list[Asked]:
    ids = ";".join(one["mbid"] for one in _known_to(told, "acousticbrainz")[:3])
    features = {"recording_ids": ids, "features": ";".join(acousticbrainz.FEATURES)}
    return [
        ("/acousticbrainz/api/v1/low-level", features, acousticbrainz.parse_low_level),
        ("/acousticbrainz/api/v1/high-level", {"recording_ids": ids}, acousticbrainz.parse_high_level),
    ]


def _of_getsongbpm(told: Any) -> list[Asked]:
    known = _known_to(told, "getsongbpm")[0]
    lookup = f"song:{known['title']} artist:{known['artists'][0]}"
    return [("/getsongbpm/search/", {"api_key": "k", "type": "both", "lookup": lookup}, getsongbpm.parse_search)]


def _of_instagram(told: Any) -> list[Asked]:
    handles = [one["musicbrainz"].get("instagram") for one in told["profiles"] if one["instagram_professional"]]
    handle = next(url for url in handles if url).rstrip("/").rsplit("/", 1)[-1]
    question = f"business_discovery.username({handle}){{{instagram.FIELDS}}}"
    asked = {"access_token": "t", "fields": question}
    return [("/instagram/v25.0/17841405309211844", asked, instagram.parse_business)]


def _of_sonoteller(desk: Desk) -> list[Answer]:
    """Of this one no real answer is known: both forms that the emulated one has."""
    headers = {"X-RapidAPI-Key": "k", "X-RapidAPI-Host": "sonoteller-ai1.p.rapidapi.com"}
    addresses = [f"https://audio.example.org/{place}.mp3" for place in range(20)]
    asked = ((one, json.dumps({"file": one}).encode()) for one in addresses)
    replies = [(one, desk.ask("POST", "/sonoteller/lyrics", headers=headers, body=body)) for one, body in asked]
    said = {type(reply.json["moods"]): (one, reply) for one, reply in replies if reply.json.get("moods")}
    assert said.keys() == {list, dict}
    return [answer(f"/lyrics of {one}", reply.json, sonoteller.parse_lyrics) for one, reply in said.values()]


def of_recordings(folder: Path, provider: str) -> Iterator[Answer]:
    for each in recordings(folder):
        if each.provider == provider and each.parser is not None:
            yield answer(each.name, each.payload, each.parser)


def fault_of(mutant: Mutant, original: Answer, provider: str) -> str | None:
    """What is wrong with how the mutant is read; None if nothing is."""
    response = RawResponse(200, {"content-type": "application/json"}, mutant.body)
    classified = classify(response, PROVIDERS[provider], asked_for_one=True, now=NOW)
    if classified.kind is not ResponseKind.ANSWERED:
        return None
    assert json.dumps(json.loads(text_of(mutant.body))) == json.dumps(classified.payload)  # as the cache keeps it
    try:
        record = original.parser(classified.payload)
    except UnreadableAnswer:
        return None
    made_up = invented(record, classified.payload, mutant.planted, original.faithful) or unstorable(record)
    return f"made up or of no use: {str(made_up)[:300]}" if made_up else None


def check(provider: str, answers: list[Answer], mutants: int, seed: int) -> None:
    """Check so many mutants, each answer in its turn; every fault is told with what reproduces it."""
    chance = random.Random(f"{provider} {seed}")
    faults = Counter[str]()
    examples: dict[str, str] = {}
    for number in range(mutants):
        original = answers[number % len(answers)]
        mutant = mutant_of(original.text, chance)
        try:
            fault = fault_of(mutant, original, provider)
        except Exception as error:  # noqa: BLE001 - whatever is raised is the fault that is looked for
            fault = f"{type(error).__name__}: {str(error)[:100]}"
        if fault is not None:
            faults[fault] += 1
            examples.setdefault(fault, f"{original.name}, planted {str(mutant.planted)[:200]}")
    assert not faults, [(count, fault, examples[fault]) for fault, count in faults.most_common(12)]


def answers_of(provider: str, folder: Path) -> list[Answer]:
    return [*of_recordings(folder, provider), *of_the_sandbox()[provider]]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_damaged_answers_are_read_for_what_they_say_or_are_unreadable(provider: str, shared_folder: Path) -> None:
    check(provider, answers_of(provider, shared_folder), FEW, seed=1)


@pytest.mark.soak
@pytest.mark.parametrize("provider", PROVIDERS)
def test_ten_thousand_damaged_answers_are_read_for_what_they_say_or_are_unreadable(
    provider: str, shared_folder: Path
) -> None:
    check(provider, answers_of(provider, shared_folder), MANY, seed=2)
