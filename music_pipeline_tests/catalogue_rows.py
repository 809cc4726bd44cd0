"""A small catalogue written row by row, under ids of its own each time: one artist, releases, tracks, a producer."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

import sqlalchemy as sa

SPOTIFY_ID = "1dfeR4HaWDbWqFHLkxsg1d"


@dataclass(frozen=True)
class SmallCatalogue:
    """The ids that one writing of it got; tracks and credits in the order of `titles`."""

    artist_id: UUID
    release_id: UUID
    track_ids: dict[str, UUID]
    credit_ids: dict[str, UUID]


def write_small_catalogue(
    engine: sa.Engine, titles: Sequence[str] = ("Sinnerman", "Lilac Wine", "Feeling Good"), producer: str = "Hal Mooney"
) -> SmallCatalogue:
    """Write a release of Nina Simone with tracks of these titles, each produced by `producer`, in the order given."""
    artist_id, release_id, producer_id = uuid4(), uuid4(), uuid4()
    tracks = {title: uuid4() for title in titles}
    credits = {title: uuid4() for title in titles}
    with engine.begin() as connection:

        def write(statement: str, **values: object) -> None:
            connection.execute(sa.text(statement), values)

        write(
            "INSERT INTO artists (artist_id, artist_key, name, name_normalised, content_hash)"
            " VALUES (:id, 'nina-simone', 'Nina Simone', 'nina simone', 'h')",
            id=artist_id,
        )
        write(
            "INSERT INTO releases (release_id, title, title_normalised, release_type, total_tracks, content_hash)"
            " VALUES (:id, 'Wild Is the Wind', 'wild is the wind', 'album', 3, 'h')",
            id=release_id,
        )
        write(
            "INSERT INTO artist_releases (artist_id, release_id, credited_as, content_hash)"
            " VALUES (:artist, :release, 'Nina Simone', 'h')",
            artist=artist_id,
            release=release_id,
        )
        write(
            "INSERT INTO producers (producer_id, name, name_normalised, kind, content_hash)"
            " VALUES (:id, :name, lower(:name), 'person', 'h')",
            id=producer_id,
            name=producer,
        )
        for entity, provider, outside, inside in (
            ("artist", "spotify", SPOTIFY_ID, artist_id),
            ("release", "spotify", "release-1", release_id),
            ("producer", "discogs", "p1", producer_id),
        ):
            write(
                "INSERT INTO external_ids (entity, provider, id, entity_id, source, confidence)"
                " VALUES (:entity, :provider, :outside, :inside, :provider, 1)",
                entity=entity,
                provider=provider,
                outside=outside,
                inside=inside,
            )
        for title in titles:
            recording_id = uuid4()
            write(
                "INSERT INTO recordings (recording_id, title, title_normalised, artist_names, duration_ms,"
                " content_hash) VALUES (:id, :title, lower(:title), ARRAY['Nina Simone'], 200000, 'h')",
                id=recording_id,
                title=title,
            )
            write(
                "INSERT INTO tracks (track_id, release_id, recording_id, disc_number, position, title, content_hash)"
                " VALUES (:id, :release, :recording, 1, :position, :title, 'h')",
                id=tracks[title],
                release=release_id,
                recording=recording_id,
                position=sorted(titles).index(title) + 1,
                title=title,
            )
            write(
                "INSERT INTO credits (credit_id, recording_id, producer_id, role, role_class, credited_as, confidence,"
                " content_hash) VALUES (:id, :recording, :producer, 'Producer', 'producer', :name, 0.9, 'h')",
                id=credits[title],
                recording=recording_id,
                producer=producer_id,
                name=producer,
            )
            write(
                "INSERT INTO credit_sources (credit_id, provider, level, provider_entity, provider_id, role,"
                " credited_as, match_confidence, field_confidence)"
                " VALUES (:id, 'discogs', 'release', 'release', 'd1', 'Producer', :name, 0.9, 1)",
                id=credits[title],
                name=producer,
            )
    return SmallCatalogue(artist_id, release_id, tracks, credits)
