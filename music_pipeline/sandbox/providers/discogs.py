"""Discogs's API: releases, masters, artists and the database search, with paging, authentication and errors.

This module holds the endpoints and their refusals. `discogs_views` builds the objects.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cached_property
from urllib.parse import urlencode

from music_pipeline.sandbox.http import (
    Headers,
    Json,
    SandboxEndpoint,
    SandboxRequest,
    SandboxResponse,
    endpoint,
    json_response,
)
from music_pipeline.sandbox.providers.base import Emulator
from music_pipeline.sandbox.providers.context import Site
from music_pipeline.sandbox.providers.user_agent import names_application
from music_pipeline.sandbox.quota import QuotaVerdict
from music_pipeline.sandbox.views.discogs_views import DiscogsViews, year_of
from music_pipeline.sandbox.world.hashing import digest
from music_pipeline.sandbox.world.model import WorldRelease
from music_pipeline.sandbox.world.text import words

UNAUTHENTICATED_LIMIT = 25
DEFAULT_PER_PAGE = 50
MOST_PER_PAGE = 100
BLOCKED_PAGE = b"<!DOCTYPE html><html><head><title>403 Forbidden</title></head><body>Forbidden</body></html>"
AUTHENTICATE = "You must authenticate to access this resource."
REFUSED = "Invalid consumer token. Please register an app before making requests."
CREDENTIAL = re.compile(r"(?:token|key|secret|oauth_token|oauth_consumer_key)=\"?([^,\"\s]*)", re.IGNORECASE)


def message(status: int, text: str) -> SandboxResponse:
    """Discogs's error object."""
    return json_response({"message": text}, status)


def credentials_of(request: SandboxRequest) -> list[str]:
    """The token, or key and secret, that a request carries."""
    in_header = CREDENTIAL.findall(request.header("authorization"))
    in_query = [value for name in ("token", "key", "secret") if (value := request.first(name))]
    return [value for value in [*in_header, *in_query] if value]


class Discogs(Emulator):
    """The provider."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.world = site.world
        self.views = DiscogsViews(site)
        known = site.served.coverage.discogs_releases
        self.releases = {release.discogs_id: release for key, release in self.world.releases.items() if key in known}
        self.artists = {artist.discogs_id: key for key, artist in self.world.artists.items() if artist.discogs_id}
        templates: list[tuple[str, Callable[..., SandboxResponse]]] = [
            ("releases/{identity}", self.release),
            ("masters/{identity}", self.master),
            ("masters/{identity}/versions", self.versions),
            ("artists/{identity}", self.artist),
            ("artists/{identity}/releases", self.artist_releases),
            ("database/search", self.search),
        ]
        self.endpoints: tuple[SandboxEndpoint, ...] = tuple(
            replace(endpoint("GET", template, handle), name=template.replace("identity", "id"))
            for template, handle in templates
        )

    @cached_property
    def masters(self) -> dict[int, list[WorldRelease]]:
        """The releases of each master, the first one first."""
        found: dict[int, list[WorldRelease]] = defaultdict(list)
        for release in sorted(self.releases.values(), key=lambda each: (each.date or "9", each.discogs_id)):
            if release.discogs_master_id:
                found[release.discogs_master_id].append(release)
        return dict(found)

    @cached_property
    def release_words(self) -> dict[tuple[str, str], set[int]]:
        """Releases by the words of their artists, titles and tracks."""
        found: dict[tuple[str, str], set[int]] = defaultdict(set)
        for release in self.releases.values():
            names = [self.world.artists[credit.artist].name for credit in release.artists]
            texts = {"artist": names, "title": [release.title], "track": [track.title for track in release.tracks]}
            for field, values in texts.items():
                for word in (word for value in values for word in words(value)):
                    found[field, word].add(release.discogs_id)
        return found

    @cached_property
    def artist_words(self) -> dict[str, set[int]]:
        """Artists by the words of their names."""
        found: dict[str, set[int]] = defaultdict(set)
        for identity, key in self.artists.items():
            for word in words(self.world.artists[key].name):
                found[word].add(identity)
        return found

    def admit(self, request: SandboxRequest) -> SandboxResponse | None:
        """Require a User-Agent that names the caller. Refuse wrong credentials, but not missing ones."""
        if not names_application(request.header("user-agent")):
            return SandboxResponse(403, BLOCKED_PAGE, "text/html; charset=UTF-8")
        if any("wrong" in value for value in credentials_of(request)):
            return message(401, REFUSED)
        return None

    def over_quota(self, request: SandboxRequest, seconds: float) -> SandboxResponse:
        """429, without Retry-After."""
        return message(429, "You are making requests too quickly.")

    def quota_limit(self, request: SandboxRequest, limit: int) -> int:
        """The limit; without authentication it is 25 of 60."""
        return limit if credentials_of(request) else max(1, limit * UNAUTHENTICATED_LIMIT // 60)

    def quota_headers(self, limit: int, verdict: QuotaVerdict) -> Headers:
        """The rate headers that every answer has."""
        return (
            ("x-discogs-ratelimit", str(limit)),
            ("x-discogs-ratelimit-used", str(verdict.used)),
            ("x-discogs-ratelimit-remaining", str(max(0, limit - verdict.used))),
        )

    def unknown_path(self, request: SandboxRequest) -> SandboxResponse:
        """404."""
        return message(404, "The requested resource was not found.")

    def release(self, request: SandboxRequest, identity: str) -> SandboxResponse:
        """GET /releases/{id}."""
        release = self.releases.get(_whole(identity))
        if release is None:
            return message(404, "Release not found.")
        return json_response(self.views.release(release, authenticated=bool(credentials_of(request))))

    def master(self, request: SandboxRequest, identity: str) -> SandboxResponse:
        """GET /masters/{id}."""
        releases = self.masters.get(_whole(identity))
        return json_response(self.views.master(releases)) if releases else message(404, "Master Release not found.")

    def versions(self, request: SandboxRequest, identity: str) -> SandboxResponse:
        """GET /masters/{id}/versions."""
        releases = self.masters.get(_whole(identity))
        if not releases:
            return message(404, "Master Release not found.")
        return self._page(request, "versions", [self.views.version(release) for release in releases])

    def artist(self, request: SandboxRequest, identity: str) -> SandboxResponse:
        """GET /artists/{id}."""
        key = self.artists.get(_whole(identity))
        return json_response(self.views.artist(self.world.artists[key])) if key else message(404, "Artist not found.")

    def artist_releases(self, request: SandboxRequest, identity: str) -> SandboxResponse:
        """GET /artists/{id}/releases: as main artist, then as guest."""
        key = self.artists.get(_whole(identity))
        if key is None:
            return message(404, "Artist not found.")
        roles = [(each, "Main") for each in self.world.releases_of.get(key, ())]
        roles += [(each, "TrackAppearance") for each in self.world.appearances_of.get(key, ())]
        known = [
            (self.world.releases[each], role)
            for each, role in roles
            if self.world.releases[each].discogs_id in self.releases
        ]
        known.sort(key=lambda pair: (year_of(pair[0]), pair[0].discogs_id))
        return self._page(request, "releases", [self.views.artist_release(release, role) for release, role in known])

    def search(self, request: SandboxRequest) -> SandboxResponse:
        """GET /database/search, for authenticated callers only."""
        if not credentials_of(request):
            return message(401, AUTHENTICATE)
        kind = request.first("type")
        results: list[Json] = []
        if kind in {None, "artist"}:
            results += [
                self.views.artist_result(self.world.artists[key], authenticated=True)
                for key in self._found_artists(request)
            ]
        releases = self._found_releases(request) if kind != "artist" else []
        if kind in {None, "release"}:
            results += [self.views.search_result(release, authenticated=True) for release in releases]
        if kind in {None, "master"}:
            masters = dict.fromkeys(release.discogs_master_id for release in releases if release.discogs_master_id)
            results += [self.views.master_result(self.masters[each], authenticated=True) for each in masters]
        return self._page(request, "results", results)

    def _found_artists(self, request: SandboxRequest) -> list[str]:
        wanted = words(request.first("q") or request.first("query") or request.first("artist") or "")
        if not wanted or any(request.first(name) for name in ("barcode", "catno", "release_title", "track")):
            return []
        found = set.intersection(*(self.artist_words.get(word, set()) for word in wanted))
        keys = [self.artists[identity] for identity in found]
        return sorted(keys, key=lambda key: self._artist_rank(key, wanted))

    def _artist_rank(self, key: str, wanted: tuple[str, ...]) -> tuple[bool, int, str]:
        name = words(self.world.artists[key].name)
        return name != wanted, len(name), f"{digest('discogs rank', key):032x}"

    def _found_releases(self, request: SandboxRequest) -> list[WorldRelease]:
        found: set[int] | None = None
        for candidates in self._release_candidates(request):
            found = candidates if found is None else found & candidates
        artist = words(request.first("artist") or request.first("q") or "")
        releases = [self.releases[identity] for identity in found or ()]
        return sorted(releases, key=lambda release: (not self._is_by(release, artist), release.discogs_id))

    def _is_by(self, release: WorldRelease, wanted: tuple[str, ...]) -> bool:
        return any(words(self.world.artists[credit.artist].name) == wanted for credit in release.artists)

    def _release_candidates(self, request: SandboxRequest) -> Iterable[set[int]]:
        for parameter, field in (
            ("artist", "artist"),
            ("release_title", "title"),
            ("title", "title"),
            ("track", "track"),
        ):
            for word in words(request.first(parameter) or ""):
                yield self.release_words.get((field, word), set())
        for word in words(request.first("q") or request.first("query") or ""):
            yield set().union(*(self.release_words.get((field, word), set()) for field in ("artist", "title", "track")))
        barcode = re.sub(r"\D", "", request.first("barcode") or "")
        if barcode:
            yield {release.discogs_id for release in self.releases.values() if _has_barcode(release, barcode)}
        catalogue_number = "".join((request.first("catno") or "").split()).casefold()
        if catalogue_number:
            yield {each.discogs_id for each in self.releases.values() if _has_number(each, catalogue_number)}
        year = request.first("year")
        if year:
            yield {release.discogs_id for release in self.releases.values() if str(year_of(release)) == year}

    def _page(self, request: SandboxRequest, name: str, rows: list[Json]) -> SandboxResponse:
        per_page = min(MOST_PER_PAGE, max(1, _whole(request.first("per_page"), DEFAULT_PER_PAGE)))
        number = max(1, _whole(request.first("page"), 1))
        pages = max(1, -(-len(rows) // per_page))
        if number > pages:
            return message(404, f"Page {number} of {pages} does not exist.")
        links = self._links(request, number, pages, per_page)
        pagination = {"page": number, "pages": pages, "per_page": per_page, "items": len(rows), "urls": links}
        header = ", ".join(f'<{url}>; rel="{relation}"' for relation, url in links.items())
        body = {"pagination": pagination, name: rows[(number - 1) * per_page : number * per_page]}
        return json_response(body, headers=(("link", header),) if header else ())

    def _links(self, request: SandboxRequest, number: int, pages: int, per_page: int) -> dict[str, str]:
        kept = [(name, value) for name, value in request.query if name not in {"page", "per_page", "token"}]

        def link(page: int) -> str:
            return f"{self.views.base}{request.path}?{urlencode([*kept, ('per_page', per_page), ('page', page)])}"

        backward = {"first": link(1), "prev": link(number - 1)} if number > 1 else {}
        forward = {"last": link(pages), "next": link(number + 1)} if number < pages else {}
        return backward | forward


def _whole(text: str | None, default: int = -1) -> int:
    return int(text) if text is not None and re.fullmatch(r"\d{1,10}", text) else default


def _has_barcode(release: WorldRelease, digits: str) -> bool:
    return any(kind == "Barcode" and re.sub(r"\D", "", value) == digits for kind, value in release.identifiers)


def _has_number(release: WorldRelease, catalogue_number: str) -> bool:
    return any("".join(label.catalogue_number.split()).casefold() == catalogue_number for label in release.labels)
