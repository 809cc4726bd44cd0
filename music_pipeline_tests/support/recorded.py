"""Recorded answers of the providers, and which parser each is for. The data lies outside the project."""

import functools
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from music_pipeline.providers import (
    acousticbrainz,
    deezer,
    discogs,
    genius,
    instagram,
    lastfm,
    musicbrainz_records,
    spotify,
    spotify_playlists,
)

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
        ("audio_features", spotify.parse_audio_features),
        ("rate_limit", None),
        ("auth-invalid-client", None),
        ("token", None),
    ],
    "musicbrainz": [
        ("artist", musicbrainz_records.parse_artist),
        ("recording", musicbrainz_records.parse_recording),
        ("release", musicbrainz_records.parse_release),
        ("official_release", musicbrainz_records.parse_release),
    ],
    "discogs": [
        ("artists", discogs.parse_artist),
        ("masters", discogs.parse_master),
        ("releases", discogs.parse_release),
        ("search", discogs.parse_search),
    ],
    "genius": [("search", genius.parse_search), ("song", genius.parse_song), ("artist", genius.parse_artist)],
    "lastfm": [
        ("artist.getInfo", lastfm.parse_artist),
        ("artist.getTopTags", lastfm.parse_tags),
        ("artist.getSimilar", lastfm.parse_similar_artists),
        ("track.getInfo", lastfm.parse_track),
        ("track.getTopTags", lastfm.parse_tags),
        ("track.search", lastfm.parse_track_search),
    ],
    "acousticbrainz": [
        ("highlevel", acousticbrainz.parse_judgements),
        ("lowlevel", acousticbrainz.parse_low_level),
    ],
    "instagram": [("business_discovery", instagram.parse_business), ("error", None)],
}
# Cassettes, by the path that was asked.
DEEZER_PARSERS: list[tuple[str, Parser]] = [
    (r"/track/[^/]+", deezer.parse_track),
    (r"/album/[^/]+/tracks", deezer.parse_tracks),
    (r"/album/[^/]+", deezer.parse_album),
    (r"/artist/[^/]+/albums", deezer.parse_albums),
    (r"/artist/[^/]+/top", deezer.parse_tracks),
    (r"/artist/[^/]+", deezer.parse_artist),
    (r"/search/artist", deezer.parse_artists),
    (r"/search", deezer.parse_tracks),
]


@dataclass(frozen=True, slots=True)
class Recorded:
    """One recorded answer. `parser`: None for an error or a token. `status`: None where it was not recorded."""

    provider: str
    name: str
    status: int | None
    body: str
    parser: Parser | None

    @property
    def payload(self) -> Any:
        return json.loads(self.body)


@functools.cache
def recordings(folder: Path) -> tuple[Recorded, ...]:
    """Every recording of the providers. Raises LookupError for one whose parser nobody named."""
    plain = (file for provider in PARSERS for file in sorted((folder / "recordings" / provider).glob("*.json")))
    cassettes = sorted((folder / "recordings" / "deezer").glob("*.yaml"))
    return (*map(_recorded, plain), *(each for file in cassettes for each in _of_cassette(file)))


def _recorded(file: Path) -> Recorded:
    body = file.read_text()
    parser = None if _is_error(body) else _parser_for(file)
    return Recorded(file.parent.name, file.stem, None, body, parser)


def _of_cassette(file: Path) -> Iterator[Recorded]:
    for interaction in yaml.load(file.read_text(), yaml.CSafeLoader)["interactions"]:
        address, response = interaction["request"]["uri"], interaction["response"]
        body = response["body"]["string"]
        parser = None if _is_error(body) else _parser_of_path(urlsplit(address).path)
        yield Recorded("deezer", f"{file.stem} {address}", response["status"]["code"], body, parser)


def _is_error(body: str) -> bool:
    return "error" in json.loads(body)


def _parser_for(file: Path) -> Parser | None:
    for beginning, parser in PARSERS[file.parent.name]:
        if file.name.startswith(beginning):
            return parser
    raise LookupError(f"No parser is named for {file}")


def _parser_of_path(path: str) -> Parser:
    for pattern, parser in DEEZER_PARSERS:
        if re.fullmatch(pattern, path):
            return parser
    raise LookupError(f"No parser is named for {path}")


def payload(folder: Path, name: str) -> Any:
    """The JSON of a recording, as `provider/name`."""
    return json.loads((folder / "recordings" / f"{name}.json").read_bytes())


def of_deezer(folder: Path, cassette: str, path: str) -> Any:
    """The JSON that Deezer answered to a path, in a cassette."""
    name = f"{cassette} https://api.deezer.com{path}"
    return next(each.payload for each in recordings(folder) if each.name == name)
