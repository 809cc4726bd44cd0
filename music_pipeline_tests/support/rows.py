"""A small catalogue written row by row, with new ids each time: one artist, a release, tracks, a producer."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

import sqlalchemy as sa

SPOTIFY_ID = "1dfeR4HaWDbWqFHLkxsg1d"
PRODUCER = "Hal Mooney"
HASH = {"content_hash": "h"}


@dataclass(frozen=True)
class SmallCatalogue:
    """The ids of one such catalogue; those of tracks and credits by title."""

    artist_id: UUID
    release_id: UUID
    track_ids: dict[str, UUID]
    credit_ids: dict[str, UUID]


def write_small_catalogue(
    engine: sa.Engine, titles: Sequence[str] = ("Sinnerman", "Lilac Wine", "Feeling Good")
) -> SmallCatalogue:
    """Write a release of Nina Simone with tracks of these titles in this order, each with its producer."""
    with engine.begin() as connection:
        artist_id, release_id = _artist_with_release(connection)
        producer_id = _producer(connection)
        written = SmallCatalogue(artist_id, release_id, {}, {})
        for title in titles:
            recording_id, track_id = _track(connection, release_id, title, sorted(titles).index(title) + 1)
            written.track_ids[title] = track_id
            written.credit_ids[title] = _credit(connection, recording_id, producer_id)
    return written


def _artist_with_release(connection: sa.Connection) -> tuple[UUID, UUID]:
    artist_id, release_id = uuid4(), uuid4()
    name = {"name": "Nina Simone", "name_normalised": "nina simone"}
    _insert(connection, "artists", artist_id=artist_id, artist_key="nina-simone", **name, **HASH)
    title = {"title": "Wild Is the Wind", "title_normalised": "wild is the wind"}
    _insert(connection, "releases", release_id=release_id, **title, release_type="album", total_tracks=3, **HASH)
    ids = {"artist_id": artist_id, "release_id": release_id}
    _insert(connection, "artist_releases", **ids, credited_as="Nina Simone", **HASH)
    _external_id(connection, "artist", "spotify", SPOTIFY_ID, artist_id)
    _external_id(connection, "release", "spotify", "release-1", release_id)
    return artist_id, release_id


def _producer(connection: sa.Connection) -> UUID:
    producer_id = uuid4()
    name = {"name": PRODUCER, "name_normalised": PRODUCER.lower()}
    _insert(connection, "producers", producer_id=producer_id, **name, kind="person", **HASH)
    _external_id(connection, "producer", "discogs", "p1", producer_id)
    return producer_id


def _track(connection: sa.Connection, release_id: UUID, title: str, position: int) -> tuple[UUID, UUID]:
    recording_id, track_id = uuid4(), uuid4()
    about = {"title": title, "title_normalised": title.lower(), "artist_names": ["Nina Simone"], "duration_ms": 200_000}
    _insert(connection, "recordings", recording_id=recording_id, **about, **HASH)
    place = {"release_id": release_id, "recording_id": recording_id, "disc_number": 1, "position": position}
    _insert(connection, "release_tracks", track_id=track_id, **place, title=title, **HASH)
    return recording_id, track_id


def _credit(connection: sa.Connection, recording_id: UUID, producer_id: UUID) -> UUID:
    credit_id = uuid4()
    said = {"role": "Producer", "credited_as": PRODUCER}
    whose = {"recording_id": recording_id, "producer_id": producer_id, "role_class": "producer"}
    _insert(connection, "credits", credit_id=credit_id, **whose, **said, confidence=0.9, **HASH)
    place = {"provider": "discogs", "level": "release", "provider_entity": "release", "provider_id": "d1"}
    sure = {"match_confidence": 0.9, "field_confidence": 1}
    _insert(connection, "credit_sources", credit_id=credit_id, **place, **said, **sure)
    return credit_id


def _external_id(connection: sa.Connection, entity: str, provider: str, id: str, entity_id: UUID) -> None:
    whose = {"entity": entity, "provider": provider, "id": id, "entity_id": entity_id}
    _insert(connection, "external_ids", **whose, source=provider, confidence=1)


def _insert(connection: sa.Connection, table: str, **values: object) -> None:
    columns, places = ", ".join(values), ", ".join(f":{name}" for name in values)
    connection.execute(sa.text(f"INSERT INTO {table} ({columns}) VALUES ({places})"), values)
