"""How long due work will take: the plan's requests for an artist, and how fast the providers let us ask.

An estimate for a person. The plan itself is in the stages, the quotas in `music_pipeline.providers.registry`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from math import ceil

SPOTIFY_PAGE = 10
MUSICBRAINZ_LINKS_AT_ONCE = 50
MUSICBRAINZ_RELEASES_A_PAGE = 100
MUSICBRAINZ_TRACKS_A_PAGE = 500
GENIUS_SONGS_A_PAGE = 50
# Shares that were measured when the plan was made: artists whom MusicBrainz does not link to Spotify; artists with a
# release that it does not link to Discogs; releases that Discogs has; tracks left without producer; these at Genius.
ARTISTS_WITHOUT_LINK = 0.4
ARTISTS_SEARCHED_AT_DISCOGS = 0.5
RELEASES_AT_DISCOGS = 0.85
TRACKS_WITHOUT_PRODUCER = 0.4
SONGS_AT_GENIUS = 0.5
# What the text search of Spotify withholds is asked for singly: measured in the sandbox, 14 artists with 1,400 tracks.
SPOTIFY_REPAIR = 1.5
# Measured in the sandbox, as shares of the recordings: those that no wide source gives tempo and key.
WITHOUT_TEMPO_OR_KEY = 0.2
RECCOBEATS_AT_ONCE = 40
ACOUSTICBRAINZ_AT_ONCE = 25
LARGEST_SEARCH = 1_010


@dataclass(frozen=True, slots=True)
class TypicalArtist:
    """How many releases and tracks an artist has. `measured`: in this catalogue; else it is an assumption."""

    releases: float
    tracks: float
    measured: bool


ASSUMED_ARTIST = TypicalArtist(releases=10, tracks=100, measured=False)


@dataclass(frozen=True, slots=True)
class Estimate:
    """Requests by provider, and how long the slowest takes; the others run beside it."""

    requests: Mapping[str, int]
    slowest: str
    duration: timedelta


def requests_of_artist(artist: TypicalArtist) -> dict[str, float]:
    """The plan's requests for one artist, by provider."""
    tracks = max(artist.tracks, 1)
    releases = max(artist.releases, 1)
    return {
        "spotify": SPOTIFY_REPAIR * (ceil(tracks / SPOTIFY_PAGE) + ceil(releases / SPOTIFY_PAGE)),
    } | requests_for_producers(artist)


def requests_for_producers(artist: TypicalArtist) -> dict[str, float]:
    """The requests that look for the producers of one artist's recordings, by provider."""
    tracks = max(artist.tracks, 1)
    releases = max(artist.releases, 1)
    left = tracks * TRACKS_WITHOUT_PRODUCER
    return {
        "musicbrainz": 1 / MUSICBRAINZ_LINKS_AT_ONCE
        + ARTISTS_WITHOUT_LINK
        + max(ceil(releases / MUSICBRAINZ_RELEASES_A_PAGE), ceil(tracks / MUSICBRAINZ_TRACKS_A_PAGE)),
        "discogs": ARTISTS_SEARCHED_AT_DISCOGS + RELEASES_AT_DISCOGS * releases,
        "genius": 1 + ceil(tracks / GENIUS_SONGS_A_PAGE) + SONGS_AT_GENIUS * left,
    }


def estimate(artists: Mapping[str, int], artist: TypicalArtist, calls_a_second: Mapping[str, float]) -> Estimate:
    """The requests for so many due artists by provider, at so many calls a second of the operator's time."""
    each = requests_of_artist(artist)
    requests = {provider: ceil(count * each[provider]) for provider, count in artists.items()}
    seconds = {provider: count / calls_a_second[provider] for provider, count in requests.items()}
    slowest = max(seconds, key=lambda provider: seconds[provider])
    return Estimate(requests, slowest, timedelta(seconds=seconds[slowest]))
