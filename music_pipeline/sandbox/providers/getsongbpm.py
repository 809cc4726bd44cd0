"""GetSongBPM's API: searches of songs and artists, songs and artists by id, songs by tempo and by key.

Paths end in a slash, else they are 404. The key goes into the query. The JSON has the type of HTML. When nothing is
found, an object replaces the list.
"""

import re
from collections import defaultdict
from collections.abc import Callable
from functools import cached_property

from music_pipeline.sandbox.http import (
    Json,
    SandboxEndpoint,
    SandboxRequest,
    SandboxResponse,
    json_response,
    text_response,
)
from music_pipeline.sandbox.providers.base import Emulator
from music_pipeline.sandbox.providers.context import Site
from music_pipeline.sandbox.world.audio_views import SongBpmSounding, songbpm_sounding
from music_pipeline.sandbox.world.builders import year_of
from music_pipeline.sandbox.world.coverage import covered
from music_pipeline.sandbox.world.hashing import base62_id, digest
from music_pipeline.sandbox.world.model import WorldRecording
from music_pipeline.sandbox.world.text import words

SITE = "https://getsongbpm.com"
HTML = "text/html; charset=UTF-8"
NOT_FOUND_PAGE = "<!DOCTYPE html><html><head><title>404 Not Found</title></head><body><h1>Not Found</h1></body></html>"
BOTH = re.compile(r"\s*song:(?P<song>.*?)\s*artist:(?P<artist>.*)", re.IGNORECASE)
DEFAULT_LIMITS = {"both": 10, "song": 30, "artist": 20}
MOST_LIMIT = 250


def body(data: Json, status: int = 200) -> SandboxResponse:
    """JSON under the type that GetSongBPM gives it."""
    return json_response(data, status, content_type=HTML)


def song_id(recording: WorldRecording) -> str:
    """The id of a song."""
    return base62_id("song", recording.key)[:6]


class GetSongBpm(Emulator):
    """The provider."""

    def __init__(self, site: Site) -> None:
        self.world = site.world
        handlers: dict[str, Callable[[SandboxRequest], SandboxResponse]] = {
            "search": self.search,
            "song": self.song,
            "artist": self.artist,
            "tempo": self.tempo,
            "key": self.key,
        }
        self.endpoints: tuple[SandboxEndpoint, ...] = tuple(
            SandboxEndpoint("GET", re.compile(f"/{name}/"), name, handle) for name, handle in handlers.items()
        )

    @cached_property
    def soundings(self) -> dict[str, SongBpmSounding]:
        """The numbers of the known recordings by key."""
        found = ((key, songbpm_sounding(recording)) for key, recording in self.world.recordings.items())
        return {key: sounding for key, sounding in found if sounding is not None}

    @cached_property
    def songs(self) -> dict[str, WorldRecording]:
        """The known recordings by id."""
        return {song_id(self.world.recordings[key]): self.world.recordings[key] for key in self.soundings}

    @cached_property
    def songs_by_word(self) -> dict[str, set[str]]:
        """The ids of songs by the words of their titles."""
        found: dict[str, set[str]] = defaultdict(set)
        for identity, recording in self.songs.items():
            for word in words(recording.title):
                found[word].add(identity)
        return found

    @cached_property
    def artists(self) -> dict[str, str]:
        """The keys of the songs' artists by id."""
        keys = dict.fromkeys(recording.artists[0].artist for recording in self.songs.values())
        return {base62_id("songbpm artist", key)[:5]: key for key in keys}

    def admit(self, request: SandboxRequest) -> SandboxResponse | None:
        """Require a key in the query; a key in a header is ignored."""
        key = request.first("api_key") or ""
        return body({"error": "Invalid API key."}, 401) if not key or "wrong" in key else None

    def over_quota(self, request: SandboxRequest, seconds: float) -> SandboxResponse:
        """429. The key is blocked for an hour, and the answer does not say for how long."""
        return body({"error": "Too many requests."}, 429)

    def unknown_path(self, request: SandboxRequest) -> SandboxResponse:
        """404, as a page."""
        return text_response(NOT_FOUND_PAGE, 404, HTML)

    def search(self, request: SandboxRequest) -> SandboxResponse:
        """GET /search/?type=both|song|artist&lookup=."""
        kind = request.first("type") or ""
        lookup = (request.first("lookup") or "").replace("+", " ").strip()
        both = BOTH.fullmatch(lookup)
        if kind not in DEFAULT_LIMITS or not lookup or (kind == "both" and both is None):
            return body({"error": "Bad query."}, 400)
        limit = min(MOST_LIMIT, _whole(request.first("limit"), DEFAULT_LIMITS[kind]))
        if both is not None:
            found = [self._song(each) for each in self._songs_by(words(both["song"]), words(both["artist"]))]
        elif kind == "song":
            found = [self._song(each) for each in self._songs(words(lookup))]
        else:
            found = [self._artist(key) for key in self._artists_named(words(lookup))]
        return body({"search": found[:limit] or {"error": "no result"}})

    def _songs(self, wanted: tuple[str, ...]) -> list[WorldRecording]:
        """The songs with all the words, those of exactly the title first."""
        if not wanted:
            return []
        ids = set.intersection(*(self.songs_by_word.get(word, set()) for word in wanted))
        songs = [self.songs[identity] for identity in ids]
        return sorted(songs, key=lambda song: (words(song.title) != wanted, -song.popularity, song.key))

    def _songs_by(self, wanted: tuple[str, ...], artist: tuple[str, ...]) -> list[WorldRecording]:
        """An artist's songs with all the words, without those that only a search for the song finds."""
        named = set(artist)
        return [
            song
            for song in self._songs(wanted)
            if covered("getsongbpm found by both", song.key)
            and named <= set(words(self.world.artists[song.artists[0].artist].name))
        ]

    def _artists_named(self, wanted: tuple[str, ...]) -> list[str]:
        named = [key for key in self.artists.values() if set(wanted) <= set(words(self.world.artists[key].name))]
        return sorted(named, key=lambda key: (words(self.world.artists[key].name) != wanted, key))

    def _artist(self, key: str) -> Json:
        artist = self.world.artists[key]
        identity = base62_id("songbpm artist", key)[:5]
        return {
            "id": identity,
            "name": artist.name,
            "uri": f"{SITE}/artist/{_slug(artist.name)}/{identity}",
            "genres": ["pop"] if digest("songbpm genres", key) % 2 else None,
            "from": artist.country,
            "mbid": artist.mbid,
        }

    def _song(self, recording: WorldRecording) -> Json:
        sounding = self.soundings[recording.key]
        identity = song_id(recording)
        release = self.world.releases[self.world.releases_with(recording.key)[0]]
        year = str(year_of(release.date)) if release.date[:4].isdigit() else None
        slug = _slug(release.title)
        return {
            "id": identity,
            "title": recording.title,
            "uri": f"{SITE}/song/{_slug(recording.title)}/{identity}",
            "tempo": str(sounding.tempo) if sounding.tempo else None,
            "time_sig": sounding.time_signature,
            "key_of": sounding.key,
            "open_key": sounding.open_key,
            "danceability": sounding.danceability,
            "acousticness": sounding.acousticness,
            "artist": self._artist(recording.artists[0].artist),
            "album": {"title": release.title, "uri": f"{SITE}/album/{slug}/{identity}", "year": year},
        }

    def song(self, request: SandboxRequest) -> SandboxResponse:
        """GET /song/?id=."""
        recording = self.songs.get(request.first("id") or "")
        return body({"song": self._song(recording) if recording else {"error": "no result"}})

    def artist(self, request: SandboxRequest) -> SandboxResponse:
        """GET /artist/?id=."""
        key = self.artists.get(request.first("id") or "")
        return body({"artist": self._artist(key) if key else {"error": "no result"}})

    def tempo(self, request: SandboxRequest) -> SandboxResponse:
        """GET /tempo/?bpm=."""
        wanted = _whole(request.first("bpm"), 0)
        if not wanted:
            return body({"error": "Bad query."}, 400)
        return self._listed("tempo", request, lambda sounding: sounding.tempo == wanted)

    def key(self, request: SandboxRequest) -> SandboxResponse:
        """GET /key/?key_of=, in the letters of a song: `F♯m`."""
        wanted = request.first("key_of") or ""
        if not wanted:
            return body({"error": "Bad query."}, 400)
        return self._listed("key", request, lambda sounding: sounding.key == wanted)

    def _listed(self, name: str, request: SandboxRequest, fits: Callable[[SongBpmSounding], bool]) -> SandboxResponse:
        limit = min(MOST_LIMIT, _whole(request.first("limit"), MOST_LIMIT))
        keys = [key for key, sounding in self.soundings.items() if fits(sounding)][:limit]
        found = [self._listed_song(self.world.recordings[key]) for key in keys]
        return body({name: found or {"error": "no result"}})

    def _listed_song(self, recording: WorldRecording) -> Json:
        view = self._song(recording)
        renamed = {f"song_{name}": view[name] for name in ("id", "title", "uri")}
        return renamed | {name: view[name] for name in ("tempo", "key_of", "artist", "album")}


def _slug(text: str) -> str:
    return "-".join(words(text))


def _whole(text: str | None, default: int) -> int:
    return int(text) if text is not None and re.fullmatch(r"[1-9]\d{0,5}", text) else default
