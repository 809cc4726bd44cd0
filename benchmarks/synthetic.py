"""Artists made up from their number, and readers that return them in place of the providers' answers.

Only what is read is made up: ledger, catalogue, audit and runner are the product's. There is no network.
"""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa

from music_pipeline.catalog.artists import Artist, write_artist
from music_pipeline.catalog.credits import CreditSource, FoundCredit, write_credits
from music_pipeline.catalog.producers import Person
from music_pipeline.catalog.releases import ListedRelease, releases_of_artist, write_release_list
from music_pipeline.catalog.tracks import ReadTrack, TrackList, tracks_of_artist, write_track_lists
from music_pipeline.database.rows import version_of
from music_pipeline.work.model import EnqueueRequest, Stage, WorkItem
from music_pipeline.worker import session
from music_pipeline.worker.follow_ups import follow_up
from music_pipeline.worker.outcomes import Status
from music_pipeline.worker.stage import StageContext, StageData, StageFunctions, StageResult, artist_of, per_item

RELEASES = 4
TRACKS = 6
PRODUCERS = 1_000
# One title in this many is shared by artists everywhere.
SHARED_TITLE_EVERY = 200
SHARED_TITLE = "Intro"


def spotify_id(kind: str, number: int) -> str:
    """A made-up id in Spotify's form: 22 letters and digits."""
    return f"{kind}{number:021d}"


def name_of(number: int) -> str:
    """The name of the artist of this number."""
    return f"Synthetic artist {number}"


def number_of(name: str) -> int:
    """The number of the artist of this name."""
    return int(name.rpartition(" ")[2])


def put_synthetic_readers() -> None:
    """Let this process's runner take what it reads from here."""
    functions = {
        Stage.ARTIST_DISCOVERY: StageFunctions(per_item(_read_name), _write_artist),
        Stage.ALBUM_DISCOVERY: StageFunctions(per_item(_read_artist), _write_releases),
        Stage.TRACK_DISCOVERY: StageFunctions(per_item(_read_artist), _write_tracks),
        Stage.PRODUCER_IDENTIFICATION: StageFunctions(per_item(_read_artist), _write_credits),
    }

    def load_stage(stage: Stage) -> StageFunctions:
        return functions[stage]

    session.load_stage = load_stage


async def _read_name(_: StageContext, item: WorkItem) -> StageData[str]:
    return StageData(item.payload["artistName"])


async def _read_artist(context: StageContext, item: WorkItem) -> StageData[Artist]:
    return StageData(await artist_of(context, item))


def _write_artist(connection: sa.Connection, item: WorkItem, name: str) -> StageResult:
    artist = write_artist(connection, name, spotify_id("A", number_of(name)))
    version = version_of(connection, "releases_version", artist.artist_id)
    next_stage = _next(item, Stage.ALBUM_DISCOVERY, artist)
    return StageResult(artist.artist_key, version, Status.CHANGED, artist.name, (next_stage,))


def _next(item: WorkItem, stage: Stage, artist: Artist) -> EnqueueRequest:
    return follow_up(item, stage, artist, window=item.cutoff.isoformat(), fresh=False)


def _write_releases(connection: sa.Connection, item: WorkItem, artist: Artist) -> StageResult:
    before = version_of(connection, "releases_version", artist.artist_id)
    write_release_list(connection, artist.artist_id, _listed(number_of(artist.name)), complete=True)
    after = version_of(connection, "releases_version", artist.artist_id)
    follow_ups = (_next(item, Stage.TRACK_DISCOVERY, artist),)
    return StageResult(artist.artist_key, after, Status.of_change(has_changed=before != after), artist.name, follow_ups)


def _listed(number: int) -> list[ListedRelease]:
    return [
        ListedRelease(
            spotify_id=spotify_id("R", number * RELEASES + place),
            title=f"Release {place} of {number}",
            release_type="album",
            release_date="1999-06-21",
            total_tracks=TRACKS,
            credited_as=name_of(number),
        )
        for place in range(RELEASES)
    ]


def _write_tracks(connection: sa.Connection, item: WorkItem, artist: Artist) -> StageResult:
    before = version_of(connection, "tracks_version", artist.artist_id)
    releases = releases_of_artist(connection, artist.artist_id)
    lists = [
        TrackList(one.release_id, tuple(_tracks(number_of(artist.name), place)), complete=True)
        for place, one in enumerate(sorted(releases, key=lambda one: one.spotify_id))
    ]
    write_track_lists(connection, artist.artist_id, lists)
    after = version_of(connection, "tracks_version", artist.artist_id)
    follow_ups = (_next(item, Stage.PRODUCER_IDENTIFICATION, artist),)
    return StageResult(artist.artist_key, after, Status.of_change(has_changed=before != after), artist.name, follow_ups)


def _tracks(number: int, release: int) -> list[ReadTrack]:
    first = (number * RELEASES + release) * TRACKS
    return [
        ReadTrack(
            spotify_id=spotify_id("T", track),
            disc_number=1,
            position=track - first + 1,
            title=SHARED_TITLE if track % SHARED_TITLE_EVERY == 0 else f"Song {track}",
            artist_names=(name_of(number),),
            duration_ms=180_000 + track % 60_000,
            explicit=False,
            isrc=f"XX{track:010d}",
        )
        for track in range(first, first + TRACKS)
    ]


def _write_credits(connection: sa.Connection, item: WorkItem, artist: Artist) -> StageResult:
    before = version_of(connection, "credits_version", artist.artist_id)
    recording_ids = [one.recording_id for one in tracks_of_artist(connection, artist.artist_id)]
    found = [_credit(number_of(artist.name), one) for one in recording_ids]
    write_credits(connection, artist.artist_id, found, [], recording_ids=recording_ids, places_read=())
    after = version_of(connection, "credits_version", artist.artist_id)
    return StageResult(artist.artist_key, after, Status.of_change(has_changed=before != after), artist.name)


def _credit(number: int, recording_id: UUID) -> FoundCredit:
    producer = number % PRODUCERS
    name = f"Synthetic producer {producer}"
    said = CreditSource("discogs", "release", "release", f"{number}", "Producer", name, 0.9, 1.0)
    return FoundCredit(recording_id, None, Person(("discogs", f"{producer}"), name), "producer", said)


def requests_of(numbers: Sequence[int]) -> list[EnqueueRequest]:
    """Requests to discover the artists of these numbers."""
    return [
        EnqueueRequest(
            stage=Stage.ARTIST_DISCOVERY,
            payload={"artistName": name_of(number)},
            subject=name_of(number).lower(),
            idempotency_key=f"artist_discovery:{number}",
            origin="batch",
        )
        for number in numbers
    ]
