"""What each provider measured of a recording's sound: the facts with its rounding, its noise and its mistakes.

This module holds the numbers, and whether a provider has them at all. Each provider's module prints them. The truth
that tests compare with reads them here as well.
"""

from dataclasses import asdict, dataclass
from typing import Any

from music_pipeline.sandbox.world.audio_facts import SHARES, AudioFacts, audio_facts
from music_pipeline.sandbox.world.coverage import covered
from music_pipeline.sandbox.world.hashing import digest, fraction
from music_pipeline.sandbox.world.model import WorldRecording, WorldTrack

SHARP_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
MAJOR_NAMES = ("C", "D♭", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")
MINOR_NAMES = ("Cm", "C♯m", "Dm", "E♭m", "Em", "Fm", "F♯m", "Gm", "G♯m", "Am", "B♭m", "Bm")
RECCOBEATS_NOISE = 0.02
TEMPO_NOISE = 0.2
FASTEST_HALVED = 110.0  # a tempo heard in the wrong octave is halved from here on, doubled below


@dataclass(frozen=True, slots=True)
class AcousticBrainzSounding:
    """What Essentia measured of a recording; loudness from 0 to 1, `danceability` from 0 to about 3."""

    bpm: float
    key: str
    scale: str
    key_strength: float
    average_loudness: float
    danceability: float
    happy: float
    acoustic: float
    instrumental: float
    danceable: float
    aggressive: float


@dataclass(frozen=True, slots=True)
class SongBpmSounding:
    """GetSongBPM's numbers of a song. The whole numbers go to 100; 0 is unknown."""

    tempo: int | None
    time_signature: str
    key: str
    open_key: str
    danceability: int
    acousticness: int


def _noise(amount: float, *key: object) -> float:
    return (2 * fraction("noise", *key) - 1) * amount


def tempo_heard(source: str, recording: WorldRecording) -> float:
    """A tempo as a source hears it: near the fact, now and then its half or double; 0 where none is known."""
    tempo = audio_facts(recording).tempo
    if not tempo:
        return 0.0
    if covered("octave error", source, recording.key):
        tempo = tempo / 2 if tempo >= FASTEST_HALVED else tempo * 2
    return tempo + _noise(TEMPO_NOISE, source, recording.key)


def deezer_bpm(recording: WorldRecording) -> float:
    """Deezer's tempo to a tenth; 0 where Deezer does not know it."""
    return round(tempo_heard("deezer", recording), 1) if covered("deezer tempo", recording.key) else 0.0


def reccobeats_features(track: WorldTrack, recording: WorldRecording) -> dict[str, float] | None:
    """ReccoBeats's eleven features of a Spotify id; None for one that it does not have."""
    if not covered("reccobeats track", track.spotify_id):
        return None
    facts = audio_facts(recording)
    shares = {name: _near(getattr(facts, name), name, track.spotify_id) for name in SHARES}
    return shares | {
        "key": facts.key if covered("reccobeats key", recording.key) else -1,
        "loudness": round(facts.loudness + _noise(0.3, "loudness", track.spotify_id), 3),
        "mode": facts.mode,
        "tempo": round(tempo_heard("reccobeats", recording), 3),
    }


def _near(value: float, *key: object) -> float:
    return round(min(1.0, max(0.0, value + _noise(RECCOBEATS_NOISE, *key))), 4)


def acousticbrainz_sounding(recording: WorldRecording) -> AcousticBrainzSounding | None:
    """Essentia's numbers of a recording; None if nobody submitted it. MusicBrainz must know it, too."""
    if not covered("acousticbrainz recording", recording.key):
        return None
    facts = audio_facts(recording)
    return AcousticBrainzSounding(
        bpm=round(tempo_heard("acousticbrainz", recording), 9),
        key=SHARP_NAMES[facts.key % 12],
        scale="major" if facts.mode else "minor",
        key_strength=round(0.45 + fraction("key strength", recording.key) / 2, 9),
        average_loudness=round(min(1.0, max(0.0, 1 + facts.loudness / 30)), 9),
        danceability=round(0.8 + facts.danceability, 9),
        happy=round(facts.valence, 9),
        acoustic=round(facts.acousticness, 9),
        instrumental=round(facts.instrumentalness, 9),
        danceable=round(facts.danceability, 9),
        aggressive=round(facts.energy, 9),
    )


def songbpm_sounding(recording: WorldRecording) -> SongBpmSounding | None:
    """GetSongBPM's numbers of a recording; None for one that it does not have."""
    if not covered("getsongbpm song", recording.key):
        return None
    facts = audio_facts(recording)
    tempo = round(tempo_heard("getsongbpm", recording))
    return SongBpmSounding(
        tempo=tempo if tempo and covered("getsongbpm tempo", recording.key) else None,
        time_signature=f"{facts.time_signature}/4",
        key=song_key(facts),
        open_key=open_key(facts),
        danceability=round(100 * facts.danceability) if digest("rated", recording.key) % 4 else 0,
        acousticness=round(100 * facts.acousticness) if digest("rated", recording.key) % 4 else 0,
    )


def song_key(facts: AudioFacts) -> str:
    """The key in GetSongBPM's letters: `F♯m`."""
    return (MAJOR_NAMES if facts.mode else MINOR_NAMES)[facts.key % 12]


def open_key(facts: AudioFacts) -> str:
    """The key on the wheel of Open Key: C major is 1d, A minor 1m, a fifth up one more."""
    major = facts.key if facts.mode else facts.key + 3
    return f"{major * 7 % 12 + 1}{'d' if facts.mode else 'm'}"


def spotify_features(recording: WorldRecording) -> dict[str, Any]:
    """Spotify's twelve features: the facts themselves."""
    return asdict(audio_facts(recording))
