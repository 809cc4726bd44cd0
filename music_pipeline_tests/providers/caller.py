"""A process that calls providers as fast as the quotas let it, for the test of two at once: `caller.py SECONDS`."""

import asyncio
import secrets
import sys
import time
from collections.abc import Awaitable, Callable

from music_pipeline import database
from music_pipeline.providers.discogs import DiscogsClient
from music_pipeline.providers.gateway import Gateway
from music_pipeline.providers.genius import GeniusClient
from music_pipeline.providers.questions import Priority
from music_pipeline.providers.spotify import SpotifyClient

CALLERS = 8


async def call_until(end: float, call: Callable[[], Awaitable[object]]) -> None:
    while time.monotonic() < end:
        await call()


async def main(seconds: float) -> None:
    async with Gateway(database.engine(), priority=Priority.ENRICHMENT, run_id="caller") as gateway:
        discogs, genius, spotify = DiscogsClient(gateway), GeniusClient(gateway), SpotifyClient(gateway)
        calls: tuple[Callable[[], Awaitable[object]], ...] = (
            lambda: discogs.release(str(secrets.randbelow(10**12))),
            lambda: genius.song(str(secrets.randbelow(10**12))),
            lambda: spotify.artist(secrets.token_hex(11)),
        )
        end = time.monotonic() + seconds
        await asyncio.gather(*(call_until(end, call) for call in calls for _ in range(CALLERS)))


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1])))
