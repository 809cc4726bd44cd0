"""MusicBrainz's web service: lookups, browses, searches and urls, with their limits, clamps and errors.

This module holds the endpoints and their refusals. `musicbrainz_views` builds the objects, `musicbrainz_search`
searches.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from music_pipeline.sandbox.http import (
    Json,
    SandboxEndpoint,
    SandboxRequest,
    SandboxResponse,
    endpoint,
    json_response,
)
from music_pipeline.sandbox.indexes.lucene import QueryError
from music_pipeline.sandbox.indexes.musicbrainz_knowledge import Knowledge
from music_pipeline.sandbox.indexes.musicbrainz_search import MusicBrainzSearch
from music_pipeline.sandbox.providers.base import Emulator, RefusedError, with_refusals
from music_pipeline.sandbox.providers.user_agent import names_application
from music_pipeline.sandbox.views.musicbrainz_views import MusicBrainzViews
from music_pipeline.sandbox.world.model import WorldRecording

Found = TypeVar("Found")

HELP = "For usage, please see: https://musicbrainz.org/development/mmd"
RATE_TEXT = (
    "Your requests are exceeding the allowable rate limit. "
    "Please see http://wiki.musicbrainz.org/XMLWebService for more information."
)
FORMAT_TEXT = (
    "Invalid format. Either set an Accept header (recognized mime types are application/json and application/xml), "
    "or include a fmt= argument in the query string (valid values for fmt are json and xml)."
)
MBID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
ISRC = re.compile(r"[A-Z]{2}[A-Z0-9]{3}\d{7}", re.IGNORECASE)
MOST_RESOURCES = 100
MOST_TRACKS_IN_PAGE = 500
DEFAULT_LIMIT = 25
MOST_LIMIT = 100
RELATIONSHIPS = frozenset(
    f"{entity}-rels"
    for entity in ("area", "artist", "event", "genre", "instrument", "label", "place", "recording", "release",
                   "release-group", "series", "url", "work")
)  # fmt: skip
COMMON = frozenset({"aliases", "annotation", "tags", "genres", "user-tags", "user-genres", "ratings", "user-ratings"})
ALLOWED = {
    "artist": COMMON | RELATIONSHIPS | {"recordings", "releases", "release-groups", "works", "artist-credits",
                                        "discids", "isrcs", "media", "various-artists"},
    "release": COMMON | RELATIONSHIPS | {"artists", "artist-credits", "labels", "recordings", "isrcs", "media",
                                         "discids", "release-groups", "collections", "recording-level-rels",
                                         "work-level-rels", "release-group-level-rels"},
    "recording": COMMON | RELATIONSHIPS | {"artists", "artist-credits", "releases", "release-groups", "isrcs", "media",
                                           "discids", "work-level-rels"},
    "isrc": RELATIONSHIPS | {"artists", "releases", "puids", "isrcs", "artist-credits", "aliases", "tags", "user-tags",
                             "ratings", "user-ratings"},
    "url": RELATIONSHIPS,
}  # fmt: skip


def error(status: int, text: str) -> SandboxResponse:
    """MusicBrainz's error object."""
    return json_response({"error": text, "help": HELP}, status)


class MusicBrainz(Emulator):
    """The provider."""

    def __init__(self, knowledge: Knowledge) -> None:
        self.knowledge = knowledge
        self.views = MusicBrainzViews(self.knowledge)
        self.searches = MusicBrainzSearch(self.knowledge, self.views)
        templates: list[tuple[str, Callable[..., SandboxResponse]]] = [
            ("url", self.urls),
            ("artist/{mbid}", self.artist),
            ("release/{mbid}", self.release),
            ("recording/{mbid}", self.recording),
            ("isrc/{isrc}", self.isrc),
            ("artist", self.artists),
            ("release", self.releases),
            ("recording", self.recordings),
        ]
        self.endpoints: tuple[SandboxEndpoint, ...] = tuple(
            replace(endpoint("GET", f"ws/2/{template}", with_refusals(handle, error)), name=template)
            for template, handle in templates
        )

    def admit(self, request: SandboxRequest) -> SandboxResponse | None:
        """Require a User-Agent that names the caller, and JSON."""
        if not names_application(request.header("user-agent")):
            return error(403, "Your User-Agent is missing or generic: name your application and how to reach you.")
        if request.first("fmt") != "json" and "application/json" not in request.header("accept"):
            return error(406, FORMAT_TEXT)
        return None

    def over_quota(self, request: SandboxRequest, seconds: float) -> SandboxResponse:
        """503, without Retry-After."""
        return json_response({"error": RATE_TEXT}, 503)

    def unknown_path(self, request: SandboxRequest) -> SandboxResponse:
        """404."""
        return error(404, "Not Found")

    def urls(self, request: SandboxRequest) -> SandboxResponse:
        """GET /url?resource=: one resource gives an object or 404, several a list of those that are known."""
        resources = request.all("resource")[:MOST_RESOURCES]
        inc = _inc(request, "url")
        if not resources:
            raise RefusedError(400, "The given parameters do not match any available query type for the url resource.")
        known = [resource for resource in resources if resource in self.knowledge.urls]
        if len(resources) == 1:
            if not known:
                raise RefusedError(404, "Not Found")
            return json_response(self.views.url(known[0], inc))
        views = [self.views.url(resource, inc) for resource in dict.fromkeys(known)]
        return json_response({"url-count": len(views), "url-offset": 0, "urls": views})

    def artist(self, request: SandboxRequest, mbid: str) -> SandboxResponse:
        """GET /artist/{mbid}."""
        inc = _inc(request, "artist")
        return json_response(self.views.artist(_known(self.knowledge.artist_keys, mbid), inc))

    def release(self, request: SandboxRequest, mbid: str) -> SandboxResponse:
        """GET /release/{mbid}."""
        inc = _inc(request, "release")
        return json_response(self.views.release(_known(self.knowledge.release_keys, mbid), inc))

    def recording(self, request: SandboxRequest, mbid: str) -> SandboxResponse:
        """GET /recording/{mbid}."""
        inc = _inc(request, "recording")
        return json_response(self.views.looked_up_recording(_known(self.knowledge.recordings, mbid), inc))

    def isrc(self, request: SandboxRequest, isrc: str) -> SandboxResponse:
        """GET /isrc/{isrc}."""
        inc = _inc(request, "isrc")
        if not ISRC.fullmatch(isrc):
            raise RefusedError(400, "Invalid isrc.")
        found = self.knowledge.recordings_by_isrc.get(isrc.upper())
        if not found:
            raise RefusedError(404, "Not Found")
        recordings = [self.views.looked_up_recording(recording, inc) for recording in found]
        return json_response({"isrc": isrc.upper(), "recordings": recordings})

    def artists(self, request: SandboxRequest) -> SandboxResponse:
        """GET /artist?query=."""
        return self._search(request, "artist")

    def releases(self, request: SandboxRequest) -> SandboxResponse:
        """GET /release: a search, or a browse by artist or track_artist."""
        if request.first("query") is not None:
            return self._search(request, "release")
        inc = _inc(request, "release")
        keys = self._browsed_releases(request)
        if request.first("status") not in {None, "official"}:
            keys = []
        offset = _offset(request)
        chosen = keys[offset : offset + _browse_limit(request)]
        if "recordings" in inc:
            chosen = self._cut_at_tracks(chosen)
        views = sorted((self.views.release(key, inc) for key in chosen), key=lambda view: str(view["id"]))
        return json_response({"release-count": len(keys), "release-offset": offset, "releases": views})

    def _browsed_releases(self, request: SandboxRequest) -> list[str]:
        artist = request.first("artist")
        if artist is not None:
            return self.knowledge.releases_of(_known(self.knowledge.artist_keys, artist))
        track_artist = request.first("track_artist")
        if track_artist is not None:
            return self.knowledge.appearances_of(_known(self.knowledge.artist_keys, track_artist))
        recording = request.first("recording")
        if recording is not None:
            return self.knowledge.releases_with(_known(self.knowledge.recordings, recording).key)
        raise RefusedError(400, "The given parameters do not match any available query type for the release resource.")

    def _cut_at_tracks(self, keys: list[str]) -> list[str]:
        return cut_at_tracks([(key, len(self.knowledge.world.releases[key].tracks)) for key in keys])

    def recordings(self, request: SandboxRequest) -> SandboxResponse:
        """GET /recording: a search, or a browse by release or artist."""
        if request.first("query") is not None:
            return self._search(request, "recording")
        inc = _inc(request, "recording")
        found = self._browsed_recordings(request)
        offset = _offset(request)
        chosen = found[offset : offset + _browse_limit(request)]
        views: list[Json] = [self.views.recording(each, inc, with_relations=True) for each in chosen]
        views.sort(key=lambda view: str(view["id"]))
        return json_response({"recording-count": len(found), "recording-offset": offset, "recordings": views})

    def _browsed_recordings(self, request: SandboxRequest) -> list[WorldRecording]:
        release = request.first("release")
        if release is not None:
            key = _known(self.knowledge.release_keys, release)
            tracks = self.knowledge.world.releases[key].tracks
            return [
                self.knowledge.world.recordings[each] for each in dict.fromkeys(track.recording for track in tracks)
            ]
        artist = request.first("artist")
        if artist is not None:
            return self.knowledge.recordings_by_artist.get(_known(self.knowledge.artist_keys, artist), [])
        raise RefusedError(
            400, "The given parameters do not match any available query type for the recording resource."
        )

    def _search(self, request: SandboxRequest, entity: str) -> SandboxResponse:
        query = (request.first("query") or "").strip()
        if not query:
            raise RefusedError(400, "No query was given.")
        limit = _whole(request.first("limit"), DEFAULT_LIMIT)
        clamped = limit if 1 <= limit <= MOST_LIMIT else DEFAULT_LIMIT
        try:
            return json_response(self.searches.search(entity, query, clamped, _offset(request)))
        except QueryError as refusal:
            raise RefusedError(400, f"Unable to parse the search: {refusal}") from refusal


def cut_at_tracks(releases: list[tuple[str, int]]) -> list[str]:
    """Cut a page where it would pass 500 tracks, but never before its first release."""
    kept: list[str] = []
    total = 0
    for key, tracks in releases:
        if kept and total + tracks > MOST_TRACKS_IN_PAGE:
            break
        kept.append(key)
        total += tracks
    return kept


def _known(found: dict[str, Found], mbid: str) -> Found:
    if not MBID.fullmatch(mbid):
        raise RefusedError(400, "Invalid mbid.")
    if mbid.lower() not in found:
        raise RefusedError(404, "Not Found")
    return found[mbid.lower()]


def _inc(request: SandboxRequest, resource: str) -> frozenset[str]:
    """The names in `inc`, separated by `+`, encoded or not, or by a space."""
    raw = request.first("inc") or ""
    names = frozenset(name for name in re.split(r"[ +]", raw) if name)
    for name in sorted(names):
        if name not in ALLOWED[resource]:
            raise RefusedError(400, f"{name} is not a valid inc parameter for the {resource} resource.")
    return names


def _whole(text: str | None, default: int) -> int:
    return int(text) if text is not None and re.fullmatch(r"-?\d{1,9}", text) else default


def _browse_limit(request: SandboxRequest) -> int:
    limit = _whole(request.first("limit"), DEFAULT_LIMIT)
    return min(limit, MOST_LIMIT) if limit >= 1 else DEFAULT_LIMIT


def _offset(request: SandboxRequest) -> int:
    return max(0, _whole(request.first("offset"), 0))
