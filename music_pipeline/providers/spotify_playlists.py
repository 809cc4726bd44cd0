"""Records of Spotify's playlists; `spotify` has the catalogue.

https://developer.spotify.com/documentation/web-api/reference/get-playlists-items
"""

from dataclasses import dataclass

from music_pipeline.providers.records import Page
from music_pipeline.providers.spotify import SpotifyTrack, page_of, parse_track, read


@dataclass(frozen=True, slots=True)
class SpotifyPlaylist:
    """A playlist; `items` is None unless the asker owns it or collaborates. `snapshot_id` changes with every write."""

    id: str
    name: str | None
    description: str | None
    public: bool | None
    snapshot_id: str | None
    items: Page[SpotifyTrack] | None


def parse_playlist(payload: object) -> SpotifyPlaylist | None:
    """A playlist; None if the response holds no id. Raises UnreadableAnswer."""
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
