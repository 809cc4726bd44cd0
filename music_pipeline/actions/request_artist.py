"""Request an artist by name, Spotify id, URI or link.

Command line, launch pad and demo all do it here.
"""

import re
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from music_pipeline.matching.names import InvalidName, check_requested_name, is_not_an_artist
from music_pipeline.settings import settings
from music_pipeline.work.enqueue import request_artist_discovery
from music_pipeline.work.model import Enqueued, Origin

LINK = re.compile(r"^(https?://|spotify:)")
ARTIST_LINK = re.compile(
    r"^(spotify:artist:|https?://(open|play)\.spotify\.com/(intl-[a-z-]+/)?artist/)[0-9A-Za-z]{22}(/?([?#].*)?)$"
)


@dataclass(frozen=True, slots=True)
class Requested:
    """The answer to a request: the ledger's, or the reason of a refusal."""

    text: str
    answer: Enqueued | None
    refused: str | None


def fresh_for() -> timedelta:
    """How long a discovered artist is not discovered again unless forced."""
    return timedelta(hours=settings().discovery_fresh_hours)


def request_artist(
    engine: sa.Engine,
    text: str,
    *,
    origin: Origin = "manual",
    force: bool = False,
    correlation_id: str | None = None,
) -> Requested:
    """Enqueue the discovery of one artist in its own transaction.

    Refuses what cannot be an artist.
    """
    refused = why_refused(text)
    if refused is not None:
        return Requested(text, answer=None, refused=refused)
    with engine.begin() as connection:
        answer = request_artist_discovery(
            connection,
            check_requested_name(text),
            fresh_for=fresh_for(),
            origin=origin,
            force=force,
            correlation_id=correlation_id,
        )
    return Requested(text, answer=answer, refused=None)


def why_refused(text: str) -> str | None:
    """Why the text cannot name an artist. None if it can."""
    try:
        name = check_requested_name(text)
    except InvalidName as error:
        return str(error)
    if LINK.match(name):
        return None if ARTIST_LINK.match(name) else "The link is not one to an artist on Spotify."
    return is_not_an_artist(name)
