"""Deezer's objects: tracks, albums and artists, with as much detail as each place shows.

This module holds the fields. An album's own list of tracks has neither ISRC nor tempo; `/album/{id}/tracks` has the
ISRC; only `/track/{id}` has the tempo.
"""

import calendar
import re
from urllib.parse import quote

from music_pipeline.sandbox.http import Json
from music_pipeline.sandbox.indexes.deezer_catalogue import DeezerCatalogue, fans, rank
from music_pipeline.sandbox.views.spotify_views import VERSION_IN_BRACKETS
from music_pipeline.sandbox.world.audio_views import deezer_bpm
from music_pipeline.sandbox.world.hashing import digest
from music_pipeline.sandbox.world.model import WorldRelease, WorldTrack

API = "https://api.deezer.com"
SITE = "https://www.deezer.com"
COUNTRIES = ["AR", "AU", "BR", "CA", "DE", "ES", "FR", "GB", "IT", "JP", "NL", "SE", "US"]
SIZES = {"small": 56, "medium": 250, "big": 500, "xl": 1000}
GENRES = {"Pop": 132, "Rock": 152, "Electronic": 106, "Hip Hop": 116, "Jazz": 129, "Folk, World, & Country": 466,
          "Funk / Soul": 165, "Reggae": 144, "Classical": 98, "Blues": 153, "Latin": 197}  # fmt: skip
GENRE_OF_OTHERS = ("Pop", 132)


class DeezerViews:
    """Build the objects."""

    def __init__(self, catalogue: DeezerCatalogue) -> None:
        self.catalogue = catalogue
        self.world = catalogue.world

    def artist_reference(self, key: str) -> Json:
        """An artist as mentioned by the tracks inside an album."""
        identity = self.catalogue.artist_ids[key]
        return {
            "id": identity,
            "name": shown_name(self.world.artists[key].name),
            "tracklist": f"{API}/artist/{identity}/top?limit=50",
            "type": "artist",
        }

    def listed_artist(self, key: str) -> Json:
        """An artist as shown by searches for tracks."""
        reference = self.artist_reference(key)
        pictures = _pictures("artist", "picture", int(reference["id"]), key)
        return {**reference, "link": f"{SITE}/artist/{reference['id']}", **pictures}

    def found_artist(self, key: str) -> Json:
        """An artist as shown by searches for artists."""
        return self.listed_artist(key) | {
            "nb_album": len(self.catalogue.albums_of(key)),
            "nb_fan": fans("artist", key),
            "radio": True,
        }

    def artist(self, key: str) -> Json:
        """An artist."""
        view = self.found_artist(key)
        return view | {"share": _share("artist", int(view["id"]))}

    def _contributor(self, key: str) -> Json:
        view = self.listed_artist(key)
        return view | {"share": _share("artist", int(view["id"])), "radio": True, "role": "Main"}

    def _contributors(self, keys: list[str]) -> list[Json]:
        return [self._contributor(key) for key in dict.fromkeys(keys)]

    def album_reference(self, release: WorldRelease) -> Json:
        """An album as tracks mention it."""
        identity = self.catalogue.album_ids[release.key]
        return {
            "id": identity,
            "title": release.title,
            **_pictures("album", "cover", identity, release.key),
            "tracklist": f"{API}/album/{identity}/tracks",
            "type": "album",
        }

    def listed_album(self, release: WorldRelease) -> Json:
        """An album as an artist's list has it."""
        view = self.album_reference(release)
        return view | {
            "link": f"{SITE}/album/{view['id']}",
            "genre_id": _genre(release)[1],
            "fans": fans("album", release.key),
            "release_date": release_date(release.date),
            "record_type": _record_type(release),
            "explicit_lyrics": False,
        }

    def found_album(self, release: WorldRelease) -> Json:
        """An album as searches show it."""
        view = self.listed_album(release)
        hidden = {"fans", "release_date"}
        shown = {name: value for name, value in view.items() if name not in hidden}
        artist = self.listed_artist(release.artists[0].artist)
        return shown | {"nb_tracks": len(self.catalogue.tracks_of(release)), "artist": artist}

    def album(self, release: WorldRelease) -> Json:
        """An album."""
        tracks = self.catalogue.tracks_of(release)
        view = self.listed_album(release)
        main = self.artist_reference(release.artists[0].artist)
        name, genre = _genre(release)
        picture = f"{API}/genre/{genre}/image"
        seconds = sum(self.world.recordings[track.recording].duration_ms // 1_000 for track in tracks)
        return view | {
            "upc": release.upc or "",
            "share": _share("album", int(view["id"])),
            "genres": {"data": [{"id": genre, "name": name, "picture": picture, "type": "genre"}]},
            "label": release.labels[0].name if release.labels else "",
            "nb_tracks": len(tracks),
            "duration": seconds,
            "rating": 0,
            "available": True,
            "explicit_content_lyrics": 7,
            "explicit_content_cover": 0,
            "contributors": self._contributors([credit.artist for credit in release.artists]),
            "artist": main | _pictures("artist", "picture", int(main["id"]), release.artists[0].artist),
            "tracks": {"data": [self.embedded_track(track) for track in tracks]},
        }

    def _plain_track(self, track: WorldTrack) -> Json:
        identity = self.catalogue.track_ids[track.key]
        recording = self.world.recordings[track.recording]
        title, version = split_version(track.title)
        explicit = digest("explicit", track.recording) % 10 == 0
        return {
            "id": identity,
            "readable": True,
            "title": track.title,
            "title_short": title,
            "title_version": version,
            "link": f"{SITE}/track/{identity}",
            "duration": recording.duration_ms // 1_000,
            "rank": rank(recording),
            "explicit_lyrics": explicit,
            "explicit_content_lyrics": int(explicit),
            "explicit_content_cover": 0,
            "preview": f"https://cdns-preview-d.dzcdn.net/stream/c-{digest('preview', track.key):032x}-5.mp3",
            "type": "track",
        }

    def embedded_track(self, track: WorldTrack) -> Json:
        """A track inside an album."""
        return self._plain_track(track) | {"artist": self.artist_reference(self.main_artist(track))}

    def album_track(self, track: WorldTrack) -> Json:
        """A track in the list of an album's tracks: with its ISRC and place."""
        return self.embedded_track(track) | self._placed(track)

    def _placed(self, track: WorldTrack) -> Json:
        isrc = self.world.recordings[track.recording].isrc
        return {"isrc": isrc or "", "track_position": track.number, "disk_number": track.disc}

    def top_track(self, track: WorldTrack) -> Json:
        """A track in the list of an artist's best."""
        return self.embedded_track(track) | {
            "contributors": self._contributors(self._artists(track)),
            "album": self.album_reference(self.world.releases[track.release]),
        }

    def found_track(self, track: WorldTrack) -> Json:
        """A track as searches show it."""
        return self._plain_track(track) | {
            "artist": self.listed_artist(self.main_artist(track)),
            "album": self.album_reference(self.world.releases[track.release]),
        }

    def track(self, track: WorldTrack) -> Json:
        """A track. A tempo of 0 is one that is not known."""
        release = self.world.releases[track.release]
        recording = self.world.recordings[track.recording]
        view = self._plain_track(track)
        date = release_date(release.date)
        album = self.album_reference(release)
        return view | {
            **self._placed(track),
            "share": _share("track", int(view["id"])),
            "release_date": date,
            "bpm": whole_if_even(deezer_bpm(recording)),
            "gain": -(digest("gain", recording.key) % 150) / 10,
            "available_countries": COUNTRIES,
            "contributors": self._contributors(self._artists(track)),
            "artist": self.listed_artist(self.main_artist(track))
            | {"share": _share("artist", self.catalogue.artist_ids[self.main_artist(track)]), "radio": True},
            "album": album | {"link": f"{SITE}/album/{album['id']}", "release_date": date},
        }

    def main_artist(self, track: WorldTrack) -> str:
        """The key of a track's first artist."""
        return self.world.track_artists(track)[0].artist

    def _artists(self, track: WorldTrack) -> list[str]:
        return [credit.artist for credit in self.world.track_artists(track)]


def whole_if_even(value: float) -> int | float:
    """A whole number without a point, as Deezer prints 123."""
    return int(value) if value == int(value) else value


def shown_name(name: str) -> str:
    """The name at Deezer: "Various" is "Various Artists" there."""
    return "Various Artists" if name == "Various" else name


def split_version(title: str) -> tuple[str, str]:
    """The title without the version in brackets at its end, and that version."""
    match = VERSION_IN_BRACKETS.match(title)
    return (match["title"], f"({match['version']})") if match else (title, "")


def release_date(date: str) -> str:
    """A full date. An unknown month or day is 1; without a year it is all zeros."""
    parts = [int(part) for part in re.findall(r"\d+", date)]
    if not parts or not parts[0]:
        return "0000-00-00"
    year, month, day = [*parts, 0, 0][:3]
    month = min(max(month, 1), 12)
    return f"{year:04d}-{month:02d}-{min(max(day, 1), calendar.monthrange(year, month)[1]):02d}"


def _record_type(release: WorldRelease) -> str:
    return {"album": "album", "single": "single", "compilation": "compile"}[release.kind]


def _genre(release: WorldRelease) -> tuple[str, int]:
    name = next((name for name in release.genres if name in GENRES), None)
    return (name, GENRES[name]) if name else GENRE_OF_OTHERS


def _share(kind: str, identity: int) -> str:
    content = quote(f"{kind}-{identity}")
    return f"{SITE}/{kind}/{identity}?utm_source=deezer&utm_content={content}&utm_term=0_1549974227&utm_medium=web"


def _pictures(kind: str, name: str, identity: int, key: str) -> Json:
    folder = "artist" if kind == "artist" else "cover"
    base = f"https://e-cdns-images.dzcdn.net/images/{folder}/{digest('deezer image', kind, key):032x}"
    sizes = {f"{name}_{size}": f"{base}/{width}x{width}-000000-80-0-0.jpg" for size, width in SIZES.items()}
    return {name: f"{API}/{kind}/{identity}/image", **sizes}
