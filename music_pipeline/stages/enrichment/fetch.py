"""How each source of enrichment is asked: one function a source, in FETCH.

The sources are declared in `sources`; when one is asked is decided in `plan`.
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
from music_pipeline.stages.enrichment.rows import SourceAnswer, SourceValues
from music_pipeline.stages.enrichment.sources import AUDIO_FEATURES, SOURCES
from music_pipeline.worker.concurrency import batches, gather_results

if TYPE_CHECKING:  # the clients take their time to load, and the command line wants the names of the sources only
    from music_pipeline.providers.musicbrainz_records import MusicBrainzRecording
    from music_pipeline.providers.registry import Providers

MOST_ISRCS_A_SEARCH = 80
DURATION_TOLERANCE_MS = 8_000


@dataclass(frozen=True, slots=True)
class FetchRequest:
    """A recording that a source is asked about. `fresh_since`: no older answer counts.

    `absent_sources`: providers that had no more to say when discovery asked them: absent, without asking again.
    """

    recording: EnrichableRecording
    fresh_since: datetime | None
    absent_sources: frozenset[str]


Fetch = Callable[["Providers", Sequence[FetchRequest]], Awaitable[dict[UUID, SourceAnswer]]]


async def fetch_spotify(_: "Providers", requests: Sequence[FetchRequest]) -> dict[UUID, SourceAnswer]:
    """Take what discovery read of the tracks. No request is made."""
    return {request.recording.recording_id: _spotify_values(request.recording) for request in requests}


def _spotify_values(recording: EnrichableRecording) -> SourceValues:
    return _values(
        "spotify",
        spotify_id=recording.spotify_ids[0],
        isrc=recording.isrcs[0] if recording.isrcs else None,
        duration_ms=recording.duration_ms,
        explicit=recording.explicit,
    )


async def fetch_discogs(providers: "Providers", requests: Sequence[FetchRequest]) -> dict[UUID, SourceAnswer]:
    """Take the release that discovery read at Discogs, from the cache while that lasts."""
    answers = await gather_results(_discogs(providers, request) for request in requests)
    return {request.recording.recording_id: answer for request, answer in zip(requests, answers, strict=True)}


async def _discogs(providers: "Providers", request: FetchRequest) -> SourceAnswer:
    for discogs_id in request.recording.discogs_release_ids[:1]:
        release = await providers.discogs.release(discogs_id, fresh_since=request.fresh_since)
        if release is None:
            return ProviderFailure("discogs", None, f"discogs does not give release {discogs_id}, which it gave before")
        return _values(
            "discogs",
            genres=list(release.genres) or None,
            styles=list(release.styles) or None,
            label=release.labels[0] if release.labels else None,
            country=release.country,
            released=release.released or release.year,
        )
    return None


async def fetch_musicbrainz(providers: "Providers", requests: Sequence[FetchRequest]) -> dict[UUID, SourceAnswer]:
    """Take the MBIDs that discovery found. Search the others by ISRC, unless MusicBrainz had no more to say."""
    answers: dict[UUID, SourceAnswer] = {
        request.recording.recording_id: _values("musicbrainz", musicbrainz_id=request.recording.mbids[0])
        for request in requests
        if request.recording.mbids
    }
    unknown = [request for request in requests if not request.recording.mbids]
    by_isrc = [
        request for request in unknown if request.recording.isrcs and "musicbrainz" not in request.absent_sources
    ]
    answers |= dict.fromkeys((request.recording.recording_id for request in unknown), None)
    found = await _recordings_by_isrc(providers, by_isrc)
    for request in by_isrc:
        mbids = [hit.mbid for hit in found if _is_same(request.recording, hit)]
        if mbids:
            answers[request.recording.recording_id] = _values("musicbrainz", musicbrainz_id=mbids[0])
    return answers


async def _recordings_by_isrc(providers: "Providers", requests: Sequence[FetchRequest]) -> list["MusicBrainzRecording"]:
    """Search for every ISRC of these recordings, in as many requests as they need."""
    isrcs = list(dict.fromkeys(isrc for request in requests for isrc in request.recording.isrcs))
    found: list[MusicBrainzRecording] = []
    for batch in batches(isrcs, MOST_ISRCS_A_SEARCH):
        found += await providers.musicbrainz.recordings_by_isrc(batch, fresh_since=_newest(requests))
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


async def fetch_reccobeats(providers: "Providers", requests: Sequence[FetchRequest]) -> dict[UUID, SourceAnswer]:
    """Fetch the audio features of up to 40 Spotify ids. Unknown ids are missing from the answer."""
    ids = [request.recording.spotify_ids[0] for request in requests]
    found = await providers.reccobeats.audio_features(ids, fresh_since=_newest(requests))
    return _by_spotify_id("reccobeats", requests, found)


async def fetch_spotify_audio_features(
    providers: "Providers", requests: Sequence[FetchRequest]
) -> dict[UUID, SourceAnswer]:
    """Fetch the audio features of up to 100 ids, for apps that may still ask for them."""
    ids = [request.recording.spotify_ids[0] for request in requests]
    found = await providers.spotify.audio_features(ids, fresh_since=_newest(requests))
    return _by_spotify_id("spotify_audio_features", requests, found)


def _by_spotify_id(
    source: str, requests: Sequence[FetchRequest], found: Mapping[str, AudioFeatures]
) -> dict[UUID, SourceAnswer]:
    return {
        request.recording.recording_id: _feature_values(source, features)
        if (features := found.get(request.recording.spotify_ids[0])) is not None
        else None
        for request in requests
    }


def _feature_values(source: str, features: AudioFeatures) -> SourceValues:
    values = {name: getattr(features, name) for name in AUDIO_FEATURES}
    return _values(source, **values, **_key_fields(features.key, features.mode))


def _key_fields(pitch_class: int | None, mode: int | None) -> dict[str, Any]:
    if pitch_class is None or mode is None:
        return {}
    return {"key_name": key_name(pitch_class, mode), "camelot_key": camelot_key(pitch_class, mode)}


async def fetch_acousticbrainz(providers: "Providers", requests: Sequence[FetchRequest]) -> dict[UUID, SourceAnswer]:
    """Fetch tempo and key of up to 25 MBIDs."""
    mbids = [request.recording.mbids[0] for request in requests]
    found = await providers.acousticbrainz.low_level(mbids, fresh_since=_newest(requests))
    return {
        request.recording.recording_id: _acousticbrainz_values(found.get(request.recording.mbids[0]))
        for request in requests
    }


def _acousticbrainz_values(features: Any) -> SourceAnswer:
    if features is None:
        return None
    printed = f"{features.key} {features.scale}" if features.key and features.scale else ""
    return _values("acousticbrainz", tempo=features.bpm, **_printed_key(printed))


def _printed_key(printed: str) -> dict[str, Any]:
    read = read_key(printed)
    return {} if read is None else {"key": read[0], "mode": read[1], **_key_fields(*read)}


async def fetch_deezer(providers: "Providers", requests: Sequence[FetchRequest]) -> dict[UUID, SourceAnswer]:
    """Fetch the track of each ISRC. One of an implausible length does not count."""
    answers = await gather_results(_deezer(providers, request) for request in requests)
    return {request.recording.recording_id: answer for request, answer in zip(requests, answers, strict=True)}


async def _deezer(providers: "Providers", request: FetchRequest) -> SourceAnswer:
    recording = request.recording
    track = await providers.deezer.track_by_isrc(recording.isrcs[0], fresh_since=request.fresh_since)
    if track is None or not _is_plausible(recording.duration_ms, track.duration_ms):
        return None
    return _values("deezer", deezer_id=track.id, tempo=track.bpm, rank=track.rank, duration_ms=track.duration_ms)


def _is_plausible(ours: int | None, theirs: int | None) -> bool:
    return ours is None or theirs is None or abs(ours - theirs) <= DURATION_TOLERANCE_MS


async def fetch_lastfm(providers: "Providers", requests: Sequence[FetchRequest]) -> dict[UUID, SourceAnswer]:
    """Fetch tags and listeners by artist and title. A song that autocorrection replaced does not count."""
    answers = await gather_results(_lastfm(providers, request) for request in requests)
    return {request.recording.recording_id: answer for request, answer in zip(requests, answers, strict=True)}


async def _lastfm(providers: "Providers", request: FetchRequest) -> SourceAnswer:
    recording = request.recording
    track = await providers.lastfm.track(recording.artist_names[0], recording.title, fresh_since=request.fresh_since)
    if track is None or not _is_named(recording, track.artist, track.name):
        return None
    return _values("lastfm", tags=list(track.tags) or None, listeners=track.listeners, playcount=track.playcount)


def _is_named(recording: EnrichableRecording, artist: str | None, title: str | None) -> bool:
    ours, theirs = parse_title(recording.title), parse_title(title or "")
    same_title = ours.base_normalised == theirs.base_normalised and identity_versions(ours) == identity_versions(theirs)
    return same_title and normalise_name(artist or "") in map(normalise_name, recording.artist_names)


async def fetch_getsongbpm(providers: "Providers", requests: Sequence[FetchRequest]) -> dict[UUID, SourceAnswer]:
    """Fetch tempo and key by title and artist, where exactly one hit is this song."""
    answers = await gather_results(_getsongbpm(providers, request) for request in requests)
    return {request.recording.recording_id: answer for request, answer in zip(requests, answers, strict=True)}


async def _getsongbpm(providers: "Providers", request: FetchRequest) -> SourceAnswer:
    recording = request.recording
    hits = await providers.getsongbpm.search(
        recording.title, recording.artist_names[0], fresh_since=request.fresh_since
    )
    ours = [hit for hit in hits if _is_named(recording, hit.artist, hit.title)]
    if len({hit.id for hit in ours}) != 1:
        return None
    return _values("getsongbpm", tempo=ours[0].tempo, **_printed_key(ours[0].key_of or ""))


async def fetch_sonoteller(providers: "Providers", requests: Sequence[FetchRequest]) -> dict[UUID, SourceAnswer]:
    """Fetch what the lyrics are about, from the audio at the address that the operator gave."""
    answers = await gather_results(_sonoteller(providers, request) for request in requests)
    return {request.recording.recording_id: answer for request, answer in zip(requests, answers, strict=True)}


async def _sonoteller(providers: "Providers", request: FetchRequest) -> SourceAnswer:
    heard = await providers.sonoteller.lyrics(request.recording.audio_urls[0], fresh_since=request.fresh_since)
    values = _values(
        "sonoteller",
        summary=heard.summary or None,
        language=heard.language or None,
        explicit=heard.explicit,
        moods=list(heard.moods or ()) or None,
        themes=list(heard.themes or ()) or None,
        keywords=list(heard.keywords or ()) or None,
    )
    return values if values.fields else None


def _values(source: str, **values: Any) -> SourceValues:
    """The values that a source gives, without those that it does not know."""
    fields = {name: value for name, value in values.items() if value is not None}
    return SourceValues(fields, SOURCES[source].confidence)


def _newest(requests: Sequence[FetchRequest]) -> datetime | None:
    return max((request.fresh_since for request in requests if request.fresh_since is not None), default=None)


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
