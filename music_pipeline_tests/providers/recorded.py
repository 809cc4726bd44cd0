"""Recorded answers of the providers, and which parser each is for. The data lies outside the project."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from music_pipeline.providers import discogs, genius, musicbrainz_answers, spotify, spotify_playlists

Parser = Callable[[object], Any]

# The first pattern that a file's name begins with decides; an answer that states an error has no parser.
PARSERS: dict[str, list[tuple[str, Parser | None]]] = {
    "spotify": [
        ("artist_albums", spotify.parse_artist_albums),
        ("artist", spotify.parse_artist),
        ("album_tracks", spotify.parse_album_tracks),
        ("get_album", spotify.parse_album),
        ("search", spotify.parse_search),
        ("top_tracks", spotify.parse_tracks),
        ("playlist_items", spotify_playlists.parse_playlist_items),
        ("playlist_update_items", spotify_playlists.parse_snapshot_id),
        ("playlist_not_found", None),
        ("playlist", spotify_playlists.parse_playlist),
        ("new_playlist", spotify_playlists.parse_playlist),
        ("audio_features", spotify_playlists.parse_audio_features),
        ("rate_limit", None),
        ("auth-invalid-client", None),
        ("token", None),
    ],
    "musicbrainz": [
        ("artist", musicbrainz_answers.parse_artist),
        ("recording", musicbrainz_answers.parse_recording),
        ("release", musicbrainz_answers.parse_release),
        ("official_release", musicbrainz_answers.parse_release),
    ],
    "discogs": [
        ("artists", discogs.parse_artist),
        ("masters", discogs.parse_master),
        ("releases", discogs.parse_release),
        ("search", discogs.parse_search),
    ],
    "genius": [("search", genius.parse_search), ("song", genius.parse_song)],
}


def parser_for(file: Path) -> Parser | None:
    """The parser of a recording; None for an error or a token. Raises LookupError for one that nobody named."""
    for beginning, parser in PARSERS[file.parent.name]:
        if file.name.startswith(beginning):
            return parser
    raise LookupError(f"No parser is named for {file}")


def recordings(folder: Path) -> list[Path]:
    """Every recording of the four providers."""
    return [file for provider in PARSERS for file in sorted((folder / "recordings" / provider).glob("*.json"))]


def payload(folder: Path, name: str) -> Any:
    """The JSON of a recording, as `provider/name`."""
    return json.loads((folder / "recordings" / f"{name}.json").read_bytes())
