"""Deezer's part of the world: tracks, albums and artists by Deezer's ids, and the search over them.

This module holds ids, order and search. `deezer_views` builds the objects, `deezer` holds the endpoints.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from music_pipeline.sandbox.world.builders import Numbers
from music_pipeline.sandbox.world.coverage import covered
from music_pipeline.sandbox.world.hashing import digest
from music_pipeline.sandbox.world.model import World, WorldRecording, WorldRelease, WorldTrack
from music_pipeline.sandbox.world.text import contains_phrase, words

FILTER = re.compile(r'\b(?P<name>artist|track|album|label):"(?P<value>[^"]*)"')
HIGHEST_RANK = 1_000_000


@dataclass(frozen=True, slots=True)
class Search:
    """A search: the words of each filter, and the free ones."""

    filters: dict[str, tuple[str, ...]]
    free: tuple[str, ...]
    strict: bool


def parse_search(text: str, *, strict: bool) -> Search:
    """Read `artist:"x" track:"y" z`."""
    filters = {match["name"]: words(match["value"]) for match in FILTER.finditer(text)}
    return Search(filters, words(FILTER.sub(" ", text)), strict)


def has_recording(recording: str) -> bool:
    """Whether Deezer has a recording."""
    return covered("deezer recording", recording)


def rank(recording: WorldRecording) -> int:
    """The rank of a recording, from 0 to a million."""
    return min(HIGHEST_RANK, recording.popularity * 9_900 + digest("deezer rank", recording.key) % 9_900)


def fans(kind: str, key: str) -> int:
    """How many follow an artist or an album."""
    level = digest(kind, "deezer fans", key) % 1_000
    return level * level * (4 if kind == "artist" else 1) // 3


class DeezerCatalogue:
    """The indexes, each built when it is first needed."""

    def __init__(self, world: World) -> None:
        self.world = world

    @cached_property
    def tracks(self) -> dict[int, WorldTrack]:
        """The tracks by id."""
        numbers = Numbers()
        return {
            numbers.take("deezer track", 1_000, 3_999_999_999, track.key): track
            for track in self.world.tracks.values()
            if has_recording(track.recording)
        }

    @cached_property
    def track_ids(self) -> dict[str, int]:
        """The ids of tracks by key."""
        return {track.key: identity for identity, track in self.tracks.items()}

    @cached_property
    def tracks_by_isrc(self) -> dict[str, WorldTrack]:
        """The first track of each ISRC."""
        found: dict[str, WorldTrack] = {}
        for track in self.tracks.values():
            isrc = self.world.recordings[track.recording].isrc
            if isrc:
                found.setdefault(isrc, track)
        return found

    @cached_property
    def albums(self) -> dict[int, WorldRelease]:
        """The releases with a track here, by id."""
        numbers = Numbers()
        keys = dict.fromkeys(track.release for track in self.tracks.values())
        return {numbers.take("deezer album", 1_000, 799_999_999, key): self.world.releases[key] for key in keys}

    @cached_property
    def album_ids(self) -> dict[str, int]:
        """The ids of releases by key."""
        return {release.key: identity for identity, release in self.albums.items()}

    @cached_property
    def albums_by_upc(self) -> dict[str, WorldRelease]:
        """Releases by barcode."""
        return {release.upc: release for release in reversed(self.albums.values()) if release.upc}

    @cached_property
    def artists(self) -> dict[int, str]:
        """The keys of artists on the releases and tracks here, by id."""
        numbers = Numbers()
        keys: dict[str, None] = {}
        for release in self.albums.values():
            keys.update(dict.fromkeys(credit.artist for credit in release.artists))
        for track in self.tracks.values():
            keys.update(dict.fromkeys(credit.artist for credit in self.world.track_artists(track)))
        return {numbers.take("deezer artist", 1, 299_999_999, key): key for key in keys}

    @cached_property
    def artist_ids(self) -> dict[str, int]:
        """The ids of artists by key."""
        return {key: identity for identity, key in self.artists.items()}

    @cached_property
    def tracks_of_artist(self) -> dict[str, list[WorldTrack]]:
        """The tracks of each artist, the highest rank first."""
        found: dict[str, list[WorldTrack]] = defaultdict(list)
        for track in self.by_rank(self.tracks.values()):
            for artist in dict.fromkeys(credit.artist for credit in self.world.track_artists(track)):
                found[artist].append(track)
        return dict(found)

    def by_rank(self, tracks: Iterable[WorldTrack]) -> list[WorldTrack]:
        """Tracks, the highest rank first."""
        return sorted(tracks, key=lambda track: (-rank(self.world.recordings[track.recording]), track.key))

    def tracks_of(self, release: WorldRelease) -> list[WorldTrack]:
        """The tracks of a release that are here."""
        return [track for track in release.tracks if track.key in self.track_ids]

    def albums_of(self, artist: str) -> list[WorldRelease]:
        """The releases of a main artist, the newest first."""
        releases = [self.world.releases[key] for key in self.world.releases_of.get(artist, ())]
        known = [release for release in releases if release.key in self.album_ids]
        return sorted(known, key=lambda release: (release.date, release.key), reverse=True)

    @cached_property
    def _tracks_by_word(self) -> dict[str, set[int]]:
        found: dict[str, set[int]] = defaultdict(set)
        for identity, track in self.tracks.items():
            for word in (word for texts in self._texts(track).values() for word in texts):
                found[word].add(identity)
        return found

    def _texts(self, track: WorldTrack) -> dict[str, tuple[str, ...]]:
        release = self.world.releases[track.release]
        names = [self.world.artists[credit.artist].name for credit in self.world.track_artists(track)]
        labels = [label.name for label in release.labels]
        return {
            "artist": words(" ".join(names)),
            "track": words(track.title),
            "album": words(release.title),
            "label": words(" ".join(labels)),
        }

    def search_tracks(self, search: Search) -> list[WorldTrack]:
        """Tracks that match the whole search, the highest rank first."""
        asked = [*search.free, *(word for wanted in search.filters.values() for word in wanted)]
        if not asked:
            return []
        candidates = set.intersection(*(self._tracks_by_word.get(word, set()) for word in asked))
        return self.by_rank(self.tracks[each] for each in candidates if self._fits(self.tracks[each], search))

    def _fits(self, track: WorldTrack, search: Search) -> bool:
        texts = self._texts(track)
        free = texts["track"] + texts["artist"] + texts["album"]
        pairs = [*((texts[name], wanted) for name, wanted in search.filters.items()), (free, search.free)]
        if search.strict:
            return all(contains_phrase(text, wanted) for text, wanted in pairs)
        return all(set(wanted) <= set(text) for text, wanted in pairs)

    def search_artists(self, search: Search) -> list[str]:
        """The keys of artists whose names have all the words, the most followed first."""
        wanted = set(search.free) | set(search.filters.get("artist", ()))
        found = [key for key in self.artist_ids if wanted and wanted <= set(words(self.world.artists[key].name))]
        return sorted(found, key=lambda key: (-fans("artist", key), key))

    def search_albums(self, search: Search) -> list[WorldRelease]:
        """Releases whose titles and artists have all the words, the most followed first."""
        found = [release for release in self.albums.values() if self._album_fits(release, search)]
        return sorted(found, key=lambda release: (-fans("album", release.key), release.key))

    def _album_fits(self, release: WorldRelease, search: Search) -> bool:
        title = set(words(release.title))
        names = {word for credit in release.artists for word in words(self.world.artists[credit.artist].name)}
        by_filter = set(search.filters.get("album", ())) <= title and set(search.filters.get("artist", ())) <= names
        asked = bool(search.free or search.filters)
        return asked and by_filter and set(search.free) <= title | names
