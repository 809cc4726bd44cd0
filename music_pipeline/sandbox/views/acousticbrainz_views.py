"""What Essentia said of a recording, in AcousticBrainz's documents: low-level numbers and high-level classes.

This module builds the documents and picks single features from them. `acousticbrainz` holds endpoints and errors.
"""

from typing import Any

from music_pipeline.sandbox.http import Json
from music_pipeline.sandbox.world.audio_views import AcousticBrainzSounding
from music_pipeline.sandbox.world.hashing import fraction, number
from music_pipeline.sandbox.world.model import World, WorldRecording

AVAILABLE_FEATURES = (
    "lowlevel.average_loudness", "lowlevel.dynamic_complexity", "metadata.audio_properties.replay_gain",
    "metadata.tags", "rhythm.beats_count", "rhythm.beats_loudness.mean", "rhythm.bpm",
    "rhythm.bpm_histogram_first_peak_bpm.mean", "rhythm.bpm_histogram_second_peak_bpm.mean", "rhythm.danceability",
    "rhythm.onset_rate", "tonal.chords_changes_rate", "tonal.chords_key", "tonal.chords_scale", "tonal.key_key",
    "tonal.key_scale", "tonal.key_strength", "tonal.tuning_frequency", "tonal.tuning_equal_tempered_deviation",
)  # fmt: skip
ALWAYS_GIVEN = ("metadata.tags",)
CLASSES = {
    "gender": ("male", "female"),
    "genre_dortmund": ("pop", "jazz", "rock", "blues", "raphiphop", "electronic", "alternative", "folkcountry",
                       "funksoulrnb"),
    "genre_electronic": ("dnb", "house", "techno", "trance", "ambient"),
    "genre_rosamerica": ("cla", "dan", "hip", "jaz", "pop", "rhy", "roc", "spe"),
    "genre_tzanetakis": ("blu", "cla", "cou", "dis", "hip", "jaz", "met", "pop", "reg", "roc"),
    "ismir04_rhythm": ("Jive", "Samba", "Tango", "Waltz", "ChaChaCha", "Quickstep", "Rumba-Misc", "VienneseWaltz",
                       "Rumba-American", "Rumba-International"),
    "mood_electronic": ("electronic", "not_electronic"),
    "mood_party": ("party", "not_party"),
    "mood_relaxed": ("relaxed", "not_relaxed"),
    "mood_sad": ("sad", "not_sad"),
    "moods_mirex": ("Cluster1", "Cluster2", "Cluster3", "Cluster4", "Cluster5"),
    "timbre": ("dark", "bright"),
    "tonal_atonal": ("tonal", "atonal"),
}  # fmt: skip
MEASURED_CLASSES = {
    "danceability": ("danceable", "not_danceable", "danceable"),
    "mood_acoustic": ("acoustic", "not_acoustic", "acoustic"),
    "mood_aggressive": ("aggressive", "not_aggressive", "aggressive"),
    "mood_happy": ("happy", "not_happy", "happy"),
    "voice_instrumental": ("instrumental", "voice", "instrumental"),
}  # the third names the field of the sounding that is the probability of the first
CLASS_NAMES = {
    "blu": "Blues", "cla": "Classical", "cou": "Country", "dan": "Dance", "dis": "Disco", "dnb": "Drum and Bass",
    "hip": "Hip-Hop", "jaz": "Jazz", "met": "Metal", "pop": "Pop", "reg": "Reggae", "rhy": "Rhythm and Blues",
    "roc": "Rock", "spe": "Speech", "raphiphop": "Rap/Hip-Hop", "folkcountry": "Folk/Country",
    "funksoulrnb": "Funk/Soul/RnB",
}  # fmt: skip
VERSION = {"essentia": "2.1-beta1", "essentia_build_sha": "8e24b98b71ad84f3024c7541412f02124a26d327",
           "essentia_git_sha": "v2.1_beta1-228-g260734a", "extractor": "music 1.0"}  # fmt: skip


def submissions(recording: WorldRecording) -> int:
    """How often a recording was submitted."""
    return number(1, 3, "submissions", recording.key)


def low_level(world: World, recording: WorldRecording, sounding: AcousticBrainzSounding, offset: int) -> Json:
    """A submission's low-level document; submissions differ a little."""
    shift = offset * 0.013
    bpm = sounding.bpm + shift
    return {
        "lowlevel": {
            "average_loudness": sounding.average_loudness,
            "dynamic_complexity": round(2 + 6 * _share(recording, "dynamic complexity"), 9),
        },
        "metadata": _metadata(world, recording),
        "rhythm": {
            "beats_count": round(bpm * recording.duration_ms / 60_000),
            "beats_loudness": {"mean": round(0.1 * _share(recording, "beats loudness"), 9)},
            "bpm": round(bpm, 9),
            "bpm_histogram_first_peak_bpm": {"mean": round(bpm)},
            "bpm_histogram_second_peak_bpm": {"mean": round(bpm * 1.06)},
            "danceability": sounding.danceability,
            "onset_rate": round(2 + 4 * _share(recording, "onset rate"), 9),
        },
        "tonal": {
            "chords_changes_rate": round(0.1 * _share(recording, "chords changes"), 9),
            "chords_key": sounding.key,
            "chords_number_rate": round(0.01 * _share(recording, "chords number"), 9),
            "chords_scale": sounding.scale,
            "key_key": sounding.key,
            "key_scale": sounding.scale,
            "key_strength": sounding.key_strength,
            "tuning_equal_tempered_deviation": round(0.2 * _share(recording, "deviation"), 9),
            "tuning_frequency": round(438 + 4 * _share(recording, "tuning"), 9),
        },
    }


def high_level(world: World, recording: WorldRecording, sounding: AcousticBrainzSounding, *, named: bool) -> Json:
    """A high-level document; with `named`, genres are written out."""
    models = {
        model: _model({first: getattr(sounding, measure), second: round(1 - getattr(sounding, measure), 9)})
        for model, (first, second, measure) in MEASURED_CLASSES.items()
    }
    for model, classes in CLASSES.items():
        shares = _shares(classes, recording, model)
        models[model] = _model(
            {CLASS_NAMES.get(name, name): share for name, share in shares.items()} if named else shares
        )
    metadata = _metadata(world, recording)
    return {"highlevel": dict(sorted(models.items())), "metadata": metadata | {"version": {"highlevel": VERSION}}}


def _model(shares: dict[str, float]) -> Json:
    best = max(shares, key=lambda name: shares[name])
    return {"all": shares, "value": best, "probability": shares[best], "version": VERSION}


def _shares(names: tuple[str, ...], recording: WorldRecording, model: str) -> dict[str, float]:
    weights = {name: fraction("class", model, name, recording.key) + 0.01 for name in names}
    total = sum(weights.values())
    return {name: round(weight / total, 9) for name, weight in weights.items()}


def _share(recording: WorldRecording, name: str) -> float:
    return fraction("acousticbrainz", name, recording.key)


def _metadata(world: World, recording: WorldRecording) -> Json:
    track = world.tracks_of_recording[recording.key][0]
    release = world.releases[track.release]
    names = [world.artists[credit.artist].name for credit in recording.artists]
    return {
        "audio_properties": {
            "analysis_sample_rate": 44_100,
            "bit_rate": 320_000,
            "codec": "mp3",
            "downmix": "mix",
            "equal_loudness": 0,
            "length": recording.duration_ms / 1_000,
            "lossless": 0,
            "replay_gain": round(-12 * _share(recording, "replay gain"), 9),
        },
        "tags": {
            "album": [release.title],
            "artist": names[:1],
            "file_name": f"{track.number:02d} {recording.title}.mp3",
            "musicbrainz_albumid": [release.mbid],
            "musicbrainz_artistid": [world.artists[credit.artist].mbid for credit in recording.artists],
            "musicbrainz_recordingid": [recording.mbid],
            "title": [recording.title],
            "tracknumber": [f"{track.number}/{len(release.tracks)}"],
        },
    }


def select_features(document: Json, wanted: list[str]) -> Json:
    """The wanted features of a low-level document, and its tags; unknown features are ignored."""
    chosen: Json = {}
    for path in dict.fromkeys([*wanted, *ALWAYS_GIVEN]):
        if path in AVAILABLE_FEATURES:
            _place(chosen, path.split("."), _value(document, path.split(".")))
    return chosen


def _value(document: Json, names: list[str]) -> Any:
    found: Any = document
    for name in names:
        found = found[name]
    return found


def _place(document: Json, names: list[str], value: Any) -> None:
    for name in names[:-1]:
        document = document.setdefault(name, {})
    document[names[-1]] = value
