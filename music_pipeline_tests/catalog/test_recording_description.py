"""The description of a recording does not depend on the order in which its tracks were read."""

from itertools import permutations
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from music_pipeline.catalog.tracks import ReadTrack, TrackList, write_track_lists

ISRC = "USABC2600001"


def read_track(title: str, duration_ms: int) -> ReadTrack:
    return ReadTrack(
        spotify_id=uuid4().hex[:22], disc_number=1, position=1, title=title, artist_names=("Somebody",),
        duration_ms=duration_ms, explicit=False, isrc=ISRC,
    )  # fmt: skip


RELEASES = {
    "2001-05": read_track("The Song", 200_000),
    "2003": read_track("The Song (Album Version)", 201_000),
    "2009-01-01": read_track("The Song", 199_000),
}


@pytest.fixture
def artist_id(engine: sa.Engine) -> UUID:
    with engine.begin() as connection:
        found: UUID = connection.execute(
            sa.text(
                "INSERT INTO artists (artist_key, name, name_normalised, content_hash) "
                "VALUES ('somebody', 'Somebody', 'somebody', 'h') RETURNING artist_id"
            )
        ).scalar_one()
    return found


def written_release(connection: sa.Connection, artist_id: UUID, released: str) -> UUID:
    statement = (
        "WITH release AS (INSERT INTO releases (title, title_normalised, release_type, release_date, total_tracks, "
        "content_hash) VALUES ('R', 'r', 'single', :released, 1, 'h') RETURNING release_id) "
        "INSERT INTO artist_releases (artist_id, release_id, credited_as, content_hash) "
        "SELECT :artist_id, release_id, 'Somebody', 'h' FROM release RETURNING release_id"
    )
    values = {"artist_id": artist_id, "released": released}
    found: UUID = connection.execute(sa.text(statement), values).scalar_one()
    return found


@pytest.mark.parametrize("order", list(permutations(RELEASES)), ids=" then ".join)
def test_earliest_release_describes_the_recording(engine: sa.Engine, artist_id: UUID, order: tuple[str, ...]) -> None:
    for released in order:
        with engine.begin() as connection:
            release_id = written_release(connection, artist_id, released)
            write_track_lists(connection, artist_id, [TrackList(release_id, (RELEASES[released],), complete=True)])
    with engine.connect() as connection:
        described = connection.execute(sa.text("SELECT title, duration_ms FROM recordings")).all()
    assert [tuple(row) for row in described] == [("The Song", 200_000)]
