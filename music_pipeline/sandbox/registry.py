"""The providers of the sandbox: one row each. A new one needs its module, a row here and a row of quotas."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from music_pipeline.sandbox.clock import SandboxClock
from music_pipeline.sandbox.http import SandboxResponse
from music_pipeline.sandbox.indexes.musicbrainz_knowledge import Knowledge
from music_pipeline.sandbox.providers.acousticbrainz import AcousticBrainz
from music_pipeline.sandbox.providers.base import Emulator
from music_pipeline.sandbox.providers.context import Site
from music_pipeline.sandbox.providers.deezer import Deezer
from music_pipeline.sandbox.providers.discogs import Discogs
from music_pipeline.sandbox.providers.genius import Genius
from music_pipeline.sandbox.providers.getsongbpm import GetSongBpm
from music_pipeline.sandbox.providers.instagram import Instagram
from music_pipeline.sandbox.providers.lastfm import Lastfm
from music_pipeline.sandbox.providers.musicbrainz import MusicBrainz
from music_pipeline.sandbox.providers.reccobeats import ReccoBeats
from music_pipeline.sandbox.providers.sonoteller import Sonoteller
from music_pipeline.sandbox.providers.spotify import Spotify, quota_exceeded
from music_pipeline.sandbox.providers.spotify_accounts import SpotifyAccounts, TokenBook


@dataclass(frozen=True, slots=True)
class Parts:
    """What providers are built from; the two of Spotify share their tokens."""

    site: Site
    knowledge: Knowledge
    tokens: TokenBook
    clock: SandboxClock


# The refusals of a day's quota that differ from those of a window's.
OVER_DAY: Mapping[str, Callable[[float], SandboxResponse]] = {"spotify": quota_exceeded}

REGISTRY: dict[str, Callable[[Parts], Emulator]] = {
    "spotify": lambda parts: Spotify(parts.site, parts.tokens),
    "spotify-accounts": lambda parts: SpotifyAccounts(parts.tokens),
    "musicbrainz": lambda parts: MusicBrainz(parts.knowledge),
    "discogs": lambda parts: Discogs(parts.site),
    "genius": lambda parts: Genius(parts.site),
    "lastfm": lambda parts: Lastfm(parts.site),
    "deezer": lambda parts: Deezer(parts.site),
    "reccobeats": lambda parts: ReccoBeats(parts.site),
    "acousticbrainz": lambda parts: AcousticBrainz(parts.knowledge, parts.clock),
    "getsongbpm": lambda parts: GetSongBpm(parts.site),
    "instagram": lambda parts: Instagram(parts.site),
    "sonoteller": lambda parts: Sonoteller(parts.site),
}
