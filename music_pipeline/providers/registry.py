"""Every provider, and a client for each. To add a provider, write its file and name it here three times."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from music_pipeline.gateway.provider import Provider
from music_pipeline.gateway.request import Sender
from music_pipeline.providers.acousticbrainz import ACOUSTICBRAINZ, AcousticBrainzClient
from music_pipeline.providers.deezer import DEEZER, DeezerClient
from music_pipeline.providers.discogs import DISCOGS, DiscogsClient
from music_pipeline.providers.genius import GENIUS, GeniusClient
from music_pipeline.providers.getsongbpm import GETSONGBPM, GetSongBpmClient
from music_pipeline.providers.instagram import INSTAGRAM, InstagramClient
from music_pipeline.providers.lastfm import LASTFM, LastfmClient
from music_pipeline.providers.musicbrainz import MUSICBRAINZ, MusicBrainzClient
from music_pipeline.providers.reccobeats import RECCOBEATS, ReccoBeatsClient
from music_pipeline.providers.sonoteller import SONOTELLER, SonotellerClient
from music_pipeline.providers.spotify import SPOTIFY, SpotifyClient

PROVIDERS: Mapping[str, Provider] = {
    provider.name: provider
    for provider in (
        SPOTIFY,
        MUSICBRAINZ,
        DISCOGS,
        GENIUS,
        LASTFM,
        DEEZER,
        RECCOBEATS,
        ACOUSTICBRAINZ,
        GETSONGBPM,
        INSTAGRAM,
        SONOTELLER,
    )
}


class Client(Protocol):
    """What the clients of all providers have in common."""

    async def probe(self, since: datetime) -> None:
        """Make one cheap call that no response cached before `since` answers."""


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

    def client(self, name: str) -> Client:
        """The client of the provider of this name. Raises KeyError."""
        if name not in PROVIDERS:
            raise KeyError(name)
        client: Client = getattr(self, name)
        return client


def providers_on(sender: Sender) -> Providers:
    """Clients that call through this sender."""
    return Providers(
        spotify=SpotifyClient(sender),
        musicbrainz=MusicBrainzClient(sender),
        discogs=DiscogsClient(sender),
        genius=GeniusClient(sender),
        lastfm=LastfmClient(sender),
        deezer=DeezerClient(sender),
        reccobeats=ReccoBeatsClient(sender),
        acousticbrainz=AcousticBrainzClient(sender),
        getsongbpm=GetSongBpmClient(sender),
        instagram=InstagramClient(sender),
        sonoteller=SonotellerClient(sender),
    )
