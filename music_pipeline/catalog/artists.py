"""The artists of the catalogue: rows, keys and provider ids.

`matching/artists` decides whom a name means.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa

from music_pipeline.catalog.artist_keys import artist_key
from music_pipeline.catalog.external_ids import external_id_row, lock_identity
from music_pipeline.database.queries import query
from music_pipeline.database.rows import content_hash, write_rows
from music_pipeline.database.uuid7 import new_id
from music_pipeline.matching.names import normalise_name


@dataclass(frozen=True, slots=True)
class Artist:
    """An artist of the catalogue. `spotify_id`: None if Spotify's id was removed."""

    artist_id: UUID
    artist_key: str
    name: str
    spotify_id: str | None


def write_artist(connection: sa.Connection, name: str, spotify_id: str) -> Artist:
    """Write the artist of a Spotify id: a known one with its present name, or a new one with its own key."""
    lock_identity(connection)
    known = connection.execute(query("artist_of_external_id"), {"provider": "spotify", "id": spotify_id}).one_or_none()
    artist_id = known.artist_id if known else new_id()
    key = known.artist_key if known else _new_key(connection, name, spotify_id)
    normalised = normalise_name(name)
    connection.execute(
        query("write_artist"),
        {
            "artist_id": artist_id,
            "artist_key": key,
            "name": name,
            "name_normalised": normalised,
            "content_hash": content_hash(name, normalised),
        },
    )
    id_row = external_id_row("artist", artist_id, "spotify", spotify_id, source="spotify", confidence=1.0)
    write_rows(connection, "write_external_ids", [id_row])
    return Artist(artist_id, key, name, spotify_id)


def _new_key(connection: sa.Connection, name: str, spotify_id: str) -> str:
    stem = artist_key(name, frozenset(), spotify_id)
    taken = connection.execute(query("taken_artist_keys"), {"stem": stem}).scalars()
    return artist_key(name, frozenset(taken), spotify_id)


def artists_by_key(connection: sa.Connection, keys: Iterable[str]) -> dict[str, Artist]:
    """Artists by requested key.

    A merged key gives the kept artist. Unknown keys are left out.
    """
    rows = connection.execute(query("artists_by_key"), {"keys": list(keys)})
    return {row.asked_key: Artist(row.artist_id, row.artist_key, row.name, row.spotify_id) for row in rows}


def artists_by_id(connection: sa.Connection, artist_ids: Iterable[UUID | str]) -> dict[UUID, Artist]:
    """Artists by our id. Unknown ids are left out."""
    rows = connection.execute(query("artists_by_id"), {"artist_ids": [str(one) for one in artist_ids]})
    return {row.artist_id: Artist(row.artist_id, row.artist_key, row.name, row.spotify_id) for row in rows}
