"""What an artist's releases at MusicBrainz say about ours: production credits, ids, links to Discogs. Pure."""

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
from music_pipeline.stages.credits.held_releases import OurCatalogue, OurRelease
from music_pipeline.stages.credits.release_pairing import RELEASE_FIELD, TRACK_FIELD, Pairing, Saying, credit, pair

PROVIDER = "musicbrainz"


@dataclass(slots=True)
class MusicBrainzMatches:
    """By our release: the MBIDs it has and the Discogs releases that MusicBrainz links; by recording: its MBIDs."""

    credits: list[FoundCredit] = field(default_factory=list)
    discogs_ids: defaultdict[UUID, list[str]] = field(default_factory=lambda: defaultdict(list))
    release_mbids: defaultdict[UUID, list[str]] = field(default_factory=lambda: defaultdict(list))
    recording_mbids: defaultdict[UUID, set[str]] = field(default_factory=lambda: defaultdict(set))


def match_musicbrainz(ours: OurCatalogue, releases: Sequence[MusicBrainzRelease]) -> MusicBrainzMatches:
    """Match by release and tracklist first, then what is left recording by recording, wherever it stands."""
    found = MusicBrainzMatches()
    by_title: defaultdict[str, list[MusicBrainzRelease]] = defaultdict(list)
    for release in releases:
        by_title[release_title_key(release.title or "")].append(release)
    for our in ours.releases:
        for theirs in by_title.get(release_title_key(our.facts.title), []):
            pairing = pair(our, release_facts(theirs))
            if pairing is not None:
                _take_release(found, our, theirs, pairing)
    for recording_id, track, confidence in _pairs_of_recordings(ours, releases, set(found.recording_mbids)):
        _take_track(found, recording_id, our_release_id=None, track=track, confidence=confidence)
    return found


def count_matched_releases(ours: OurCatalogue, releases: Sequence[MusicBrainzRelease]) -> int:
    """How many of our releases are among these: the evidence that an artist of the same name is the same artist."""
    return sum(map(bool, match_musicbrainz(ours, releases).release_mbids.values()))


def release_facts(release: MusicBrainzRelease) -> ReleaseFacts:
    """A MusicBrainz release for the comparison with ours."""
    return ReleaseFacts(
        title=release.title or "",
        artists=tuple(one.name for one in release.artists if one.name),
        released=release.date,
        track_count=release.track_count,
        barcodes=frozenset([release.barcode] if release.barcode else []),
        tracks=tuple(TrackFacts(one.title or "", one.length_ms, frozenset(one.isrcs)) for one in release.tracks),
    )


def _take_release(found: MusicBrainzMatches, our: OurRelease, theirs: MusicBrainzRelease, pairing: Pairing) -> None:
    release_id = our.held.release_id
    if pairing.is_same_release:
        found.discogs_ids[release_id] += [one for one in theirs.discogs_ids if one not in found.discogs_ids[release_id]]
        found.release_mbids[release_id].append(theirs.mbid)
    for our_index, their_index in pairing.tracks:
        recording_id = our.tracks[our_index].recording_id
        _take_track(found, recording_id, release_id, theirs.tracks[their_index], pairing.confidence)
        if pairing.is_same_release:
            for saying in _sayings(theirs.credits, "release", "release", theirs.mbid, RELEASE_FIELD):
                found.credits += credit(saying, recording_id, release_id, pairing.confidence)


def _take_track(
    found: MusicBrainzMatches,
    recording_id: UUID,
    our_release_id: UUID | None,
    track: MusicBrainzTrack,
    confidence: float,
) -> None:
    if track.recording_mbid is None:
        return
    found.recording_mbids[recording_id].add(track.recording_mbid)
    for saying in _sayings(track.credits, "track", "recording", track.recording_mbid, TRACK_FIELD):
        found.credits += credit(saying, recording_id, our_release_id or recording_id, confidence)


def _sayings(
    credits: Iterable[Credit], level: str, entity: str, mbid: str, field_confidence: float
) -> Iterator[Saying]:
    for one in credits:
        name = one.name or one.credited_as
        if name is None:
            continue
        yield Saying(
            person=Person((PROVIDER, one.person_id), name),
            role=musicbrainz_role(one.type, one.attributes, one.task),
            credited_as=one.credited_as or name,
            level=level,
            entity=entity,
            id=mbid,
            field_confidence=field_confidence,
        )


def _pairs_of_recordings(
    ours: OurCatalogue, releases: Iterable[MusicBrainzRelease], paired: set[UUID]
) -> Iterator[tuple[UUID, MusicBrainzTrack, float]]:
    """Recordings that no release paired: with each of theirs that identity calls the same."""
    by_isrc: defaultdict[str, dict[str, MusicBrainzTrack]] = defaultdict(dict)
    by_title: defaultdict[str, dict[str, MusicBrainzTrack]] = defaultdict(dict)
    for track in (track for release in releases for track in release.tracks if track.recording_mbid):
        mbid = str(track.recording_mbid)
        by_title[parse_title(track.title or "").base_normalised][mbid] = track
        for isrc in track.isrcs:
            by_isrc[isrc][mbid] = track
    for recording_id, facts in ours.recordings.items():
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
