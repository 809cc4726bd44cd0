"""What each provider knows of the world: the shares, and which artists, releases and songs they fall on.

Every decision is a hash of the thing and the provider, so providers are independent of one another.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from music_pipeline.sandbox.world.hashing import fraction
from music_pipeline.sandbox.world.model import World

SHARES = {
    "musicbrainz artist": 0.92,
    "musicbrainz release": 0.75,
    "musicbrainz credits": 0.65,  # of what its releases hold: 0.92 x 0.75 x 0.65 is 45 % of all recordings
    "musicbrainz credits at release level": 0.5,
    "musicbrainz discogs release link": 0.82,  # of those that Discogs has: 0.82 x 0.85 is 70 % of all
    "musicbrainz spotify artist link": 0.60,
    "musicbrainz spotify album link": 0.30,
    "musicbrainz discogs artist link": 0.60,
    "discogs release": 0.85,
    "genius song": 0.50,
    "genius credits as performances": 0.20,
    "disagreement": 0.05,
    "spotify search": 0.97,
    "spotify album search": 0.50,  # of what the other searches withhold
    "spotify relinked": 0.02,
    "spotify dashed versions": 0.50,
    "deezer recording": 0.85,
    "deezer tempo": 0.60,  # of what it has; the rest say 0
    "lastfm track": 0.90,
    "lastfm tags": 0.80,  # of what it has
    "lastfm mbid": 0.70,
    "reccobeats track": 0.58,  # of Spotify's ids, so two places of one recording may differ
    "reccobeats key": 0.99,  # of what it has; the rest say -1
    "acousticbrainz recording": 0.35,  # of what MusicBrainz knows
    "getsongbpm song": 0.40,
    "getsongbpm tempo": 0.97,  # of what it has; the rest say null
    "getsongbpm found by both": 0.90,  # of what it has; the rest are found by the song alone
    "sonoteller fetched": 0.95,
    "sonoteller sung": 0.85,  # of what it fetched
    "sonoteller lists": 0.50,  # the rest has numbered objects
    "octave error": 0.03,  # a tempo taken for half or double
    "musicbrainz social links": 0.40,
    "discogs urls": 0.35,
    "genius social links": 0.45,
    "instagram professional": 0.50,
}


def covered(share: str, *key: object) -> bool:
    """Whether the thing belongs to the share."""
    return fraction(share, *key) < SHARES[share]


@dataclass(frozen=True, slots=True)
class Coverage:
    """The keys of what MusicBrainz, Discogs and Genius know of artists, releases and recordings."""

    musicbrainz_artists: frozenset[str]  # those with a discography there; credited people come on top
    musicbrainz_releases: frozenset[str]
    discogs_releases: frozenset[str]
    genius_songs: frozenset[str]


def decide_coverage(world: World) -> Coverage:
    """Decide what is known. MusicBrainz knows a release only with all its artists."""
    artists = frozenset(
        key for key in world.releases_of if world.artists[key].special or covered("musicbrainz artist", key)
    )
    releases = frozenset(
        release.key
        for release in world.releases.values()
        if covered("musicbrainz release", release.key) and all(credit.artist in artists for credit in release.artists)
    )
    return Coverage(
        musicbrainz_artists=artists,
        musicbrainz_releases=releases,
        discogs_releases=_share_of("discogs release", world.releases),
        genius_songs=_share_of("genius song", world.recordings),
    )


def _share_of(share: str, keys: Iterable[str]) -> frozenset[str]:
    return frozenset(key for key in keys if covered(share, key))
