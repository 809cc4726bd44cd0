"""Spotify's Web API in development and in extended quota mode: endpoints, limits, errors.

This module holds the endpoints and their refusals. `spotify_views` builds the objects, `spotify_search` searches,
`spotify_accounts` grants tokens.
"""

import math
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from music_pipeline.sandbox.http import (
    Json,
    SandboxEndpoint,
    SandboxRequest,
    SandboxResponse,
    endpoint,
    json_response,
)
from music_pipeline.sandbox.indexes.spotify_search import SpotifySearchIndex, parse_query
from music_pipeline.sandbox.providers.base import Emulator, RefusedError, with_refusals
from music_pipeline.sandbox.providers.context import Site
from music_pipeline.sandbox.providers.spotify_accounts import TokenBook
from music_pipeline.sandbox.views.spotify_views import SpotifyViews, page, relinked_id
from music_pipeline.sandbox.world.coverage import covered

BASE62_ID = re.compile(r"[0-9A-Za-z]{22}")
SEARCH_TYPES = ("album", "artist", "track")
OTHER_SEARCH_TYPES = ("playlist", "show", "episode", "audiobook")
GROUPS = ("album", "single", "appears_on", "compilation")
MOST_OFFSET = 1_000
MOST_IDS = {"artists": 50, "albums": 20, "tracks": 50, "audio-features": 100}


def error(status: int, message: str) -> SandboxResponse:
    """Spotify's error object."""
    return json_response({"error": {"status": status, "message": message}}, status)


def quota_exceeded(seconds: float) -> SandboxResponse:
    """The refusal once the developer's quota of the day is used up."""
    body = {"error": {"status": 429, "message": "Too many requests", "reason": "QUOTA_EXCEEDED"}}
    wait = max(1, math.ceil(seconds))
    return replace(json_response(body, 429, (("retry-after", str(wait)),)), retry_after=float(wait))


class Spotify(Emulator):
    """The provider."""

    def __init__(self, site: Site, tokens: TokenBook) -> None:
        self.site = site
        self.tokens = tokens
        self.views = SpotifyViews(site)
        self.search_index = SpotifySearchIndex(site.world)
        self.extended = site.spotify_mode == "extended"
        world = site.world
        self.artist_keys = {world.artists[key].spotify_id: key for key in [*world.releases_of, *world.appearances_of]}
        self.album_keys = {release.spotify_id: release.key for release in world.releases.values() if release.tracks}
        self.track_keys = {track.spotify_id: track.key for track in world.tracks.values()}
        self.track_keys |= {
            relinked_id(track): track.key for track in world.tracks.values() if covered("spotify relinked", track.key)
        }
        self.endpoints: tuple[SandboxEndpoint, ...] = self._endpoints()

    def _endpoints(self) -> tuple[SandboxEndpoint, ...]:
        open_to_all: list[tuple[str, Callable[..., SandboxResponse]]] = [
            ("search", self.search),
            ("artists/{spotify_id}", self.artist),
            ("artists/{spotify_id}/albums", self.artist_albums),
            ("albums/{spotify_id}", self.album),
            ("albums/{spotify_id}/tracks", self.album_tracks),
            ("tracks/{spotify_id}", self.track),
            ("audio-features", self.several_features),
            ("audio-features/{spotify_id}", self.audio_features),
        ]
        extended_only: list[tuple[str, Callable[..., SandboxResponse]]] = [
            ("artists", self.several_artists),
            ("albums", self.several_albums),
            ("tracks", self.several_tracks),
            ("artists/{spotify_id}/top-tracks", self.top_tracks),
            ("artists/{spotify_id}/related-artists", self.forbidden),
            ("recommendations", self.forbidden),
            ("browse/new-releases", self.forbidden),
            ("markets", self.forbidden),
        ]
        limited = extended_only if self.extended else [(template, self.forbidden) for template, _ in extended_only]
        return tuple(
            replace(
                endpoint("GET", f"v1/{template}", with_refusals(handle, error)),
                name=template.replace("spotify_id", "id"),
            )
            for template, handle in [*open_to_all, *limited]
        )

    def admit(self, request: SandboxRequest) -> SandboxResponse | None:
        """Require a bearer token: any that has not expired and does not contain `wrong`."""
        header = request.header("authorization")
        if not header:
            return error(401, "No token provided")
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer":
            return error(400, "Only valid bearer authentication supported")
        if not token.strip() or "wrong" in token:
            return error(401, "Invalid access token")
        return error(401, "The access token expired") if self.tokens.is_expired(token) else None

    def over_quota(self, request: SandboxRequest, seconds: float) -> SandboxResponse:
        """429 with Retry-After."""
        wait = max(1, math.ceil(seconds))
        body = {"error": {"status": 429, "message": "API rate limit exceeded"}}
        return replace(json_response(body, 429, (("retry-after", str(wait)),)), retry_after=float(wait))

    def unknown_path(self, request: SandboxRequest) -> SandboxResponse:
        """404."""
        return error(404, "Service not found")

    def forbidden(self, request: SandboxRequest, **groups: str) -> SandboxResponse:
        """Refuse an endpoint that apps may no longer call."""
        return error(403, "Forbidden")

    def artist(self, request: SandboxRequest, spotify_id: str) -> SandboxResponse:
        """GET /artists/{id}."""
        key = self.artist_keys.get(_checked_id(spotify_id))
        return json_response(self.views.artist(key)) if key else error(404, "Resource not found")

    def artist_albums(self, request: SandboxRequest, spotify_id: str) -> SandboxResponse:
        """GET /artists/{id}/albums, grouped by kind, the newest first."""
        key = self.artist_keys.get(_checked_id(spotify_id))
        limit = _number(request, "limit", 0, 50 if self.extended else 10, 20 if self.extended else 5)
        offset = _number(request, "offset", 0, 100_000, 0)
        groups = _groups(request.first("include_groups"))
        if key is None:
            return error(404, "Resource not found")
        albums = self.albums_of(key, groups)
        items = [self.views.album_of_artist(album, group) for album, group in albums[offset : offset + limit]]
        url = f"{self.views.base}/artists/{spotify_id}/albums"
        parameters = {name: value for name in ("include_groups", "market") if (value := request.first(name))}
        return json_response(page(url, items, len(albums), offset, limit, parameters))

    def albums_of(self, artist: str, groups: tuple[str, ...]) -> list[tuple[str, str]]:
        """Release and group of each album of an artist, without those that the sandbox hides."""
        world = self.site.world
        mine = [(world.releases[key], str(world.releases[key].kind)) for key in world.releases_of.get(artist, ())]
        guest = [(world.releases[key], "appears_on") for key in world.appearances_of.get(artist, ())]
        lost = {release.key for release, _ in mine[: self.site.hidden_releases.get(artist, 0)]}
        shown = [(release, group) for release, group in mine + guest if release.tracks and release.key not in lost]
        shown.sort(key=lambda pair: pair[0].date, reverse=True)
        shown.sort(key=lambda pair: GROUPS.index(pair[1]))
        return [(release.key, group) for release, group in shown if group in groups]

    def album(self, request: SandboxRequest, spotify_id: str) -> SandboxResponse:
        """GET /albums/{id}."""
        key = self.album_keys.get(_checked_id(spotify_id))
        return (
            json_response(self.views.album(key, request.first("market"))) if key else error(404, "Resource not found")
        )

    def album_tracks(self, request: SandboxRequest, spotify_id: str) -> SandboxResponse:
        """GET /albums/{id}/tracks."""
        key = self.album_keys.get(_checked_id(spotify_id))
        limit = _number(request, "limit", 0, 50, 20)
        offset = _number(request, "offset", 0, 100_000, 0)
        if key is None:
            return error(404, "Resource not found")
        release = self.site.world.releases[key]
        return json_response(self.views.album_tracks(release, offset, limit, request.first("market")))

    def track(self, request: SandboxRequest, spotify_id: str) -> SandboxResponse:
        """GET /tracks/{id}."""
        key = self.track_keys.get(_checked_id(spotify_id))
        if key is None:
            return error(404, "Resource not found")
        return json_response(self.views.looked_up_track(self.site.world.tracks[key], request.first("market")))

    def several_artists(self, request: SandboxRequest) -> SandboxResponse:
        """GET /artists?ids=."""
        keys = [self.artist_keys.get(each) for each in _ids(request, "artists")]
        return json_response({"artists": [self.views.artist(key) if key else None for key in keys]})

    def several_albums(self, request: SandboxRequest) -> SandboxResponse:
        """GET /albums?ids=."""
        keys = [self.album_keys.get(each) for each in _ids(request, "albums")]
        market = request.first("market")
        return json_response({"albums": [self.views.album(key, market) if key else None for key in keys]})

    def several_tracks(self, request: SandboxRequest) -> SandboxResponse:
        """GET /tracks?ids=: null for an unknown one."""
        keys = [self.track_keys.get(each) for each in _ids(request, "tracks")]
        market = request.first("market")
        tracks = self.site.world.tracks
        return json_response(
            {"tracks": [self.views.looked_up_track(tracks[key], market) if key else None for key in keys]}
        )

    def top_tracks(self, request: SandboxRequest, spotify_id: str) -> SandboxResponse:
        """GET /artists/{id}/top-tracks."""
        key = self.artist_keys.get(_checked_id(spotify_id))
        if key is None:
            return error(404, "Resource not found")
        world = self.site.world
        tracks = [track for release in world.releases_of.get(key, ()) for track in world.releases[release].tracks]
        tracks.sort(key=lambda track: (-world.recordings[track.recording].popularity, track.spotify_id))
        return json_response({"tracks": [self.views.track(track, request.first("market")) for track in tracks[:10]]})

    def audio_features(self, request: SandboxRequest, spotify_id: str) -> SandboxResponse:
        """GET /audio-features/{id}: 403 without a message in development mode."""
        if not self.extended:
            return _features_forbidden()
        key = self.track_keys.get(_checked_id(spotify_id))
        if key is None:
            return error(404, "analysis not found")
        return json_response(self.views.audio_features(self.site.world.tracks[key]))

    def several_features(self, request: SandboxRequest) -> SandboxResponse:
        """GET /audio-features?ids=."""
        if not self.extended:
            return _features_forbidden()
        keys = [self.track_keys.get(each) for each in _ids(request, "audio-features")]
        tracks = self.site.world.tracks
        return json_response(
            {"audio_features": [self.views.audio_features(tracks[key]) if key else None for key in keys]}
        )

    def search(self, request: SandboxRequest) -> SandboxResponse:
        """GET /search: a page of each type asked for."""
        text = (request.first("q") or request.first("query") or "").strip()  # its own links say `query`
        if not text:
            raise RefusedError(400, "No search query")
        types = _search_types(request.first("type"))
        limit = _number(request, "limit", 1, 50 if self.extended else 10, 20 if self.extended else 5)
        offset = _number(request, "offset", 0, MOST_OFFSET, 0)
        market = request.first("market")
        parameters = {"query": text, **({"market": market} if market else {})}
        found: Json = {}
        for kind in types:
            items, total = self._search_page(kind, text, offset, limit, market)
            url = f"{self.views.base}/search"
            found[f"{kind}s"] = page(url, items, total, offset, limit, {**parameters, "type": kind})
        return json_response(found)

    def _search_page(self, kind: str, text: str, offset: int, limit: int, market: str | None) -> tuple[list[Any], int]:
        query = parse_query(text)
        window = slice(offset, offset + limit)
        if kind == "artist":
            artists = self.search_index.artists(query)
            return [self.views.artist(artist.key) for artist in artists[window]], len(artists)
        if kind == "album":
            albums = self.search_index.albums(query)
            return [self.views.simple_album(album.key) for album in albums[window]], len(albums)
        if kind == "track":
            tracks = self.search_index.tracks(text)
            return [self.views.track(track, market) if track else None for track in tracks[window]], len(tracks)
        return [], 0


def _features_forbidden() -> SandboxResponse:
    return json_response({"error": {"status": 403}}, 403)


def _checked_id(spotify_id: str) -> str:
    if not BASE62_ID.fullmatch(spotify_id):
        raise RefusedError(400, "Invalid base62 id")
    return spotify_id


def _ids(request: SandboxRequest, kind: str) -> list[str]:
    ids = [each for each in (request.first("ids") or "").split(",") if each]
    if not ids:
        raise RefusedError(400, "Missing required field: ids")
    if len(ids) > MOST_IDS[kind]:
        raise RefusedError(400, "Too many ids requested")
    return [_checked_id(each) for each in ids]


def _number(request: SandboxRequest, name: str, low: int, high: int, default: int) -> int:
    text = request.first(name)
    if text is None:
        return default
    if not re.fullmatch(r"-?\d{1,9}", text) or not low <= int(text) <= high:
        raise RefusedError(400, f"Invalid {name}")
    return int(text)


def _groups(text: str | None) -> tuple[str, ...]:
    if text is None:
        return GROUPS
    groups = tuple(text.split(","))
    if any(group not in GROUPS for group in groups):
        raise RefusedError(400, "Invalid include_groups")
    return groups


def _search_types(text: str | None) -> tuple[str, ...]:
    if not text:
        raise RefusedError(400, "Missing parameter type")
    types = tuple(dict.fromkeys(text.split(",")))
    for kind in types:
        if kind not in (*SEARCH_TYPES, *OTHER_SEARCH_TYPES):
            raise RefusedError(400, f"Bad search type field {kind}")
    return types
