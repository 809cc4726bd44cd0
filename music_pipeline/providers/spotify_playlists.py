"""What Spotify's answers about playlists and audio features say; the catalogue itself is in `spotify`.

https://developer.spotify.com/documentation/web-api/reference/get-playlists-items
"""

from dataclasses import dataclass
from typing import Any

from music_pipeline.providers.records import Page
from music_pipeline.providers.spotify import SpotifyTrack, page_of, parse_track, read

AUDIO_FEATURES = (
    "acousticness", "danceability", "energy", "instrumentalness", "liveness", "loudness",
    "speechiness", "tempo", "valence", "key", "mode", "time_signature",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SpotifyPlaylist:
    """A playlist; `items` is None unless the asker owns it or collaborates. `snapshot_id` changes with every write."""

    id: str
    name: str | None
    description: str | None
    public: bool | None
    snapshot_id: str | None
    items: Page[SpotifyTrack] | None


@dataclass(frozen=True, slots=True)
class SpotifyAudioFeatures:
    """The twelve audio features of a track, by Spotify's names and in its units (`tempo` in beats a minute,
    `loudness` in dB).
    """

    track_id: str
    values: dict[str, float | None]


def parse_playlist(payload: object) -> SpotifyPlaylist | None:
    """A playlist; None where the answer holds no id. Raises UnreadableAnswer."""
    found = read.optional_mapping(payload, "playlist")
    playlist_id = read.id(found.get("id"), "playlist.id")
    if playlist_id is None:
        return None
    items = found.get("items") or found.get("tracks")
    return SpotifyPlaylist(
        id=playlist_id,
        name=read.text(found.get("name"), "playlist.name"),
        description=read.text(found.get("description"), "playlist.description"),
        public=read.flag(found.get("public"), "playlist.public"),
        snapshot_id=parse_snapshot_id(found),
        items=parse_playlist_items(items) if items is not None else None,
    )


def parse_playlist_items(payload: object) -> Page[SpotifyTrack]:
    """A page of a playlist's tracks; episodes, local files and entries that became null are counted as nulls."""
    return page_of(payload, _entry, "playlist.items")


def _entry(value: object) -> SpotifyTrack | None:
    entry = read.optional_mapping(value, "playlist entry")
    # Entries are called `item` since 2026-02; before, and meanwhile beside it, `track`.
    return parse_track(entry.get("item") or entry.get("track"))


def parse_snapshot_id(payload: object) -> str | None:
    """The snapshot that a playlist, or a write to it, names. Raises UnreadableAnswer."""
    return read.text(read.mapping(payload, "playlist").get("snapshot_id"), "playlist.snapshot_id")


def parse_audio_features(payload: object) -> SpotifyAudioFeatures | None:
    """A track's audio features; None where the answer holds no id. Raises UnreadableAnswer."""
    found = read.optional_mapping(payload, "audio features")
    track_id = read.id(found.get("id"), "audio features.id")
    if track_id is None:
        return None
    return SpotifyAudioFeatures(track_id=track_id, values={name: _number(found, name) for name in AUDIO_FEATURES})


def _number(found: dict[str, Any], name: str) -> float | None:
    return read.number(found.get(name), f"audio features.{name}")
