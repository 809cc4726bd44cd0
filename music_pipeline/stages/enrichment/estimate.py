"""An estimate of the provider calls of enrichment."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

import sqlalchemy as sa

from music_pipeline.database.queries import query
from music_pipeline.stages.enrichment.sources import SOURCES, asked_on_demand
from music_pipeline.stages.sizes import Ahead
from music_pipeline.work.stages import artist_stages

FORECAST = ("reccobeats", "acousticbrainz", "deezer", "lastfm", "getsongbpm")
# Measured in the sandbox: the share of recordings whose tempo or key no other source gives.
WITHOUT_TEMPO_OR_KEY = 0.2
RECCOBEATS_AT_ONCE = 40
ACOUSTICBRAINZ_AT_ONCE = 25


@dataclass(frozen=True, slots=True)
class Unfetched:
    """Recordings that a source has not been asked about, in all and by their ids."""

    recordings: int
    with_isrc: int
    with_mbid: int


def source_calls(ahead: Ahead) -> Mapping[str, float]:
    """The calls of every source, for recordings that are known or not read yet."""
    unread = unread_recordings(ahead)
    known = unfetched(ahead.connection)
    return calls_of_sources(
        {
            source: Unfetched(one.recordings + unread, one.with_isrc + unread, one.with_mbid + unread)
            for source, one in known.items()
        },
        ahead.learnt.getsongbpm,
    ) | {SOURCES[name].provider: _audio_calls(ahead.connection, name) for name in asked_on_demand()}


def unread_recordings(ahead: Ahead) -> int:
    """The recordings of artists whose tracks are not read yet, estimated by size."""
    unread = [artist.size(ahead.typical).tracks for artist in ahead.artists if not artist.has_tracks]
    return round(sum(tracks * ahead.learnt.recordings_a_track for tracks in unread))


def unfetched(connection: sa.Connection) -> dict[str, Unfetched]:
    """The recordings with open work that each source has not been asked about."""
    values = {"stages": [stage.value for stage in artist_stages()], "sources": list(FORECAST)}
    rows = connection.execute(query("recordings_to_ask_about"), values)
    found = {row.source: Unfetched(row.recordings, row.with_isrc, row.with_mbid) for row in rows}
    return {source: found.get(source, Unfetched(0, 0, 0)) for source in FORECAST}


def calls_of_sources(unfetched: Mapping[str, Unfetched], getsongbpm_share: float | None) -> dict[str, float]:
    """The calls for these recordings.

    `getsongbpm_share`: the learnt share of recordings that need GetSongBPM.
    """
    left = WITHOUT_TEMPO_OR_KEY if getsongbpm_share is None else getsongbpm_share
    return {
        "deezer": unfetched["deezer"].with_isrc,
        "lastfm": unfetched["lastfm"].recordings,
        "reccobeats": ceil(unfetched["reccobeats"].recordings / RECCOBEATS_AT_ONCE),
        "acousticbrainz": ceil(unfetched["acousticbrainz"].with_mbid / ACOUSTICBRAINZ_AT_ONCE),
        "getsongbpm": left * unfetched["getsongbpm"].recordings,
    }


def _audio_calls(connection: sa.Connection, source: str) -> float:
    """One call per recording whose audio the operator gave the address of."""
    return float(connection.execute(query("audio_to_ask_about"), {"source": source}).scalar_one())
