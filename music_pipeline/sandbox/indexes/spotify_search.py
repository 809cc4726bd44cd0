"""Spotify's search: an index, not a list. It omits some tracks and adds some of other artists.

This module holds the query language, matching and ranking. `spotify` holds pages and errors.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache

from music_pipeline.sandbox.world.builders import year_of
from music_pipeline.sandbox.world.coverage import covered
from music_pipeline.sandbox.world.hashing import digest, number
from music_pipeline.sandbox.world.model import World, WorldArtist, WorldRelease, WorldTrack
from music_pipeline.sandbox.world.text import words

FILTER = re.compile(r"\b(artist|album|track|year|upc|isrc|genre|tag):", re.IGNORECASE)
PAGE = 10
MOST_OTHERS = 3
MOST_REMEMBERED = 256
MOST_INEXACT = 50
SHARE_WITH_NULL = 0.1


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed query: the filters' values as given, and the words outside them."""

    text: str
    filters: dict[str, str]
    free: tuple[str, ...]

    def filter_words(self, name: str) -> tuple[str, ...]:
        """The words of a filter's value."""
        return words(self.filters.get(name, ""))


def parse_query(text: str) -> Query:
    """Parse `words artist:"A" track:B`. A value without quotes reaches to the next filter."""
    filters: dict[str, str] = {}
    pieces = FILTER.split(text)
    free = pieces[0]
    for name, value in zip(pieces[1::2], pieces[2::2], strict=True):
        quoted = re.match(r'\s*"([^"]*)"?', value)
        filters[name.lower()] = quoted[1] if quoted else value.strip()
        free += value[quoted.end() :] if quoted else ""
    return Query(text, filters, words(free.replace('"', " ")) if free.strip() else ())


class SpotifySearchIndex:
    """The search over artists, albums and tracks of a world."""

    def __init__(self, world: World) -> None:
        self.world = world
        # A client takes a search page by page, and the world does not change.
        self.tracks = lru_cache(MOST_REMEMBERED)(self._tracks)

    @cached_property
    def _on_spotify(self) -> list[str]:
        """The artists with a page: those of releases or tracks."""
        return [key for key in self.world.artists if key in self.world.releases_of or key in self.world.appearances_of]

    @cached_property
    def _artist_words(self) -> dict[str, set[str]]:
        return _index((key, words(self.world.artists[key].name)) for key in self._on_spotify)

    @cached_property
    def _album_words(self) -> dict[str, set[str]]:
        return _index((release.key, words(release.title)) for release in self.world.releases.values() if release.tracks)

    @cached_property
    def _track_words(self) -> dict[str, set[str]]:
        return _index((track.key, words(track.title)) for track in self.world.tracks.values())

    @cached_property
    def _tracks_by_isrc(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = defaultdict(set)
        for track in self.world.tracks.values():
            isrc = self.world.recordings[track.recording].isrc
            if isrc:
                found[isrc].add(track.key)
        return found

    @cached_property
    def _all_tracks(self) -> list[str]:
        return list(self.world.tracks)

    def artists(self, query: Query) -> list[WorldArtist]:
        """Artists: equal names first, then names with all the words, then names with some."""
        wanted = query.filter_words("artist") or query.free
        if not wanted or query.filters.keys() & {"isrc", "upc", "album", "track"}:
            return []
        complete = _with_all(self._artist_words, wanted)
        some = set().union(*(self._artist_words.get(word, set()) for word in wanted if len(word) > 2))
        ranked = sorted(complete | some, key=lambda key: self._artist_rank(key, wanted))
        return [self.world.artists[key] for key in ranked[:MOST_INEXACT]]

    def _artist_rank(self, key: str, wanted: tuple[str, ...]) -> tuple[bool, int, int, str]:
        name = words(self.world.artists[key].name)
        missing = len(set(wanted) - set(name))
        return name != wanted, missing, len(name), f"{digest('artist rank', key):032x}"

    def albums(self, query: Query) -> list[WorldRelease]:
        """Albums by title, artist, UPC and year."""
        if query.filters.keys() & {"isrc", "track"}:
            return []
        found: set[str] | None = None
        for candidates in self._album_candidates(query):
            found = candidates if found is None else found & candidates
        wanted = query.filter_words("album") or query.free
        ranked = sorted(found or (), key=lambda key: self._album_rank(key, wanted))
        return [self.world.releases[key] for key in ranked if self.world.releases[key].tracks]

    def _album_rank(self, key: str, wanted: tuple[str, ...]) -> tuple[bool, str]:
        return words(self.world.releases[key].title) != wanted, f"{digest('album rank', key):032x}"

    def _album_candidates(self, query: Query) -> Iterable[set[str]]:
        if "upc" in query.filters:
            wanted = query.filters["upc"].lstrip("0")
            yield {key for key, release in self.world.releases.items() if (release.upc or "").lstrip("0") == wanted}
        if "album" in query.filters:
            yield _with_all(self._album_words, query.filter_words("album"))
        if "artist" in query.filters:
            artists = _with_all(self._artist_words, query.filter_words("artist"))
            yield {key for artist in artists for key in self.world.releases_of.get(artist, ())}
        if query.free:
            yield self._albums_with(query.free)
        if "year" in query.filters:
            yield {key for key, release in self.world.releases.items() if _in_years(release, query.filters["year"])}

    def _albums_with(self, free: tuple[str, ...]) -> set[str]:
        found: set[str] | None = None
        for word in free:
            named = self._artist_words.get(word, set())
            having = self._album_words.get(word, set()) | {
                key for artist in named for key in self.world.releases_of.get(artist, ())
            }
            found = having if found is None else found & having
        return found or set()

    def _tracks(self, text: str) -> list[WorldTrack | None]:
        """Tracks. Some are withheld; an artist's tracks end with a few of other artists and nulls."""
        query = parse_query(text)
        found: set[str] | None = None
        for candidates in self._track_candidates(query):
            found = candidates if found is None else found & candidates
        visible = [key for key in found or () if self._is_visible(key, query)]
        if query.filters.keys() == {"artist"} and not query.free:
            return self._artist_tracks(visible, query)
        ranked = sorted(visible, key=lambda key: self._track_rank(self.world.tracks[key], query))
        return [self.world.tracks[key] for key in ranked]

    def _is_visible(self, key: str, query: Query) -> bool:
        if covered("spotify search", key):
            return True
        return "album" in query.filters and covered("spotify album search", key)

    def _track_candidates(self, query: Query) -> Iterable[set[str]]:
        if "isrc" in query.filters:
            yield self._tracks_by_isrc.get(query.filters["isrc"].upper().replace("-", ""), set())
        if "upc" in query.filters:
            yield set()
        if "track" in query.filters:
            yield _with_all(self._track_words, query.filter_words("track"))
        if "album" in query.filters:
            yield self._tracks_on(_with_all(self._album_words, query.filter_words("album")))
        if "artist" in query.filters:
            yield self._tracks_by(_with_all(self._artist_words, query.filter_words("artist")))
        for word in query.free:
            yield self._tracks_with(word)
        if "year" in query.filters:
            inside = {key for key, release in self.world.releases.items() if _in_years(release, query.filters["year"])}
            yield self._tracks_on(inside)

    def _tracks_on(self, releases: Iterable[str]) -> set[str]:
        return {track.key for key in releases for track in self.world.releases[key].tracks}

    def _tracks_by(self, artists: set[str]) -> set[str]:
        own = self._tracks_on(key for artist in artists for key in self.world.releases_of.get(artist, ()))
        elsewhere = (key for artist in artists for key in self.world.appearances_of.get(artist, ()))
        on_tracks = {
            track.key
            for key in elsewhere
            for track in self.world.releases[key].tracks
            if any(credit.artist in artists for credit in track.artists)
        }
        return own | on_tracks

    def _tracks_with(self, word: str) -> set[str]:
        titled = self._track_words.get(word, set())
        by_artist = self._tracks_by(self._artist_words.get(word, set()))
        return titled | by_artist | self._tracks_on(self._album_words.get(word, set()))

    def _track_rank(self, track: WorldTrack, query: Query) -> tuple[bool, bool, bool, int, str]:
        release = self.world.releases[track.release]
        return (
            words(release.title) != query.filter_words("album"),
            words(track.title) != (query.filter_words("track") or query.free),
            not self._is_by_name(track, query.filter_words("artist")),
            -self.world.recordings[track.recording].popularity,
            track.spotify_id,
        )

    def _is_by_name(self, track: WorldTrack, wanted: tuple[str, ...]) -> bool:
        """Whether the track is on a release of an artist with exactly this name."""
        credits = self.world.releases[track.release].artists
        return any(words(self.world.artists[credit.artist].name) == wanted for credit in credits)

    def _artist_tracks(self, visible: list[str], query: Query) -> list[WorldTrack | None]:
        """The artist's own tracks, then guest appearances, then a few of other artists on the last page."""
        wanted = query.filter_words("artist")
        named = (
            {key for key in self._artist_words.get(wanted[0], set()) if self._is_named(key, wanted)}
            if wanted
            else set()
        )
        mine = self._tracks_by(named) & set(visible)
        tracks = [self.world.tracks[key] for key in (mine or set(visible))]
        ranked: list[WorldTrack | None] = [*sorted(tracks, key=lambda track: self._artist_track_rank(track, wanted))]
        return ranked[: None if mine else MOST_INEXACT] + self._others(query, len(ranked))

    def _is_named(self, key: str, wanted: tuple[str, ...]) -> bool:
        return words(self.world.artists[key].name) == wanted

    def _artist_track_rank(self, track: WorldTrack, wanted: tuple[str, ...]) -> tuple[bool, int, str]:
        popularity = self.world.recordings[track.recording].popularity
        return not self._is_by_name(track, wanted), -popularity, track.spotify_id

    def _others(self, query: Query, found: int) -> list[WorldTrack | None]:
        """Tracks of other artists, as many as fill the last page at most, and sometimes a null."""
        room = -found % PAGE if found else MOST_OTHERS
        count = min(room, number(0, MOST_OTHERS, "others", query.text))
        chosen: list[WorldTrack | None] = [
            self.world.tracks[self._all_tracks[digest("other", query.text, place) % len(self._all_tracks)]]
            for place in range(count)
        ]
        if chosen and digest("null", query.text) % 100 < SHARE_WITH_NULL * 100:
            chosen[-1] = None
        return chosen


def _index(entries: Iterable[tuple[str, tuple[str, ...]]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for key, own_words in entries:
        for word in own_words:
            found[word].add(key)
    return dict(found)


def _with_all(index: dict[str, set[str]], wanted: tuple[str, ...]) -> set[str]:
    """The entries with all the words. Without words, none."""
    if not wanted:
        return set()
    return set.intersection(*(index.get(word, set()) for word in wanted))


def _in_years(release: WorldRelease, years: str) -> bool:
    first, _, last = years.partition("-")
    if not first.isdigit() or not release.date:
        return False
    return int(first) <= year_of(release.date) <= int(last if last.isdigit() else first)
