"""Last.fm's part of the world: pages of tracks and artists, found by name, with listeners, plays and tags.

A page belongs to a name, not to a recording: recordings of one artist and one title share it. `lastfm_views` prints the
pages, `lastfm` holds the methods.
"""

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property

from music_pipeline.sandbox.world.coverage import covered
from music_pipeline.sandbox.world.hashing import digest, number
from music_pipeline.sandbox.world.model import World, WorldRecording
from music_pipeline.sandbox.world.text import fold, words

MOST_TAGS = 5
FURTHER_TAGS = ("seen live", "favorites", "chillout", "driving", "dance", "love", "instrumental", "female vocalists")
PageKey = tuple[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class TrackPage:
    """The page of a track; `recording` is the first of those that share it."""

    key: PageKey
    recording: WorldRecording
    listeners: int
    plays: int
    mbid: str | None


def page_key(artist_name: str, title: str) -> PageKey:
    """The key of a page: the artist's name, and the words of the title without their separators."""
    return fold(artist_name).strip(), words(title)


class LastfmPages:
    """The indexes, each built when it is first needed."""

    def __init__(self, world: World) -> None:
        self.world = world

    @cached_property
    def tracks(self) -> dict[PageKey, TrackPage]:
        """The pages of tracks."""
        found: dict[PageKey, TrackPage] = {}
        for recording in self.world.recordings.values():
            key = self.key_of(recording)
            if key not in found and covered("lastfm track", *key):
                found[key] = self._page(key, recording)
        return found

    def key_of(self, recording: WorldRecording) -> PageKey:
        """Where the page of a recording would be."""
        return page_key(self.world.artists[recording.artists[0].artist].name, recording.title)

    def _page(self, key: PageKey, recording: WorldRecording) -> TrackPage:
        listeners = 3 + recording.popularity**3 + digest("listeners", *key) % 997
        return TrackPage(
            key=key,
            recording=recording,
            listeners=listeners,
            plays=listeners * number(2, 9, "plays", *key),
            mbid=recording.mbid if covered("lastfm mbid", *key) else None,
        )

    def tags_of_track(self, page: TrackPage) -> tuple[str, ...]:
        """The tags of a track, none for a share of them."""
        key, recording = page.key, page.recording
        if not covered("lastfm tags", *key):
            return ()
        release = self.world.releases[self.world.tracks_of_recording[recording.key][0].release]
        decade = [f"{release.date[2]}0s"] if release.date[:4].isdigit() else []
        known = [name.lower() for name in (*release.styles, *release.genres)]
        name = self.world.artists[recording.artists[0].artist].name
        pool = dict.fromkeys([*known, *decade, *FURTHER_TAGS, name])
        ordered = sorted(pool, key=lambda tag: (tag not in known, digest("tag", tag, *key)))
        return tuple(ordered[: number(1, MOST_TAGS, "tags", *key)])

    @cached_property
    def tracks_by_mbid(self) -> dict[str, TrackPage]:
        """The pages of tracks by the MBID that each shows."""
        return {page.mbid: page for page in self.tracks.values() if page.mbid}

    @cached_property
    def tracks_by_artist(self) -> dict[str, list[TrackPage]]:
        """The pages of tracks of each artist, the most heard first."""
        found: dict[str, list[TrackPage]] = defaultdict(list)
        for page in sorted(self.tracks.values(), key=lambda page: (-page.listeners, page.key)):
            found[page.recording.artists[0].artist].append(page)
        return dict(found)

    @cached_property
    def artists(self) -> dict[str, str]:
        """The keys of artists by folded name. Namesakes share the page of the first."""
        found: dict[str, str] = {}
        for key in self.tracks_by_artist:
            found.setdefault(fold(self.world.artists[key].name).strip(), key)
        return found

    @cached_property
    def corrections(self) -> dict[str, str]:
        """The folded names that `autocorrect` returns instead of name variations."""
        found: dict[str, str] = {}
        for name, key in self.artists.items():
            for alias in self.world.artists[key].aliases:
                found.setdefault(fold(alias).strip(), name)
        return {alias: name for alias, name in found.items() if alias not in self.artists}

    def find_track(self, artist: str, title: str, *, correct: bool) -> TrackPage | None:
        """The page of a track, if wanted also under a variation of the artist's name."""
        name, wanted = page_key(artist, title)
        found = self.tracks.get((name, wanted))
        if found is None and correct and name in self.corrections:
            return self.tracks.get((self.corrections[name], wanted))
        return found

    def find_artist(self, name: str, *, correct: bool) -> str | None:
        """The key of an artist."""
        folded = fold(name).strip()
        return self.artists.get(self.corrections.get(folded, folded) if correct else folded)

    def search_tracks(self, title: str, artist: str) -> list[TrackPage]:
        """The pages whose titles and artists have all the words, the most heard first."""
        wanted, named = set(words(title)), set(words(artist))
        if not wanted:
            return []
        pages = [page for (name, own), page in self.tracks.items() if wanted <= set(own) and named <= set(words(name))]
        return sorted(pages, key=lambda page: (-page.listeners, page.key))

    def listeners_of(self, artist: str) -> tuple[int, int]:
        """Listeners and plays of an artist."""
        pages = self.tracks_by_artist[artist]
        return max(page.listeners for page in pages) * 2, sum(page.plays for page in pages)

    def tags_of_artist(self, artist: str) -> tuple[str, ...]:
        """The tags of an artist's tracks, the most frequent first."""
        counts: dict[str, int] = defaultdict(int)
        for page in self.tracks_by_artist[artist]:
            for tag in self.tags_of_track(page):
                counts[tag] += 1
        return tuple(sorted(counts, key=lambda tag: (-counts[tag], tag)))

    def similar_to(self, artist: str) -> list[str]:
        """Other artists, always the same."""
        others = [key for key in self.artists.values() if key != artist]
        return sorted(others, key=lambda key: digest("similar", artist, key))
