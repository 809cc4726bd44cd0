"""The facts of a recording's sound: twelve audio features, of which every provider shows a view.

They come from the catalogue if it has them, else from the hash. `audio_views` adds each provider's rounding and
mistakes.
"""

from dataclasses import dataclass

from music_pipeline.sandbox.world.hashing import digest, fraction
from music_pipeline.sandbox.world.model import WorldRecording

SHARE_IN_FOUR = 0.92
SHARES = ("danceability", "energy", "speechiness", "acousticness", "instrumentalness", "liveness", "valence")


@dataclass(frozen=True, slots=True)
class AudioFacts:
    """Spotify's audio features: shares from 0 to 1, loudness in dB, tempo in beats a minute, `key` as pitch class.

    A catalogue's tempo may be 0, which stands for unknown.
    """

    danceability: float
    energy: float
    key: int
    loudness: float
    mode: int
    speechiness: float
    acousticness: float
    instrumentalness: float
    liveness: float
    valence: float
    tempo: float
    time_signature: int


def audio_facts(recording: WorldRecording) -> AudioFacts:
    """The facts of a recording."""
    values = dict(recording.features) or _derived(recording.key)
    return AudioFacts(
        **{name: values[name] for name in SHARES},
        key=int(values["key"]),
        mode=int(values["mode"]),
        loudness=values["loudness"],
        tempo=values["tempo"],
        time_signature=4 if fraction("time signature", recording.key) < SHARE_IN_FOUR else 3,
    )


def _derived(key: str) -> dict[str, float]:
    """Features that depend on the key only."""
    values: dict[str, float] = {name: digest(name, key) % 1_000 / 1_000 for name in SHARES}
    return values | {
        "key": digest("key", key) % 12,
        "mode": digest("mode", key) % 2,
        "loudness": -(digest("loudness", key) % 20_000) / 1_000,
        "tempo": 60 + digest("tempo", key) % 120_000 / 1_000,
    }
