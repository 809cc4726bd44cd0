"""ReccoBeats: audio features of many tracks at once. https://reccobeats.com/docs

It omits unknown ids and keeps no order, so each entry must name its own id.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from music_pipeline.gateway.errors import ProviderFailure
from music_pipeline.gateway.fields import Reader
from music_pipeline.gateway.provider import Provider, Quota
from music_pipeline.gateway.request import Endpoint, Request, Sender
from music_pipeline.providers.records import AudioFeatures, kept, read_audio_features

RECCOBEATS = Provider(  # the limit is unpublished: one a second is an assumption
    name="reccobeats",
    base_url="https://api.reccobeats.com/v1",
    sandbox_path="/reccobeats/v1",
    quota=Quota(60, 60),
    quota_per_account=False,
    metadata_ttl=timedelta(days=90),
)

AUDIO_FEATURES = Endpoint(
    RECCOBEATS, "audio_features", "/audio-features"
)  # https://reccobeats.com/docs/apis/get-audio-features

MOST_IDS = 40  # more are left out without a word
SPOTIFY_TRACK = re.compile(r"^https://open\.spotify\.com/track/([0-9A-Za-z]+)")
read = Reader("reccobeats")


@dataclass(frozen=True, slots=True)
class ReccoBeatsTrack:
    """A track's audio features; there is no `time_signature` in them. `id` is ReccoBeats's.

    One ISRC may belong to several.
    """

    id: str
    spotify_id: str | None
    isrc: str | None
    features: AudioFeatures


def parse_audio_features(payload: object) -> tuple[ReccoBeatsTrack, ...]:
    """The tracks that are known, in any order. Raises UnreadableAnswer."""
    found = read.mapping(payload, "audio features")
    return kept(read.sequence(found.get("content"), "audio features.content"), _track).items


def _track(value: object) -> ReccoBeatsTrack | None:
    found = read.optional_mapping(value, "audio features")
    track_id = read.id(found.get("id"), "audio features.id")
    if track_id is None:
        return None
    address = SPOTIFY_TRACK.match(read.text(found.get("href"), "audio features.href") or "")
    return ReccoBeatsTrack(
        id=track_id,
        spotify_id=address[1] if address else None,
        isrc=read.text(found.get("isrc"), "audio features.isrc"),
        features=read_audio_features(read, found),
    )


class ReccoBeatsClient:
    """ReccoBeats's audio features. `fresh_since`: see Gateway.send. Every method raises ProviderError's kinds."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def probe(self, since: datetime) -> None:
        """Make one cheap call that no response cached before `since` answers."""
        await self.audio_features(["USPR36500001"], fresh_since=since)

    async def audio_features(
        self, ids: Sequence[str], *, fresh_since: datetime | None = None
    ) -> dict[str, AudioFeatures]:
        """Audio features by Spotify id or ISRC, as requested; unknown ones are missing.

        At most 40: raises ValueError for more.
        """
        if len(ids) > MOST_IDS:
            raise ValueError(f"{len(ids)} tracks in one request to ReccoBeats; it takes {MOST_IDS}.")
        if not ids:
            return {}
        asked = sorted(set(ids))
        request = Request.get(AUDIO_FEATURES, ids=",".join(asked))
        found = (await self._sender.send(request, parse_audio_features, fresh_since=fresh_since)).body
        if found is None:
            raise ProviderFailure(
                "reccobeats", AUDIO_FEATURES.name, "reccobeats says that nothing is there to be asked"
            )
        return _by_id(asked, found)


def _by_id(asked: Sequence[str], tracks: Sequence[ReccoBeatsTrack]) -> dict[str, AudioFeatures]:
    """By Spotify id, and by ISRC; of several tracks with one ISRC always the same one is taken."""
    ordered = sorted(tracks, key=lambda track: track.id, reverse=True)
    by_isrc = {track.isrc: track.features for track in ordered if track.isrc}
    known = by_isrc | {track.spotify_id: track.features for track in ordered if track.spotify_id}
    return {each: known[each] for each in asked if each in known}
