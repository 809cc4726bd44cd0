"""Every provider, and a client for each. To add a provider, write its file and name it here three times."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
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


@dataclass(frozen=True)
class Providers:
    """One client for each provider, made when it is first used."""

    sender: Sender

    @cached_property
    def spotify(self) -> SpotifyClient:
        return SpotifyClient(self.sender)

    @cached_property
    def musicbrainz(self) -> MusicBrainzClient:
        return MusicBrainzClient(self.sender)

    @cached_property
    def discogs(self) -> DiscogsClient:
        return DiscogsClient(self.sender)

    @cached_property
    def genius(self) -> GeniusClient:
        return GeniusClient(self.sender)

    @cached_property
    def lastfm(self) -> LastfmClient:
        return LastfmClient(self.sender)

    @cached_property
    def deezer(self) -> DeezerClient:
        return DeezerClient(self.sender)

    @cached_property
    def reccobeats(self) -> ReccoBeatsClient:
        return ReccoBeatsClient(self.sender)

    @cached_property
    def acousticbrainz(self) -> AcousticBrainzClient:
        return AcousticBrainzClient(self.sender)

    @cached_property
    def getsongbpm(self) -> GetSongBpmClient:
        return GetSongBpmClient(self.sender)

    @cached_property
    def instagram(self) -> InstagramClient:
        return InstagramClient(self.sender)

    @cached_property
    def sonoteller(self) -> SonotellerClient:
        return SonotellerClient(self.sender)

    def client(self, name: str) -> Client:
        """The client of the provider of this name. Raises KeyError."""
        if name not in PROVIDERS:
            raise KeyError(name)
        client: Client = getattr(self, name)
        return client


def providers_on(sender: Sender) -> Providers:
    """Clients that call through this sender."""
    return Providers(sender)
