"""Deezer's public API: tracks, albums, artists and searches, without any credentials.

This module holds the endpoints, paging and errors. Nearly every refusal comes as 200 with an error inside. Only an
unknown path is a 404, and its error is a string.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar
from urllib.parse import urlencode

from music_pipeline.sandbox.http import Json, SandboxEndpoint, SandboxRequest, SandboxResponse, json_response
from music_pipeline.sandbox.indexes.deezer_catalogue import DeezerCatalogue, parse_search
from music_pipeline.sandbox.providers.base import Emulator
from music_pipeline.sandbox.providers.context import Site
from music_pipeline.sandbox.views.deezer_views import DeezerViews
from music_pipeline.sandbox.world.hashing import digest

Entry = TypeVar("Entry")

JSON_UTF8 = "application/json; charset=utf-8"
DEFAULT_LIMIT = 25
DEFAULT_TOP = 5
MOST_LIMIT = 100
MOST_RELATED = 20
NO_DATA = ("DataException", "no data", 800)


def error(kind: str, message: str, code: int | None) -> SandboxResponse:
    """An error in an answer of 200; a few have no code."""
    details = {"type": kind, "message": message, **({"code": code} if code is not None else {})}
    return json_response({"error": details}, content_type=JSON_UTF8)


class Deezer(Emulator):
    """The provider."""

    def __init__(self, site: Site) -> None:
        self.base = f"{site.base_url}/deezer"
        self.catalogue = DeezerCatalogue(site.world)
        self.views = DeezerViews(self.catalogue)
        templates: list[tuple[str, str, Callable[..., SandboxResponse]]] = [
            ("track/isrc:{isrc}", r"track/isrc:(?P<isrc>[^/]+)", self.track_by_isrc),
            ("track/{id}", r"track/(?P<identity>[^/]+)", self.track),
            ("album/upc:{upc}", r"album/upc:(?P<upc>[^/]+)", self.album_by_upc),
            ("album/{id}", r"album/(?P<identity>[^/]+)", self.album),
            ("album/{id}/tracks", r"album/(?P<identity>[^/]+)/tracks", self.album_tracks),
            ("artist/{id}", r"artist/(?P<identity>[^/]+)", self.artist),
            ("artist/{id}/top", r"artist/(?P<identity>[^/]+)/top", self.artist_top),
            ("artist/{id}/albums", r"artist/(?P<identity>[^/]+)/albums", self.artist_albums),
            ("artist/{id}/related", r"artist/(?P<identity>[^/]+)/related", self.artist_related),
            ("search", r"search(?:/track)?", self.search_tracks),
            ("search/artist", r"search/artist", self.search_artists),
            ("search/album", r"search/album", self.search_albums),
        ]
        # deezer-python appends the path of a `next` link to its base, so the prefix may come twice
        self.endpoints: tuple[SandboxEndpoint, ...] = tuple(
            SandboxEndpoint("GET", re.compile(f"(?:/deezer)?/{pattern}/?"), name, handle)
            for name, pattern, handle in templates
        )

    def over_quota(self, request: SandboxRequest, seconds: float) -> SandboxResponse:
        """The error of code 4, in an answer of 200."""
        return replace(error("Exception", "Quota limit exceeded", 4), refusal=True)

    def unknown_path(self, request: SandboxRequest) -> SandboxResponse:
        """404, with a string for an error."""
        return json_response({"error": "Not Found"}, 404, content_type=JSON_UTF8)

    def track(self, request: SandboxRequest, identity: str) -> SandboxResponse:
        """GET /track/{id}."""
        track = self.catalogue.tracks.get(_whole(identity))
        return _found(self.views.track(track) if track else None)

    def track_by_isrc(self, request: SandboxRequest, isrc: str) -> SandboxResponse:
        """GET /track/isrc:{ISRC}: one of the tracks with it."""
        track = self.catalogue.tracks_by_isrc.get(isrc.upper().replace("-", ""))
        return _found(self.views.track(track) if track else None)

    def album(self, request: SandboxRequest, identity: str) -> SandboxResponse:
        """GET /album/{id}."""
        release = self.catalogue.albums.get(_whole(identity))
        return _found(self.views.album(release) if release else None)

    def album_by_upc(self, request: SandboxRequest, upc: str) -> SandboxResponse:
        """GET /album/upc:{UPC}."""
        release = self.catalogue.albums_by_upc.get(upc)
        return _found(self.views.album(release) if release else None)

    def album_tracks(self, request: SandboxRequest, identity: str) -> SandboxResponse:
        """GET /album/{id}/tracks."""
        release = self.catalogue.albums.get(_whole(identity))
        if release is None:
            return error(*NO_DATA)
        return self._list(request, self.catalogue.tracks_of(release), self.views.album_track)

    def artist(self, request: SandboxRequest, identity: str) -> SandboxResponse:
        """GET /artist/{id}."""
        key = self.catalogue.artists.get(_whole(identity))
        return _found(self.views.artist(key) if key else None)

    def artist_top(self, request: SandboxRequest, identity: str) -> SandboxResponse:
        """GET /artist/{id}/top: five, unless told otherwise."""
        key = self.catalogue.artists.get(_whole(identity))
        if key is None:
            return error(*NO_DATA)
        tracks = self.catalogue.tracks_of_artist.get(key, [])[:MOST_LIMIT]
        return self._list(request, tracks, self.views.top_track, DEFAULT_TOP)

    def artist_albums(self, request: SandboxRequest, identity: str) -> SandboxResponse:
        """GET /artist/{id}/albums."""
        key = self.catalogue.artists.get(_whole(identity))
        if key is None:
            return error(*NO_DATA)
        return self._list(request, self.catalogue.albums_of(key), self.views.listed_album)

    def artist_related(self, request: SandboxRequest, identity: str) -> SandboxResponse:
        """GET /artist/{id}/related: some others, always the same."""
        key = self.catalogue.artists.get(_whole(identity))
        if key is None:
            return error(*NO_DATA)
        others = [each for each in self.catalogue.artist_ids if each != key]
        chosen = sorted(others, key=lambda each: digest("related", key, each))[:MOST_RELATED]
        return self._list(request, chosen, self.views.found_artist, MOST_RELATED)

    def search_tracks(self, request: SandboxRequest) -> SandboxResponse:
        """GET /search?q= and /search/track?q=."""
        search = parse_search(request.first("q") or "", strict=request.first("strict") == "on")
        return self._asked(request) or self._list(request, self.catalogue.search_tracks(search), self.views.found_track)

    def search_artists(self, request: SandboxRequest) -> SandboxResponse:
        """GET /search/artist?q=."""
        search = parse_search(request.first("q") or "", strict=False)
        return self._asked(request) or self._list(
            request, self.catalogue.search_artists(search), self.views.found_artist
        )

    def search_albums(self, request: SandboxRequest) -> SandboxResponse:
        """GET /search/album?q=."""
        search = parse_search(request.first("q") or "", strict=False)
        return self._asked(request) or self._list(request, self.catalogue.search_albums(search), self.views.found_album)

    @staticmethod
    def _asked(request: SandboxRequest) -> SandboxResponse | None:
        """The refusal of a search without words."""
        if request.first("q") is None:
            return error("MissingParameterException", "Missing parameters: q", 501)
        return None if str(request.first("q")).strip() else error("ParameterException", "Wrong parameter", 500)

    def _list(
        self,
        request: SandboxRequest,
        entries: Sequence[Entry],
        view: Callable[[Entry], Json],
        default: int = DEFAULT_LIMIT,
    ) -> SandboxResponse:
        """A page, with the addresses of the pages around it."""
        index = request.first("index") or "0"
        limit = request.first("limit") or str(default)
        if not re.fullmatch(r"\d{1,9}", index) or not re.fullmatch(r"\d{1,9}", limit):
            return error("ParameterException", "Wrong parameter", 500)
        start, count = int(index), min(int(limit), MOST_LIMIT)
        page: Json = {"data": [view(entry) for entry in entries[start : start + count]], "total": len(entries)}
        if start:
            page["prev"] = self._address(request, max(0, start - count))
        if count and start + count < len(entries):
            page["next"] = self._address(request, start + count)
        return json_response(page, content_type=JSON_UTF8)

    def _address(self, request: SandboxRequest, index: int) -> str:
        kept = [(name, value) for name, value in request.query if name != "index"]
        return f"{self.base}{request.path.removeprefix('/deezer')}?{urlencode([*kept, ('index', index)])}"


def _found(view: Json | None) -> SandboxResponse:
    return json_response(view, content_type=JSON_UTF8) if view is not None else error(*NO_DATA)


def _whole(text: str) -> int:
    return int(text) if re.fullmatch(r"\d{1,12}", text) else -1
