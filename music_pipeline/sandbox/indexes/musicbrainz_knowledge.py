"""MusicBrainz's part of the world: artists, releases and recordings by MBID, and links to other sites."""

from functools import cached_property

from music_pipeline.sandbox.world.coverage import covered
from music_pipeline.sandbox.world.credits_served import Served
from music_pipeline.sandbox.world.model import World, WorldRecording
from music_pipeline.sandbox.world.social import profiles_of


def spotify_url(kind: str, spotify_id: str) -> str:
    """The canonical URL of an artist or album at Spotify."""
    return f"https://open.spotify.com/{kind}/{spotify_id}"


def discogs_url(kind: str, discogs_id: int) -> str:
    """The canonical URL of an artist or release at Discogs."""
    return f"https://www.discogs.com/{kind}/{discogs_id}"


class Knowledge:
    """The indexes over what MusicBrainz knows."""

    def __init__(self, world: World, served: Served) -> None:
        self.world = world
        self.served = served
        self.people = served.musicbrainz_people
        self.releases = served.coverage.musicbrainz_releases
        self.spotify_artists = frozenset(key for key in self.people if self._is_linked_to_spotify(key))
        self.discogs_artists = frozenset(
            key
            for key in self.people
            if world.artists[key].discogs_id and covered("musicbrainz discogs artist link", key)
        )
        self.discogs_releases = frozenset(
            key
            for key in self.releases & served.coverage.discogs_releases
            if covered("musicbrainz discogs release link", key)
        )
        self.spotify_releases = frozenset(
            key
            for key in self.releases
            if world.releases[key].tracks and covered("musicbrainz spotify album link", key)
        )

    def _is_linked_to_spotify(self, key: str) -> bool:
        on_spotify = key in self.world.releases_of or key in self.world.appearances_of
        return on_spotify and not self.world.artists[key].special and covered("musicbrainz spotify artist link", key)

    @cached_property
    def social_links(self) -> dict[str, dict[str, str]]:
        """The artists' addresses elsewhere, by site, for the artists that have any."""
        return {
            key: profiles_of(self.world.artists[key]).urls()
            for key in sorted(self.people)
            if not self.world.artists[key].special and covered("musicbrainz social links", key)
        }

    @cached_property
    def artist_keys(self) -> dict[str, str]:
        """Artists by MBID."""
        return {self.world.artists[key].mbid: key for key in self.world.artists if key in self.people}

    @cached_property
    def release_keys(self) -> dict[str, str]:
        """Releases by MBID, in catalogue order."""
        return {release.mbid: key for key, release in self.world.releases.items() if key in self.releases}

    @cached_property
    def recordings(self) -> dict[str, WorldRecording]:
        """Recordings by MBID, in catalogue order: those of known releases."""
        keys = dict.fromkeys(
            track.recording for key in self.release_keys.values() for track in self.world.releases[key].tracks
        )
        return {self.world.recordings[key].mbid: self.world.recordings[key] for key in keys}

    @cached_property
    def recordings_by_isrc(self) -> dict[str, list[WorldRecording]]:
        """Recordings by ISRC."""
        return {recording.isrc: [recording] for recording in self.recordings.values() if recording.isrc}

    @cached_property
    def recordings_by_artist(self) -> dict[str, list[WorldRecording]]:
        """Recordings by the keys of their artists."""
        found: dict[str, list[WorldRecording]] = {}
        for recording in self.recordings.values():
            for artist in dict.fromkeys(credit.artist for credit in recording.artists):
                found.setdefault(artist, []).append(recording)
        return found

    @cached_property
    def urls(self) -> dict[str, tuple[str, str]]:
        """The entity (`artist`, `release`) and key behind each linked URL."""
        world = self.world
        found = {spotify_url("artist", world.artists[key].spotify_id): ("artist", key) for key in self.spotify_artists}
        found |= {discogs_url("artist", world.artists[key].discogs_id): ("artist", key) for key in self.discogs_artists}
        found |= {
            spotify_url("album", world.releases[key].spotify_id): ("release", key) for key in self.spotify_releases
        }
        found |= {
            discogs_url("release", world.releases[key].discogs_id): ("release", key) for key in self.discogs_releases
        }
        return found | {url: ("artist", key) for key, links in self.social_links.items() for url in links.values()}

    def releases_of(self, artist: str) -> list[str]:
        """The known releases of an artist, the oldest first."""
        return self._ordered(self.world.releases_of.get(artist, []))

    def appearances_of(self, artist: str) -> list[str]:
        """The known releases that have an artist on a track only."""
        return self._ordered(self.world.appearances_of.get(artist, []))

    def _ordered(self, releases: list[str]) -> list[str]:
        known = [key for key in releases if key in self.releases]
        return sorted(known, key=lambda key: (self.world.releases[key].date, self.world.releases[key].mbid))

    def releases_with(self, recording: str) -> list[str]:
        """The known releases that hold a recording."""
        return [key for key in self.world.releases_with(recording) if key in self.releases]
