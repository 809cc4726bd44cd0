"""How each source of enrichment is asked and read: a function each, in FETCH.

Which sources there are is declared in `sources`; when one is asked is decided in `enrichment_plan`.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from music_pipeline.catalog.source_rows import EnrichableRecording
from music_pipeline.gateway.errors import ProviderFailure
from music_pipeline.matching.evidence import Verdict
from music_pipeline.matching.musical_keys import camelot_key, key_name, read_key
from music_pipeline.matching.names import normalise_name
from music_pipeline.matching.recordings import RecordingFacts, match_recording
from music_pipeline.matching.titles import identity_versions, parse_title
from music_pipeline.providers.records import AudioFeatures
from music_pipeline.stages.enrichment.rows import Said, SourceAnswer
from music_pipeline.stages.enrichment.sources import AUDIO_FEATURES, SOURCES
from music_pipeline.worker.concurrency import batches, settled

if TYPE_CHECKING:  # the clients take their time to load, and the command line wants the names of the sources only
    from music_pipeline.providers.clients import Providers
    from music_pipeline.providers.musicbrainz_records import MusicBrainzRecording

MOST_ISRCS_A_SEARCH = 80
DURATION_TOLERANCE_MS = 8_000


@dataclass(frozen=True, slots=True)
class Asked:
    """What a source is asked about.

    `fresh_since`: see Gateway.ask. `silence`: providers whose silence is an answer, where nobody asks them again.
    """

    recording: EnrichableRecording
    fresh_since: datetime | None
    silence: frozenset[str]


Fetch = Callable[["Providers", Sequence[Asked]], Awaitable[dict[UUID, SourceAnswer]]]


async def fetch_spotify(_: "Providers", asked: Sequence[Asked]) -> dict[UUID, SourceAnswer]:
    """What discovery read of the tracks: asked and answered already."""
    return {one.recording.recording_id: _said_by_spotify(one.recording) for one in asked}


def _said_by_spotify(recording: EnrichableRecording) -> Said:
    return _said(
        "spotify",
        spotify_id=recording.spotify_ids[0],
        isrc=recording.isrcs[0] if recording.isrcs else None,
        duration_ms=recording.duration_ms,
        explicit=recording.explicit,
    )


async def fetch_discogs(providers: "Providers", asked: Sequence[Asked]) -> dict[UUID, SourceAnswer]:
    """The release that discovery read at Discogs, from the cache while it keeps."""
    answers = await settled(_discogs(providers, one) for one in asked)
    return {one.recording.recording_id: answer for one, answer in zip(asked, answers, strict=True)}


async def _discogs(providers: "Providers", asked: Asked) -> SourceAnswer:
    for discogs_id in asked.recording.discogs_release_ids[:1]:
        release = await providers.discogs.release(discogs_id, fresh_since=asked.fresh_since)
        if release is None:
            return ProviderFailure("discogs", None, f"discogs does not give release {discogs_id}, which it gave before")
        return _said(
            "discogs",
            genres=list(release.genres) or None,
            styles=list(release.styles) or None,
            label=release.labels[0] if release.labels else None,
            country=release.country,
            released=release.released or release.year,
        )
    return None


async def fetch_musicbrainz(providers: "Providers", asked: Sequence[Asked]) -> dict[UUID, SourceAnswer]:
    """MBIDs that discovery found; the others by ISRC, many at once, unless MusicBrainz had no more to say."""
    answers: dict[UUID, SourceAnswer] = {
        one.recording.recording_id: _said("musicbrainz", musicbrainz_id=one.recording.mbids[0])
        for one in asked
        if one.recording.mbids
    }
    silent = [one for one in asked if not one.recording.mbids and "musicbrainz" in one.silence]
    answers |= dict.fromkeys((one.recording.recording_id for one in silent), None)
    rest = [one for one in asked if one.recording.recording_id not in answers]
    by_isrc = [one for one in rest if one.recording.isrcs]
    answers |= dict.fromkeys((one.recording.recording_id for one in rest if not one.recording.isrcs), None)
    found = await _recordings_by_isrc(providers, by_isrc)
    for one in by_isrc:
        mbids = [hit.mbid for hit in found if _is_same(one.recording, hit)]
        answers[one.recording.recording_id] = _said("musicbrainz", musicbrainz_id=mbids[0]) if mbids else None
    return answers


async def _recordings_by_isrc(providers: "Providers", asked: Sequence[Asked]) -> list["MusicBrainzRecording"]:
    """What MusicBrainz has for all ISRCs of these recordings, in as many searches as they need."""
    isrcs = list(dict.fromkeys(isrc for one in asked for isrc in one.recording.isrcs))
    found: list[MusicBrainzRecording] = []
    for batch in batches(isrcs, MOST_ISRCS_A_SEARCH):
        found += await providers.musicbrainz.recordings_by_isrc(batch, fresh_since=_newest(asked))
    return found


def _is_same(recording: EnrichableRecording, hit: Any) -> bool:
    theirs = RecordingFacts(
        title=hit.title or "",
        artists=tuple(artist.name for artist in hit.artists if artist.name),
        duration_ms=hit.length_ms,
        isrcs=frozenset(hit.isrcs),
        disambiguation=hit.disambiguation or "",
    )
    return match_recording(_facts(recording), theirs).verdict is Verdict.SAME


def _facts(recording: EnrichableRecording) -> RecordingFacts:
    return RecordingFacts(
        title=recording.title,
        artists=recording.artist_names,
        duration_ms=recording.duration_ms,
        isrcs=frozenset(recording.isrcs),
    )


async def fetch_reccobeats(providers: "Providers", asked: Sequence[Asked]) -> dict[UUID, SourceAnswer]:
    """Audio features of up to 40 Spotify ids; ids that it does not know are simply missing from its answer."""
    ids = [one.recording.spotify_ids[0] for one in asked]
    found = await providers.reccobeats.audio_features(ids, fresh_since=_newest(asked))
    return _by_spotify_id("reccobeats", asked, found)


async def fetch_spotify_audio_features(providers: "Providers", asked: Sequence[Asked]) -> dict[UUID, SourceAnswer]:
    """Audio features of up to 100 ids, for apps that may still ask for them."""
    ids = [one.recording.spotify_ids[0] for one in asked]
    found = await providers.spotify.audio_features(ids, fresh_since=_newest(asked))
    return _by_spotify_id("spotify_audio_features", asked, found)


def _by_spotify_id(source: str, asked: Sequence[Asked], found: Mapping[str, AudioFeatures]) -> dict[UUID, SourceAnswer]:
    return {
        one.recording.recording_id: _said_of_features(source, features)
        if (features := found.get(one.recording.spotify_ids[0])) is not None
        else None
        for one in asked
    }


def _said_of_features(source: str, features: AudioFeatures) -> Said:
    values = {name: getattr(features, name) for name in AUDIO_FEATURES}
    return _said(source, **values, **_key_fields(features.key, features.mode))


def _key_fields(pitch_class: int | None, mode: int | None) -> dict[str, Any]:
    if pitch_class is None or mode is None:
        return {}
    return {"key_name": key_name(pitch_class, mode), "camelot_key": camelot_key(pitch_class, mode)}


async def fetch_acousticbrainz(providers: "Providers", asked: Sequence[Asked]) -> dict[UUID, SourceAnswer]:
    """Tempo and key of up to 25 MBIDs."""
    mbids = [one.recording.mbids[0] for one in asked]
    found = await providers.acousticbrainz.low_level(mbids, fresh_since=_newest(asked))
    return {one.recording.recording_id: _said_by_acousticbrainz(found.get(one.recording.mbids[0])) for one in asked}


def _said_by_acousticbrainz(features: Any) -> SourceAnswer:
    if features is None:
        return None
    printed = f"{features.key} {features.scale}" if features.key and features.scale else ""
    return _said("acousticbrainz", tempo=features.bpm, **_printed_key(printed))


def _printed_key(printed: str) -> dict[str, Any]:
    read = read_key(printed)
    return {} if read is None else {"key": read[0], "mode": read[1], **_key_fields(*read)}


async def fetch_deezer(providers: "Providers", asked: Sequence[Asked]) -> dict[UUID, SourceAnswer]:
    """The track of the ISRC, if its length is plausible."""
    answers = await settled(_deezer(providers, one) for one in asked)
    return {one.recording.recording_id: answer for one, answer in zip(asked, answers, strict=True)}


async def _deezer(providers: "Providers", asked: Asked) -> SourceAnswer:
    recording = asked.recording
    track = await providers.deezer.track_by_isrc(recording.isrcs[0], fresh_since=asked.fresh_since)
    if track is None or not _is_plausible(recording.duration_ms, track.duration_ms):
        return None
    return _said("deezer", deezer_id=track.id, tempo=track.bpm, rank=track.rank, duration_ms=track.duration_ms)


def _is_plausible(ours: int | None, theirs: int | None) -> bool:
    return ours is None or theirs is None or abs(ours - theirs) <= DURATION_TOLERANCE_MS


async def fetch_lastfm(providers: "Providers", asked: Sequence[Asked]) -> dict[UUID, SourceAnswer]:
    """Tags and listeners, by artist and title; what autocorrection made another song is not taken."""
    answers = await settled(_lastfm(providers, one) for one in asked)
    return {one.recording.recording_id: answer for one, answer in zip(asked, answers, strict=True)}


async def _lastfm(providers: "Providers", asked: Asked) -> SourceAnswer:
    recording = asked.recording
    track = await providers.lastfm.track(recording.artist_names[0], recording.title, fresh_since=asked.fresh_since)
    if track is None or not _is_named(recording, track.artist, track.name):
        return None
    return _said("lastfm", tags=list(track.tags) or None, listeners=track.listeners, playcount=track.playcount)


def _is_named(recording: EnrichableRecording, artist: str | None, title: str | None) -> bool:
    ours, theirs = parse_title(recording.title), parse_title(title or "")
    same_title = ours.base_normalised == theirs.base_normalised and identity_versions(ours) == identity_versions(theirs)
    return same_title and normalise_name(artist or "") in map(normalise_name, recording.artist_names)


async def fetch_getsongbpm(providers: "Providers", asked: Sequence[Asked]) -> dict[UUID, SourceAnswer]:
    """Tempo and key by title and artist, of the one hit that is this song."""
    answers = await settled(_getsongbpm(providers, one) for one in asked)
    return {one.recording.recording_id: answer for one, answer in zip(asked, answers, strict=True)}


async def _getsongbpm(providers: "Providers", asked: Asked) -> SourceAnswer:
    recording = asked.recording
    hits = await providers.getsongbpm.search(recording.title, recording.artist_names[0], fresh_since=asked.fresh_since)
    ours = [hit for hit in hits if _is_named(recording, hit.artist, hit.title)]
    if len({hit.id for hit in ours}) != 1:
        return None
    return _said("getsongbpm", tempo=ours[0].tempo, **_printed_key(ours[0].key_of or ""))


async def fetch_sonoteller(providers: "Providers", asked: Sequence[Asked]) -> dict[UUID, SourceAnswer]:
    """What the lyrics of the audio are about, at the address that the operator gave."""
    answers = await settled(_sonoteller(providers, one) for one in asked)
    return {one.recording.recording_id: answer for one, answer in zip(asked, answers, strict=True)}


async def _sonoteller(providers: "Providers", asked: Asked) -> SourceAnswer:
    heard = await providers.sonoteller.lyrics(asked.recording.audio_urls[0], fresh_since=asked.fresh_since)
    said = _said(
        "sonoteller",
        summary=heard.summary or None,
        language=heard.language or None,
        explicit=heard.explicit,
        moods=list(heard.moods or ()) or None,
        themes=list(heard.themes or ()) or None,
        keywords=list(heard.keywords or ()) or None,
    )
    return said if said.fields else None


def _said(source: str, **values: Any) -> Said:
    """What a source says, without what it does not know."""
    fields = {name: value for name, value in values.items() if value is not None}
    return Said(fields, SOURCES[source].confidence)


def _newest(asked: Sequence[Asked]) -> datetime | None:
    return max((one.fresh_since for one in asked if one.fresh_since is not None), default=None)


FETCH: Mapping[str, Fetch] = {
    "spotify": fetch_spotify,
    "discogs": fetch_discogs,
    "musicbrainz": fetch_musicbrainz,
    "reccobeats": fetch_reccobeats,
    "acousticbrainz": fetch_acousticbrainz,
    "deezer": fetch_deezer,
    "lastfm": fetch_lastfm,
    "spotify_audio_features": fetch_spotify_audio_features,
    "getsongbpm": fetch_getsongbpm,
    "sonoteller": fetch_sonoteller,
}
