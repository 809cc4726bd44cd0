"""Last.fm's API: one address, and a parameter `method`.

This module holds the methods and errors. Errors have numbers. The error for an unknown track comes with status 200.
"""

import re
from collections.abc import Callable
from dataclasses import replace

from music_pipeline.sandbox.http import (
    Json,
    SandboxEndpoint,
    SandboxRequest,
    SandboxResponse,
    json_response,
    text_response,
)
from music_pipeline.sandbox.indexes.lastfm_pages import LastfmPages, TrackPage
from music_pipeline.sandbox.providers.base import Emulator
from music_pipeline.sandbox.providers.context import Site
from music_pipeline.sandbox.views.lastfm_views import LastfmViews

NO_KEY = (403, 10, "Invalid API key - You must be granted a valid key by last.fm")
NO_METHOD = (400, 3, "Invalid Method - No method with that name in this package")
NO_PARAMETER = (400, 6, "Invalid parameters - Your request is missing a required parameter")
NO_TRACK = (200, 6, "Track not found")
NO_ARTIST = (404, 6, "The artist you supplied could not be found")
TOO_MANY = (
    "Rate Limit Exceeded - This application has made too many requests in a short period. If this is your API key, "
    "see https://www.last.fm/api/tos#4.4 for information about raising the limit."
)
XML_REFUSAL = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<lfm status="failed"><error code="5">'
    "Invalid format - This service doesn't exist in that format</error></lfm>"
)
MOST_LIMIT = 1_000
Method = Callable[[SandboxRequest], SandboxResponse]


def error(status: int, code: int, message: str) -> SandboxResponse:
    """Last.fm's error object."""
    return json_response({"error": code, "message": message, "links": []}, status)


class Lastfm(Emulator):
    """The provider."""

    def __init__(self, site: Site) -> None:
        self.pages = LastfmPages(site.world)
        self.views = LastfmViews(self.pages)
        methods: dict[str, Method] = {
            "track.getInfo": self._of_track(lambda page: {"track": self.views.track(page)}),
            "track.getTopTags": self._of_track(self.views.track_tags),
            "track.search": self.track_search,
            "artist.getInfo": self._of_artist(lambda request, key: {"artist": self.views.artist(key)}),
            "artist.getTopTags": self._of_artist(lambda request, key: self.views.artist_tags(key)),
            "artist.getSimilar": self._of_artist(self._similar),
            "artist.getTopTracks": self._of_artist(self._top_tracks),
        }
        self.methods = {name.lower(): method for name, method in methods.items()}
        path = re.compile("/2\\.0/?")
        self.endpoints: tuple[SandboxEndpoint, ...] = (SandboxEndpoint("GET", path, "2.0", self.call),)

    def admit(self, request: SandboxRequest) -> SandboxResponse | None:
        """Require JSON and a key."""
        if request.first("format") != "json":
            return text_response(XML_REFUSAL, 400, "text/xml; charset=UTF-8")
        key = request.first("api_key") or ""
        return error(*NO_KEY) if not key or "wrong" in key else None

    def over_quota(self, request: SandboxRequest, seconds: float) -> SandboxResponse:
        """Error 29, in an answer of 200."""
        return replace(json_response({"message": TOO_MANY, "error": 29}), refusal=True)

    def unknown_path(self, request: SandboxRequest) -> SandboxResponse:
        """404."""
        return text_response("<html><h1>404 Not Found</h1></html>", 404, "text/html; charset=UTF-8")

    def call(self, request: SandboxRequest) -> SandboxResponse:
        """GET /2.0/?method=."""
        method = self.methods.get((request.first("method") or "").lower())
        return method(request) if method else error(*NO_METHOD)

    def _of_track(self, view: Callable[[TrackPage], Json]) -> Method:
        def answer(request: SandboxRequest) -> SandboxResponse:
            artist, title, mbid = request.first("artist"), request.first("track"), request.first("mbid")
            if not mbid and not (artist and title):
                return error(*NO_PARAMETER)
            page = self.pages.tracks_by_mbid.get(mbid.lower()) if mbid else None
            if page is None and artist and title:
                page = self.pages.find_track(artist, title, correct=request.first("autocorrect") == "1")
            return json_response(view(page)) if page else error(*NO_TRACK)

        return answer

    def _of_artist(self, view: Callable[[SandboxRequest, str], Json]) -> Method:
        def answer(request: SandboxRequest) -> SandboxResponse:
            name, mbid = request.first("artist"), request.first("mbid")
            if not name and not mbid:
                return error(*NO_PARAMETER)
            key = self._artist_by_mbid(mbid) if mbid else None
            if key is None and name:
                key = self.pages.find_artist(name, correct=request.first("autocorrect") == "1")
            return json_response(view(request, key)) if key else error(*NO_ARTIST)

        return answer

    def _artist_by_mbid(self, mbid: str) -> str | None:
        world = self.pages.world
        return next((key for key in self.pages.artists.values() if world.artists[key].mbid == mbid.lower()), None)

    def _similar(self, request: SandboxRequest, key: str) -> Json:
        others = self.pages.similar_to(key)[: _number(request, "limit", 100)]
        entries = [self.views.similar_artist(each, place) for place, each in enumerate(others)]
        return {"similarartists": {"artist": entries, "@attr": {"artist": self.views.name_of(key)}}}

    def _top_tracks(self, request: SandboxRequest, key: str) -> Json:
        pages = self.pages.tracks_by_artist[key]
        limit, number = _number(request, "limit", 50), _number(request, "page", 1)
        start = (number - 1) * limit
        entries = [self.views.top_track(page, start + 1 + place) for place, page in enumerate(pages[start:][:limit])]
        attributes = {
            "artist": self.views.name_of(key),
            "page": str(number),
            "perPage": str(limit),
            "totalPages": str(-(-len(pages) // limit)),
            "total": str(len(pages)),
        }
        return {"toptracks": {"track": entries, "@attr": attributes}}

    def track_search(self, request: SandboxRequest) -> SandboxResponse:
        """track.search: an empty page where nothing is found."""
        title = request.first("track")
        if title is None:
            return error(*NO_PARAMETER)
        found = self.pages.search_tracks(title, request.first("artist") or "")
        limit, number = _number(request, "limit", 30), _number(request, "page", 1)
        start = (number - 1) * limit
        results = {
            "opensearch:Query": {"#text": "", "role": "request", "startPage": str(number)},
            "opensearch:totalResults": str(len(found)),
            "opensearch:startIndex": str(start),
            "opensearch:itemsPerPage": str(limit),
            "trackmatches": {"track": [self.views.found_track(page) for page in found[start : start + limit]]},
            "@attr": {},
        }
        return json_response({"results": results})


def _number(request: SandboxRequest, name: str, default: int) -> int:
    text = request.first(name) or ""
    return min(MOST_LIMIT, int(text)) if re.fullmatch(r"[1-9]\d{0,6}", text) else default
