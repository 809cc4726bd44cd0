"""What a perfect client would find, and the fewest requests it would need. Tests and figures compare with it.

This module lists the served production credits and computes the bound of requests. Both read the same decisions as the
providers, and nothing of the pipeline.
"""

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from music_pipeline.sandbox.http import Json
from music_pipeline.sandbox.indexes.musicbrainz_knowledge import Knowledge
from music_pipeline.sandbox.providers.context import Site
from music_pipeline.sandbox.providers.musicbrainz import cut_at_tracks
from music_pipeline.sandbox.world.coverage import covered
from music_pipeline.sandbox.world.credits_served import ADDITIONAL_DETAILS, Relation
from music_pipeline.sandbox.world.model import WorldRelease, WorldTrack
from music_pipeline.sandbox.world.roles import RolePart, expand_range, production_parts
from music_pipeline.sandbox.world.text import fold

SEARCH_PAGE = 10
ALBUM_PAGE = 10
DEEPEST_SEARCH = 1_010
ARTISTS_A_CALL = 50
RELEASES_A_PAGE = 100
SONGS_A_PAGE = 50
CLASSES = {"": "producer", "co": "co", "additional": "additional", "executive": "executive",
           "compilation": "compilation", "reissue": "reissue"}  # fmt: skip


class UnknownArtistError(LookupError):
    """The catalogue has no artist of this name or id."""


@dataclass(frozen=True, slots=True)
class ExpectedCredit:
    """A production credit of a recording, as one provider serves it with one of its tracks."""

    track: str
    recording: str
    artist: str
    credited_as: str
    role: str
    role_class: str
    level: str
    source: str


@dataclass(slots=True)
class CreditRow:
    """A production credit of a track, with its sources. `direct`: served with this very track."""

    track: WorldTrack
    artist: str
    role_class: str
    role: str
    credited_as: str
    level: str
    direct: bool = False
    sources: dict[str, str] = field(default_factory=dict)  # with the role that each gives


class CatalogTruth:
    """Answers about artists of the catalogue, by name or Spotify id."""

    def __init__(self, site: Site, knowledge: Knowledge) -> None:
        self.site = site
        self.world = site.world
        self.knowledge = knowledge
        self.served = site.served

    def artists(self) -> list[Json]:
        """The artists of the catalogue, in its order."""
        chosen = [self.world.artists[key] for key in self.world.listed]
        return [{"name": artist.name, "spotify_id": artist.spotify_id} for artist in chosen]

    def find_artists(self, named: Iterable[str]) -> list[str]:
        """The keys of artists, each once. Raises UnknownArtistError; namesakes all count."""
        by_id = {self.world.artists[key].spotify_id: [key] for key in self.world.listed}
        by_name: dict[str, list[str]] = defaultdict(list)
        for key in self.world.listed:
            by_name[fold(self.world.artists[key].name)].append(key)
        found: dict[str, None] = {}
        for name in named:
            keys = by_id.get(name) or by_name.get(fold(name))
            if not keys:
                raise UnknownArtistError(f"no artist {name!r} in the catalogue")
            found.update(dict.fromkeys(keys))
        return list(found)

    def releases_of(self, artist: str) -> list[WorldRelease]:
        """The releases in the artist's list at Spotify."""
        releases = [self.world.releases[key] for key in self.world.releases_of.get(artist, ())]
        return [release for release in releases if release.tracks]

    def served_credits(self, artists: Iterable[str]) -> list[ExpectedCredit]:
        """What MusicBrainz and Discogs serve with the artists' releases."""
        releases = {release.key: release for artist in artists for release in self.releases_of(artist)}
        found: list[ExpectedCredit] = []
        for release in releases.values():
            if release.key in self.knowledge.releases:
                found += self._musicbrainz_credits(release)
            if release.key in self.served.coverage.discogs_releases:
                found += self._discogs_credits(release)
        return found

    def _musicbrainz_credits(self, release: WorldRelease) -> Iterable[ExpectedCredit]:
        wide = self.served.release_relations.get(release.key, ())
        for track in release.tracks:
            for relation in wide:
                yield _from_relation(track, relation, "release")
            for relation in self.served.recording_relations.get(track.recording, ()):
                yield _from_relation(track, relation, "track")

    def _discogs_credits(self, release: WorldRelease) -> Iterable[ExpectedCredit]:
        positions = [track.position for track in release.tracks]
        for credit in self.served.discogs_release_credits[release.key]:
            for part in production_parts(credit.role):
                for index in expand_range(credit.tracks, positions):
                    yield _from_role(release.tracks[index], credit.artist, credit.credited_as, part, "release")
        for track in release.tracks:
            for credit in self.served.discogs_track_credits[track.key]:
                for part in production_parts(credit.role):
                    yield _from_role(track, credit.artist, credit.credited_as, part, "track")

    def _genius_credits(self, track: WorldTrack) -> Iterable[ExpectedCredit]:
        for credit in self.served.genius_credits.get(track.recording, ()):
            for part in production_parts(credit.label or "Producer"):
                yield ExpectedCredit(
                    track.key, track.recording, credit.artist, "", part.text, role_class(part), "track", "genius"
                )

    def credits(self, artists: list[str]) -> list[Json]:
        """Every production credit of every track of the artists' releases, one row each."""
        by_recording: dict[str, list[ExpectedCredit]] = defaultdict(list)
        for served in self.served_credits(artists):
            by_recording[served.recording].append(served)
        rows: list[Json] = []
        done: set[str] = set()
        for artist in artists:
            for release in self.releases_of(artist):
                if release.key not in done:
                    done.add(release.key)
                    rows += self._release_rows(artist, release, by_recording)
        return rows

    def _release_rows(
        self, artist: str, release: WorldRelease, by_recording: dict[str, list[ExpectedCredit]]
    ) -> list[Json]:
        rows: list[Json] = []
        for track in release.tracks:
            known = by_recording.get(track.recording) or list(self._genius_credits(track))
            rows += [self._row(artist, release, row) for row in _merge(track, known)]
        return rows

    def _row(self, artist: str, release: WorldRelease, row: CreditRow) -> Json:
        producer = self.world.artists[row.artist]
        ids = {"musicbrainz": producer.mbid, "discogs": producer.discogs_id, "genius": producer.genius_id}
        return {
            "artist": self.world.artists[artist].name,
            "artist_spotify_id": self.world.artists[artist].spotify_id,
            "release": release.title,
            "release_spotify_id": release.spotify_id,
            "track": row.track.title,
            "track_spotify_id": row.track.spotify_id,
            "disc": row.track.disc,
            "position": row.track.number,
            "producer": producer.name,
            "credited_as": row.credited_as or producer.name,
            "role": row.role,
            "role_class": row.role_class,
            "level": row.level,
            "direct": row.direct,
            "sources": list(row.sources),
            "roles": row.sources,
            "provider_ids": {source: ids[source] for source in row.sources},
        }

    def bound(self, artists: list[str]) -> Json:
        """The fewest requests of a client that takes every answer once and misses nothing."""
        seen: set[str] = set()
        credited = {served.recording for served in self.served_credits(artists)}
        rows = [self._bound_of_artist(artist, seen, credited) for artist in artists]
        totals = {name: sum(row[name] for row in rows) for name in ("spotify", "musicbrainz", "discogs", "genius")}
        totals["musicbrainz"] += math.ceil(len(artists) / ARTISTS_A_CALL)
        tracks = {track.key: track for artist in artists for each in self.releases_of(artist) for track in each.tracks}
        without = sum(track.recording not in credited for track in tracks.values())
        return {
            "providers": totals,
            "total": totals["spotify"] + totals["musicbrainz"] + totals["discogs"],
            "tracks": len(tracks),
            "releases": len({track.release for track in tracks.values()}),
            "tracks_without_producer": without,
            "artists": rows,
        }

    def _bound_of_artist(self, artist: str, seen: set[str], credited: set[str]) -> dict[str, Any]:
        releases = self.releases_of(artist)
        fresh = [release for release in releases if release.key not in seen]
        seen.update(release.key for release in fresh)
        return {
            "name": self.world.artists[artist].name,
            "spotify_id": self.world.artists[artist].spotify_id,
            "spotify": spotify_bound(releases),
            "musicbrainz": self._musicbrainz_bound(artist),
            "discogs": self._discogs_bound(releases, fresh),
            "genius": self._genius_bound(artist, fresh, credited),
        }

    def _musicbrainz_bound(self, artist: str) -> int:
        by_name = 0 if artist in self.knowledge.spotify_artists else 1
        if artist not in self.knowledge.people:
            return by_name
        keys = self.knowledge.releases_of(artist)
        return by_name + release_pages([len(self.world.releases[key].tracks) for key in keys])

    def _discogs_bound(self, releases: list[WorldRelease], fresh: list[WorldRelease]) -> int:
        unlinked = any(release.key not in self.knowledge.discogs_releases for release in releases)
        return sum(release.key in self.served.coverage.discogs_releases for release in fresh) + unlinked

    def _genius_bound(self, artist: str, fresh: list[WorldRelease], credited: set[str]) -> int:
        missing = {track.recording for release in fresh for track in release.tracks} - credited
        if not missing:
            return 0
        known = self.served.coverage.genius_songs
        songs = sum(any(credit.artist == artist for credit in self.world.recordings[key].artists) for key in known)
        return 1 + math.ceil(songs / SONGS_A_PAGE) + len(missing & known)


def spotify_bound(releases: list[WorldRelease]) -> int:
    """The requests for an artist: tracks by search, albums, and what the search withholds."""
    tracks = [len(release.tracks) for release in releases]
    if sum(tracks) > DEEPEST_SEARCH:
        searches = sum(math.ceil(count / SEARCH_PAGE) for count in tracks)
    else:
        searches = max(1, math.ceil(sum(tracks) / SEARCH_PAGE))
    repairs = 0
    for release in releases:
        withheld = [track for track in release.tracks if not covered("spotify search", track.key)]
        lost = sum(not covered("spotify album search", track.key) for track in withheld)
        repairs += bool(withheld) + lost
    return searches + max(1, math.ceil(len(releases) / ALBUM_PAGE)) + repairs


def release_pages(tracks: list[int]) -> int:
    """How many pages of at most 100 releases and 500 tracks a browse takes, at least one."""
    pages = 0
    place = 0
    while place < len(tracks):
        page = [(str(index), count) for index, count in enumerate(tracks[place : place + RELEASES_A_PAGE])]
        place += len(cut_at_tracks(page))
        pages += 1
    return max(1, pages)


def role_class(part: RolePart) -> str:
    """The class of a production credit by its prefix, or by `additional` in its brackets."""
    prefix = part.head.removesuffix("producer").removesuffix("produced by").strip()
    details = " ".join(part.details).casefold()
    if not prefix and any(word in details for word in ADDITIONAL_DETAILS):
        return "additional"
    if not prefix and "assist" in details:
        return "other"
    return CLASSES.get(prefix, "other")


def _from_relation(track: WorldTrack, relation: Relation, level: str) -> ExpectedCredit:
    part = production_parts(relation.role)[0]
    return ExpectedCredit(
        track.key,
        track.recording,
        relation.artist,
        relation.credited_as,
        relation.role,
        role_class(part),
        level,
        "musicbrainz",
    )


def _from_role(track: WorldTrack, artist: str, credited_as: str, part: RolePart, level: str) -> ExpectedCredit:
    return ExpectedCredit(
        track.key, track.recording, artist, credited_as, part.text, role_class(part), level, "discogs"
    )


def _merge(track: WorldTrack, served: list[ExpectedCredit]) -> list[CreditRow]:
    """Merge the sources' credits of a track by producer and class.

    Track level outranks release level.
    """
    rows: dict[tuple[str, str], CreditRow] = {}
    for credit in served:
        key = (credit.artist, credit.role_class)
        row = rows.setdefault(
            key, CreditRow(track, credit.artist, credit.role_class, credit.role, credit.credited_as, credit.level)
        )
        row.sources.setdefault(credit.source, credit.role)
        row.direct = row.direct or credit.track == track.key
        row.credited_as = row.credited_as or credit.credited_as
        row.level = "track" if "track" in {row.level, credit.level} else "release"
    return list(rows.values())
