"""What an artist's releases at MusicBrainz say about held ones: production credits, ids, links to Discogs. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from music_pipeline.catalog.credits import FoundCredit
from music_pipeline.catalog.producers import Person
from music_pipeline.matching.evidence import Verdict
from music_pipeline.matching.recordings import RecordingFacts, match_recording
from music_pipeline.matching.releases import ReleaseFacts, TrackFacts
from music_pipeline.matching.roles import musicbrainz_role
from music_pipeline.matching.titles import parse_title, release_title_key
from music_pipeline.providers.musicbrainz_records import MusicBrainzRelease, MusicBrainzTrack
from music_pipeline.providers.records import Credit
from music_pipeline.stages.credits.held_releases import HeldCatalogue, ReleaseToMatch
from music_pipeline.stages.credits.release_pairing import (
    RELEASE_FIELD,
    TRACK_FIELD,
    Pairing,
    StatedCredit,
    found_credits,
    pair,
)

PROVIDER = "musicbrainz"


@dataclass(slots=True)
class MusicBrainzMatches:
    """Credits; by held release, its MBIDs and the Discogs releases that MusicBrainz links; by recording, its MBIDs."""

    credits: list[FoundCredit] = field(default_factory=list)
    discogs_ids: defaultdict[UUID, list[str]] = field(default_factory=lambda: defaultdict(list))
    release_mbids: defaultdict[UUID, list[str]] = field(default_factory=lambda: defaultdict(list))
    recording_mbids: defaultdict[UUID, set[str]] = field(default_factory=lambda: defaultdict(set))


def match_musicbrainz(catalogue: HeldCatalogue, releases: Sequence[MusicBrainzRelease]) -> MusicBrainzMatches:
    """Match by release and tracklist first, then the remaining recordings one by one, on whatever release they are."""
    found = MusicBrainzMatches()
    by_title: defaultdict[str, list[MusicBrainzRelease]] = defaultdict(list)
    for listed in releases:
        by_title[release_title_key(listed.title or "")].append(listed)
    for release in catalogue.releases:
        for listed in by_title.get(release_title_key(release.facts.title), []):
            pairing = pair(release, release_facts(listed))
            if pairing is not None:
                _take_release(found, release, listed, pairing)
    for recording_id, track, confidence in _pairs_of_recordings(catalogue, releases, set(found.recording_mbids)):
        _take_track(found, recording_id, None, track, confidence)
    return found


def count_matched_releases(catalogue: HeldCatalogue, releases: Sequence[MusicBrainzRelease]) -> int:
    """How many held releases are among these: the evidence that an artist of the same name is the same artist."""
    return sum(map(bool, match_musicbrainz(catalogue, releases).release_mbids.values()))


def release_facts(release: MusicBrainzRelease) -> ReleaseFacts:
    """A MusicBrainz release, for matching."""
    return ReleaseFacts(
        title=release.title or "",
        artists=tuple(one.name for one in release.artists if one.name),
        released=release.date,
        track_count=release.track_count,
        barcodes=frozenset([release.barcode] if release.barcode else []),
        tracks=tuple(TrackFacts(one.title or "", one.length_ms, frozenset(one.isrcs)) for one in release.tracks),
    )


def _take_release(
    found: MusicBrainzMatches, release: ReleaseToMatch, listed: MusicBrainzRelease, pairing: Pairing
) -> None:
    release_id = release.held.release_id
    of_release = []
    if pairing.is_same_release:
        known = found.discogs_ids[release_id]
        known += [discogs_id for discogs_id in listed.discogs_ids if discogs_id not in known]
        found.release_mbids[release_id].append(listed.mbid)
        of_release = list(_stated_credits(listed.credits, "release", "release", listed.mbid, RELEASE_FIELD))
    for held_index, listed_index in pairing.tracks:
        recording_id = release.tracks[held_index].recording_id
        _take_track(found, recording_id, release_id, listed.tracks[listed_index], pairing.confidence)
        found.credits += found_credits(of_release, recording_id, release_id, pairing.confidence)


def _take_track(
    found: MusicBrainzMatches,
    recording_id: UUID,
    release_id: UUID | None,
    track: MusicBrainzTrack,
    confidence: float,
) -> None:
    if track.recording_mbid is None:
        return
    found.recording_mbids[recording_id].add(track.recording_mbid)
    stated = _stated_credits(track.credits, "track", "recording", track.recording_mbid, TRACK_FIELD)
    found.credits += found_credits(stated, recording_id, release_id or recording_id, confidence)


def _stated_credits(
    credits: Iterable[Credit], level: str, entity: str, mbid: str, field_confidence: float
) -> Iterator[StatedCredit]:
    for credit in credits:
        name = credit.name or credit.credited_as
        if name is None:
            continue
        yield StatedCredit(
            person=Person((PROVIDER, credit.person_id), name),
            role=musicbrainz_role(credit.type, credit.attributes, credit.task),
            credited_as=credit.credited_as or name,
            level=level,
            entity=entity,
            id=mbid,
            field_confidence=field_confidence,
        )


def _pairs_of_recordings(
    catalogue: HeldCatalogue, releases: Iterable[MusicBrainzRelease], paired: set[UUID]
) -> Iterator[tuple[UUID, MusicBrainzTrack, float]]:
    """Each recording that no release paired, with every MusicBrainz recording that matches it."""
    by_isrc: defaultdict[str, dict[str, MusicBrainzTrack]] = defaultdict(dict)
    by_title: defaultdict[str, dict[str, MusicBrainzTrack]] = defaultdict(dict)
    for track in (track for release in releases for track in release.tracks if track.recording_mbid):
        mbid = str(track.recording_mbid)
        by_title[parse_title(track.title or "").base_normalised][mbid] = track
        for isrc in track.isrcs:
            by_isrc[isrc][mbid] = track
    for recording_id, facts in catalogue.recordings.items():
        if recording_id in paired:
            continue
        candidates = dict(by_title.get(parse_title(facts.title).base_normalised, {}))
        for isrc in facts.isrcs:
            candidates |= by_isrc.get(isrc, {})
        for track in candidates.values():
            match = match_recording(facts, _recording_facts(track))
            if match.verdict is Verdict.SAME:
                yield recording_id, track, match.confidence


def _recording_facts(track: MusicBrainzTrack) -> RecordingFacts:
    return RecordingFacts(
        title=track.title or "",
        artists=tuple(one.name for one in track.artists if one.name),
        duration_ms=track.length_ms,
        isrcs=frozenset(track.isrcs),
        disambiguation=track.disambiguation or "",
    )
