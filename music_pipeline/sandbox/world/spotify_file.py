"""Read a world from a CSV of Spotify tracks: its Spotify ids are kept, its credits are derived by hash.

The file has no artist ids, no track numbers and no credits; tracks count in the order of the file.
"""

import csv
from collections import defaultdict
from pathlib import Path

from music_pipeline.sandbox.world import builders, hashing, people
from music_pipeline.sandbox.world.decoys import add_decoys
from music_pipeline.sandbox.world.model import (
    ArtistCredit,
    Format,
    Label,
    World,
    WorldArtist,
    WorldRecording,
    WorldRelease,
    WorldTrack,
    build_world,
)

COLUMNS = ("track_id", "track_name", "track_artist", "track_popularity", "track_album_id", "track_album_name",
           "track_album_release_date", "duration_ms")  # fmt: skip
FEATURES = ("danceability", "energy", "key", "loudness", "mode", "speechiness", "acousticness", "instrumentalness",
            "liveness", "valence", "tempo")  # fmt: skip
PEOPLE = 400
MOST_MAIN_ARTISTS = 4
VARIOUS = "various"
Row = dict[str, str]


def read_spotify_file(path: Path) -> World:
    """Read the file. Raises ValueError for a file without the columns of such a catalogue."""
    albums = _albums(path)
    numbers = builders.Numbers()
    artists: dict[str, WorldArtist] = {VARIOUS: builders.make_artist(numbers, VARIOUS, "Various", discogs_id=194)}
    crew_pool = people.make_people(numbers, "spotify file", PEOPLE)
    for row in (row for rows in albums.values() for row in rows):
        key = _artist_key(row)
        if key not in artists:
            artists[key] = builders.make_artist(numbers, key, row["track_artist"])
    recordings: dict[str, WorldRecording] = {}
    releases = [_release(numbers, rows, recordings, crew_pool) for rows in albums.values()]
    listed = [artist for artist in artists.values() if not artist.special]
    decoys = add_decoys(numbers, listed)
    return build_world(
        [*artists.values(), *crew_pool, *decoys.artists],
        [*releases, *decoys.releases],
        [*recordings.values(), *decoys.recordings],
        [artist.key for artist in listed],
    )


def _albums(path: Path) -> dict[str, list[Row]]:
    albums: dict[str, list[Row]] = defaultdict(list)
    with path.open(encoding="utf-8", newline="") as lines:
        reader = csv.DictReader(lines)
        missing = [column for column in (*COLUMNS, *FEATURES) if column not in (reader.fieldnames or ())]
        if missing:
            raise ValueError(f"{path} is no catalogue of Spotify tracks: it has no column {', '.join(missing)}")
        for row in reader:
            albums[row["track_album_id"]].append(row)
    return albums


def _artist_key(row: Row) -> str:
    return f"spotify:{row['track_artist']}"


def _release(
    numbers: builders.Numbers, rows: list[Row], recordings: dict[str, WorldRecording], crew_pool: list[WorldArtist]
) -> WorldRelease:
    first = rows[0]
    key = f"album:{first['track_album_id']}"
    mains = list(dict.fromkeys(_artist_key(row) for row in rows))
    shown = mains if len(mains) <= MOST_MAIN_ARTISTS else [VARIOUS]
    random = hashing.seeded("crew", mains[0])
    crew = people.choose_crew(random, crew_pool)
    positions = [str(index + 1) for index in range(len(rows))]
    credits = people.credit_release(hashing.seeded("credits", key), crew, positions, compilation=len(mains) > 1)
    date = first["track_album_release_date"]
    label = hashing.number(1, 2_999_999, "label", mains[0])
    return WorldRelease(
        key=key,
        title=first["track_album_name"],
        kind="compilation" if len(mains) > 1 else "album" if len(rows) > 1 else "single",
        artists=tuple(ArtistCredit(main, join="&" if main != shown[-1] else "") for main in shown),
        date=date,
        country="US",
        labels=(Label(label, f"Label {label}", f"L {label % 1000}"),),
        genres=("Pop",),
        styles=(),
        formats=(Format("File", str(len(rows)), ("MP3",)),),
        identifiers=(("Barcode", hashing.upc(key)),),
        credits=credits.release,
        tracks=_tracks(numbers, key, rows, recordings, credits, single_artist=len(mains) == 1),
        headings=(),
        upc=hashing.upc(key),
        spotify_id=first["track_album_id"],
        mbid=hashing.mbid("release", key),
        release_group_mbid=hashing.mbid("release group", key),
        discogs_id=numbers.take("discogs release", 1, 19_999_999, key),
        discogs_master_id=None,
    )


def _tracks(
    numbers: builders.Numbers,
    release: str,
    rows: list[Row],
    recordings: dict[str, WorldRecording],
    credits: people.ReleaseCredits,
    *,
    single_artist: bool,
) -> tuple[WorldTrack, ...]:
    tracks = []
    for index, row in enumerate(rows):
        artists = (ArtistCredit(_artist_key(row)),)
        recording = _recording(numbers, row, artists, recordings)
        seconds = recording.duration_ms // 1_000
        tracks.append(
            WorldTrack(
                key=f"track:{row['track_id']}",
                release=release,
                recording=recording.key,
                title=row["track_name"],
                position=str(index + 1),
                disc=1,
                number=index + 1,
                duration=f"{seconds // 60}:{seconds % 60:02d}",
                artists=() if single_artist else artists,
                credits=credits.tracks[index],
                spotify_id=row["track_id"],
                mbid=hashing.mbid("track", row["track_id"]),
            )
        )
    return tuple(tracks)


def _recording(
    numbers: builders.Numbers, row: Row, artists: tuple[ArtistCredit, ...], recordings: dict[str, WorldRecording]
) -> WorldRecording:
    key = f"{row['track_artist']}|{row['track_name']}|{row['duration_ms']}"
    if key not in recordings:
        recordings[key] = builders.make_recording(
            numbers,
            key,
            row["track_name"],
            artists,
            year=builders.year_of(row["track_album_release_date"]),
            duration_ms=int(row["duration_ms"]),
            popularity=int(row["track_popularity"]),
            features=tuple((name, float(row[name])) for name in FEATURES),
        )
    return recordings[key]
