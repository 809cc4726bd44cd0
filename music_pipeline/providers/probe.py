"""One cheap call to a provider, past the cache, to see whether it answers and takes our credentials.

For a person who has just stored a credential, and where one request alone keeps failing: is it that, or the provider?
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime

import sqlalchemy as sa

from music_pipeline.gateway.errors import ProviderError, ProviderUnavailable
from music_pipeline.gateway.gateway import Gateway
from music_pipeline.gateway.request import Priority
from music_pipeline.providers.clients import Providers, providers_on

SOMEBODY = "Nina Simone"
SOME_SONG = "Feeling Good"
SOME_HANDLE = "ninasimonemusic"
# That there is nothing known of these would be an answer too.
SOME_ISRC = "USPR36500001"
SOME_MBID = "30cb03f3-bd95-43b0-9d41-6d75e13cd353"
# The example of Sonoteller's own documentation.
SOME_AUDIO = (
    "https://storage.googleapis.com/musikame-files/"
    "thefatrat-mayday-feat-laura-brehm-lyriclyrics-videocopyright-free-music.mp3"
)

# Each needs the provider's credentials, if it has any.
TRIALS: Mapping[str, Callable[[Providers, datetime], Awaitable[object]]] = {
    "spotify": lambda providers, now: providers.spotify.search(SOMEBODY, fresh_since=now),
    "musicbrainz": lambda providers, now: providers.musicbrainz.search_artists(SOMEBODY, fresh_since=now),
    "discogs": lambda providers, now: providers.discogs.search_releases(SOMEBODY, fresh_since=now),
    "genius": lambda providers, now: providers.genius.search(SOMEBODY, fresh_since=now),
    "lastfm": lambda providers, now: providers.lastfm.artist(SOMEBODY, fresh_since=now),
    "deezer": lambda providers, now: providers.deezer.search_artists(SOMEBODY, fresh_since=now),
    "reccobeats": lambda providers, now: providers.reccobeats.audio_features([SOME_ISRC], fresh_since=now),
    "acousticbrainz": lambda providers, now: providers.acousticbrainz.low_level([SOME_MBID], fresh_since=now),
    "getsongbpm": lambda providers, now: providers.getsongbpm.search(SOME_SONG, SOMEBODY, fresh_since=now),
    "instagram": lambda providers, now: providers.instagram.business(SOME_HANDLE, fresh_since=now),
    "sonoteller": lambda providers, now: providers.sonoteller.lyrics(SOME_AUDIO, fresh_since=now),
}


async def found_down(providers: Providers, name: str) -> ProviderUnavailable | None:
    """Ask for something else than what failed: why the provider is to be left alone, if that fails too."""
    try:
        await TRIALS[name](providers, datetime.now(UTC))
    except ProviderUnavailable as unavailable:
        return unavailable
    except ProviderError:
        return None
    return None


async def try_provider(engine: sa.Engine, name: str) -> None:
    """Ask a provider something. Raises ProviderError where it does not answer as it should, KeyError for no name."""
    trial = TRIALS[name]
    async with Gateway(engine, priority=Priority.INTERACTIVE, run_id="credentials test") as gateway:
        await trial(providers_on(gateway), datetime.now(UTC))
