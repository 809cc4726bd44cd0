"""Build a sandbox and serve it on the loopback address, in one process with one event loop."""

import gc
import json
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from music_pipeline.sandbox.app import SandboxApp, mount
from music_pipeline.sandbox.clock import SandboxClock, epoch_seconds
from music_pipeline.sandbox.control import Control, control_endpoints
from music_pipeline.sandbox.enrichment import EnrichmentTruth
from music_pipeline.sandbox.faults import Faults
from music_pipeline.sandbox.indexes.musicbrainz_knowledge import Knowledge
from music_pipeline.sandbox.options import OptionError, SandboxOptions, quota_settings
from music_pipeline.sandbox.providers.context import Site
from music_pipeline.sandbox.providers.spotify_accounts import TokenBook
from music_pipeline.sandbox.registry import OVER_DAY, REGISTRY, Parts
from music_pipeline.sandbox.truth import CatalogTruth
from music_pipeline.sandbox.world.credits_served import Served, decide_served
from music_pipeline.sandbox.world.discogs_file import read_discogs_file
from music_pipeline.sandbox.world.generated import generate_world
from music_pipeline.sandbox.world.model import World
from music_pipeline.sandbox.world.spotify_file import read_spotify_file

HOST = "127.0.0.1"
READERS = {".jsonl": read_discogs_file, ".csv": read_spotify_file}


def load_world(options: SandboxOptions) -> World:
    """Read or generate the world. Raises OptionError for a file that is not a catalogue."""
    if options.catalog is None:
        return generate_world(options.seed)
    reader = READERS.get(options.catalog.suffix)
    if reader is None:
        raise OptionError(
            f"a catalogue is a .jsonl of Discogs releases or a .csv of Spotify tracks, not {options.catalog}"
        )
    try:
        return reader(options.catalog)
    except ValueError as refusal:
        raise OptionError(f"{options.catalog} cannot be read: {refusal}") from refusal


def build_app(options: SandboxOptions, world: World, served: Served, base_url: str, clock: SandboxClock) -> SandboxApp:
    """Build the application for a world and an address (without a slash at its end)."""
    site = Site(world, served, base_url, options.spotify)
    knowledge = Knowledge(world, served)
    parts = Parts(site, knowledge, TokenBook(clock.source), clock)
    settings = quota_settings(options)
    mounts = {
        name: mount(name, build(parts), settings[name], clock.speed, OVER_DAY.get(name))
        for name, build in REGISTRY.items()
    }
    faults = Faults(clock, tuple(mounts))
    info = {
        "speed": clock.speed,
        "spotify_mode": options.spotify,
        "catalog": str(options.catalog) if options.catalog else None,
        "seed": options.seed,
        "started_at": datetime.now(UTC).isoformat(),
    }
    control = Control(
        site, CatalogTruth(site, knowledge), EnrichmentTruth(site, knowledge), clock, faults, mounts, info
    )
    return SandboxApp(mounts, control_endpoints(control), clock, faults)


class ClosableProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with a scope that lets an outage close the connection without an answer."""

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        cast(dict[str, Any], self.scope)["close_connection"] = self.transport.abort


def run(options: SandboxOptions, announce: Callable[[str], object] | None = None) -> None:
    """Serve until it is interrupted, or until stdin ends if the options say so.

    `announce` is called with the address when the sandbox is ready; without it, one JSON line goes to stdout.
    Raises OptionError for options that cannot be served.
    """
    with _no_garbage_collection():
        world = load_world(options)
        served = decide_served(world)
    listener = _listen(options.port)
    url = f"http://{HOST}:{listener.getsockname()[1]}"
    app = build_app(options, world, served, url, SandboxClock(options.speed, epoch_seconds()))
    server = uvicorn.Server(
        uvicorn.Config(
            app, http=ClosableProtocol, lifespan="off", log_level="critical", access_log=False, timeout_keep_alive=75
        )
    )
    if options.with_parent:
        threading.Thread(target=_exit_with_stdin, args=(server,), daemon=True).start()
    (announce or _print_address)(url)
    server.run(sockets=[listener])


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Keep the world from the garbage collector: it lives as long as the process. Saves a third of the start."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as refusal:
        listener.close()
        raise OptionError(f"port {port} of {HOST} cannot be had: {refusal.strerror}") from refusal
    listener.listen(1_024)
    return listener


def _print_address(url: str) -> None:
    sys.stdout.write(json.dumps({"url": url}) + "\n")
    sys.stdout.flush()


def _exit_with_stdin(server: uvicorn.Server) -> None:
    """End the server when stdin is closed, which happens however the parent ends."""
    sys.stdin.buffer.read()
    server.should_exit = True
