"""An estimate of the provider calls of the look-up of credits."""

from collections import defaultdict
from collections.abc import Mapping
from math import ceil

from music_pipeline.stages.sizes import Ahead, ArtistSize

MUSICBRAINZ_LINKS_AT_ONCE = 50
MUSICBRAINZ_RELEASES_A_PAGE = 100
MUSICBRAINZ_TRACKS_A_PAGE = 500
GENIUS_SONGS_A_PAGE = 50
# Measured shares: artists that MusicBrainz does not link to Spotify; artists with a release that it does not link to
# Discogs; releases that Discogs has; tracks left without a producer; those of them that Genius has.
ARTISTS_WITHOUT_LINK = 0.4
ARTISTS_SEARCHED_AT_DISCOGS = 0.5
RELEASES_AT_DISCOGS = 0.85
TRACKS_WITHOUT_PRODUCER = 0.4
SONGS_AT_GENIUS = 0.5


def producer_calls(ahead: Ahead) -> Mapping[str, float]:
    """The calls that look for the producers of every artist."""
    calls: defaultdict[str, float] = defaultdict(float)
    for artist in ahead.artists:
        size = artist.size(ahead.typical)
        for provider, count in calls_of_artist(size, songs_a_track=ahead.learnt.genius).items():
            calls[provider] += count
    return calls


def calls_of_artist(size: ArtistSize, *, songs_a_track: float | None = None) -> dict[str, float]:
    """The calls that look for the producers of one artist.

    `songs_a_track`: learnt calls of Genius per track.
    """
    tracks, releases = max(size.tracks, 1), max(size.releases, 1)
    pages = max(ceil(releases / MUSICBRAINZ_RELEASES_A_PAGE), ceil(tracks / MUSICBRAINZ_TRACKS_A_PAGE))
    songs = 1 + ceil(tracks / GENIUS_SONGS_A_PAGE) + SONGS_AT_GENIUS * TRACKS_WITHOUT_PRODUCER * tracks
    return {
        "musicbrainz": 1 / MUSICBRAINZ_LINKS_AT_ONCE + ARTISTS_WITHOUT_LINK + pages,
        "discogs": ARTISTS_SEARCHED_AT_DISCOGS + RELEASES_AT_DISCOGS * releases,
        "genius": songs if songs_a_track is None else songs_a_track * size.tracks,
    }
