"""ReccoBeats: audio features and metadata by Spotify's ids, ISRCs or its own ids, up to 40 at a time.

It omits unknown ids, ignores ids beyond 40, and answers in its own order. Its documentation lists the
codes of errors but shows no example of one.
"""

import math
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from uuid import UUID

from music_pipeline.sandbox.http import (
    Json,
    SandboxEndpoint,
    SandboxRequest,
    SandboxResponse,
    endpoint,
    json_response,
)
from music_pipeline.sandbox.providers.base import Emulator
from music_pipeline.sandbox.providers.context import Site
from music_pipeline.sandbox.world.audio_views import reccobeats_features
from music_pipeline.sandbox.world.coverage import covered
from music_pipeline.sandbox.world.hashing import digest
from music_pipeline.sandbox.world.model import WorldTrack
from music_pipeline.sandbox.world.text import words

MOST_IDS = 40
MOST_PAGE = 50
DEFAULT_PAGE = 25
FEATURE_IDS = re.compile(r"[0-9A-Za-z]{22}|[A-Z]{2}[A-Z0-9]{3}\d{7}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def error(status: int, code: int, message: str) -> SandboxResponse:
    """An error with its code."""
    return json_response({"error": message, "code": code, "status": status}, status)


def own_id(kind: str, key: str) -> str:
    """ReccoBeats's own id of a track or an artist."""
    return str(UUID(int=digest("reccobeats", kind, key), version=4))


class ReccoBeats(Emulator):
    """The provider."""

    def __init__(self, site: Site) -> None:
        self.world = site.world
        templates: list[tuple[str, str, Callable[..., SandboxResponse]]] = [
            ("audio-features", "audio-features", self.audio_features),
            ("track", "track", self.tracks),
            ("track/{identity}", "track/{id}", self.track),
            ("track/{identity}/audio-features", "track/{id}/audio-features", self.track_features),
            ("artist/search", "artist/search", self.artist_search),
        ]
        self.endpoints: tuple[SandboxEndpoint, ...] = tuple(
            replace(endpoint("GET", f"v1/{template}", handle), name=name) for template, name, handle in templates
        )

    @cached_property
    def known(self) -> dict[str, list[WorldTrack]]:
        """The known tracks, by each id that finds them."""
        found: dict[str, list[WorldTrack]] = {}
        for track in self.world.tracks.values():
            if covered("reccobeats track", track.spotify_id):
                isrc = self.world.recordings[track.recording].isrc
                for identity in filter(None, (track.spotify_id, own_id("track", track.key), isrc)):
                    found.setdefault(identity, []).append(track)
        return found

    def over_quota(self, request: SandboxRequest, seconds: float) -> SandboxResponse:
        """429 with Retry-After."""
        wait = max(1, math.ceil(seconds))
        refusal = error(429, 4291, "Too many requests")
        return replace(refusal, headers=(("retry-after", str(wait)),), retry_after=float(wait))

    def unknown_path(self, request: SandboxRequest) -> SandboxResponse:
        """404."""
        return error(404, 4042, "The requested path does not exist")

    def audio_features(self, request: SandboxRequest) -> SandboxResponse:
        """GET /audio-features?ids=."""
        return self._several(request, self._features)

    def tracks(self, request: SandboxRequest) -> SandboxResponse:
        """GET /track?ids=."""
        return self._several(request, self._metadata)

    def _several(self, request: SandboxRequest, view: Callable[[WorldTrack], Json]) -> SandboxResponse:
        """What is known of the first 40 ids, each track once, in ReccoBeats's own order."""
        ids = [each for text in request.all("ids") for each in text.split(",") if each]
        if not ids:
            return error(400, 4001, "Missing parameter: ids")
        if not all(FEATURE_IDS.fullmatch(each) for each in ids):
            return error(400, 4002, "Malformed id")
        tracks = {track.key: track for each in ids[:MOST_IDS] for track in self.known.get(each, [])}
        shuffled = sorted(tracks.values(), key=lambda track: digest("shuffled", track.key))
        return json_response({"content": [view(track) for track in shuffled]})

    def track(self, request: SandboxRequest, identity: str) -> SandboxResponse:
        """GET /track/{id}, with ReccoBeats's own id only."""
        return self._single(identity, self._metadata)

    def track_features(self, request: SandboxRequest, identity: str) -> SandboxResponse:
        """GET /track/{id}/audio-features, with ReccoBeats's own id only."""
        return self._single(identity, self._features)

    def _single(self, identity: str, view: Callable[[WorldTrack], Json]) -> SandboxResponse:
        tracks = self.known.get(identity, []) if "-" in identity else []
        return json_response(view(tracks[0])) if tracks else error(404, 4041, "Resource not found")

    def _identity(self, track: WorldTrack) -> Json:
        return {
            "id": own_id("track", track.key),
            "href": f"https://open.spotify.com/track/{track.spotify_id}",
            "isrc": self.world.recordings[track.recording].isrc,
        }

    def _features(self, track: WorldTrack) -> Json:
        features = reccobeats_features(track, self.world.recordings[track.recording])
        if features is None:
            raise LookupError(f"ReccoBeats does not have {track.key}")
        return self._identity(track) | features

    def _metadata(self, track: WorldTrack) -> Json:
        recording = self.world.recordings[track.recording]
        return self._identity(track) | {
            "trackTitle": track.title,
            "artists": [self._artist(credit.artist) for credit in self.world.track_artists(track)],
            "durationMs": recording.duration_ms,
            "ean": None,
            "upc": None,
            "availableCountries": "AR,AU,BR,CA,DE,FR,GB,JP,SE,US",
            "popularity": recording.popularity,
        }

    def _artist(self, key: str) -> Json:
        artist = self.world.artists[key]
        href = f"https://open.spotify.com/artist/{artist.spotify_id}"
        return {"id": own_id("artist", key), "name": artist.name, "href": href}

    def artist_search(self, request: SandboxRequest) -> SandboxResponse:
        """GET /artist/search?searchText=, in pages from 0."""
        wanted = set(words(request.first("searchText") or ""))
        if not wanted:
            return error(400, 4001, "Missing parameter: searchText")
        size = min(MOST_PAGE, max(1, _whole(request.first("size"), DEFAULT_PAGE)))
        page = _whole(request.first("page"), 0)
        found = [key for key in self.world.releases_of if wanted <= set(words(self.world.artists[key].name))]
        return json_response(
            {
                "content": [self._artist(key) for key in found[page * size : (page + 1) * size]],
                "page": page,
                "size": size,
                "totalElements": len(found),
                "totalPages": math.ceil(len(found) / size),
            }
        )


def _whole(text: str | None, default: int) -> int:
    return int(text) if text is not None and re.fullmatch(r"\d{1,6}", text) else default
