"""Artists that resemble others: a client that takes the first hit of a search sometimes takes one of these.

A decoy has a release of its own and appears in searches, but on no list of artists.
"""

from dataclasses import dataclass, field

from music_pipeline.sandbox.world import builders, hashing
from music_pipeline.sandbox.world.model import (
    ArtistCredit,
    Format,
    Label,
    WorldArtist,
    WorldRecording,
    WorldRelease,
    WorldTrack,
)

SHARE_WITH_DECOY = 0.1
PATTERNS = ("{} Tribute Band", "{} & Friends", "The {} Experience", "{} Jr.", "DJ {}")
TITLES = ("Evening Sessions", "First Light", "Copy Of A Copy", "Night Drive", "Untitled", "Postcards")
LONGEST_RELEASE = 3


@dataclass(slots=True)
class Decoys:
    """The records of decoys."""

    artists: list[WorldArtist] = field(default_factory=list)
    releases: list[WorldRelease] = field(default_factory=list)
    recordings: list[WorldRecording] = field(default_factory=list)


def add_decoys(numbers: builders.Numbers, originals: list[WorldArtist]) -> Decoys:
    """Make a decoy with a similar name for some of the artists."""
    decoys = Decoys()
    for original in originals:
        if hashing.fraction("decoy", original.key) < SHARE_WITH_DECOY:
            name = hashing.pick(PATTERNS, "decoy pattern", original.key).format(original.name)
            add_decoy(numbers, decoys, original, name)
    return decoys


def add_decoy(
    numbers: builders.Numbers, decoys: Decoys, original: WorldArtist, name: str, aliases: tuple[str, ...] = ()
) -> None:
    """Add a decoy of one artist, with a short release."""
    key = f"decoy:{original.key}:{name}"
    decoys.artists.append(builders.make_artist(numbers, key, name, decoy=True, aliases=aliases))
    artists = (ArtistCredit(key),)
    count = hashing.number(1, LONGEST_RELEASE, "decoy tracks", key)
    tracks = [_track(numbers, decoys, key, index, artists) for index in range(count)]
    decoys.releases.append(_release(numbers, key, artists, tuple(tracks)))


def _track(
    numbers: builders.Numbers, decoys: Decoys, key: str, index: int, artists: tuple[ArtistCredit, ...]
) -> WorldTrack:
    title = f"{hashing.pick(TITLES, 'decoy title', key, index)} {index + 1}"
    recording = builders.make_recording(numbers, f"{key}:{index}", title, artists, year=2012, duration_ms=None)
    decoys.recordings.append(recording)
    seconds = recording.duration_ms // 1_000
    return WorldTrack(
        key=f"{key}:{index}",
        release=key,
        recording=recording.key,
        title=title,
        position=str(index + 1),
        disc=1,
        number=index + 1,
        duration=f"{seconds // 60}:{seconds % 60:02d}",
        artists=(),
        credits=(),
        spotify_id=hashing.base62_id("track", key, index),
        mbid=hashing.mbid("track", key, index),
    )


def _release(
    numbers: builders.Numbers, key: str, artists: tuple[ArtistCredit, ...], tracks: tuple[WorldTrack, ...]
) -> WorldRelease:
    label = numbers.take("discogs label", 1, 2_999_999, key)
    return WorldRelease(
        key=key,
        title=hashing.pick(TITLES, "decoy release", key),
        kind="single",
        artists=artists,
        date="2012-05-04",
        country="US",
        labels=(Label(label, "Lookalike", "LK 1"),),
        genres=("Pop",),
        styles=(),
        formats=(Format("File", "1", ("MP3", "Single")),),
        identifiers=(),
        credits=(),
        tracks=tracks,
        headings=(),
        upc=None,
        spotify_id=hashing.base62_id("album", key),
        mbid=hashing.mbid("release", key),
        release_group_mbid=hashing.mbid("release group", key),
        discogs_id=numbers.take("discogs release", 20_000_000, 29_999_999, key),
        discogs_master_id=None,
    )
