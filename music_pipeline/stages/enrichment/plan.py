"""Whether a source is asked about a recording now. Pure."""

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
    """What to do about a source and a recording."""

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
    """Decide whether to ask. `values`: how sure the fields are that other sources gave so far."""
    if not has_what_it_takes(source, recording):
        return Decision.LEAVE if source.needs in GIVEN_BY_OPERATOR else Decision.WAIT
    is_asked_for = force or (known is not None and known.requested_at is not None)
    if known is not None and known.undone_at is not None and not is_asked_for:
        return Decision.LEAVE
    missing = [field for field in source.only_without if values.get(field, 0) < KNOWN_WELL_ENOUGH]
    if not is_asked_for and source.only_without and not missing:
        return Decision.UNNEEDED
    if force or known is None or known.status in ("pending", "waiting", "unneeded", "skipped"):
        return Decision.ASK
    if known.status == "found" and known.next_attempt_at is None:
        is_expired = known.expires_at is not None and known.expires_at <= now
        return Decision.ASK if is_expired and not known.attempts else Decision.LEAVE
    return Decision.ASK if known.next_attempt_at is not None and known.next_attempt_at <= now else Decision.LEAVE


def awaited_source(
    source: Source, known: KnownRow | None, values: Mapping[str, float], failing: Sequence[Source], *, now: datetime
) -> Source | None:
    """The failing source of an earlier wave that may yet make this source needless.

    The wait ends after a day: a provider may be away for good.
    """
    if known is not None and known.status == "found":
        return None  # a waiting row would replace what it said
    since = known.updated_at if known is not None and known.status == "waiting" else None
    if since is not None and now - since > LONGEST_AWAITED:
        return None
    missing = {field for field in source.only_without if values.get(field, 0) < KNOWN_WELL_ENOUGH}
    return next((one for one in failing if one.wave < source.wave and one.gives & missing), None)


def has_what_it_takes(source: Source, recording: EnrichableRecording) -> bool:
    """Whether the recording has what the source needs: an id, or a name."""
    ids = {
        "spotify_id": recording.spotify_ids,
        "isrc": recording.isrcs,
        "mbid": recording.mbids,
        "title": recording.artist_names,
        "audio_url": recording.audio_urls,
    }
    return bool(ids[source.needs])


def waits_for_discovery(source: Source, recording: EnrichableRecording, settled: frozenset[str]) -> bool:
    """Whether only discovery can tell what the source knows, and has no answer from it yet.

    `settled`: providers that answered discovery about all of the artist's releases.
    """
    ids = {"discogs": recording.discogs_release_ids, "musicbrainz": recording.mbids + recording.isrcs}
    return source.through_discovery and source.provider not in settled and not ids[source.provider]
