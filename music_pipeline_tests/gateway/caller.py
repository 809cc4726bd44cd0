"""A process that calls providers as fast as the quotas let it.

It says that it is ready, waits for two times (of time.time()), calls until the second, and tells how many calls each
provider answered after the first. No two questions are the same, so that no answer comes from a cache.
"""

import asyncio
import logging
import os
import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from multiprocessing.connection import Connection
from uuid import uuid4

from music_pipeline import logs
from music_pipeline.database.engine import get_engine
from music_pipeline.gateway.errors import ProviderUnavailable
from music_pipeline.gateway.gateway import open_gateway
from music_pipeline.gateway.request import Priority
from music_pipeline.providers.registry import Providers, providers_on
from music_pipeline.sandbox.world.coverage import covered

CALLERS = 8
Call = Callable[[Providers], Awaitable[object]]

CALL_OF_PROVIDER: Mapping[str, Call] = {
    "spotify": lambda providers: providers.spotify.artist(secrets.token_hex(11)),
    "musicbrainz": lambda providers: providers.musicbrainz.artist(str(uuid4())),
    "discogs": lambda providers: providers.discogs.release(str(secrets.randbelow(10**12))),
    "genius": lambda providers: providers.genius.song(str(secrets.randbelow(10**12))),
    "lastfm": lambda providers: providers.lastfm.track(secrets.token_hex(8), secrets.token_hex(8)),
    "deezer": lambda providers: providers.deezer.track_by_isrc(f"XX{secrets.token_hex(5).upper()}"),
    "reccobeats": lambda providers: providers.reccobeats.audio_features([secrets.token_hex(11)]),
    "acousticbrainz": lambda providers: providers.acousticbrainz.low_level([str(uuid4())]),
    "getsongbpm": lambda providers: providers.getsongbpm.search(secrets.token_hex(8), secrets.token_hex(8)),
    "instagram": lambda providers: providers.instagram.business(secrets.token_hex(8)),
    "sonoteller": lambda providers: providers.sonoteller.lyrics(some_audio()),
}


def some_audio() -> str:
    """An address of audio that nobody has asked about, and that can be fetched."""
    addresses = iter(lambda: f"https://audio.example.org/{secrets.token_hex(8)}.mp3", "")
    return next(address for address in addresses if covered("sonoteller fetched", address))


async def call_until(begin: float, end: float, providers: Providers, name: str, answered: Counter[str]) -> None:
    """Call until the time is over, or the provider must not be called for longer than that."""
    while time.time() < end:
        try:
            await asyncio.wait_for(CALL_OF_PROVIDER[name](providers), end - time.time())
            answered[name] += time.time() >= begin
        except TimeoutError:
            return
        except ProviderUnavailable as unavailable:
            left = unavailable.until.timestamp() - time.time()
            if time.time() + left > end:
                return
            await asyncio.sleep(left)


def call(link: Connection, environment: Mapping[str, str], priority: Priority, names: Sequence[str]) -> None:
    """Call these providers, in that environment; the link leads to the test."""
    os.environ.clear()
    os.environ.update(environment)
    logs.configure(level=logging.ERROR)
    asyncio.run(_call(link, priority, names))


async def _call(link: Connection, priority: Priority, names: Sequence[str]) -> None:
    answered: Counter[str] = Counter()
    async with open_gateway(get_engine(), priority=priority, run_id="caller") as gateway:
        providers = providers_on(gateway)
        link.send("ready")
        begin, end = await asyncio.to_thread(link.recv)
        await asyncio.gather(
            *(call_until(begin, end, providers, name, answered) for name in names for _ in range(CALLERS))
        )
    link.send(dict(answered))
