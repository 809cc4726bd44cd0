"""What each source would answer about each recording, and the fewest requests that ask them all.

Tests and figures compare with this truth of enrichment and of producers' profiles. It reads the same decisions as the
providers, and nothing of the pipeline.
"""

import math
from collections.abc import Iterable
from dataclasses import asdict

from music_pipeline.sandbox.http import Json
from music_pipeline.sandbox.indexes.deezer_catalogue import has_recording, rank
from music_pipeline.sandbox.indexes.lastfm_pages import LastfmPages
from music_pipeline.sandbox.indexes.musicbrainz_knowledge import Knowledge
from music_pipeline.sandbox.providers.context import Site
from music_pipeline.sandbox.world.audio_views import (
    acousticbrainz_sounding,
    deezer_bpm,
    reccobeats_features,
    songbpm_sounding,
    spotify_features,
)
from music_pipeline.sandbox.world.coverage import covered
from music_pipeline.sandbox.world.model import WorldRecording
from music_pipeline.sandbox.world.roles import production_parts
from music_pipeline.sandbox.world.social import profiles_of

RECCOBEATS_BATCH = 40
ACOUSTICBRAINZ_BATCH = 25
SPOTIFY_FEATURES_BATCH = 100


class EnrichmentTruth:
    """Answers about the recordings on the releases of artists, given by key."""

    def __init__(self, site: Site, knowledge: Knowledge) -> None:
        self.site = site
        self.world = site.world
        self.knowledge = knowledge
        self.lastfm = LastfmPages(site.world)

    def recordings_of(self, artists: Iterable[str]) -> dict[str, WorldRecording]:
        """The recordings on the releases that Spotify lists for artists, by key."""
        releases = [self.world.releases[key] for artist in artists for key in self.world.releases_of.get(artist, ())]
        keys = dict.fromkeys(track.recording for release in releases for track in release.tracks)
        return {key: self.world.recordings[key] for key in keys}

    def report(self, artists: list[str]) -> Json:
        """Each recording with its facts and what each source has of it, and the profiles of its producers."""
        recordings = self.recordings_of(artists)
        return {
            "recordings": [self._recording(recording) for recording in recordings.values()],
            "profiles": [self._profiles(key) for key in self._credited(recordings)],
        }

    def _recording(self, recording: WorldRecording) -> Json:
        tracks = self.world.tracks_of_recording[recording.key]
        return {
            "title": recording.title,
            "artists": [self.world.artists[credit.artist].name for credit in recording.artists],
            "isrc": recording.isrc,
            "mbid": recording.mbid,
            "spotify_ids": [track.spotify_id for track in tracks],
            "facts": spotify_features(recording),
            "sources": self.sources_of(recording),
        }

    def sources_of(self, recording: WorldRecording) -> Json:
        """The fields that each source has of a recording; a source that does not know it is missing."""
        found = {
            "spotify": {"isrc": recording.isrc, "duration_ms": recording.duration_ms},
            "spotify_audio_features": spotify_features(recording) if self.site.spotify_mode == "extended" else None,
            "musicbrainz": self._musicbrainz(recording),
            "discogs": self._discogs(recording),
            "lastfm": self._lastfm(recording),
            "deezer": self._deezer(recording),
            "reccobeats": self._reccobeats(recording),
            "acousticbrainz": self._acousticbrainz(recording),
            "getsongbpm": self._getsongbpm(recording),
        }
        return {source: fields for source, fields in found.items() if fields is not None}

    def _musicbrainz(self, recording: WorldRecording) -> Json | None:
        if recording.mbid not in self.knowledge.recordings:
            return None
        return {"mbid": recording.mbid, "isrc": recording.isrc}

    def _discogs(self, recording: WorldRecording) -> Json | None:
        known = self.site.served.coverage.discogs_releases
        releases = [self.world.releases[key] for key in self.world.releases_with(recording.key) if key in known]
        return {"release_ids": [release.discogs_id for release in releases]} if releases else None

    def _lastfm(self, recording: WorldRecording) -> Json | None:
        page = self.lastfm.tracks.get(self.lastfm.key_of(recording))
        if page is None:
            return None
        tags = list(self.lastfm.tags_of_track(page))
        return {"listeners": page.listeners, "playcount": page.plays, "tags": tags, "mbid": page.mbid}

    @staticmethod
    def _deezer(recording: WorldRecording) -> Json | None:
        """What Deezer has. `by_isrc`: whether the ISRC finds it; if not, an album or a search does."""
        if not has_recording(recording.key):
            return None
        bpm = deezer_bpm(recording) or None
        return {"bpm": bpm, "rank": rank(recording), "by_isrc": recording.isrc is not None}

    def _reccobeats(self, recording: WorldRecording) -> Json | None:
        """Features by Spotify id: ReccoBeats may know one track of a recording and not another."""
        tracks = self.world.tracks_of_recording[recording.key]
        found = {track.spotify_id: reccobeats_features(track, recording) for track in tracks}
        return {identity: features for identity, features in found.items() if features} or None

    def _acousticbrainz(self, recording: WorldRecording) -> Json | None:
        sounding = acousticbrainz_sounding(recording) if recording.mbid in self.knowledge.recordings else None
        return asdict(sounding) if sounding else None

    @staticmethod
    def _getsongbpm(recording: WorldRecording) -> Json | None:
        sounding = songbpm_sounding(recording)
        if sounding is None:
            return None
        return asdict(sounding) | {"by_both": covered("getsongbpm found by both", recording.key)}

    def _credited(self, recordings: dict[str, WorldRecording]) -> list[str]:
        """The keys of the people whom any provider credits with producing one of the recordings."""
        served = self.site.served
        found: dict[str, None] = {}
        for key in recordings:
            found.update(dict.fromkeys(each.artist for each in served.recording_relations.get(key, ())))
            found.update(dict.fromkeys(each.artist for each in served.genius_credits.get(key, ())))
        for release in dict.fromkeys(release for key in recordings for release in self.world.releases_with(key)):
            found.update(dict.fromkeys(each.artist for each in served.release_relations.get(release, ())))
            found.update(dict.fromkeys(self._credited_at_discogs(release)))
        return list(found)

    def _credited_at_discogs(self, release: str) -> list[str]:
        served = self.site.served
        credits = [
            *served.discogs_release_credits.get(release, ()),
            *(
                credit
                for track in self.world.releases[release].tracks
                for credit in served.discogs_track_credits.get(track.key, ())
            ),
        ]
        return [credit.artist for credit in credits if production_parts(credit.role)]

    def _profiles(self, key: str) -> Json:
        artist = self.world.artists[key]
        profiles = profiles_of(artist)
        names = {"facebook": profiles.facebook, "instagram": profiles.instagram, "twitter": profiles.twitter}
        return {
            "name": artist.name,
            "mbid": artist.mbid,
            "discogs_id": artist.discogs_id,
            "genius_id": artist.genius_id,
            "musicbrainz": self.knowledge.social_links.get(key, {}),
            "discogs": list(profiles.urls().values()) if covered("discogs urls", key) else [],
            "genius": names if covered("genius social links", key) else {},
            "instagram_professional": bool(profiles.instagram) and covered("instagram professional", key),
        }

    def bound(self, artists: list[str]) -> Json:
        """The fewest requests of a client that fills its batches and asks no slow source for what it knows.

        Deezer is asked by ISRC, and only for recordings that have one. Those without are counted apart.
        """
        recordings = self.recordings_of(artists)
        with_mbid = sum(recording.mbid in self.knowledge.recordings for recording in recordings.values())
        with_isrc = sum(recording.isrc is not None for recording in recordings.values())
        extended = self.site.spotify_mode == "extended"
        providers = {
            "spotify": math.ceil(len(recordings) / SPOTIFY_FEATURES_BATCH) if extended else 0,
            "lastfm": len(recordings),
            "deezer": with_isrc,
            "reccobeats": math.ceil(len(recordings) / RECCOBEATS_BATCH),
            "acousticbrainz": math.ceil(with_mbid / ACOUSTICBRAINZ_BATCH),
            "getsongbpm": sum(not self._is_measured(recording) for recording in recordings.values()),
        }
        return {
            "providers": providers,
            "total": sum(providers.values()),
            "recordings": len(recordings),
            "recordings_without_isrc": len(recordings) - with_isrc,
        }

    def _is_measured(self, recording: WorldRecording) -> bool:
        """Whether tempo and key are known from the sources that take batches."""
        if self.site.spotify_mode == "extended" or self._acousticbrainz(recording) is not None:
            return True
        found = self._reccobeats(recording) or {}
        return any(features["tempo"] and features["key"] >= 0 for features in found.values())
