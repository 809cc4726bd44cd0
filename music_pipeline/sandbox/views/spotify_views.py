"""Spotify's objects: full and simplified artists, albums and tracks, in both quota modes.

Development mode lacks some fields: album_group, available_markets, label, popularity, followers, linked_from.
`spotify` holds endpoints and errors.
"""

import re
from typing import Any
from urllib.parse import urlencode

from music_pipeline.sandbox.http import Json
from music_pipeline.sandbox.providers.context import Site
from music_pipeline.sandbox.world.audio_views import spotify_features
from music_pipeline.sandbox.world.coverage import covered
from music_pipeline.sandbox.world.hashing import base62_id, digest
from music_pipeline.sandbox.world.model import ArtistCredit, WorldArtist, WorldRelease, WorldTrack
from music_pipeline.sandbox.world.text import words

MARKETS = ["AR", "AU", "BR", "CA", "DE", "FR", "GB", "JP", "SE", "US"]
VERSION_IN_BRACKETS = re.compile(r"^(?P<title>.*\S) \((?P<version>[^()]+)\)$")
VERSION_WORDS = frozenset(
    {"mix", "remix", "edit", "version", "live", "acoustic", "instrumental", "demo", "dub", "remaster"}
)


class SpotifyViews:
    """Build the objects. Those of artists, albums and tracks are kept, since many answers repeat them."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.base = f"{site.base_url}/spotify/v1"
        self.extended = site.spotify_mode == "extended"
        self._artists: dict[str, Json] = {}
        self._albums: dict[str, Json] = {}
        self._tracks: dict[str, Json] = {}

    def _identity(self, kind: str, spotify_id: str) -> Json:
        return {
            "external_urls": {"spotify": f"https://open.spotify.com/{kind}/{spotify_id}"},
            "href": f"{self.base}/{kind}s/{spotify_id}",
            "id": spotify_id,
            "type": kind,
            "uri": f"spotify:{kind}:{spotify_id}",
        }

    def simple_artist(self, key: str) -> Json:
        """A simplified artist."""
        if key not in self._artists:
            artist = self.site.world.artists[key]
            self._artists[key] = {**self._identity("artist", artist.spotify_id), "name": shown_name(artist)}
        return self._artists[key]

    def artist(self, key: str) -> Json:
        """A full artist."""
        view = {**self.simple_artist(key), "genres": [], "images": _images("artist", key)}
        if self.extended:
            popularity = digest("artist popularity", key) % 100
            view |= {"followers": {"href": None, "total": popularity * popularity * 1_000}, "popularity": popularity}
        return view

    def _artist_list(self, credits: tuple[ArtistCredit, ...]) -> list[Json]:
        return [self.simple_artist(key) for key in dict.fromkeys(credit.artist for credit in credits)]

    def simple_album(self, key: str) -> Json:
        """A simplified album. It has no UPC."""
        if key not in self._albums:
            release = self.site.world.releases[key]
            date, precision = release_date(release.date)
            view = {
                **self._identity("album", release.spotify_id),
                "album_type": release.kind,
                "artists": self._artist_list(release.artists),
                "images": _images("album", key),
                "name": release.title,
                "release_date": date,
                "release_date_precision": precision,
                "total_tracks": len(release.tracks),
            }
            self._albums[key] = view | ({"available_markets": MARKETS} if self.extended else {})
        return self._albums[key]

    def album_of_artist(self, key: str, group: str) -> Json:
        """An album as the list of an artist has it."""
        return self.simple_album(key) | ({"album_group": group} if self.extended else {})

    def album(self, key: str, market: str | None) -> Json:
        """A full album, with its first 50 tracks."""
        release = self.site.world.releases[key]
        view = self.simple_album(key) | {
            "copyrights": [{"text": f"{release.date[:4]} {label.name}", "type": "C"} for label in release.labels[:1]],
            "external_ids": {"upc": release.upc} if release.upc else {},
            "genres": [],
            "tracks": self.album_tracks(release, 0, 50, market),
        }
        if self.extended:
            view |= {"label": release.labels[0].name if release.labels else "", "popularity": digest(key) % 100}
        return view

    def album_tracks(self, release: WorldRelease, offset: int, limit: int, market: str | None) -> Json:
        """A page of simplified tracks."""
        items = [self.simple_track(track, market) for track in release.tracks[offset : offset + limit]]
        url = f"{self.base}/albums/{release.spotify_id}/tracks"
        return page(url, items, len(release.tracks), offset, limit, {"market": market} if market else {})

    def simple_track(self, track: WorldTrack, market: str | None) -> Json:
        """A simplified track. It has no ISRC."""
        view = self._base_track(track)
        return view | {"is_playable": True} if market else view

    def _base_track(self, track: WorldTrack) -> Json:
        if track.key not in self._tracks:
            view = {
                **self._identity("track", track.spotify_id),
                "artists": self._artist_list(self.site.world.track_artists(track)),
                "disc_number": track.disc,
                "duration_ms": self.site.world.recordings[track.recording].duration_ms,
                "explicit": digest("explicit", track.recording) % 10 == 0,
                "is_local": False,
                "name": shown_title(track),
                "preview_url": None,
                "track_number": track.number,
            }
            self._tracks[track.key] = view | ({"available_markets": MARKETS} if self.extended else {})
        return self._tracks[track.key]

    def track(self, track: WorldTrack, market: str | None) -> Json:
        """A full track, with its ISRC if it has one."""
        recording = self.site.world.recordings[track.recording]
        view = self.simple_track(track, market) | {
            "album": self.simple_album(track.release),
            "external_ids": {"isrc": recording.isrc} if recording.isrc else {},
        }
        return view | ({"popularity": recording.popularity} if self.extended else {})

    def looked_up_track(self, track: WorldTrack, market: str | None) -> Json:
        """A full track as a lookup with a market gives it: relinked, with another id, for a few."""
        view = self.track(track, market)
        if not market or not covered("spotify relinked", track.key):
            return view
        relinked = view | self._identity("track", relinked_id(track))
        return relinked | ({"linked_from": self._identity("track", track.spotify_id)} if self.extended else {})

    def audio_features(self, track: WorldTrack) -> Json:
        """The twelve audio features of a track."""
        recording = self.site.world.recordings[track.recording]
        return spotify_features(recording) | {
            "analysis_url": f"{self.base}/audio-analysis/{track.spotify_id}",
            "duration_ms": recording.duration_ms,
            "id": track.spotify_id,
            "track_href": f"{self.base}/tracks/{track.spotify_id}",
            "type": "audio_features",
            "uri": f"spotify:track:{track.spotify_id}",
        }


def relinked_id(track: WorldTrack) -> str:
    """The id under which a market serves a track instead."""
    return base62_id("relinked", track.key)


def shown_name(artist: WorldArtist) -> str:
    """The name at Spotify: "Various" is "Various Artists" there."""
    return "Various Artists" if artist.name == "Various" else artist.name


def shown_title(track: WorldTrack) -> str:
    """The title at Spotify: a version in brackets often stands behind a dash there."""
    match = VERSION_IN_BRACKETS.match(track.title)
    if match is None or not VERSION_WORDS & set(words(match["version"])):
        return track.title
    dashed = covered("spotify dashed versions", track.recording)
    return f"{match['title']} - {match['version']}" if dashed else track.title


def release_date(date: str) -> tuple[str, str]:
    """A date as printed (`1999-03-00`) in Spotify's form, with its precision; `0000` where it is unknown."""
    parts = [part for part in date.split("-") if part.isdigit() and int(part)]
    if not parts:
        return "0000", "year"
    return "-".join(parts), ("year", "month", "day")[len(parts) - 1]


def _images(kind: str, key: str) -> list[Json]:
    prefix = "ab6761610000e5eb" if kind == "artist" else "ab67616d0000b273"
    return [
        {"url": f"https://i.scdn.co/image/{prefix}{digest('image', key) % 16**24:024x}", "height": 640, "width": 640}
    ]


def page(url: str, items: list[Any], total: int, offset: int, limit: int, parameters: dict[str, str]) -> Json:
    """A paging object; its links repeat the parameters."""

    def link(start: int) -> str:
        return f"{url}?{urlencode({**parameters, 'offset': start, 'limit': limit})}"

    return {
        "href": link(offset),
        "items": items,
        "limit": limit,
        "next": link(offset + limit) if offset + limit < total and limit else None,
        "offset": offset,
        "previous": link(max(0, offset - limit)) if offset and limit else None,
        "total": total,
    }
