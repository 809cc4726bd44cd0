"""The clients of all providers on one gateway: what the stages are given."""

from dataclasses import dataclass

from music_pipeline.providers.discogs import DiscogsClient
from music_pipeline.providers.genius import GeniusClient
from music_pipeline.providers.musicbrainz import MusicBrainzClient
from music_pipeline.providers.questions import Asking
from music_pipeline.providers.spotify import SpotifyClient


@dataclass(frozen=True, slots=True)
class Providers:
    """One client for each provider."""

    spotify: SpotifyClient
    musicbrainz: MusicBrainzClient
    discogs: DiscogsClient
    genius: GeniusClient


def providers_on(gateway: Asking) -> Providers:
    """The clients that ask through this gateway."""
    return Providers(SpotifyClient(gateway), MusicBrainzClient(gateway), DiscogsClient(gateway), GeniusClient(gateway))
