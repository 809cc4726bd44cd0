"""The sources of enrichment, one row each: which provider answers, what it gives, what it needs.

To add a source, add a row here and a function to `fetch`. When a source is asked is decided in `plan`. Importing this
module loads no client.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

Need = Literal["spotify_id", "isrc", "mbid", "title", "audio_url"]
# Only an operator gives these. A recording without them gets no row for the source.
GIVEN_BY_OPERATOR: frozenset[Need] = frozenset({"audio_url"})
AUDIO_FEATURES = (
    "danceability", "energy", "key", "loudness", "mode", "speechiness", "acousticness", "instrumentalness", "liveness",
    "valence", "tempo", "time_signature",
)  # fmt: skip
KEY_FIELDS = ("key", "mode", "key_name", "camelot_key")


@dataclass(frozen=True, slots=True)
class Source:
    """One source of enrichment.

    `provider`: who answers. `gives`: fields. `needs`: how it knows a recording. `batch`: recordings in one request.
    `wave`: cheap and wide sources before narrow and slow ones, and those that find ids before those that need them.
    `confidence`: of an answer found by a strong id. `keeps`: how long an answer stays true. `only_without`: ask only
    where one of these fields is missing. `through_discovery`: it knows what discovery found there.
    """

    name: str
    label: str
    provider: str
    gives: frozenset[str]
    needs: Need
    batch: int
    wave: int
    confidence: float
    keeps: timedelta
    only_without: frozenset[str] = frozenset()
    through_discovery: bool = False


SOURCES: Mapping[str, Source] = {
    source.name: source
    for source in (
        Source("spotify", "Spotify", "spotify", frozenset({"spotify_id", "isrc", "duration_ms", "explicit"}),
               needs="spotify_id", batch=1_000, wave=1, confidence=0.99, keeps=timedelta(days=30)),
        Source("discogs", "Discogs", "discogs", frozenset({"genres", "styles", "label", "country", "released"}),
               needs="title", batch=1_000, wave=1, confidence=0.9, keeps=timedelta(days=30), through_discovery=True),
        Source("musicbrainz", "MusicBrainz", "musicbrainz", frozenset({"musicbrainz_id"}),
               needs="title", batch=80, wave=1, confidence=0.95, keeps=timedelta(days=90), through_discovery=True),
        Source("reccobeats", "ReccoBeats", "reccobeats", frozenset({*AUDIO_FEATURES, *KEY_FIELDS}),
               needs="spotify_id", batch=40, wave=2, confidence=0.9, keeps=timedelta(days=90)),
        Source("acousticbrainz", "AcousticBrainz", "acousticbrainz", frozenset({"tempo", *KEY_FIELDS}),
               needs="mbid", batch=25, wave=2, confidence=0.85, keeps=timedelta(days=90)),
        Source("deezer", "Deezer", "deezer", frozenset({"deezer_id", "tempo", "rank", "duration_ms"}),
               needs="isrc", batch=1, wave=2, confidence=0.95, keeps=timedelta(days=30)),
        Source("lastfm", "Last.fm", "lastfm", frozenset({"tags", "listeners", "playcount"}),
               needs="title", batch=1, wave=2, confidence=0.8, keeps=timedelta(days=7)),
        Source("spotify_audio_features", "Spotify audio features", "spotify", frozenset({*AUDIO_FEATURES, *KEY_FIELDS}),
               needs="spotify_id", batch=100, wave=2, confidence=0.99, keeps=timedelta(days=30)),
        Source("getsongbpm", "GetSongBPM", "getsongbpm", frozenset({"tempo", *KEY_FIELDS}),
               needs="title", batch=1, wave=3, confidence=0.75, keeps=timedelta(days=30),
               only_without=frozenset({"tempo", "key"})),
        Source("sonoteller", "Sonoteller", "sonoteller",
               frozenset({"moods", "themes", "keywords", "language", "summary", "explicit"}),
               needs="audio_url", batch=1, wave=3, confidence=0.6, keeps=timedelta(days=365)),
    )
}  # fmt: skip


def asked_about_all() -> list[str]:
    """The names of the sources that are asked about every recording."""
    return [source.name for source in SOURCES.values() if source.needs not in GIVEN_BY_OPERATOR]


def asked_on_demand() -> list[str]:
    """The names of the sources that are asked about recordings for which an operator gave what they need."""
    return [source.name for source in SOURCES.values() if source.needs in GIVEN_BY_OPERATOR]
