"""None: the source knows no such recording."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from music_pipeline.catalog.source_rows import EnrichableRecording, KnownRow
from music_pipeline.stages.enrichment.sources import GIVEN_BY_OPERATOR, Need, Source

KNOWN_WELL_ENOUGH = 0.5


LONGEST_AWAITED = timedelta(days=1)


# The ids that enrichment itself may find, as fields.
ID_FOUND_FOR: Mapping[Need, str] = {"mbid": "musicbrainz_id"}


class Decision(StrEnum):
    """What is to be done about a source and a recording."""

    ASK = "ask"
    LEAVE = "leave"
    WAIT = "wait"
    UNNEEDED = "unneeded"


def decide(
    source: Source,
    recording: EnrichableRecording,
    known: KnownRow | None,
    values: Mapping[str, float],
    *,
    now: datetime,
    force: bool,
) -> Decision:
    """Whether to ask. `values`: how sure the fields are that other sources gave so far."""
    if not has_what_it_takes(source, recording):
        return Decision.LEAVE if source.needs in GIVEN_BY_OPERATOR else Decision.WAIT
    is_asked_for = force or (known is not None and known.requested_at is not None)
    if known is not None and known.undone_at is not None and not is_asked_for:
        return Decision.LEAVE
    if not is_asked_for and source.only_without and _are_known(source.only_without, values):
        return Decision.UNNEEDED
    if force or known is None or known.status in ("pending", "waiting", "unneeded", "skipped"):
        return Decision.ASK
    if known.status == "found" and known.next_attempt_at is None:
        is_expired = known.expires_at is not None and known.expires_at <= now
        return Decision.ASK if is_expired and not known.attempts else Decision.LEAVE
    return Decision.ASK if known.next_attempt_at is not None and known.next_attempt_at <= now else Decision.LEAVE


def awaited_source(
    source: Source, known: KnownRow | None, values: Mapping[str, float], troubled: Sequence[Source], *, now: datetime
) -> Source | None:
    """The source of an earlier wave, among those in trouble, that may yet make this one's question needless.

    Nobody is waited for longer than a day: a provider may be away for good.
    """
    if known is not None and known.status == "found":
        return None  # what it said stands, and waiting would have to take its place
    since = known.updated_at if known is not None and known.status == "waiting" else None
    if since is not None and now - since > LONGEST_AWAITED:
        return None
    missing = {field for field in source.only_without if values.get(field, 0) < KNOWN_WELL_ENOUGH}
    return next((one for one in troubled if one.wave < source.wave and one.gives & missing), None)


def has_what_it_takes(source: Source, recording: EnrichableRecording) -> bool:
    """Whether the recording has an id, or a name, by which the source knows recordings."""
    ids = {
        "spotify_id": recording.spotify_ids,
        "isrc": recording.isrcs,
        "mbid": recording.mbids,
        "title": recording.artist_names,
        "audio_url": recording.audio_urls,
    }
    return bool(ids[source.needs])


def waits_for_discovery(source: Source, recording: EnrichableRecording, settled: frozenset[str]) -> bool:
    """Whether nothing but discovery can say what the source knows, and it could not ask there yet.

    `settled`: providers that discovery has an answer of, about all of the artist's releases.
    """
    ids = {"discogs": recording.discogs_release_ids, "musicbrainz": recording.mbids + recording.isrcs}
    return source.through_discovery and source.provider not in settled and not ids[source.provider]


def _are_known(fields: frozenset[str], values: Mapping[str, float]) -> bool:
    return all(values.get(field, 0) >= KNOWN_WELL_ENOUGH for field in fields)
