"""The providers of the sandbox: one row each. A new one needs its module, a row here and a row of quotas."""

from collections.abc import Callable
from dataclasses import dataclass

from music_pipeline.sandbox.http import Provider
from music_pipeline.sandbox.providers.discogs import Discogs
from music_pipeline.sandbox.providers.genius import Genius
from music_pipeline.sandbox.providers.musicbrainz import MusicBrainz
from music_pipeline.sandbox.providers.musicbrainz_knowledge import Knowledge
from music_pipeline.sandbox.providers.site import Site
from music_pipeline.sandbox.providers.spotify import Spotify
from music_pipeline.sandbox.providers.spotify_accounts import SpotifyAccounts, TokenBook


@dataclass(frozen=True, slots=True)
class Parts:
    """What providers are built from; the two of Spotify share their tokens."""

    site: Site
    knowledge: Knowledge
    tokens: TokenBook


REGISTRY: dict[str, Callable[[Parts], Provider]] = {
    "spotify": lambda parts: Spotify(parts.site, parts.tokens),
    "spotify-accounts": lambda parts: SpotifyAccounts(parts.tokens),
    "musicbrainz": lambda parts: MusicBrainz(parts.knowledge),
    "discogs": lambda parts: Discogs(parts.site),
    "genius": lambda parts: Genius(parts.site),
}
