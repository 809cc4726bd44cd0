"""Read a world from a file of Discogs releases, one JSON object a line (the field names of Discogs's dumps).

Roles, ranges, name variations and positions are taken verbatim. Recordings are derived: equal artist, title and
printed duration are one recording.
"""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from music_pipeline.sandbox.world import builders, hashing
from music_pipeline.sandbox.world.decoys import add_decoys
from music_pipeline.sandbox.world.model import (
    ArtistCredit,
    Format,
    Heading,
    Label,
    World,
    WorldArtist,
    WorldCredit,
    WorldRecording,
    WorldRelease,
    WorldTrack,
    build_world,
)
from music_pipeline.sandbox.world.text import fold

Row = dict[str, Any]


def read_discogs_file(path: Path) -> World:
    """Read the file. Raises ValueError, naming the line, for a line that is no release."""
    rows = [_parse_line(line, number) for number, line in enumerate(path.open(encoding="utf-8"), 1) if line.strip()]
    numbers = builders.Numbers()
    artists = _artists(numbers, rows)
    recordings: dict[str, WorldRecording] = {}
    releases = [_release(numbers, row, recordings) for row in rows]
    listed = list(dict.fromkeys(release.artists[0].artist for release in releases))
    listed = [key for key in listed if not artists[key].special]
    decoys = add_decoys(numbers, [artists[key] for key in listed])
    return build_world(
        [*artists.values(), *decoys.artists],
        [*releases, *decoys.releases],
        [*recordings.values(), *decoys.recordings],
        listed,
    )


def _parse_line(line: str, number: int) -> Row:
    try:
        row: Row = json.loads(line)
        if row["artists"] and row["tracklist"] is not None and int(row["id"]):
            return row
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"line {number} of the catalogue is no Discogs release: {error!r}") from error
    raise ValueError(f"line {number} of the catalogue is no Discogs release: it has no artist")


def artist_key(row: Row) -> str:
    """The key of an artist of the file: the id, or the name if the id is 0."""
    return f"discogs:{row['id']}" if row["id"] else f"name:{row['name']}"


def _named_rows(row: Row) -> list[Row]:
    everyone: list[Row] = [*row["artists"], *row["extraartists"]]
    for track in row["tracklist"]:
        everyone += [*track["artists"], *track["extraartists"]]
    return everyone


def _artists(numbers: builders.Numbers, rows: list[Row]) -> dict[str, WorldArtist]:
    names: dict[str, str] = {}
    ids: dict[str, int] = {}
    aliases: dict[str, set[str]] = defaultdict(set)
    for named in (named for row in rows for named in _named_rows(row)):
        key = artist_key(named)
        names.setdefault(key, named["name"])
        ids.setdefault(key, named["id"])
        aliases[key].update([named["anv"]] if named.get("anv") else [])
    return {
        key: builders.make_artist(numbers, key, name, discogs_id=ids[key], aliases=aliases[key])
        for key, name in names.items()
    }


def _artist_credits(rows: list[Row]) -> tuple[ArtistCredit, ...]:
    return tuple(ArtistCredit(artist_key(row), row.get("anv", ""), row.get("join", "")) for row in rows)


def _credits(rows: list[Row]) -> tuple[WorldCredit, ...]:
    return tuple(WorldCredit(artist_key(row), row["role"], row.get("anv", ""), row.get("tracks", "")) for row in rows)


def _release(numbers: builders.Numbers, row: Row, recordings: dict[str, WorldRecording]) -> WorldRelease:
    key = f"discogs:{row['id']}"
    numbers.claim("discogs release", row["id"])
    formats = tuple(Format(made["name"], made["qty"], tuple(made["descriptions"])) for made in row["formats"])
    rows, headings = _split_headings(row["tracklist"])
    artists = _artist_credits(row["artists"])
    tracks = _tracks(numbers, key, rows, artists, row["released"] or "", recordings)
    barcodes = [value for kind, value in _identifiers(row) if kind == "Barcode" and _digits(value)]
    return WorldRelease(
        key=key,
        title=row["title"],
        kind=builders.kind_of_release(formats, len(tracks)),
        artists=artists,
        date=row["released"] or "",
        country=row["country"] or "",
        labels=tuple(Label(label["id"], label["name"], label["catno"] or "") for label in row["labels"]),
        genres=tuple(row["genres"]),
        styles=tuple(row["styles"]),
        formats=formats,
        identifiers=tuple(_identifiers(row)),
        credits=_credits(row["extraartists"]),
        tracks=tracks,
        headings=headings,
        upc=_digits(barcodes[0]) if barcodes else None,
        spotify_id=hashing.base62_id("album", key),
        mbid=hashing.mbid("release", key),
        release_group_mbid=hashing.mbid("release group", row["master_id"] or key),
        discogs_id=row["id"],
        discogs_master_id=row["master_id"] or None,
    )


def _identifiers(row: Row) -> list[tuple[str, str]]:
    return [(identifier["type"], identifier["value"]) for identifier in row["identifiers"]]


def _digits(barcode: str) -> str:
    return "".join(character for character in barcode if character.isdigit())


def _split_headings(rows: list[Row]) -> tuple[list[Row], tuple[Heading, ...]]:
    """Separate tracks from headings.

    A heading has no position, unless no row of the release has one.
    """
    positioned = any(row["position"].strip() for row in rows)
    tracks: list[Row] = []
    headings: list[Heading] = []
    for row in rows:
        if row["position"].strip() or (not positioned and row["title"]):
            tracks.append(row)
        else:
            headings.append(Heading(len(tracks), row["title"], row["duration"] or "", _credits(row["extraartists"])))
    return tracks, tuple(headings)


def _tracks(
    numbers: builders.Numbers,
    release: str,
    rows: list[Row],
    release_artists: tuple[ArtistCredit, ...],
    date: str,
    recordings: dict[str, WorldRecording],
) -> tuple[WorldTrack, ...]:
    places = builders.discs_and_numbers([row["position"] for row in rows])
    tracks = []
    for index, (row, (disc, number)) in enumerate(zip(rows, places, strict=True)):
        artists = _artist_credits(row["artists"])
        recording = _recording(numbers, f"{release}:{index}", row, artists or release_artists, date, recordings)
        tracks.append(
            WorldTrack(
                key=f"{release}:{index}",
                release=release,
                recording=recording.key,
                title=row["title"],
                position=row["position"],
                disc=disc,
                number=number,
                duration=row["duration"] or "",
                artists=artists,
                credits=_credits(row["extraartists"]),
                spotify_id=hashing.base62_id("track", release, index),
                mbid=hashing.mbid("track", release, index),
            )
        )
    return tuple(tracks)


def _recording(
    numbers: builders.Numbers,
    track_key: str,
    row: Row,
    artists: tuple[ArtistCredit, ...],
    date: str,
    recordings: dict[str, WorldRecording],
) -> WorldRecording:
    performers = ",".join(credit.artist for credit in artists)
    key = f"{performers}|{fold(row['title'])}|{row['duration']}" if row["duration"] else f"track|{track_key}"
    if key not in recordings:
        length = builders.milliseconds(row["duration"] or "", key)
        recordings[key] = builders.make_recording(
            numbers, key, row["title"], artists, year=builders.year_of(date), duration_ms=length
        )
    return recordings[key]
