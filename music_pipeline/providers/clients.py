"""The clients of all providers on one gateway: what the stages are given."""

from dataclasses import dataclass

from music_pipeline.gateway.request import Asking
from music_pipeline.providers.acousticbrainz import AcousticBrainzClient
from music_pipeline.providers.deezer import DeezerClient
from music_pipeline.providers.discogs import DiscogsClient
from music_pipeline.providers.genius import GeniusClient
from music_pipeline.providers.getsongbpm import GetSongBpmClient
from music_pipeline.providers.instagram import InstagramClient
from music_pipeline.providers.lastfm import LastfmClient
from music_pipeline.providers.musicbrainz import MusicBrainzClient
from music_pipeline.providers.reccobeats import ReccoBeatsClient
from music_pipeline.providers.sonoteller import SonotellerClient
from music_pipeline.providers.spotify import SpotifyClient


@dataclass(frozen=True, slots=True)
class Providers:
    """One client for each provider."""

    spotify: SpotifyClient
    musicbrainz: MusicBrainzClient
    discogs: DiscogsClient
    genius: GeniusClient
    lastfm: LastfmClient
    deezer: DeezerClient
    reccobeats: ReccoBeatsClient
    acousticbrainz: AcousticBrainzClient
    getsongbpm: GetSongBpmClient
    instagram: InstagramClient
    sonoteller: SonotellerClient


def providers_on(gateway: Asking) -> Providers:
    """The clients that ask through this gateway."""
    return Providers(
        spotify=SpotifyClient(gateway),
        musicbrainz=MusicBrainzClient(gateway),
        discogs=DiscogsClient(gateway),
        genius=GeniusClient(gateway),
        lastfm=LastfmClient(gateway),
        deezer=DeezerClient(gateway),
        reccobeats=ReccoBeatsClient(gateway),
        acousticbrainz=AcousticBrainzClient(gateway),
        getsongbpm=GetSongBpmClient(gateway),
        instagram=InstagramClient(gateway),
        sonoteller=SonotellerClient(gateway),
    )
